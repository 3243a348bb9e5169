"""Contributions add up and are Shapley's; the smallest changes do change the answer, and smaller ones do not."""

import itertools
import math
import re
from types import SimpleNamespace

import pytest

from notemill.demo import answers, drawn, whatif
from notemill.demo.explain import MOST_CELLS, MOST_ROWS, explain
from notemill.demo.state import Failed

NAMES = "abcd"
ROW = {"a": 3.0, "b": 2.0, "c": 1.0, "d": 5.0}
REFERENCES = [{"a": 1.0, "b": 0.0, "c": 1.0, "d": 4.0}, {"a": 0.0, "b": 1.0, "c": 2.0, "d": 5.0}]


def model(row):
    return row["a"] * row["b"] + row["c"] ** 2 - max(row["a"], row["d"])


def score(rows):
    return [model(row) for row in rows]


def by_definition(name):
    """Shapley's value, over all orders of all inputs."""
    total = 0
    for one in REFERENCES:
        for order in itertools.permutations(NAMES):
            before = {**one, **{other: ROW[other] for other in order[:order.index(name)]}}
            total += model({**before, name: ROW[name]}) - model(before)
    return total / math.factorial(len(NAMES)) / len(REFERENCES)


def test_parts_are_shapley_values_and_add_up():
    found = explain(score, ROW, REFERENCES)
    assert found.exact and found.references == 2
    assert dict(found.parts) == pytest.approx({name: by_definition(name) for name in NAMES})
    assert found.base + sum(amount for _, amount in found.parts) == pytest.approx(found.value) == model(ROW)


def test_a_sample_of_orders_adds_up_and_says_that_it_is_one():
    found = explain(score, ROW, REFERENCES, most=8)
    assert not found.exact and found == explain(score, ROW, REFERENCES, most=8)
    assert found.base + sum(amount for _, amount in found.parts) == pytest.approx(found.value)


def test_a_sample_is_near_the_truth():
    names = [f"x{n}" for n in range(16)]
    row, other = dict.fromkeys(names, 1.0), dict.fromkeys(names, 0.0)
    found = explain(lambda rows: [sum(n * one[name] for n, name in enumerate(names)) for one in rows], row, [other])
    assert not found.exact and dict(found.parts) == pytest.approx({name: float(n) for n, name in enumerate(names)})


def test_two_that_only_work_together_share_what_they_do():
    """By hand: each adds 2 * 3 where the other is there already, and nothing where it is not."""
    found = explain(lambda rows: [one["a"] * one["b"] for one in rows], {"a": 2.0, "b": 3.0}, [{"a": 0.0, "b": 0.0}])
    assert found.exact and dict(found.parts) == {"a": 3.0, "b": 3.0}


def test_in_a_sample_too():
    """Each order comes with its reverse: which of two is put in first cannot count for more."""
    names = [f"x{n}" for n in range(16)]
    row, other = dict.fromkeys(names, 1.0), dict.fromkeys(names, 0.0)
    found = explain(lambda rows: [one["x3"] * one["x11"] for one in rows], row, [other])
    parts = dict(found.parts)
    assert not found.exact and (parts.pop("x3"), parts.pop("x11")) == pytest.approx((0.5, 0.5))
    assert set(parts.values()) == {0.0}


def test_an_input_that_is_as_in_the_references_has_no_part():
    assert dict(explain(score, ROW, [{**ROW, "a": 0.0}]).parts)["b"] == 0


def test_a_model_s_answers_add_up(demo, regression):
    for one in (demo, regression):
        rows = one.loaded.golden["rows"]
        answer = answers.ask(one, rows[3])
        found = explain(answers.score_of(one, answer), rows[3], rows)
        assert found.base + sum(amount for _, amount in found.parts) == pytest.approx(found.value)
        assert found.value == pytest.approx(answer.chance if one.classes else answer.prediction)


# what would change it
COLUMNS = [{"name": "a", "type": "number", "min": 0, "max": 10},
           {"name": "b", "type": "category", "categories": ["x", "y", "z"]}, {"name": "f", "type": "boolean"},
           {"name": "n", "type": "integer", "min": 0, "max": 100}, {"name": "t", "type": "text"}]
HERE = {"a": 2.0, "b": "x", "f": True, "n": 10, "t": "word"}


def changed(rows):
    return [row["a"] > 6.3 or row["b"] == "z" or row["n"] >= 37 for row in rows]


def test_the_smallest_changes_first():
    found = whatif.changes(HERE, COLUMNS, changed)
    assert [(one.name, one.after) for one in found] == [("n", 37), ("a", pytest.approx(6.31, abs=0.011)), ("b", "z")]
    assert found[1].after > 6.3 and changed([{**HERE, one.name: one.after} for one in found]) == [True] * 3


def test_where_nothing_changes_it_there_is_nothing():
    assert whatif.changes(HERE, COLUMNS, lambda rows: [False] * len(rows)) == []
    assert whatif.changes({"t": "word"}, COLUMNS[-1:], changed) == []


def test_a_missing_number_is_filled_in():
    assert whatif.candidates(COLUMNS[1], None) == ["x", "y", "z"]
    assert whatif.candidates({**COLUMNS[0], "median": 4.1}, None)[:3] == [4.2, 3.8, 4.6]
    found = whatif.changes({**HERE, "a": None}, COLUMNS[:1], lambda rows: [(row["a"] or 0) > 6.3 for row in rows])
    assert [(one.before, one.after, one.size) for one in found] == [(None, 6.7, 1.0)]


