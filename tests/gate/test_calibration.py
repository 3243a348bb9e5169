"""Probabilities and residuals: what is well calibrated passes, and squared probabilities are caught."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import beta, binomtest
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, log_loss, r2_score, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC
from tiny import code

from notemill.errors import UsageError
from notemill.gate import recalibrating, statistics
from notemill.gate.checks import calibration_error, calibration_loss, residuals
from notemill.gate.metrics import Answers, Truth
from notemill.gate.parts import part, together
from notemill.gate.shares import clopper_pearson, wilson
from notemill.gate.statistics import Interval, Rows

NAMES = ("calibration.loss", "calibration.error", "calibration.residuals")


def judged(p, codes, *, config=None, groups=None, champion=None, classes=("no", "yes")):
    """What the checks look at, of given probabilities."""
    p = np.column_stack([1 - p, p]) if p.ndim == 1 else p
    evidence = SimpleNamespace(
        is_regression=False, answers=Answers(p.argmax(axis=1), p), truth=Truth(codes, classes), classes=classes,
        config={"calibration": config or {}}, champion=None if champion is None else "version 1",
        rows=Rows(len(codes), codes, groups))
    if champion is not None:
        evidence.champion_answers = Answers(codes, np.column_stack([1 - champion, champion]))
    return SimpleNamespace(evidence=evidence)


def regression(said, values, *, config=None, groups=None):
    evidence = SimpleNamespace(is_regression=True, answers=Answers(said), truth=Truth(values),
                               config={"calibration": config or {}}, rows=Rows(len(said), None, groups))
    return SimpleNamespace(evidence=evidence)


@pytest.fixture
def few_resamples(monkeypatch):
    """For figures alone: how wide the intervals are is not looked at."""
    monkeypatch.setattr(statistics, "LEAST_RESAMPLES", 20)
    monkeypatch.setattr(statistics, "MOST_RESAMPLES", 20)


def draws(n, seed, spread=1.5):
    """(probabilities, what came of them), calibrated by construction."""
    random = np.random.default_rng(seed)
    p = 1 / (1 + np.exp(-random.normal(scale=spread, size=n)))
    return p, (random.random(n) < p).astype("int64")


def parts_of(check):
    return {one["name"]: one for one in check.details["parts"]}


# intervals of shares
@pytest.mark.parametrize(("hits", "n"), [(0, 10), (3, 10), (10, 10), (87, 200)])
def test_intervals_of_a_share_are_scipys(hits, n):
    for ours, method in ((wilson(hits, n), "wilson"), (clopper_pearson(hits, n), "exact")):
        theirs = binomtest(hits, n).proportion_ci(method=method)
        assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


# recalibration
def test_shift_and_slope_are_those_of_scikit_learn():
    p, y = draws(4000, 1)
    z = recalibrating.logit(p ** 2)
    theirs = LogisticRegression(C=np.inf).fit(z[:, np.newaxis], y)
    assert recalibrating.fit(z, y) == pytest.approx([theirs.intercept_[0], theirs.coef_[0, 0]], abs=0.01)


def test_where_every_row_is_told_rightly_recalibration_does_not_run_away():
    p = np.repeat([0.001, 0.999], 30)
    y = np.repeat([0.0, 1.0], 30)
    shift, slope = recalibrating.fit(recalibrating.logit(p), y)
    assert abs(shift) < 0.1
    assert 0.9 < slope < 1.5


def test_a_row_is_set_right_by_other_groups_alone():
    groups = np.repeat(np.arange(20), 5)
    fold = recalibrating.folds(Rows(100, None, groups))
    assert all(len(set(fold[groups == group])) == 1 for group in range(20))
    assert len(set(fold)) == 10


def test_the_shift_has_the_interval_of_its_formula_and_a_wider_one_by_groups():
    p, y = draws(2000, 2)
    found = recalibrating.shift(y, p, Rows(2000))
    assert found.low < 0 < found.high
    twice, groups = np.repeat(p, 4), np.repeat(np.arange(2000), 4)
    alone = recalibrating.shift(np.repeat(y, 4), twice, Rows(8000))
    whole = recalibrating.shift(np.repeat(y, 4), twice, Rows(8000, None, groups))
    assert (whole.high - whole.low) / (alone.high - alone.low) == pytest.approx(2, rel=0.01)
    assert (whole.high - whole.low) == pytest.approx(found.high - found.low, rel=0.01)


# calibration.loss
def test_losses_are_those_of_scikit_learn():
    p, y = draws(500, 3)
    hits, sides = recalibrating.hits(y, 2), recalibrating.sides(np.column_stack([1 - p, p]))
    assert calibration_loss.brier(hits, sides).mean() == pytest.approx(brier_score_loss(y, p), abs=1e-12)
    assert calibration_loss.log_loss(hits, sides).mean() == pytest.approx(log_loss(y, p), abs=1e-12)
    three, q = y + (p > 0.7), np.column_stack([1 - p, p / 3, 2 * p / 3])
    hits, sides = recalibrating.hits(three, 3), recalibrating.sides(q)
    assert calibration_loss.brier(hits, sides).mean() == pytest.approx(
        ((q - np.eye(3)[three]) ** 2).sum(axis=1).mean(), abs=1e-12)
    assert calibration_loss.log_loss(hits, sides).mean() == pytest.approx(log_loss(three, q), abs=1e-12)


@pytest.mark.parametrize("n", [171, 500, 2000])
def test_calibrated_probabilities_pass(n):
    for seed in range(5):
        given = judged(*draws(n, seed))
        assert calibration_loss.check_calibration_loss(given).outcome == "passed"
        assert calibration_error.check_calibration_error(given).outcome == "passed"


@pytest.mark.parametrize("n", [500, 2000])
def test_squared_probabilities_are_refused(n):
    for seed in range(5):
        p, y = draws(n, seed)
        check = calibration_loss.check_calibration_loss(judged(p ** 2, y))
        assert check.outcome == "refused"
        assert "the probabilities of 'yes' are too low as a whole" in check.hint
        check = calibration_loss.check_calibration_loss(judged(1 - (1 - p) ** 2, y))
        assert "the probabilities of 'yes' are too high as a whole" in check.hint


def test_the_squares_of_several_classes_are_refused():
    random = np.random.default_rng(4)
    p = random.dirichlet([2, 1, 0.5], size=3000)
    codes = (random.random(3000)[:, np.newaxis] > p.cumsum(axis=1)).sum(axis=1)
    classes = ("a", "b", "c")
    assert calibration_loss.check_calibration_loss(judged(p, codes, classes=classes)).outcome == "passed"
    assert calibration_error.check_calibration_error(judged(p, codes, classes=classes)).outcome == "passed"
    squared = p ** 3 / (p ** 3).sum(axis=1, keepdims=True)
    check = calibration_loss.check_calibration_loss(judged(squared, codes, classes=classes))
    assert check.outcome == "refused"


def test_what_is_lost_is_what_a_perfect_recalibration_gains(few_resamples):
    p, y = draws(40_000, 5)
    said = parts_of(calibration_loss.check_calibration_loss(judged(p ** 2, y)))["Brier score given away"]
    true = (brier_score_loss(y, p ** 2) - brier_score_loss(y, p)) / (y.mean() * (1 - y.mean()))
    assert said["figure"] == pytest.approx(true, abs=0.01)
    assert said["low"] < said["figure"] < said["high"]


def test_limits_are_the_projects():
    p, y = draws(2000, 6)
    lax = {"max_loss": 1, "max_log_loss": 1, "max_shift": 9}
    assert calibration_loss.check_calibration_loss(judged(p ** 2, y, config=lax)).outcome == "passed"
    assert calibration_loss.check_calibration_loss(judged(p ** 2, y, config={**lax, "max_loss": 0.02})).limit == 0.02


def test_worse_than_the_champion_is_refused_and_as_good_is_not():
    p, y = draws(2000, 7)
    check = calibration_loss.check_calibration_loss(judged(0.5 + 0.6 * (p - 0.5), y, champion=p))
    assert {one["outcome"] for name, one in parts_of(check).items() if "against version 1" in name} == {"refused"}
    assert "worse than version 1 on the same rows" in check.hint
    check = calibration_loss.check_calibration_loss(judged(p, y, champion=p))
    assert check.outcome == "passed"
    assert parts_of(check)["Brier score against version 1"]["figure"] == 0


# calibration.error
def test_bins_hold_equally_many_rows_and_equal_probabilities_share_one():
    p = np.random.default_rng(0).random(1000)
    assert np.bincount(calibration_error.equal_mass(p)).tolist() == [100] * 10
    assert set(np.bincount(calibration_error.equal_mass(np.repeat([0.1, 0.9], [700, 300])))) == {700, 300}
    assert calibration_error.equal_mass(p[:29]).max() == 0


def test_the_error_is_the_mean_distance_less_its_bias():
    p, y = draws(20_000, 8)
    bins = calibration_error.equal_mass(p)
    found = calibration_error.error(np.clip(p + 0.2, 0, 1), y, bins, Rows(20_000, y))
    by_hand = np.mean([abs((np.clip(p + 0.2, 0, 1) - y)[bins == b].mean()) for b in range(10)])
    assert found.figure == pytest.approx(by_hand, abs=0.002)
    assert found.low < found.figure < found.high
    few, hit = draws(300, 9)
    plain = np.mean([abs((few - hit)[calibration_error.equal_mass(few) == b].mean()) for b in range(10)])
    assert calibration_error.error(few, hit, calibration_error.equal_mass(few), Rows(300, hit)).figure < 0.8 * plain


def test_the_curve_has_wilsons_intervals_and_n():
    p, y = draws(1000, 10)
    check = calibration_error.check_calibration_error(judged(p, y))
    curve = check.details["curve"]
    assert curve["n"] == [100] * 10
    assert curve["x"] == sorted(curve["x"])
    first = calibration_error.equal_mass(p) == 0
    assert curve["low"][0] == wilson(y[first].sum(), 100).low
    assert curve["y"][0] == y[first].mean()


def test_an_error_that_is_not_surely_large_is_warned_of():
    p, y = draws(2000, 11)
    odd = np.clip(p + 0.16, 0, 1)
    check = calibration_error.check_calibration_error(judged(odd, y, config={"max_error": 0.145}))
    assert (check.outcome, check.low < 0.145 < check.figure) == ("warned", True)
    assert calibration_error.check_calibration_error(judged(odd, y, config={"max_error": 0.05})).outcome == "refused"


# calibration.residuals
def test_centred_errors_pass_and_cover():
    random = np.random.default_rng(0)
    said = random.normal(size=2000)
    check = residuals.check_residuals(regression(said, said + random.normal(size=2000)))
    assert check.outcome == "passed"
    assert parts_of(check)["coverage"]["figure"] == pytest.approx(0.9, abs=0.03)
    assert len(check.details["parts"]) == 2 + 5
    assert [curve["x_name"] for curve in check.details["curve"]] == ["prediction"] * 2


def test_a_bias_is_refused_warned_of_or_passed():
    random = np.random.default_rng(1)
    said = random.normal(size=2000)
    outcomes = [residuals.check_residuals(regression(said, said + off + random.normal(size=2000))).outcome
                for off in (0, 0.25, 0.6, -0.6)]
    assert outcomes == ["passed", "warned", "refused", "refused"]


def test_errors_that_grow_with_the_prediction_are_warned_of():
    random = np.random.default_rng(2)
    said = random.random(4000)
    check = residuals.check_residuals(regression(said, said + 3 * said ** 2 * random.normal(size=4000)))
    assert check.outcome == "warned"
    assert "the errors are larger there than elsewhere" in check.hint
    assert check.high < 0.8


def test_the_interval_is_split_conformals():
    seen = np.arange(1.0, 20)
    assert residuals.within(seen, np.array([0.5, 1, 19, 19.5]), 0.9).tolist() == [False, True, True, False]
    assert residuals.within(seen[:5], np.array([-99.0, 99]), 0.9).all()  # too few to promise so much
    random = np.random.default_rng(3)
    held = [residuals.within(one[:39], one[39:], 0.9).mean() for one in random.normal(size=(4000, 40))]
    assert 0.89 < np.mean(held) < 0.91


def test_few_rows_say_so_and_groups_are_drawn_whole():
    random = np.random.default_rng(4)
    said = random.normal(size=400)
    values = said + random.normal(size=400)
    assert residuals.check_residuals(regression(said[:40], values[:40])).outcome == "not assessed"
    side = residuals.halves(Rows(400, None, np.repeat(np.arange(40), 10)))
    assert all(len(set(side[at:at + 10])) == 1 for at in range(0, 400, 10))
    whole = residuals.check_residuals(regression(said, values, groups=np.repeat(np.arange(40), 10)))
    low = parts_of(whole)["coverage"]["low"]
    assert low != pytest.approx(beta.ppf(0.025, 180, 21), abs=1e-3)


# parts
def test_the_worst_part_is_the_checks_own():
    parts = [part("a", "passed", Interval(1, 0, 2), 5, 3), part("b", "refused", Interval(9, 8, 10), 6, 4, "b is bad"),
             part("c", "warned", hint="c may be")]
    check = together("calibration.loss", parts)
    assert (check.outcome, check.figure, check.low, check.n, check.limit) == ("refused", 9, 8, 6, 4)
    assert check.hint == "b is bad. c may be"


# whole projects
CODE = """
import numpy as np
from sklearn.linear_model import LogisticRegression


