"""What answers are worth: known sums, intervals, thresholds; and settings that make no sense."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.stats import t
from sklearn.metrics import confusion_matrix, mean_pinball_loss
from tiny import cli

from notemill.errors import UsageError
from notemill.gate.checks.value import (
    best_threshold, elkan, less_unseen, matrix, over_thresholds, per_unit, place_of, shifted)
from notemill.gate.metrics import Answers, BadMetric, Truth
from notemill.gate.statistics import Interval, Rows

COSTS = {"false_positive": -1, "false_negative": -20}


@pytest.fixture
def check(only):
    """The check of a whole project, without the others, which take their time."""
    return lambda case, **value: (case.gate.update(value=value), only("value")(case))[1]


def worth(case, **costs):
    """By hand, of two classes."""
    found = confusion_matrix(case.test["y"], case.model.predict(case.test), labels=["no", "yes"]).ravel()
    names = ("true_negative", "false_positive", "false_negative", "true_positive")
    return float(sum(n * costs.get(name, 0) for n, name in zip(found, names, strict=True)) / len(case.test))


# the whole project
def test_costly_false_negatives_are_refused(case):
    case.gate["value"] = {**COSTS, "minimum": -0.5}
    case.make()
    result = cli("gate", project=case.root)
    assert result.code == 3
    assert f"value: worth {worth(case, **COSTS):.4g} a row, which is under the minimum of -0.5" in result.out


def test_cheap_errors_pass(case):
    case.gate["value"] = {"false_positive": -1, "false_negative": -1, "minimum": -0.5}
    case.make()
    result = cli("gate", "--json", project=case.root)
    assert result.code == 0, result.out
    check = next(check for check in result.json["checks"] if check["check"] == "value")
    assert (check["outcome"], check["limit"], check["n"]) == ("passed", -0.5, 200)
    assert check["figure"] == pytest.approx(worth(case, **{**COSTS, "false_negative": -1}), abs=1e-12)


def test_without_values_nothing_is_asked(case, look):
    assert look(case.judge(), "value")["outcome"] == "not asked for"


@pytest.mark.parametrize("costs", [COSTS, {"true_positive": 5, "true_negative": 1, "false_positive": -0.5}])
def test_the_figure_is_the_mean_of_the_confusion_matrix(case, check, costs):
    found = check(case, **costs, minimum=-9)
    assert found["figure"] == pytest.approx(worth(case, **costs), abs=1e-12)
    assert found["low"] < found["figure"] < found["high"]
    assert found["outcome"] == "passed"


def test_the_class_to_detect_is_the_schemas(case, check):
    case.schema["target"]["positive"] = "no"
    turned = {"false_positive": COSTS["false_negative"], "false_negative": COSTS["false_positive"]}
    assert check(case, **COSTS, minimum=-9)["figure"] == pytest.approx(worth(case, **turned), abs=1e-12)


def test_the_lower_end_counts(case, check):
    found = check(case, **COSTS, minimum=round(worth(case, **COSTS), 3) - 0.01)
    assert found["outcome"] == "refused" and "but not surely above the minimum" in found["hint"]


def test_the_threshold_that_the_values_ask_for_is_told(case, check):
    found = check(case, **COSTS, minimum=-0.5)
    p = case.model.predict_proba(case.test)[:, 1]
    asked = np.mean(np.select([(p >= 1 / 21) & (case.test["y"] == "no"), (p < 1 / 21) & (case.test["y"] == "yes")],
                              [-1, -20], 0))
    assert f"With the threshold 0.0476, which these values ask for, it would be worth {asked:.4g}" in found["hint"]
    curve = found["details"]["curve"]
    at = curve["x"].index(0.5)
    assert curve["y"][at] == pytest.approx(found["figure"], abs=1e-12)


def test_several_classes(make_case, check):
    case = make_case("three")
    assert check(case, error=-1, minimum=-0.9)["figure"] == pytest.approx(case.figures["accuracy"] - 1, abs=1e-12)
    found = check(case, costs={"high": {"low": -9}}, error=-1, right=1, minimum=-0.9)
    y, said = case.test["y"].to_numpy(), case.model.predict(case.test)
    by_hand = np.where(y == said, 1, np.where((y == "high") & (said == "low"), -9, -1)).mean()
    assert found["figure"] == pytest.approx(by_hand, abs=1e-12)


def test_a_quantity_has_costs_per_unit(make_case, check):
    case = make_case("regression")
    found = check(case, over=-1, under=-3, minimum=-20)
    pinball = mean_pinball_loss(case.test["y"], case.model.predict(case.test), alpha=0.75)
    assert found["figure"] == pytest.approx(-4 * pinball, abs=1e-9)
    assert found["outcome"] == "passed" and "on each answer would make it" in found["hint"]
    assert check(case, over=-1, under=-3, minimum=-1)["outcome"] == "refused"


@pytest.mark.parametrize(("task", "value", "words"), [
    ("classification", {"minimum": -1}, "says nothing of what an answer is worth"),
    ("classification", {"minimum": -1, "over": -1}, "'over' makes no sense for two classes"),
    ("classification", {"minimum": -1, "error": -1, "false_positive": -1}, "both ways"),
    ("classification", {"minimum": -1, "false_positive": 1, "false_negative": -1}, "'yes' where 'no' is true is worth"),
    ("classification", {"minimum": -1, "false_positive": -1}, "'no' where 'yes' is true is worth 0"),
    ("classification", {"minimum": 0.5, **COSTS}, "not even a model without an error"),
    ("classification", {"minimum": -1, "costs": {"no": {"maybe": -1}}}, "the class 'maybe', which there is not"),
    ("classification", {"minimum": -1, "costs": {"no": {"yes": -1}}}, "not said what 'no' is worth where 'yes' is"),
    ("three", {"minimum": -1, "false_positive": -1}, "'false_positive' makes no sense for 3 classes"),
    ("regression", {"minimum": -1, "error": -1}, "'error' makes no sense for a regression"),
    ("regression", {"minimum": -1, "over": 1}, "write over: -1"),
    ("regression", {"minimum": 1, "over": -1}, "no answer is worth more than 0")])
def test_values_without_sense_are_a_usage_error(make_case, check, task, value, words):
    with pytest.raises(UsageError, match=words):
        check(make_case(task), **value)


# the parts
def evidence(truth, p, groups=None):
    p = np.array(p, dtype=float)
    return SimpleNamespace(truth=Truth(np.array(truth), ("no", "yes")), rows=Rows(len(p), np.array(truth), groups),
                           answers=Answers((p >= 0.5).astype(int), np.column_stack([1 - p, p])))


def test_elkans_threshold():
    assert elkan(matrix({"false_positive": -1, "false_negative": -20}, ("a", "b"))) == pytest.approx(1 / 21)
    assert elkan(np.array([[0.0, -4.0], [-1.0, 3.0]])) == pytest.approx(0.5)


def test_the_best_threshold_is_found_among_all():
    random = np.random.default_rng(0)
    for _ in range(20):
        p, truth = np.round(random.random(60), 1), random.integers(0, 2, 60)
        costs = -random.integers(1, 9, 2)
        table = np.array([[0.0, costs[0]], [costs[1], 0.0]])
        tried = {at: table[truth, (p >= at).astype(int)].mean() for at in [*np.unique(p), np.inf]}
        threshold, best = best_threshold(p, truth, table)
        assert best == pytest.approx(max(tried.values()), abs=1e-12)
        assert tried[threshold] == pytest.approx(best, abs=1e-12)


def test_the_curve_is_the_value_at_each_threshold():
    random = np.random.default_rng(0)
    one = evidence(random.integers(0, 2, 80), np.round(random.random(80), 2))
    table = np.array([[0.0, -1.0], [-3.0, 0.5]])
    curve = over_thresholds(one, table)
    p, truth = one.answers.probabilities[:, 1], one.truth.values
    assert curve["y"] == pytest.approx([table[truth, (p >= at).astype(int)].mean() for at in curve["x"]], abs=1e-12)


def test_the_best_shift_is_a_quantile():
    random = np.random.default_rng(0)
    truth, said = random.normal(size=201), np.zeros(201)
    one = SimpleNamespace(truth=Truth(truth), answers=Answers(said))
    value = {"over": -1, "under": -3}
    best = minimize_scalar(lambda by: -per_unit(value, said + by - truth).mean(), bounds=(-3, 3), method="bounded")
    text = next(shifted(one, value, -9.0))
    assert float(text.split()[0]) == pytest.approx(best.x, abs=0.02)
    assert f"make it {-best.fun:.4g}" in text


def test_errors_that_no_row_shows_may_come():
    table = np.array([[0.0, -1.0], [-20.0, 0.0]])
    one = evidence([0] * 50 + [1] * 50, [0.9] * 5 + [0.1] * 45 + [0.9] * 50)  # no false negative
    found = less_unseen(Interval(-0.05, -0.1, 0.0), table, one)
    assert (found.figure, found.low) == (-0.05, pytest.approx(-0.05 - 20 * 3 / 100))
    grouped = evidence([0] * 50 + [1] * 50, [0.9] * 5 + [0.1] * 45 + [0.9] * 50, np.arange(100) // 5)
    assert less_unseen(Interval(-0.05, -0.1, 0.0), table, grouped).low == pytest.approx(-0.05 - 20 * 3 / 20)
    missed = evidence([0] * 50 + [1] * 50, [0.9] * 5 + [0.1] * 46 + [0.9] * 49)
    assert less_unseen(Interval(-0.25, -0.7, 0.0), table, missed).low == -0.7


def test_the_interval_is_about_students():
    from notemill.gate.checks.value import mean

    of_row = np.random.default_rng(0).normal(size=2000)
    found = mean(of_row, SimpleNamespace(rows=Rows(2000)))
    assert found.high - found.low == pytest.approx(2 * t.ppf(0.975, 1999) * of_row.std() / 2000 ** 0.5, rel=0.08)


@pytest.mark.parametrize(("name", "classes", "place"), [
    ("1", (0, 1), 1), ("true", (False, True), 1), ("False", (False, True), 0), ("b", ("a", "b"), 1)])
def test_classes_are_named_as_in_the_file(name, classes, place):
    assert place_of(name, classes) == place


def test_an_unknown_class_has_its_neighbour_named():
    with pytest.raises(BadMetric) as raised:
        place_of("yess", ("no", "yes"))
    assert raised.value.args[1:] == ("classes: no, yes", "did you mean 'yes'?")
