"""Which modules the step that makes the held-out data may use."""

import json

import pytest

from notemill.ci.steward.facts import Entry
from notemill.ci.steward.words import closure, used


def notebook(code, text=""):
    return json.dumps({"cells": [{"cell_type": "markdown", "source": [text]}, {"cell_type": "code", "source": [code]}]})


FILES = {"notebooks/prepare.ipynb": notebook("from cells.splitting import split\nimport numpy", "about training"),
         "package/cells/__init__.py": "", "package/cells/splitting.py": "from .dates import later\n",
         "package/cells/dates.py": "from . import zones\n", "package/cells/zones.py": "",
         "package/cells/training.py": "x = 1\n",
         "package/other/__init__.py": "", "notebooks/helpers.py": "", "package/notemill/gate/judging.py": ""}


def names(files):
    tree = {path: frozenset({Entry("100644", path)}) for path in files}
    return closure(["notebooks/prepare.ipynb"], tree, lambda path: files[path].encode())


@pytest.mark.parametrize("path, is_used", [
    ("package/cells/__init__.py", True), ("package/cells/splitting.py", True), ("package/cells/dates.py", True),
    ("package/cells/zones.py", True), ("package/cells/training.py", False),
    ("package/other/__init__.py", False), ("notebooks/helpers.py", False),
    ("package/cells/some.ipynb", True),
    ("package/numpy.py", True), ("package/numpy/__init__.py", True), ("package/cells/table.csv", True),
    ("package/cells.cpython-311-x86_64-linux-gnu.so", True), ("package/notemill/gate/judging.py", False),
    ("notebooks/numpy.py", True), ("notebooks/numpy/__init__.py", True), ("docs/cells.py", False),
    ("notebooks/train.ipynb", False), ("notebooks/cells.ipynb", False), ("notebooks/cells.csv", False)])
def test_by_name(path, is_used):
    assert used(path, names(FILES)) is is_used


@pytest.mark.parametrize("code", ["__import__('other')", "from importlib import import_module as f; f('other')",
                                  "%run ../package/other/__init__.py", "import  cells, other"])
def test_whatever_way_it_is_brought_in(code):
    assert used("package/other/__init__.py", names({**FILES, "notebooks/prepare.ipynb": notebook(code)}))


def test_a_notebook_that_it_runs_is_followed():
    files = {**FILES, "notebooks/prepare.ipynb": notebook("%run my-common.ipynb"),
             "notebooks/my-common.ipynb": notebook("import other")}
    assert used("notebooks/my-common.ipynb", names(files)) and used("package/other/__init__.py", names(files))
    assert not used("notebooks/train.ipynb", names(files))


def test_modules_beside_a_notebook_elsewhere_are_followed():
    files = {"notebooks/deep/prepare.ipynb": notebook("import helpers"), "notebooks/deep/helpers.py": "import other",
             "package/other/__init__.py": "", "helpers.py": ""}
    tree = {path: frozenset({Entry("100644", path)}) for path in files}
    found = closure(["notebooks/deep/prepare.ipynb"], tree, lambda path: files[path].encode())
    assert used("package/other/__init__.py", found)
    assert used("notebooks/deep/helpers.py", found, ("notebooks/deep", "notebooks", "package"))
    assert not used("helpers.py", found) and used("helpers.py", found, ("notebooks", "package", ""))


def test_what_is_no_notebook_is_taken_as_text():
    assert "other" in names({**FILES, "notebooks/prepare.ipynb": "{'import other"})


def test_too_many_are_not_followed():
    assert names({**FILES, **{f"package/cells/cells{n}.py": "" for n in range(3)},
                  "notebooks/prepare.ipynb": notebook(" ".join(f"m{n}" for n in range(300))),
                  **{f"package/m{n}.py": "" for n in range(300)}}) is None
