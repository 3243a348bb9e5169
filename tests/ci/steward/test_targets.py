"""What deploy/targets.yaml names, and that none of it harms who reads it."""

import pytest
from steward_samples import PROJECT

from notemill.ci.steward.facts import Entry
from notemill.ci.steward.paths import touched
from notemill.ci.steward.pipeline import Unreadable
from notemill.ci.steward.targets import named

TARGETS = """\
targets:
  staging: {kind: docker, port: 8200, demo: 8201}
  production: {kind: docker, port: 8202, keys: ./secrets/keys}
  cluster:
    kind: command
    start: [python, scripts/start.py, "--with=settings/one.yaml", "{package}", "{version}"]
    check: [./bin/check, "{name}"]
    switch: [sh, -c, "cd tools && ./turn.sh {deployment}"]
    stop: [kubectl, delete, "churn-{version}"]
"""


def tree(*paths, sha="1"):
    return {path: frozenset({Entry("100644", sha)}) for path in paths}


def waits(path):
    found = touched(tree(*PROJECT), tree(*PROJECT) | tree(path, sha="2"), named(TARGETS.encode()))
    return [one.words for one in found]


@pytest.mark.parametrize("path", ["secrets/keys", "Secrets/Keys"])
def test_keys_wait(path):
    assert waits(path) == ["changes who is let in to what is deployed"]


@pytest.mark.parametrize("path", ["scripts/start.py", "settings/one.yaml", "bin/check", "tools/turn.sh"])
def test_programs_that_deploy_wait(path):
    assert waits(path) == ["changes what deploys"]


@pytest.mark.parametrize("path", ["package/cells/new.py", "python/x.py", "scripts/other.py", "README.md",
                                  "kubectl/notes.md", "version", "docs/keys.md"])
def test_ordinary_work_goes_on(path):
    assert waits(path) == []


def test_a_name_with_signs_is_itself():
    assert named(b"targets: {a: {keys: 'k[1]*'}}")[0][0] == "k[[]1][*]"


def test_no_file_names_nothing():
    assert named(None) == () and named(b"targets: {a: {kind: docker, port: 1}}") == ()


@pytest.mark.parametrize("content", [b"a: [", b"\xff", b"[1]", b"targets: [1]", b"targets: {a: 1}", b"targets: 5", b"",
                                     b"targets: {a: {start: 5}}", b"#" * 300_000, b"targets: &a {b: *a}", b"[" * 5000,
                                     b"targets: !!python/object/apply:os.system [id]"])
def test_what_cannot_be_read_is_told(content):
    with pytest.raises(Unreadable, match="deploy/targets.yaml"):
        named(content)
