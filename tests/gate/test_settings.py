"""A gate that was loosened since the champion, and how often the held-out rows have judged."""

from pathlib import Path

import pytest

from notemill.gate import Champion, Known
from notemill.gate.attempts import check_attempts
from notemill.gate.settings import check_settings, loosened

HELD = "5" * 64
BEFORE = {"model": "train.model", "floor": 0.9, "margin": 0.01, "least_rows": 100, "slices": ["sex", {"column": "age"}],
          "warn": ["agreement"], "budgets": {"size_mb": 100, "rows_per_second": 1000}, "metric": "roc_auc",
          "metrics": "evaluate.metrics", "robustness": {"noise": 0.01}, "custom": {"own": "a.b"},
          "fairness": {"attributes": ["sex"]}, "value": {"minimum": -1}}
CODE = {"own": {"package/a.py": "1" * 64, "package/b.py": "2" * 64}}


def known(config=BEFORE, data=HELD, functions=CODE):
    verdict = {"config": config, "data": data, "functions": functions}
    return Known(champion=Champion("version 3", Path("bundle"), Path("code"), verdict))


@pytest.mark.parametrize(("change", "words"), [
    ({"floor": 0.8}, "floor 0.9 -> 0.8"), ({"floor": None}, "floor 0.9 -> (not set)"),
    ({"margin": 0.05}, "margin 0.01 -> 0.05"), ({"least_rows": 30}, "least_rows 100 -> 30"),
    ({"slices": ["sex"]}, "slices sex, {'column': 'age'} -> sex"), ({"slices": None}, "-> (not set)"),
    ({"warn": ["agreement", "floor"]}, "warn agreement -> agreement, floor"),
    ({"types": ["a.B"]}, "types (not set) -> a.B"),
    ({"budgets": {"size_mb": 200, "rows_per_second": 1000}}, "budgets.size_mb 100 -> 200"),
    ({"budgets": {"size_mb": 100, "rows_per_second": 10}}, "budgets.rows_per_second 1000 -> 10"),
    ({"metric": "accuracy"}, "metric roc_auc -> accuracy"),
    ({"training": {"max_gap": 0.9}}, "training.max_gap (not set)"),
    ({"metrics": None}, "metrics evaluate.metrics -> (not set)"),
    ({"train": "tiny.tiny"}, "train (not set) -> tiny.tiny"),
    ({"robustness": {"noise": 0.0}}, "robustness.noise 0.01 -> 0.0"),
    ({"fairness": {"attributes": ["sex"], "max_difference": 1}}, "fairness.max_difference (not set) -> 1"),
    ({"value": {"minimum": -1, "right": 50}}, "value.right (not set) -> 50"),
    ({"custom": {"own": "a.c"}}, "custom.own a.b -> a.c")])
def test_what_asks_less_than_before_is_told(change, words):
    now = {name: value for name, value in {**BEFORE, **change}.items() if value is not None}
    check = check_settings(known(), now, HELD, CODE)
    assert check.outcome == "warned" and check.figure == 1
    assert words in check.hint and "looser than for version 3" in check.hint


@pytest.mark.parametrize("change", [
    {}, {"floor": 0.95}, {"margin": 0.0}, {"least_rows": 200}, {"warn": []}, {"model": "fit.model"},
    {"slices": [*BEFORE["slices"], "site"]}, {"value": {"minimum": -0.5}}, {"metrics": "other.metrics"},
    {"budgets": {"size_mb": 1, "rows_per_second": 9999, "memory_mb": 1}}])
def test_what_asks_as_much_or_more_is_none(change):
    assert not list(loosened(BEFORE, {**BEFORE, **change}))
    assert check_settings(known(), {**BEFORE, **change}, HELD, CODE).outcome == "passed"


def test_other_held_out_rows_are_told():
    assert "the held-out rows are others" in check_settings(known(), BEFORE, "6" * 64, CODE).hint


def test_without_a_champion_there_is_nothing_to_compare():
    assert check_settings(Known(), BEFORE, HELD, CODE).outcome == "not asked for"
    assert check_settings(Known(unknown="MLflow: no answer"), BEFORE, HELD, CODE).outcome == "refused"


@pytest.mark.parametrize(("code", "words"), [
    ({"package/a.py": "1" * 64, "package/b.py": "3" * 64}, "custom.own: package/b.py changed"),
    ({"package/a.py": "1" * 64}, "custom.own: package/b.py changed"), ({}, "package/a.py, package/b.py changed"),
    ({**CODE["own"], "package/c.py": "4" * 64}, "custom.own: package/c.py changed")])
def test_a_function_with_other_code_is_told(code, words):
    check = check_settings(known(), BEFORE, HELD, {"own": code})
    assert (check.outcome, check.figure) == ("warned", 1) and words in check.hint
    later = check_settings(known(functions={}), BEFORE, HELD, {"own": code})
    assert "custom.own: what its code was then is not known" in later.hint


def test_a_function_that_the_champion_did_not_have_is_no_finding():
    now = {**BEFORE, "custom": {**BEFORE["custom"], "more": "a.more"}}
    assert check_settings(known(), now, HELD, {**CODE, "more": {}}).outcome == "passed"


@pytest.mark.parametrize(("earlier", "config", "outcome", "words"), [
    (0, {}, "passed", None), (1, {}, "passed", "2 different models"), (20, {}, "warned", "Hold out new rows"),
    (3, {"attempts": 3}, "warned", "up to 1.7 standard errors")])
def test_attempts_are_counted(earlier, config, outcome, words):
    check = check_attempts(Known(attempts=earlier), config)
    assert (check.outcome, check.figure) == (outcome, earlier + 1)
    assert words is None and check.hint is None or words in check.hint


def test_without_records_nobody_has_counted():
    assert check_attempts(Known(), {}).outcome == "not asked for"
