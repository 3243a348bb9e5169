"""Fairness: unfair models are refused by name, by fairlearn's figures, and many groups do not fool the interval."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import MetricFrame, demographic_parity_difference, equalized_odds_difference
from sklearn.metrics import mean_absolute_error
from tiny import cli

from notemill.errors import UsageError
from notemill.gate.checks.fairness import (
    ERROR, ODDS, PARITY, RATES, apart, bounds, by_fairlearn, chance, drawn, few_units, limit_of,
    totals_of)
from notemill.gate.metrics import Answers, Truth
from notemill.gate.slicing import Slice
from notemill.gate.statistics import Rows


@pytest.fixture
def check(only):
    """The check of a whole project, without the others, which take their time."""
    return only("fairness")


@pytest.fixture
def attributed(make_case):
    """1,200 rows with a column 'sex' that is none of the model's; unfair: women have less of what the model goes by."""
    def make(unfair=False, task="classification", rows=1200, **fairness):
        case = make_case(task, rows)
        sex = np.where(np.arange(rows) % 2 == 0, "female", "male")
        if unfair:
            case.test["a"] -= np.where(sex == "female", 1.5, 0.0)
        case.test["sex"] = sex
        case.fit(["a", "b", "c"])
        case.gate["fairness"] = {"attributes": ["sex"], **fairness}
        return case

    return make


def parts(check):
    return {part["name"]: part for part in check["details"]["parts"]}


# the whole project
def test_an_unfair_model_is_refused_by_name(attributed):
    case = attributed(unfair=True)
    case.make()
    result = cli("gate", project=case.root)
    assert result.code == 3
    assert "fairness: surely further apart than the limit: sex: demographic parity difference 0." in result.out


def test_a_fair_model_passes(attributed):
    case = attributed()
    case.make()
    result = cli("gate", "--json", project=case.root)
    assert result.code == 0, result.out
    check = next(check for check in result.json["checks"] if check["check"] == "fairness")
    assert (check["outcome"], check["limit"]) == ("passed", 0.1)
    assert [*parts(check)] == ["sex: demographic parity difference", "sex: equalized odds difference"]


def test_the_figures_are_fairlearns(attributed, check):
    case = attributed(unfair=True)
    found = parts(check(case))
    y, said = case.test["y"] == "yes", case.model.predict(case.test) == "yes"
    for name, of in ((PARITY, demographic_parity_difference), (ODDS, equalized_odds_difference)):
        part = found[f"sex: {name}"]
        assert part["figure"] == pytest.approx(of(y, said, sensitive_features=case.test["sex"]), abs=1e-12)
        assert part["low"] < part["figure"] < part["high"]
        assert part["n"] == 1200


def test_without_attributes_nothing_is_asked(case, check):
    assert check(case)["outcome"] == "not asked for"


def test_a_difference_that_is_not_sure_warns(attributed, check):
    case = attributed()
    figure = check(case)["figure"]
    case.gate["fairness"]["max_difference"] = round(float(figure) * 0.9, 6)
    found = check(case)
    assert found["outcome"] == "warned" and "though not surely" in found["hint"]


def test_each_measure_has_its_limit(attributed, check):
    found = parts(check(attributed(unfair=True, max_difference=0.9, max_parity_difference=0.01)))
    assert {name: (part["outcome"], part["limit"]) for name, part in found.items()} == {
        f"sex: {PARITY}": ("refused", 0.01), f"sex: {ODDS}": ("passed", 0.9)}


def test_a_measure_without_a_limit_is_shown_alone(attributed, check):
    found = check(attributed(unfair=True, max_odds_difference=0.9))
    assert found["outcome"] == "passed"
    part = parts(found)[f"sex: {PARITY}"]
    assert part["outcome"] == "not asked for" and part["figure"] > 0.1


def test_attributes_may_have_bins(attributed, check):
    case = attributed()
    case.test["age"] = np.resize([20, 40, 70], 1200)
    case.gate["fairness"]["attributes"] = [{"column": "age", "bins": [0, 30, 60, 120]}]
    assert check(case)["outcome"] == "passed"


