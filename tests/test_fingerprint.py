"""What a result depends on, and what changed, in words."""

from dataclasses import replace
from pathlib import Path

import pytest

from notemill.fingerprint import RULES, changes, components, fingerprint, shown
from notemill.interpreter import Interpreter, minor
from notemill.modules import Imports
from notemill.notebook import Cell, Notebook
from notemill.pipeline import Output, Step
from notemill.sources import FileSource, GlobSource

STEP = Step("train", Path("notebooks/train.ipynb"), env=("MODE",), outputs={"model": "m.skops"}, inputs={
    "data": Output("prepare", "train"), "raw": FileSource("raw.csv"), "many": GlobSource("data/*.csv")})
IMPORTS = Imports({"package/f.py": "f1", "package/p/__init__.py": "p1"},
                  {"package/f.py": "train.ipynb", "package/p/__init__.py": "f.py"}, {"fake-learn": "1.0"})
NOTEBOOK = Notebook("sha", "python", "python3", "T", "P", "text", True, cells=(Cell(1, "c1"), Cell(3, "c3")))


def parts(**changed):
    made = components(STEP, NOTEBOOK, replace(IMPORTS, interpreter=Interpreter(minor())), {"n": 1, "name": "a"},
                      {"data": "d1", "raw": "r1", "many": [["data/a.csv", "a1"], ["data/b.csv", "b1"]]}, {"MODE": "x"})
    return {**made, **changed}


def words(new, *, old=None, numbers=(1, 3), old_numbers=(1, 3), imports=IMPORTS, skip=frozenset()):
    return changes(old or parts(), new, step=STEP, numbers=list(numbers), old_numbers=list(old_numbers),
                   imports=imports, skip=skip)


def test_the_same_facts_have_the_same_fingerprint():
    assert fingerprint(parts()) == fingerprint(parts()) and words(parts()) == []


def test_all_parts_count():
    for name in parts():
        assert fingerprint(parts(**{name: "other"})) != fingerprint(parts())


def test_values_of_variables_are_not_in_it():
    made = components(STEP, NOTEBOOK, IMPORTS, {}, {}, {"MODE": "my value"})
    assert "my value" not in str(made) and set(made["env"]) == {"MODE"}
    assert components(STEP, NOTEBOOK, IMPORTS, {}, {}, {})["env"] == {"MODE": None}
    assert components(STEP, NOTEBOOK, IMPORTS, {}, {}, {"MODE": ""})["env"] != {"MODE": None}


def test_python_counts_by_its_minor_version(monkeypatch):
    monkeypatch.setattr("sys.version_info", (3, 12, 1, "final", 0))
    first = parts()
    monkeypatch.setattr("sys.version_info", (3, 12, 9, "final", 0))
    assert parts() == first
    monkeypatch.setattr("sys.version_info", (3, 13, 1, "final", 0))
    assert words(parts(), old=first) == ["Python 3.12 -> 3.13"]


