"""Two runs compared: what differs in their records."""

import copy
import json
import re

import pytest

from notemill import compare
from notemill.report.page import render

LISTS = {"1" * 64: {"scikit-learn": "1.9.0", "numpy": "2.4.6", "gone": "1"},
         "2" * 64: {"scikit-learn": "1.9.1", "numpy": "2.4.6", "added": "2"}}


def make_step(name, **more):
    components = {"cells": ["a", "b", "c"], "modules": {"package/f.py": "f" * 64}, "env": {"MODE": "x"}}
    return {"step": name, "status": "done", "params": {"seed": 7}, "metrics": {"auc": 0.98}, "notebook_sha256": "n",
            "inputs": {"data": {"from": "a.csv", "sha256": "d" * 64, "bytes": 1}},
            "outputs": {"m": {"sha256": "e" * 64}}, "components": components,
            "seconds": 1.5, "cpu_seconds": 1.0, "peak_mb": 300, **more}


@pytest.fixture
def left():
    return {"run": "r1", "project": "demo", "status": "done", "reason": "by hand", "notemill": "0.1.0", "seconds": 2.0,
            "git": {"commit": "a" * 40, "branch": "main", "dirty": False, "diff": None},
            "environment": {"python": "3.11.7", "distributions": "1" * 64}, "pipeline": {"sha256": "c" * 64},
            "steps": [make_step("prepare"), make_step("train")]}


@pytest.fixture
def right(left):
    return {**copy.deepcopy(left), "run": "r2"}


def rows(left, right, section=None, **options):
    made = compare.compare_runs(left, right, environment=LISTS.__getitem__, **options)
    return [(row.step, row.name, *row.texts, row.note) for part in made.sections if section in (None, part.name)
            for row in part.rows]


def test_same_runs_have_no_differences(left, right):
    made = compare.compare_runs(left, right, environment=LISTS.__getitem__)
    assert made.sections == () and str(made) == "r1 (left), r2 (right): no differences"


def test_all_shows_what_is_the_same(left, right):
    made = compare.compare_runs(left, right, environment=LISTS.__getitem__, all=True)
    names = [section.name for section in made.sections]
    assert names == ["run", "steps", "parameters", "data", "code", "environment", "metrics", "durations"]
    assert made.differences == 0
    assert ("train", "seed", "7", "7", "") in rows(left, right, "parameters", all=True)


@pytest.mark.parametrize("params, expected", [
    ({"seed": 8}, [("train", "seed", "7", "8", "+1")]),
    ({"seed": 7, "new": None}, [("train", "new", "–", "none", "only on the right")]),
    ({}, [("train", "seed", "7", "–", "only on the left")]),
    ({"seed": True}, [("train", "seed", "7", "true", "")]),
    ({"seed": [1, {"a": 2}]}, [("train", "seed", "7", '[1,{"a":2}]', "")])])
def test_parameters(left, right, params, expected):
    right["steps"][1]["params"] = params
    assert rows(left, right) == expected


def test_data_by_content(left, right):
    right["steps"][1]["inputs"]["data"] = {"from": "elsewhere.csv", "sha256": "9" * 64, "bytes": 1}
    right["steps"][0]["outputs"]["m"]["sha256"] = "8" * 64
    assert rows(left, right) == [("prepare", "output m", "e" * 12, "8" * 12, ""),
                                 ("train", "input data", "d" * 12, "9" * 12, "")]


def test_data_of_many_files(left, right):
    for side, names in ((left, "ab"), (right, "bc")):
        side["steps"][0]["inputs"] = {"t": {"from": "*.csv", "files": [{"name": n, "sha256": "5" * 64} for n in names]}}
    assert rows(left, right, "data") == [("prepare", "input t: a", "5" * 12, "–", "only on the left"),
                                         ("prepare", "input t: c", "–", "5" * 12, "only on the right")]


@pytest.mark.parametrize("cells, expected", [
    (["a", "X", "c"], [("train", "code cell 2", "b", "X", "")]),
    (["a", "b", "new", "c"], [("train", "code cell 3", "–", "new", "only on the right")]),
    (["b", "c"], [("train", "code cell 1", "a", "–", "only on the left")])])
def test_code_cells(left, right, cells, expected):
    right["steps"][1]["components"]["cells"] = cells
    assert rows(left, right, "code") == expected


def test_cells_have_the_numbers_of_the_report(left, right):
    left["steps"][1]["cell_numbers"], right["steps"][1]["cell_numbers"] = [2, 4, 6], [3, 5, 7]
    right["steps"][1]["components"]["cells"] = ["a", "X"]
    assert [row[1] for row in rows(left, right, "code")] == ["cell 5", "cell 6"]


def test_project_modules(left, right):
    right["steps"][1]["components"]["modules"] = {"package/f.py": "0" * 64, "package/g.py": "1" * 64}
    assert [row[1:] for row in rows(left, right, "code")] == [("package/f.py", "f" * 12, "0" * 12, ""),
                                                              ("package/g.py", "–", "1" * 12, "only on the right")]


def test_a_change_of_words_is_no_change_of_code(left, right):
    right["steps"][1]["notebook_sha256"] = "other"
    assert rows(left, right) == [("train", "notebook", "n", "other", "its text or outputs only: the code is the same")]


def test_environment(left, right):
    right["environment"] = {"python": "3.12.1", "distributions": "2" * 64}
    right["steps"][1]["components"]["env"] = {"MODE": "y"}
    assert rows(left, right, "environment") == [
        ("", "python", "3.11.7", "3.12.1", ""), ("", "added", "–", "2", "only on the right"),
        ("", "gone", "1", "–", "only on the left"), ("", "scikit-learn", "1.9.0", "1.9.1", ""),
        ("train", "variable MODE", "x", "y", "")]