def test_small_groups_are_shown_and_left_out(attributed, check):
    case = attributed()
    case.test["sex"] = case.test["sex"].where(np.arange(1200) >= 60, "other")
    found = check(case)
    assert found["outcome"] == "passed" and "Not assessed: sex = other" in found["hint"]
    assert parts(found)["sex = other"]["n"] == 60
    assert parts(found)[f"sex: {PARITY}"]["n"] == 1140


def test_a_group_with_few_of_a_class_has_no_odds(attributed, check):
    case = attributed()
    case.test.loc[(case.test["sex"] == "male") & (np.arange(1200) > 20), "y"] = "no"
    found = parts(check(case))
    assert found[f"sex: {ODDS}"]["outcome"] == "not assessed"
    assert "are 'yes', too few" in found[f"sex = male: {ODDS}"]["hint"]
    assert found[f"sex: {PARITY}"]["figure"] is not None


def test_one_group_alone_cannot_be_compared(attributed, check):
    found = check(attributed(rows=300))
    assert (found["outcome"], found["figure"]) == ("not assessed", None)


def test_without_fairlearn_it_is_refused_with_the_remedy(attributed, check, monkeypatch):
    monkeypatch.setattr("notemill.gate.checks.fairness.find_spec", lambda name: None)
    found = check(attributed())
    assert found["outcome"] == "refused"
    assert found["hint"].endswith("pip install 'notemill[fairness]'")


def test_several_classes_one_against_the_rest(attributed, check):
    assert check(attributed(task="three", rows=1500))["outcome"] == "passed"
    case = attributed(task="three", unfair=True)
    found = parts(check(case))
    said = case.model.predict(case.test)
    each = [demographic_parity_difference(said == name, said == name, sensitive_features=case.test["sex"])
            for name in ("high", "low", "middle")]
    assert found[f"sex: {PARITY}"]["figure"] == pytest.approx(max(each), abs=1e-12)
    assert found[f"sex: {PARITY}"]["outcome"] == "refused"


def test_a_quantity_has_the_difference_of_its_errors(attributed, check):
    case = attributed(task="regression")
    assert check(case)["outcome"] == "passed"
    case = attributed(task="regression", unfair=True)
    found = parts(check(case))[f"sex: {ERROR}"]
    said, y = case.model.predict(case.test), case.test["y"]
    frame = MetricFrame(metrics=mean_absolute_error, y_true=y, y_pred=said, sensitive_features=case.test["sex"])
    assert found["figure"] == pytest.approx(frame.difference() / mean_absolute_error(y, said), abs=1e-12)
    assert (found["outcome"], found["limit"]) == ("refused", 0.25)


@pytest.mark.parametrize(("task", "fairness", "words"), [
    ("classification", {"max_error_difference": 0.1}, "makes no sense for a classification"),
    ("regression", {"max_odds_difference": 0.1}, "makes no sense for a regression"),
    ("classification", {"attributes": ["sex", "sex"]}, "names 'sex' twice"),
    ("classification", {"attributes": ["sexx"]}, "no column 'sexx'(.|\n)*did you mean 'sex'?")])
def test_settings_without_sense_are_a_usage_error(attributed, check, task, fairness, words):
    with pytest.raises(UsageError, match=words):
        check(attributed(task=task, **fairness))


# the parts
def evidence(truth, said, classes=("no", "yes"), groups=None, **config):
    return SimpleNamespace(truth=Truth(truth, classes), answers=Answers(said), classes=classes, config=config,
                           is_regression=not classes, rows=Rows(len(truth), truth if classes else None, groups))


def slices(groups):
    return [Slice("g", f"g = {name}", np.flatnonzero(groups == name)) for name in np.unique(groups)]


def a_case(rows=600, kinds=3, classes=("no", "yes"), seed=0, **more):
    random = np.random.default_rng(seed)
    groups, many = random.integers(0, kinds, rows), max(len(classes), 2)
    truth = random.integers(0, many, rows) if classes else random.normal(size=rows)
    said = np.where(random.random(rows) < 0.7, truth, np.roll(truth, 1))
    return evidence(truth, said, classes, slicing={"least_rows": 20, "least_of_class": 5}, **more), slices(groups)


