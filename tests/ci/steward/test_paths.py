"""Which changes of files wait for a person, however their names are written."""

import pytest
from steward_samples import PROJECT

from notemill.ci.steward.facts import LINK, SUBMODULE, Entry
from notemill.ci.steward.paths import touched
from notemill.ci.steward.pipeline import read_rules

RULES = read_rules(PROJECT["notebooks/pipeline.yaml"].encode())


def tree(*paths, mode="100644", sha="1"):
    return {path: frozenset({Entry(mode, sha)}) for path in paths}


BASE = tree(*PROJECT)


def waits(after, before=BASE):
    return [(one.words, one.what) for one in touched(before, after, RULES.files)]


def test_nothing_changed_nothing_waits():
    assert waits(BASE) == []


@pytest.mark.parametrize("path", [
    "README.md", "notebooks/train.ipynb", "notebooks/new.ipynb", "package/cells/__init__.py", "tests/test_a.py",
    "docs/noxfile.md", "package/cells/drone.yml", "package/notemill_cells/a.py", "data/other.csv",
    "notebooks/wheels.ipynb", "model_card.md"])
def test_ordinary_work_goes_on(path):
    assert waits(BASE | tree(path, sha="2")) == []


@pytest.mark.parametrize("path", [
    ".drone.yml", ".drone.jsonnet", "noxfile.py", ".ci/run", ".ci/deep/er", "Dockerfile", "docker/Dockerfile.gpu",
    "docker-compose.yml", "compose.yaml", ".dockerignore", "setup.py", "setup.cfg", "pyproject.toml", "constraints.txt",
    "requirements-dev.txt", "uv.lock", "uv.toml", "wheels/notemill-1-py3-none-any.whl", ".python-version", "tox.ini",
    ".pre-commit-config.yaml", ".flake8", ".gitattributes", "data/.gitattributes", ".gitmodules", "CODEOWNERS",
    ".gitea/workflows/a.yml", "package/notemill/gate/judging.py", "package/notemill/__init__.py", "package/notemill.py",
    "package/notemill/text.py", "package/notemill/commands/deploy.py", "package/notemill/runtime/golden.py",
    "package/notemill.pyc", "package/cells/a.so", "__pycache__/noxfile.cpython-311.pyc",
    "cells.egg-info/entry_points.txt", "package/sitecustomize.py", "package/x.pth", "notebooks/contract.yaml",
    "notebooks/prepare.ipynb", "data/cells.csv", "package/judges.py", "package/judges/__init__.py",
    # other ways to write it
    "NOXFILE.PY", ".Drone.yml", "noxfile.py ", "noxfile.py.", "noxfile\u200b.py", "ｎｏｘｆｉｌｅ.py", "SETUP.py",
    ".CI/run", "Wheels/a.whl", "notebooks/Prepare.ipynb", "Notebooks/pipeline.yaml", "notebooks/PIPELINE.yaml",
    "noxfile.p\u00ady", "wheels\\a.whl", "no\u034fxfile.py"])
def test_what_decides_waits(path):
    assert len(waits(BASE | tree(path, sha="2"))) == 1


@pytest.mark.parametrize("path", ["noxfile.py", ".drone.yml", "wheels/a.whl", "notebooks/contract.yaml", "setup.py"])
def test_taking_it_away_or_making_it_runnable_waits_too(path):
    gone = {name: there for name, there in BASE.items() if name != path}
    assert waits(gone) and waits(BASE | tree(path, mode="100755"))


def test_moving_it_away_waits():
    moved = {name: there for name, there in BASE.items() if name != "noxfile.py"} | tree("docs/old.py")
    assert [what for _, what in waits(moved)] == ["noxfile.py"]


@pytest.mark.parametrize("path", ["README.md", "notebooks/train.ipynb", "any/where", "notebooks"])
def test_links_and_submodules_wait_wherever_they_are(path):
    assert waits(BASE | tree(path, mode=LINK, sha="2")) and waits(BASE | tree(path, mode=SUBMODULE, sha="2"))


def test_a_link_that_becomes_a_file_waits():
    assert waits(BASE | tree("README.md", sha="2"), BASE | tree("README.md", mode=LINK))


@pytest.mark.parametrize("path", ["notebooks", "noxfile.py", ".ci", "wheels", "notebooks/prepare.ipynb", "package"])
def test_where_the_rules_are_links_everything_waits(path):
    """What they lead to is guarded by no name."""
    there = BASE | tree(path, mode=LINK)
    assert waits(there | tree("README.md", sha="2"), there)


def test_names_that_are_no_text_hide_nothing():
    """The forge shows both as one path."""
    one, two = Entry("100644", "1"), Entry("100644", "2")
    before = {".ci/\ufffd": frozenset({one})}
    assert waits({".ci/\ufffd": frozenset({one, two})}, before)


def test_a_folder_is_no_change_of_its_own():
    assert waits(BASE | tree("docs", mode="040000", sha="2")) == []