class Squared(LogisticRegression):
    def predict_proba(self, X):
        p = super().predict_proba(X)[:, 1] ** 2
        return np.column_stack([1 - p, p])
"""


@pytest.fixture
def squared(make_case, exported):
    """A project whose train notebook defines a model that squares its probabilities."""
    case = make_case(rows=1000)
    case.cells["train"] = [code(CODE, tags=["export"])]
    estimator = exported(CODE).Squared()
    case.model = make_pipeline(ColumnTransformer([("all", "passthrough", ["a", "b", "c"])]), estimator).fit(
        case.train.drop(columns="y"), case.train["y"].to_numpy(dtype="object"))
    said = case.model.predict_proba(case.test)[:, 1]
    labels = case.model.predict(case.test)
    case.figures = {"roc_auc": roc_auc_score(case.test["y"] == "yes", said),
                    "accuracy": np.mean(labels == case.test["y"])}
    return case


def test_squared_probabilities_in_a_project_are_refused_by_name(squared):
    code, checks = squared.by_command()
    assert code == 3
    assert checks["calibration.loss"]["outcome"] == "refused"
    assert "too low as a whole" in checks["calibration.loss"]["hint"]
    assert checks["metric"]["outcome"] == checks["dummy"]["outcome"] == "passed"
    squared.gate["warn"] = ["calibration.loss", "calibration.error", "agreement"]
    assert squared.by_command()[1]["calibration.loss"]["outcome"] == "warned"


@pytest.mark.parametrize(("task", "asked"), [("classification", NAMES[:2]), ("three", NAMES[:2]),
                                             ("regression", NAMES[2:])])
def test_honest_projects_pass_and_say_what_is_not_asked_for(honest, task, asked):
    code, checks = honest(task)
    assert code == 0
    assert {name: checks[name]["outcome"] for name in NAMES} == {
        name: "passed" if name in asked else "not asked for" for name in NAMES}


def test_a_model_without_probabilities_has_no_calibration(make_case):
    case = make_case()
    case.model = make_pipeline(ColumnTransformer([("all", "passthrough", ["a", "b", "c"])]), LinearSVC()).fit(
        case.train.drop(columns="y"), case.train["y"].to_numpy(dtype="object"))
    case.figures = {"roc_auc": roc_auc_score(case.test["y"] == "yes", case.model.decision_function(case.test))}
    code, checks = case.by_command()
    assert (code, checks["calibration.loss"]["hint"]) == (0, "the model gives no probabilities")


def test_predictions_that_are_too_low_are_refused_by_name(make_case):
    case = make_case("regression")
    case.model[-1].intercept_ -= 2.5
    case.figures = {"r2": r2_score(case.test["y"], case.model.predict(case.test))}
    code, checks = case.by_command()
    assert code == 3
    assert checks["calibration.residuals"]["outcome"] == "refused"
    assert "the predictions are too low by 2." in checks["calibration.residuals"]["hint"]


@pytest.mark.parametrize("wrong", [{"max_los": 0.1}, {"max_loss": 2}, {"coverage": 1}, {}])
def test_a_configuration_without_sense_is_a_usage_error(case, wrong):
    case.gate["calibration"] = wrong
    with pytest.raises(UsageError, match="calibration"):
        case.judge()