def test_kernel(left, right):
    left["steps"][1]["components"]["kernel"], right["steps"][1]["components"]["kernel"] = "process", "ir"
    assert rows(left, right) == [("train", "kernel", "process", "ir", "")]


def test_environment_that_is_lost(left, right):
    empty = compare.compare_runs(left, {**right, "environment": {"python": "3.11.7", "distributions": "7" * 64}},
                                 environment=lambda sha256: {})
    assert [row.name for row in empty.sections[0].rows] == ["distributions"]
    right["environment"]["distributions"] = "7" * 64
    lost = "a list of distributions is no longer in the store"
    assert rows(left, right) == [("", "distributions", "1" * 12, "7" * 12, lost)]


def test_metrics_with_their_difference(left, right):
    right["steps"][1]["metrics"] = {"auc": 0.9755, "loss": 0.1}
    assert rows(left, right) == [("train", "auc", "0.98", "0.9755", "-0.0045"),
                                 ("train", "loss", "–", "0.1", "only on the right")]


def test_nan_is_the_same_as_nan(left, right):
    left["steps"][1]["metrics"]["auc"] = right["steps"][1]["metrics"]["auc"] = float("nan")
    assert rows(left, right) == []
    right["steps"][1]["metrics"]["auc"] = 0.5
    assert rows(left, right) == [("train", "auc", "nan", "0.5", "")]


def test_durations(left, right):
    right["steps"][1].update(seconds=2.5, cpu_seconds=None)
    assert rows(left, right) == [("train", "seconds", "1.5", "2.5", "+1"),
                                 ("train", "cpu seconds", "1", "–", "only on the left")]


@pytest.mark.parametrize("side", [0, 1])
def test_a_step_that_was_reused_has_no_duration_to_compare(left, right, side):
    (left, right)[side]["steps"][1].update(status="reused", seconds=None, cpu_seconds=None, peak_mb=None)
    assert rows(left, right, "durations") == []


def test_commit_branch_reason(left, right):
    right.update(reason="drift", git={"commit": "b" * 40, "branch": "fix", "dirty": True, "diff": "6" * 64})
    assert [row[1:4] for row in rows(left, right, "run")] == [
        ("reason", "by hand", "drift"), ("commit", "a" * 12, "b" * 12), ("branch", "main", "fix"),
        ("uncommitted changes", "false", "6" * 12)]


def test_a_step_that_one_run_lacks_is_said_plainly(left, right):
    right["steps"][1]["step"] = "fit"
    assert rows(left, right) == [("train", "status", "done", "–", "only on the left"),
                                 ("fit", "status", "–", "done", "only on the right")]


def test_records_without_details(left):
    bare = {"run": "r0", "git": None, "steps": [{"step": "train", "status": "pending"}]}
    assert ("train", "seed", "7", "–", "only on the left") in rows(left, bare, "parameters")


def test_text_is_aligned(left, right):
    right["steps"][1]["params"] = {"seed": 8, "a_longer_name": "text\nof two lines"}
    lines = compare.as_text(compare.compare_runs(left, right, environment=LISTS.__getitem__)).splitlines()
    assert lines == ["r1 (left), r2 (right): 2 differences", "", "parameters",
                     "  train a_longer_name  –  text of two lines  only on the right",
                     "  train seed           7  8                  +1"]


def test_text_of_two_runs_is_brief_unless_all_is_asked_for(left, right):
    right["environment"]["distributions"] = "2" * 64
    right["steps"][0]["outputs"]["m"]["sha256"] = right["steps"][1]["inputs"]["data"]["sha256"] = "8" * 64
    left["steps"][0]["outputs"]["m"]["sha256"] = "d" * 64  # which the second step takes
    right["steps"][1].update(seconds=2.5, metrics={"auc": 0.99, **{f"m{n:02}": n for n in range(20)}})
    options = {"environment": LISTS.__getitem__}
    lines = compare.as_text(compare.compare_runs(left, right, **options)).splitlines()
    assert lines[:4] == ["r1 (left), r2 (right): 27 differences", "", "data",
                         "  prepare output m  dddddddddddd  888888888888"]
    assert lines[-4] == "  and 6 more" and lines[-2:] == [
        "more that differs (--all shows it): environment 3 (added, gone, scikit-learn);", "durations 1 (train seconds)"]
    whole = compare.as_text(compare.compare_runs(left, right, **options, all=True))
    assert "scikit-learn" in whole and "m19" in whole and "more that differs" not in whole


def test_json(left, right):
    right["steps"][1]["params"] = {"seed": 8}
    right["steps"][1]["metrics"] = {"auc": float("inf")}
    made = compare.as_json(compare.compare_runs(left, right, environment=LISTS.__getitem__))
    assert json.loads(json.dumps(made, allow_nan=False)) == made
    assert made["differences"] == 2 and made["sections"]["parameters"] == [
        {"step": "train", "name": "seed", "left": 7, "right": 8, "note": "+1", "differs": True}]
    assert made["sections"]["metrics"][0]["right"] == "inf"


def test_html(left, right, tmp_path):
    right["steps"][1]["params"] = {"<script>alert(1)</script>": "\"'><b>"}
    compare.write_html(compare.compare_runs(left, right, environment=LISTS.__getitem__), tmp_path / "out" / "c.html",
                       render)
    page = (tmp_path / "out" / "c.html").read_text()
    assert "<script" not in page and "<b>" not in page and "&lt;script&gt;alert(1)" in page
    assert re.search(r"<h1>2 differences</h1>", page) and "Content-Security-Policy" in page
