"""Which files wait because Python could take them for a library, or for another module."""

import pytest
from steward_samples import PROJECT

from notemill.ci.steward.facts import FOLDER, Entry
from notemill.ci.steward.importing import imported, places
from notemill.ci.steward.paths import touched

STEPS = ("notebooks/prepare.ipynb", "notebooks/train.py")


def tree(*paths, mode="100644", sha="1"):
    return {path: frozenset({Entry(mode, sha)}) for path in paths}


BASE = tree(*PROJECT, "notebooks/train.py", "package/flat.py", "package/json.py", "package/cells/table.csv")


def waits(after, before=BASE, held_out=("notebooks/prepare.ipynb",), steps=STEPS):
    found = [*touched(before, after), *imported(before, after, held_out, steps)]
    return {one.what for one in found}


@pytest.mark.parametrize("path", [
    "README.md", "notebooks/train.ipynb", "notebooks/new.ipynb", "notebooks/notes.md", "notebooks/few.csv",
    "notebooks/deep/one.ipynb", "notebooks/.gitignore", "package/cells/__init__.py", "package/cells/new.py",
    "package/cells/deep/new.py", "package/cells/table.csv", "package/flat.py", "package/flat/__init__.py",
    "package/README.md", "docs/conf.py", "tests/json.py", "tests/test_new.py", "scripts/pandas.py",
    "notebooks/train.py"])    # a step
def test_ordinary_work_goes_on(path):
    assert waits(BASE | tree(path, sha="2")) == set()


@pytest.mark.parametrize("path", [
    "notebooks/pandas/__init__.py", "notebooks/pandas.py", "notebooks/features/__init__.py", "notebooks/features.pyc",
    "notebooks/sklearn/__init__.pyc", "notebooks/numpy.cpython-311-x86_64-linux-gnu.so", "notebooks/helpers.py",
    "notebooks/deep/pandas/core.py", "notebooks/pandas", "Notebooks/pandas.py", "notebooks/__pycache__/a.pyc",
    "package/dateutil/__init__.py", "package/joblib.py", "package/pyarrow/__init__.py", "package/pandas/a.csv",
    "package/never_heard_of.py", "package/Cells/__init__.py", "package/colors.pyd", "package/x.so",
    "package/json.py", "package/cells.dist-info/entry_points.txt", "package/flat.egg-info/entry_points.txt",
    "package/notemill/__init__.pyc", "package/notemill/__init__.cpython-311-x86_64-linux-gnu.so",
    "package/notemill.pyc", "package/notemill/runtime/golden.py", "__pycache__/noxfile.cpython-311.pyc",
    "package/cells/__pycache__/__init__.cpython-311.pyc", "package/cells/__init__.so"])
def test_what_a_library_may_import_waits(path):
    assert waits(BASE | tree(path, sha="2")) == {path}


def test_a_step_that_a_library_would_import_waits():
    there = BASE | tree("notebooks/random.py")
    assert waits(there | tree("notebooks/random.py", sha="2"), there, steps=(*STEPS, "notebooks/random.py"))


def test_a_new_script_beside_the_notebooks_waits():
    """Nobody has seen its name yet."""
    assert waits(BASE | tree("notebooks/evaluate.py", sha="2")) == {"notebooks/evaluate.py"}


@pytest.mark.parametrize("path, seen", [("pandas.py", True), ("pandas/__init__.py", True), ("new.py", True),
                                        ("helpers.py", False), ("README.md", False), ("docs/new.py", False),
                                        (".gitignore", False), ("package/cells/new.py", False)])
def test_notebooks_in_the_projects_root_import_from_there(path, seen):
    there = BASE | tree("prepare.ipynb", "helpers.py", "docs/old.md")
    assert waits(there | tree(path, sha="2"), there, held_out=("prepare.ipynb",)) == ({path} if seen else set())


def test_a_notebooks_folder_is_looked_into_before_those_around_it():
    assert places(["notebooks/deep/prepare.ipynb", "prepare.ipynb"]) == ("notebooks/deep", "notebooks", "package", "")
    there = BASE | tree("work/prepare.ipynb", "work/known.py")
    found = waits(there | tree("work/new.py", "work/known.py", "work/a.csv", sha="2"), there,
                  held_out=("work/prepare.ipynb",))
    assert found == {"work/new.py"}


def test_a_folder_is_no_change_of_its_own():
    assert waits(BASE | tree("notebooks/deep", "package/cells/deep", mode=FOLDER)) == set()


def test_taking_one_away_beside_the_notebooks_waits():
    """What was met by it is met by something else now."""
    there = BASE | tree("notebooks/helpers.py")
    assert waits(BASE, there) == {"notebooks/helpers.py"}
