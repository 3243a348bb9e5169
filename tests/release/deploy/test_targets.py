"""deploy/targets.yaml is checked whole: each error names the place, and what is allowed."""

from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from tiny import write

from notemill import schemas
from notemill.errors import UsageError
from notemill.release.deploy import FILE, find_target, read_targets

WRONG = {
    "targets: {here: {kind: proces, port: 1}}": ("targets.here.kind: got 'proces'", "did you mean 'process'?"),
    "targets: {here: {kind: process}}": ("the key 'port' is missing", None),
    "targets: {here: {kind: process, port: 8100, prot: 1}}": ("unknown key 'prot'", "did you mean 'port'?"),
    "targets: {here: {kind: process, port: 0}}": ("got 0", None),
    "targets: {here: {kind: process, port: 70000}}": ("got 70000", None),
    "targets: {Here: {kind: process, port: 1}}": ("the name 'Here' is not taken", None),
    "targets: {../x: {kind: process, port: 1}}": ("the name '../x' is not taken", None),
    "targets: {here: {kind: process, port: 8100, demo: 8100}}": ("the port 8100 is taken by target 'here'", None),
    "targets: {a: {kind: process, port: 8100}, b: {kind: process, port: 8100}}": ("is taken by target 'a'", None),
    "targets: {here: {kind: process, port: 1, host: 0.0.0.0}}": (
        "others can reach '0.0.0.0', and there are no keys", "notemill serve --keys FILE --new-key NAME makes one"),
    "targets: {here: {kind: docker, port: 1, host: box.example, keys: k}}": (
        "'box.example' is no address, and an engine would listen everywhere", None),
    "targets: {here: {kind: process, port: 1, keys: nowhere}}": ("there is no file 'nowhere'", "--new-key NAME"),
    "targets: {here: {kind: process, port: 1, start: [a]}}": ("means nothing for a target of kind process", None),
    "targets: {here: {kind: command, start: [a], check: [b]}}": ("the key 'stop' is missing", None),
    "targets: {here: {kind: command, start: ['{verson}'], check: [b], stop: [c]}}": (
        "'{verson}' is not replaced by anything", "did you mean 'version'?"),
    "targets: {here: {kind: process, port: 1, watch: .inf}}": ("must be at most 86400", None),
    "targets: {here: {kind: process, port: 1, watch: .nan}}": ("got nan", None),
    "targets: {here: {kind: process, port: 1, errors: .inf}}": ("got inf", None),
    "targets: {here: {kind: process, port: 1, production: yes}}": ("got 'yes'", "write true"),
    "targets: {}": ("is empty", None), "{}": ("the key 'targets' is missing", None), "": ("'targets' is missing", None)}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_is_told(tmp_path, text):
    write(tmp_path / FILE, text)
    got, hint = WRONG[text]
    with pytest.raises(UsageError) as told:
        read_targets(tmp_path, "toy")
    assert told.value.where.startswith(FILE) and got in str(told.value), str(told.value)
    assert hint is None or hint in (told.value.hint or ""), str(told.value)


def test_there_is_no_file(tmp_path):
    with pytest.raises(UsageError, match="there is no such file"):
        read_targets(tmp_path, "toy")


def test_a_target_that_is_not_there(tmp_path):
    write(tmp_path / FILE, "targets: {staging: {kind: process, port: 8100}}")
    with pytest.raises(UsageError, match="did you mean 'staging'"):
        find_target(tmp_path, "toy", "stagin")


def test_what_is_right(tmp_path):
    write(tmp_path / FILE, "targets: {staging: {kind: process, port: 8100, demo: 8101, watch: 0.5}}")
    target = find_target(tmp_path, "toy", "staging")
    assert (target.parts, target.watch, target.errors) == ({"score": 8100, "demo": 8101}, 0.5, 0)
    assert target.url("demo") == "http://127.0.0.1:8101"


def test_the_schema_is_one():
    Draft202012Validator.check_schema(schemas.load("targets"))


def test_our_own_file_is_right():
    root = Path(__file__).parents[3]
    assert {"laptop"} <= read_targets(root, "toy").keys()


def test_the_digest_is_the_service_s(tmp_path):
    from notemill.release.deploy.process import content_digest
    from notemill.serve.loading import content_digest as of_the_service

    for name, data in {"a.txt": b"a", "sub/b.bin": bytes(3), "__pycache__/c.pyc": b"c", "z\xe4": b""}.items():
        write(tmp_path / name, data)
    assert content_digest(tmp_path) == of_the_service(tmp_path)


def test_a_name_of_the_loopback_is_an_address_for_an_engine(tmp_path):
    write(tmp_path / FILE, "targets: {here: {kind: docker, port: 8100, host: localhost}}")
    assert find_target(tmp_path, "toy", "here").listens == "127.0.0.1"


@pytest.mark.parametrize(("more", "host"), [("keys: k", "192.0.2.7"), ("", "127.0.0.1"),
                                            ("keys: k, host: 127.0.0.1", "127.0.0.1")])
def test_a_server_that_others_reach_shows_what_asks_for_keys(tmp_path, monkeypatch, more, host):
    monkeypatch.setenv("NOTEMILL_DEPLOY_HOST", "192.0.2.7")
    write(tmp_path / "k", "a sha256:b\n")
    write(tmp_path / FILE, f"targets: {{here: {{kind: docker, port: 8100{more and ', '}{more}}}}}")
    assert find_target(tmp_path, "toy", "here").url("score") == f"http://{host}:8100"


@pytest.mark.parametrize("named", ["", "box.example", "-x", "127.0.0.1/x"])
def test_what_is_no_address_is_none_of_a_server(tmp_path, monkeypatch, named):
    monkeypatch.setenv("NOTEMILL_DEPLOY_HOST", named)
    write(tmp_path / "k", "a sha256:b\n")
    write(tmp_path / FILE, "targets: {here: {kind: docker, port: 8100, keys: k}}")
    assert find_target(tmp_path, "toy", "here").host == "127.0.0.1"