@pytest.mark.parametrize(("new", "expected"), [
    ({"params": {"n": 2, "name": "a"}}, ["parameter n 1 -> 2"]),
    ({"params": {"n": 1.0, "name": "a"}}, ["parameter n 1 -> 1.0"]),
    ({"params": {"n": True, "name": "a"}}, ["parameter n 1 -> true"]),
    ({"params": {"n": 1}}, ["parameter name no longer set (was a)"]),
    ({"params": {"n": 1, "name": "a", "more": [1]}}, ["parameter more set to [1]"]),
    ({"inputs": {**parts()["inputs"], "data": "d2"}}, ["prepare.train changed"]),
    ({"inputs": {**parts()["inputs"], "raw": "r2"}}, ["raw.csv changed"]),
    ({"inputs": {**parts()["inputs"], "more": "m"}}, ["input more added"]),
    ({"inputs": {"data": "d1", "raw": "r1"}}, ["input many removed"]),
    ({"inputs": {**parts()["inputs"], "many": [["data/a.csv", "a2"], ["data/c.csv", "c1"]]}},
     ["data/*.csv changed: data/a.csv changed, data/b.csv removed, data/c.csv added"]),
    ({"inputs": {**parts()["inputs"], "many": [[f"data/{n}.csv", "x"] for n in range(9)]}},
     ["data/*.csv changed: data/0.csv added, data/1.csv added, data/2.csv added, ..."]),
    ({"env": {"MODE": "y"}}, ["environment variable MODE changed"]),
    ({"env": {}}, ["environment variable MODE changed"]),
    ({"env": {**parts()["env"], "NEW": None}}, ["environment variable NEW changed"]),
    ({"outputs": {"model": "m.pkl"}}, ["output model: file m.skops -> m.pkl"]),
    ({"outputs": {"model": "m.skops", "more": "x"}}, ["output more is now declared"]),
    ({"outputs": {}}, ["output model is no longer declared"]),
    ({"distributions": {"fake-learn": "1.1"}}, ["fake-learn 1.0 -> 1.1"]),
    ({"distributions": {"fake-learn": None}}, ["fake-learn 1.0 -> not installed"]),
    ({"distributions": {}}, ["fake-learn is no longer imported"]),
    ({"distributions": {"fake-learn": "1.0", "more": "2"}}, ["more is now imported"]),
    ({"modules": {**parts()["modules"], "package/f.py": "f2"}}, ["f.py changed (imported by train.ipynb)"]),
    ({"modules": {**parts()["modules"], "package/p/__init__.py": "p2"}},
     ["p/__init__.py changed (imported through f.py)"]),
    ({"modules": {"package/f.py": "f1"}}, ["p/__init__.py is no longer imported"]),
    ({"kernel": "ir"}, ["kernel process -> ir"]),
    ({"language": "r"}, ["language python -> r"]),
    ({"kernelspec": "another"}, ["the kernel.json of 'process' changed"]),
    ({"kernel": "ir", "kernelspec": "k", "python": None}, ["kernel process -> ir", "Python 3.11 -> not known"]),
    ({"python": "4.0"}, ["Python 3.11 -> 4.0"]),
    ({"params": {"n": 2, "name": "a"}, "env": {"MODE": "y"}},
     ["parameter n 1 -> 2", "environment variable MODE changed"]),
])
def test_what_changed_in_words(monkeypatch, new, expected):
    monkeypatch.setattr("sys.version_info", (3, 11, 7, "final", 0))
    assert words(parts(**new)) == expected


def test_a_module_that_is_new():
    imports = Imports({**IMPORTS.modules, "package/g.py": "g"}, {**IMPORTS.through, "package/g.py": "f.py"}, {})
    assert words(parts(modules=dict(imports.modules)), imports=imports) == ["g.py is now imported (by f.py)"]


@pytest.mark.parametrize(("old", "new", "old_numbers", "numbers", "expected"), [
    ("ab", "ac", (1, 3), (1, 3), ["cell 3 changed"]),
    ("ab", "abc", (1, 3), (1, 3, 4), ["cell 4 added"]),
    ("ab", "xab", (1, 3), (1, 2, 4), ["cell 1 added"]),
    ("abc", "ac", (1, 3, 5), (1, 3), ["cell 3 removed"]),
    ("ab", "ba", (1, 3), (1, 3), ["cells in another order"]),
    ("ab", "xyz", (1, 3), (1, 2, 3), ["cell 1 changed", "cell 2 changed", "cell 3 added"]),
    ("abc", "x", (1, 3, 5), (2,), ["cell 2 changed", "cell 3 removed", "cell 5 removed"]),
    ("ab", "ab", (1, 3), (2, 9), []),
    ("aba", "ba", (1, 2, 3), (1, 2), ["cell 1 removed"]),
])
def test_which_cells_changed(old, new, old_numbers, numbers, expected):
    assert words(parts(cells=list(new)), old=parts(cells=list(old)), numbers=numbers,
                 old_numbers=old_numbers) == expected


def test_what_is_not_known_yet_is_left_out():
    assert words(parts(inputs={**parts()["inputs"], "data": None}), skip={"data"}) == []


def test_never_run():
    assert changes(None, parts(), step=STEP, numbers=[], old_numbers=[], imports=IMPORTS) == ["never run before"]


def test_other_rules_are_the_only_reason_told():
    """Parts that other rules made may have other names and shapes."""
    assert words(parts(), old={"rules": 0}) == [f"notemill's rules of reuse 0 -> {RULES}"]


def test_values_are_shown_short():
    assert [shown(value) for value in ("a b", "", 1, None, [1, "a"])] == ["a b", '""', "1", "null", '[1,"a"]']
    assert len(shown("x" * 100)) == 60 and shown("x" * 100).endswith("...")
