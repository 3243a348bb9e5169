"""Two commits held against each other, and pull requests that cannot be looked at; the forge is a fake."""

import base64
import hashlib
import json
from types import SimpleNamespace

import pytest
from steward_samples import PIPELINE, PROJECT

from notemill.ci.http import Refused
from notemill.ci.steward import forge as forge_api
from notemill.ci.steward import rounds
from notemill.ci.steward.forge import TooMuch
from notemill.ci.steward.looking import Looks
from notemill.ci.steward.rounds import tend_repository

SLUG, HEAD = "ann/cells", "a" * 40
PREPARE = json.dumps({"cells": [{"cell_type": "code", "source": ["import pandas as pd, cells"]}]})
TARGETS = "targets: {far: {kind: command, start: [scripts/go.sh], check: [ls], stop: [ls]}}\n"
FILES = {**PROJECT, "notebooks/prepare.ipynb": PREPARE, "deploy/targets.yaml": TARGETS, "package/other/__init__.py": "",
         "scripts/go.sh": "", "scripts/see.sh": ""}


@pytest.fixture
def compare(monkeypatch):
    """What `Looks` says of the change from FILES to these."""
    def compare(after, before=FILES):
        commits, blobs = {"base": before, "head": after}, {}

        def call(forge, method, path, query=None):
            words = path.split("/")
            if "trees" in words:
                files = commits[words[-1]]
                for text in files.values():
                    blobs[hashlib.sha256(text.encode()).hexdigest()] = text
                return {"tree": [{"path": name, "mode": "100644", "size": len(text),
                                  "sha": hashlib.sha256(text.encode()).hexdigest()} for name, text in files.items()]}
            return {"content": base64.b64encode(blobs[words[-1]].encode())}
        monkeypatch.setattr(forge_api, "call", call)
        return Looks(None, "steward").compared(SLUG, "base", "head")
    return compare


@pytest.mark.parametrize("path", ["README.md", "notebooks/train.ipynb", "package/other/new.py", "scripts/see.sh",
                                  "package/other/__init__.py", "package/cells/new.py"])
def test_ordinary_work_goes_on(compare, path):
    assert compare({**FILES, path: "# another\n"}) == ()


def test_a_parameter_of_a_step_that_trains_goes_on(compare):
    assert compare({**FILES, "notebooks/pipeline.yaml": PIPELINE.replace("linear", "boosting")}) == ()


@pytest.mark.parametrize("path", ["notebooks/pandas/__init__.py", "package/dateutil/__init__.py", "scripts/go.sh",
                                  "package/cells/__init__.py", "deploy/targets.yaml", "package/notemill/text.py"])
def test_what_decides_waits_and_is_told_once(compare, path):
    assert [one.what for one in compare({**FILES, path: "# another\n"})] == [path]


def test_a_notebook_that_the_held_out_data_are_made_with_waits(compare):
    before = {**FILES, "notebooks/prepare.ipynb": PREPARE.replace("import", "%run common.ipynb\\nimport"),
              "notebooks/common.ipynb": "{}"}
    (found,) = compare({**before, "notebooks/common.ipynb": "{ }"}, before)
    assert found.what == "notebooks/common.ipynb"


def test_targets_that_cannot_be_read_wait(compare):
    before = {**FILES, "deploy/targets.yaml": "targets: ["}
    (found,) = compare({**before, "README.md": "other\n"}, before)
    assert "cannot be read" in found.words and found.what.startswith("deploy/targets.yaml")


def raw(number, sha=HEAD):
    return {"number": number, "head": {"sha": sha, "ref": "b"}, "base": {"ref": "main"}, "user": {"login": "bob"},
            "html_url": "http://forge/1"}


@pytest.mark.parametrize("error", [TooMuch("more than 1000"), Refused("the forge", 500, "")])
def test_one_that_cannot_be_looked_at_holds_its_commit(monkeypatch, error):
    """Its commit is another's, too: that one may not be green because the forge is unwell."""
    def seen(slug, one, main):
        if one["number"] == 1:
            raise error
        return rounds.Pull(one["number"], one["head"]["sha"], "main", "bob", member=True, own_branch=True)
    set_to = {}
    monkeypatch.setattr(rounds.forge_api, "open_pulls", lambda *words: [raw(1), raw(2), raw(3, "b" * 40)])
    monkeypatch.setattr(rounds.forge_api, "just_closed", lambda *words: [])
    monkeypatch.setattr(rounds.gitea, "repository", lambda *words: {"default_branch": "main"})
    monkeypatch.setattr(rounds, "tend", lambda steward, slug, one, pull, decision:
                        set_to.setdefault(pull.number, (pull.head, decision.state, decision.merge)))
    steward = SimpleNamespace(forge=None, looks=SimpleNamespace(pull=seen), settings=SimpleNamespace(reviews=0),
                              troubles={})
    assert tend_repository(steward, SLUG) == 3
    assert set_to == {1: (HEAD, "pending", False), 2: (HEAD, "pending", False), 3: ("b" * 40, "success", True)}
    assert len(steward.troubles) == 1
