"""Slices: a broken one is refused by name, a small one is shown, what is absent is refused; and the test behind it."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm, t
from sklearn.metrics import mean_squared_error, r2_score, roc_auc_score
from tiny import cli

from notemill.errors import UsageError
from notemill.gate.checks.slices import explained_in, holm, margin, p_value, score_in
from notemill.gate.checks.slices import test as run_test
from notemill.gate.metrics import Answers, Truth, find
from notemill.gate.slicing import Least, Slice, label, too_small, units
from notemill.gate.statistics import Rows


def with_column(case, name, values):
    """The same rows with one more column, which is none of the model's."""
    case.test = case.test.assign(**{name: values})


def spoil(case, where):
    """Rows of which the truth has nothing to do with what the model knows of them."""
    y = case.test["y"].to_numpy(copy=True)
    y[where] = np.random.default_rng(5).permutation(y[where])
    case.test["y"] = y


@pytest.fixture
def sliced(make_case):
    """1,200 rows of two sites, of which 'north' may be spoilt."""
    def make(broken=False, task="classification", rows=1200, **gate):
        case = make_case(task, rows)
        site = np.where(np.arange(rows) % 3 == 0, "north", "south")
        if broken:
            spoil(case, site == "north")
        with_column(case, "site", site)
        case.fit(["a", "b", "c"])
        case.gate |= {"slices": ["site"], **gate}
        return case

    return make


@pytest.fixture
def check(only):
    """The check of a whole project, without the others, which take their time."""
    return only("slices")


def parts(check):
    return {part["name"]: part for part in check["details"]["parts"]}


# the whole project
def test_a_broken_slice_is_refused_by_name(sliced):
    case = sliced(broken=True)
    case.make()
    result = cli("gate", project=case.root)
    assert result.code == 3
    assert "slices: surely worse than all rows: site = north: roc_auc 0." in result.out


def test_slices_that_are_served_alike_pass(sliced):
    case = sliced()
    case.make()
    result = cli("gate", "--json", project=case.root)
    assert result.code == 0, result.out
    check = next(check for check in result.json["checks"] if check["check"] == "slices")
    assert check["outcome"] == "passed"
    assert {name: part["n"] for name, part in parts(check).items()} == {"site = north": 400, "site = south": 800}


def test_a_part_tells_its_own_figure_interval_and_limit(sliced, check):
    case = sliced()
    found = parts(check(case))["site = north"]
    of = case.test[case.test["site"] == "north"]
    own = roc_auc_score(of["y"] == "yes", case.model.predict_proba(of)[:, 1])
    assert found["figure"] == pytest.approx(own, abs=1e-12)
    assert found["low"] < own < found["high"]
    assert found["limit"] == pytest.approx(case.figures["roc_auc"] - 0.05, abs=1e-12)


def test_the_margin_is_configured(sliced, check):
    assert check(sliced(broken=True, slicing={"margin": 0.9}))["outcome"] == "passed"


def test_a_warning_where_the_project_says_so(sliced, check):
    assert check(sliced(broken=True, warn=["slices"]))["outcome"] == "warned"


def test_the_baseline_there_is_told(sliced, check):
    assert "a linear model has 0.5" in check(sliced(broken=True))["hint"].replace("0.4", "0.5")


def test_without_slices_nothing_is_asked(case, check):
    found = check(case)
    assert (found["outcome"], found["figure"]) == ("not asked for", None)


@pytest.mark.parametrize("task", ["regression", "three"])
def test_other_tasks(sliced, check, task):
    assert check(sliced(task=task))["outcome"] == "passed"
    found = check(sliced(task=task, broken=True))
    assert found["outcome"] == "refused" and "site = north" in found["hint"]


def test_a_loss_has_a_share_of_itself_as_its_margin(sliced, check):
    case = sliced(task="regression", metric="rmse")
    case.figures = {"rmse": float(np.sqrt(mean_squared_error(case.test["y"], case.model.predict(case.test))))}
    found = check(case)
    assert found["outcome"] == "passed"
    assert found["limit"] == pytest.approx(1.25 * case.figures["rmse"], rel=1e-9)
    assert found["low"] < found["figure"] < found["high"] < found["limit"]


# small, missing, absent
def test_small_slices_are_shown_and_named(sliced, check):
    case = sliced()
    case.test.loc[:98, "site"] = "tiny"
    found = check(case)
    assert found["outcome"] == "passed" and "Not assessed: site = tiny (n = 99)" in found["hint"]
    part = parts(found)["site = tiny"]
    assert (part["outcome"], part["n"], part["figure"]) == ("not assessed", 99, None)
    assert "200 are wanted" in part["hint"]


