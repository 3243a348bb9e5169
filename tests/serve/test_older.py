"""Packages of before they had a door for single rows are served, too."""

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest

from notemill.serve.older import Renewed, renewed


@dataclass
class Problem:
    row: int | None
    column: str
    rule: str
    got: str = ""


class BadRows(ValueError):
    def __init__(self, problems):
        super().__init__("bad")
        self.problems = problems


ROWS = SimpleNamespace(
    BadRows=BadRows, to_frame=list, conform=lambda rows, schema: (rows, [
        Problem(number, "x", "is not a number", repr(row["x"])) for number, row in enumerate(rows)
        if isinstance(row.get("x"), str)]),
    absent_cells=lambda rows, schema: [Problem(number, "x", "is missing (write None where it is not known)")
                                       for number, row in enumerate(rows) if "x" not in row])


class Model:
    task, schema, pipeline = "classification", {}, SimpleNamespace(predict_proba=None)

    def answer(self, method, table):
        return np.array([[0.25, 0.75]] * len(table)) if method == "predict_proba" else np.array(["ja"] * len(table))


@pytest.fixture
def model():
    found = renewed(Model(), ROWS)
    found.prepare()
    return found


def test_it_answers_as_newer_ones(model):
    found = model.score_rows([{"x": 1}, {"x": 2}])
    assert found.predictions == ["ja", "ja"] and found.probabilities == [[0.25, 0.75]] * 2
    assert found.warnings == [[], []] and not model.compiled and model.uncompiled


@pytest.mark.parametrize("row, check", [({"x": "a"}, "type"), ({}, "absent")])
def test_it_tells_faults_as_newer_ones(model, row, check):
    with pytest.raises(BadRows) as caught:
        model.score_rows([{"x": 1}, row])
    (problem,) = caught.value.problems
    assert (problem.row, problem.column, problem.check, problem.allowed) == (1, "x", check, None)


def test_newer_ones_answer_themselves():
    newer = SimpleNamespace(score_rows=None, compiled=True, uncompiled="", prepare=None, score_quickly=None)
    assert renewed(newer, ROWS) is newer and isinstance(renewed(Model(), ROWS), Renewed)


def test_those_in_between_are_completed():
    some = SimpleNamespace(score_rows=len, compiled=True, classes=["ja"], prepare=list)
    found = renewed(some, ROWS)
    assert found.score_quickly([{}]) is None and found.uncompiled and (found.compiled, found.classes) == (True, ["ja"])
    assert found.score_rows is len and found.prepare is list
    assert renewed(SimpleNamespace(score_rows=len), ROWS).compiled is False


def test_nothing_is_loaded_to_see_what_there_is():
    class Loud(Model):
        score_rows = prepare = score_quickly = uncompiled = None
        compiled = property(lambda self: 1 / 0)

    loud = Loud()
    assert renewed(loud, ROWS) is loud