@pytest.mark.parametrize("classes", [("no", "yes"), ("a", "b", "c")])
@pytest.mark.parametrize(("measure", "of"), [
    (PARITY, demographic_parity_difference), (ODDS, equalized_odds_difference)])
def test_weighted_counts_agree_with_fairlearn_on_every_resample(measure, of, classes):
    one, groups = a_case(classes=classes)
    rates = list(RATES[measure](one, groups))
    n, sums, _ = totals_of(rates, one)
    spread = np.ptp(sums / n, axis=2)
    counts = np.concatenate(list(drawn(one.rows)), axis=1).T.astype(int)
    names = np.empty(600, dtype=int)
    for at, group in enumerate(groups):
        names[group.rows] = at
    for at in range(0, 12):
        rows = np.repeat(np.arange(600), counts[at])
        truth, said = one.truth.values[rows], one.answers.labels[rows]
        each = {code: of(truth == code, said == code, sensitive_features=names[rows])
                for code in {rate.code for rate in rates}}
        for code, figure in each.items():
            ours = max(spread[at, place] for place, rate in enumerate(rates) if rate.code == code)
            assert ours == pytest.approx(figure, abs=1e-12)


def test_weighted_errors_agree_with_fairlearn():
    one, groups = a_case(classes=())
    rates = list(RATES[ERROR](one, groups))
    n, sums, whole = totals_of(rates, one)
    assert np.ptp(sums[0] / n[0] / whole[0]) == pytest.approx(by_fairlearn(ERROR, rates[0], one), abs=1e-12)


def test_many_alike_groups_do_not_look_unfair():
    one, groups = a_case(rows=3000, kinds=30)
    found = apart(PARITY, list(RATES[PARITY](one, groups)), one)
    assert found.low == 0 and found.figure > 0.1


def test_two_groups_have_about_the_interval_of_two_shares():
    one, groups = a_case(rows=4000, kinds=2)
    one.answers.labels[groups[0].rows[:600]] = 1
    found = apart(PARITY, list(RATES[PARITY](one, groups)), one)
    shares = [one.answers.labels[group.rows].mean() for group in groups]
    error = sum(p * (1 - p) / len(group.rows) for p, group in zip(shares, groups, strict=True)) ** 0.5
    assert found.high - found.low == pytest.approx(2 * 1.96 * error, rel=0.1)


def test_groups_without_a_single_hit_are_not_known_exactly():
    n, sums = np.full((50, 1, 2), 100.0), np.zeros((50, 1, 2))
    sums[:, 0, 1] = 8
    low, high = bounds(n, sums, None, 100)
    assert 0.01 < low < 0.02 and high > 0.14
    assert chance(np.array(100.0), np.array(0.0)) == pytest.approx(2 / 104 * (1 - 2 / 104) / 104)


def test_rows_drawn_together_are_less_sure():
    person = np.arange(3000) // 60
    groups, same = slices(person % 2), np.random.default_rng(3).integers(0, 2, 50)[person]
    widths = []
    for together in (None, person):
        one = evidence(same, same, groups=together, slicing={})
        found = apart(PARITY, list(RATES[PARITY](one, groups)), one)
        widths.append(found.high - max(found.low, 2 * found.figure - found.high))
    assert widths[1] > 4 * widths[0]


def test_from_few_units_less_is_known():
    assert few_units(10) == pytest.approx(2.262 / 1.96, abs=1e-3)
    assert few_units(5000) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize(("config", "limits"), [
    ({}, (0.1, 0.1)), ({"max_difference": 0.3}, (0.3, 0.3)), ({"max_odds_difference": 0.2}, (None, 0.2)),
    ({"max_difference": 0.3, "max_parity_difference": 0.0}, (0.0, 0.3))])
def test_limits(config, limits):
    assert (limit_of(config, PARITY), limit_of(config, ODDS)) == limits


def test_a_column_with_gaps_has_a_group_of_them(attributed, check):
    case = attributed(unfair=True)
    case.test["sex"] = pd.Series(case.test["sex"]).where(case.test["sex"] == "male")
    assert "sex: missing" in check(case)["hint"]