def test_what_was_not_tried_is_known():
    many = {"name": "c", "type": "category", "categories": [str(one) for one in range(61)]}
    found = list(whatif.untried({**HERE, "c": "1"}, [*COLUMNS, many]))
    assert found == ["t", "c (all but 60 of 61 choices)"]


@pytest.mark.parametrize("ends", [(1.5, 6.32), (None, 6.3104), (1.5, 6.305)])
def test_no_value_is_tried_that_the_contract_forbids(ends):
    asked = []

    def test(rows):
        asked.extend(row["a"] for row in rows)
        return [row["a"] > 6.3 for row in rows]

    column = {**COLUMNS[0], "range": list(ends)}
    found = whatif.changes(HERE, [column], test)
    assert min(asked) >= (ends[0] or 0) and max(asked) <= ends[1] and 6.3 < found[0].after <= ends[1]


def test_whole_numbers_stay_in_the_contract_s_range_too():
    assert max(whatif.candidates({**COLUMNS[3], "range": [0, 12.6]}, 10)) == 12


@pytest.mark.parametrize("before, beyond", [(500.0, 500.04001), (10.0124, 10.01401), (2024, 2030.5), (0.0, 3e-9)])
def test_what_is_shown_of_a_change_does_change_it(before, beyond):
    column = {"name": "a", "type": "number", "min": 0, "max": 4000}
    found = whatif.changes({"a": before}, [column], lambda rows: [row["a"] > beyond for row in rows])
    shown = re.search(r"</strong> (\S+) → <b>(\S+)</b>", drawn.changes(found, ["then x"]))
    assert float(shown[1]) == before and beyond < float(shown[2]) == found[0].after
    assert len(shown[2]) < 13


def test_where_a_rounder_value_does_not_change_it_the_exact_one_stands():
    """It does so in a narrow band only."""
    found = whatif.changes({"a": 2.0}, COLUMNS[:1], lambda rows: [6.66 < row["a"] < 6.667 for row in rows])
    assert 6.66 < found[0].after < 6.667


@pytest.mark.parametrize("columns, references", [(100, 20), (400, 20), (2000, 3)])
def test_many_inputs_are_bounded_too(columns, references):
    asked = []

    def score(rows):
        asked.append(len(rows))
        return [sum(one.values()) for one in rows]

    names = [f"x{n}" for n in range(columns)]
    row = dict.fromkeys(names, 1.0)
    found = explain(score, row, [dict.fromkeys(names, float(n + 2)) for n in range(references)])
    assert sum(asked) <= MOST_ROWS and max(asked) * columns <= MOST_CELLS and found.references <= references
    assert found.base + sum(amount for _, amount in found.parts) == pytest.approx(found.value) == columns


def test_few_inputs_are_asked_about_at_once():
    asked = []
    explain(lambda rows: asked.append(len(rows)) or score(rows), ROW, REFERENCES)
    assert len(asked) == 1


def test_more_inputs_than_can_be_told_apart_are_none():
    names = [f"x{n}" for n in range(50)]
    with pytest.raises(Failed, match="50 inputs are too many"):
        explain(score, dict.fromkeys(names, 1.0), [dict.fromkeys(names, 2.0)], most=100)


# what is asked of the model
class Model:
    """A demo that answers with what a row says; the row with 13 is not one that it takes."""

    class Bad(ValueError):
        pass

    def __init__(self, classes=(), golden=(0.0, 1000.0)):
        self.classes, self.loaded = list(classes), SimpleNamespace(bad_rows=self.Bad, golden={"predictions": golden})

    def score(self, rows):
        bad = [SimpleNamespace(row=number, column="x", got="13", rule="is too many")
               for number, row in enumerate(rows) if row["x"] == 13]
        if bad:
            error = self.Bad("13")
            error.problems = bad
            raise error
        return SimpleNamespace(predictions=[row["x"] for row in rows], probabilities=None)


def test_another_quantity_is_told_by_what_the_answers_span():
    for prediction in (0.0, 900.0):
        test = answers.changed_of(Model(), answers.Answer(prediction))
        rows = [{"x": prediction + off} for off in (99, 100, -100, -99)]
        assert test(rows) == [False, True, True, False]
    assert answers.changed_of(Model(golden=(0.0, 0.0)), answers.Answer(0.0))([{"x": 0.0}, {"x": 5.0}]) == [False, True]


def test_a_row_that_the_model_does_not_take_is_no_other_answer():
    test = answers.changed_of(Model("ab"), answers.Answer("a"))
    assert test([{"x": "b"}, {"x": 13}, {"x": "a"}, {"x": "b"}]) == [True, False, False, True]


def test_rows_between_that_the_model_does_not_take_are_told_of():
    with pytest.raises(Failed, match="x: 13 is too many"):
        explain(answers.score_of(Model(), answers.Answer(1.0)), {"x": 1.0}, [{"x": 13}])


def test_without_probabilities_the_words_are_others():
    said = answers.Answer("a")
    found = explain(answers.score_of(Model("ab"), said), {"x": "a"}, [{"x": "b"}, {"x": "a"}])
    shown = drawn.parts(found, {"x": "a"}, points=False) + drawn.sum_of(found, "“a”", points=False)
    assert "it gives no probabilities" in shown and "0.5<" in shown and " %" not in shown and "points" not in shown


def test_a_model_s_answer_does_change(demo, regression):
    for one in (demo, regression):
        row = one.loaded.golden["rows"][0]
        test = answers.changed_of(one, answers.ask(one, row))
        found = whatif.changes(row, one.loaded.columns, test)
        assert found and all(test([{**row, change.name: change.after} for change in found]))