def test_where_all_are_small_nothing_is_assessed(sliced, check):
    found = check(sliced(rows=150))
    assert (found["outcome"], found["figure"]) == ("not assessed", None)


def test_least_rows_is_configured(sliced, check):
    case = sliced(rows=150, slicing={"least_rows": 20, "least_of_class": 5})
    assert check(case)["outcome"] == "passed"


def test_the_rarer_class_counts(sliced, check):
    case = sliced()
    case.test = case.test[(case.test["site"] == "south") | (case.test["y"] == "no")].reset_index(drop=True)
    case.fit(["a", "b", "c"])
    case.gate["slicing"] = {"least_rows": 50}
    part = parts(check(case))["site = north"]
    assert part["outcome"] == "not assessed" and "0 of" in part["hint"] and "least_of_class" in part["hint"]


def test_missing_values_are_a_slice_of_their_own(sliced, check):
    case = sliced()
    case.test["site"] = case.test["site"].where(np.arange(1200) % 4 > 0)
    assert parts(check(case))["site: missing"]["n"] == 300


def test_a_broken_slice_of_missing_values_is_refused(sliced, check):
    case = sliced(broken=True)
    case.test["site"] = case.test["site"].where(case.test["site"] == "south")
    assert "site: missing: roc_auc" in check(case)["hint"]


def test_bins_hold_their_lower_edge_and_the_last_its_upper_one_too(sliced, check):
    case = sliced()
    age = np.resize([-1.0, 0, 29, 30, 60, 60.5, np.nan, 10], 1200)
    with_column(case, "age", age)
    case.gate |= {"slices": [{"column": "age", "bins": [0, 30, 60]}], "slicing": {"least_rows": 50}}
    assert {name: part["n"] for name, part in parts(check(case)).items()} == {
        "age: 0 to 30": 450, "age: 30 to 60": 300, "age: outside the bins": 300, "age: missing": 150}


def test_bins_of_a_column_of_the_models(sliced, check):
    case = sliced()
    case.gate["slices"] = [{"column": "c", "bins": [-9, 0, 9]}]
    assert list(parts(check(case))) == ["c: -9 to 0", "c: 0 to 9"]


@pytest.mark.parametrize(("slices", "words"), [
    (["a"], "has 1,200 values: give bins"),
    ([{"column": "a", "bins": [-9, 9, 99]}], "no held-out row is in a: 9 to 99"),
    ([{"column": "site", "bins": [0, 1]}], "no number, and bins want numbers")])
def test_what_cannot_be_sliced_is_refused_and_named(sliced, check, slices, words):
    found = check(sliced(slices=["site", *slices], warn=["slices"]))
    assert found["outcome"] == "refused"
    assert words in found["hint"]


@pytest.mark.parametrize(("slices", "words"), [
    ([{"column": "a", "bins": [0, 9, 3]}], "do not rise: 0, 9, 3"), (["site", "site"], "names 'site' twice"),
    (["sight"], "no column 'sight'")])
def test_slices_without_sense_are_a_usage_error(sliced, check, slices, words):
    with pytest.raises(UsageError, match=words):
        check(sliced(slices=slices))


def test_rows_of_few_groups_tell_too_little(sliced, check):
    case = sliced()
    with_column(case, "person", np.arange(1200) // 3 % 9)
    case.gate["group"] = "person"
    found = check(case)
    assert found["outcome"] == "not assessed" and "from 9 groups alone" in parts(found)["site = north"]["hint"]


def test_rows_drawn_together_are_less_sure(sliced, check):
    case = sliced()
    case.test = pd.concat([case.test[case.test["site"] == "north"]] * 8 + [case.test[case.test["site"] == "south"]],
                          ignore_index=True)
    alone = parts(check(case))["site = north"]
    with_column(case, "person", np.r_[np.tile(np.arange(400), 8), np.arange(400, 1200)])
    case.gate["group"] = "person"
    together = parts(check(case))["site = north"]
    assert together["high"] - together["low"] > 2 * (alone["high"] - alone["low"])


# the parts
@pytest.mark.parametrize(("p", "adjusted"), [
    ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]), ([0.2], [0.2]), ([], []), ([0.6, 0.7], [1.0, 1.0])])
def test_holms_p_values(p, adjusted):
    assert holm(np.array(p)) == pytest.approx(np.array(adjusted))


def test_the_p_value_is_students():
    assert p_value(-0.1, 0.05, 12) == pytest.approx(t.cdf(-2 / np.sqrt(12 / 11), 11))
    assert p_value(-0.1, 0.05, 100_000) == pytest.approx(norm.cdf(-2), rel=1e-3)
    assert (p_value(-0.1, 0.0, 10), p_value(0.0, 0.0, 10)) == (0.0, 1.0)


def evidence(metric, truth, answers, classes=(), **config):
    return SimpleNamespace(metric=find(metric, not classes), truth=Truth(truth, classes), answers=answers,
                           classes=classes, is_regression=not classes, config=config)


def test_r2_of_slices_is_held_against_the_spread_of_all_rows():
    random = np.random.default_rng(0)
    y, side = random.normal(size=300), np.arange(300) % 3 == 0
    said = y + 0.3 * random.normal(size=300)
    counts = random.integers(0, 4, (2, 300))
    found = [explained_in(y, said, np.flatnonzero(of)).many(counts) for of in (side, ~side)]
    for at, of in enumerate(counts):
        rows = np.repeat(np.arange(300), of)
        weights = [of[side].sum() / of.sum(), of[~side].sum() / of.sum()]
        assert np.dot(weights, [one[at] for one in found]) == pytest.approx(r2_score(y[rows], said[rows]), abs=1e-12)


@pytest.mark.parametrize("metric", ["roc_auc", "accuracy", "matthews_corrcoef"])
def test_the_score_of_a_slice_is_that_of_its_rows(metric):
    random = np.random.default_rng(0)
    y, p, counts = random.integers(0, 2, 200), random.random(200), random.integers(0, 3, 200)
    answers = Answers((p > 0.5).astype(int), np.column_stack([1 - p, p]))
    one, rows = evidence(metric, y, answers, ("no", "yes")), np.arange(40, 120)
    again = np.repeat(rows, counts[rows])
    alone = evidence(metric, y[again], Answers(answers.labels[again], answers.probabilities[again]), ("no", "yes"))
    assert score_in(one, answers, rows)(counts.astype(float)) == pytest.approx(
        score_in(alone, alone.answers, np.arange(len(again)))(np.ones(len(again))), abs=1e-12)


def test_a_score_that_a_slice_cannot_have_is_no_number():
    y, p = np.array([0, 1, 0, 1] * 3), np.full((12, 3), 1 / 3)
    one = evidence("roc_auc_ovr", y, Answers(y, p), ("a", "b", "c"))
    with np.errstate(all="ignore"):
        assert np.isnan(score_in(one, one.answers, np.arange(12))(np.ones(12)))


def test_margins():
    assert margin(evidence("accuracy", None, None, ("a", "b")), 0.9) == 0.05
    assert margin(evidence("rmse", None, None), -4.0) == 1.0
    assert margin(evidence("rmse", None, None, slicing={"margin": 3}), -4.0) == 3


def test_what_counts_as_large_enough():
    rows, of = Rows(300, None, np.arange(300) % 20), np.arange(250)
    assert too_small(rows, of, Least(200, 30), lambda rows: {}) is None
    assert units(rows, of) == 20
    assert "20 of 250 rows are x" in too_small(rows, of, Least(200, 30), lambda rows: {"x": rows[:20], "z": rows[20:]})
    assert "5 groups" in too_small(Rows(300, None, np.arange(300) % 5), of, Least(200, 30), lambda rows: {})


@pytest.mark.parametrize(("value", "text"), [(1.0, "1"), (0.1, "0.1"), (True, "True"), ("a", "a"), (3, "3")])
def test_labels(value, text):
    assert label(value) == text


def test_slices_hold_every_row_once():
    from notemill.gate.slicing import slices_of

    table = pd.DataFrame({"k": ["a", "b", None, "a"] * 5, "v": [1, 2, 3, np.nan] * 5, "y": 0})
    held = SimpleNamespace(held_out=table, good=np.arange(1, 20), target="y")
    for found in slices_of(held, ["k", {"column": "v", "bins": [1, 2]}], "slices"):
        assert sorted(np.concatenate([one.rows for one in found])) == list(range(19))


def test_the_difference_is_paired():
    ours = 0.7 + 0.1 * np.random.default_rng(0).normal(size=500)
    one = evidence("accuracy", np.tile([0, 1], 200), None, ("no", "yes"))
    one.rows = Rows(400, one.truth.values)
    found = run_test(one, Slice("k", "k = a", np.arange(300)), 0.7, 0.9, ours, ours + 0.2)
    assert found.p < 1e-9 and found.above == pytest.approx(-0.15)


def test_r2_of_a_slice_goes_by_the_spread_of_all():
    y = np.r_[np.zeros(50), np.full(50, 9.0)] + np.random.default_rng(0).normal(size=100)
    one = evidence("r2", y, Answers(np.r_[np.zeros(50), np.full(50, 9.0)]))
    assert score_in(one, one.answers, np.arange(50))(np.ones(100)) > 0.9
