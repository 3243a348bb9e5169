"""Figures by name: the quick ones equal scikit-learn's, names resolve, and configurations without sense are told."""

import numpy as np
import pytest
from sklearn.metrics import get_scorer, get_scorer_names, roc_auc_score

from notemill.gate import metrics
from notemill.gate.metrics import Answers, BadMetric, Metric, Truth


def some_answers(classes, rows=80, seed=3):
    """Answers with ties, certainties and mistakes."""
    random = np.random.default_rng(seed)
    if not classes:
        values = random.gamma(3, size=rows)
        return Truth(values), Answers(values + np.abs(random.normal(size=rows)))
    p = np.round(random.dirichlet(np.ones(classes), size=rows), 2)
    p[:, 0] = 1 - p[:, 1:].sum(axis=1)
    p[0] = np.eye(classes)[0]
    return Truth(random.integers(0, classes, rows), tuple(range(classes))), Answers(p.argmax(axis=1), p)


@pytest.mark.parametrize("classes", [0, 2, 4])
@pytest.mark.parametrize("scorer", metrics.QUICK)
def test_quick_scores_equal_the_scorers_on_resamples_one_by_one_and_at_once(scorer, classes):
    truth, answers = some_answers(classes)
    quick = metrics.QUICK[scorer](truth, answers) if metrics._is_regression(scorer) == (classes == 0) else None
    if quick is None:
        return
    slow = metrics._by_scorer(scorer, truth, answers)
    random = np.random.default_rng(1)
    drawn = np.array([np.bincount(random.integers(0, 80, 80), minlength=80) for _ in range(20)])
    one_by_one = [quick(counts.astype("float64")) for counts in drawn]
    assert one_by_one == pytest.approx([slow(counts.astype("float64")) for counts in drawn], abs=1e-12)
    assert quick.many(drawn) == pytest.approx(one_by_one, abs=1e-13) and len(set(one_by_one)) > 1


@pytest.mark.parametrize("digits", [0, 1, 2, 9])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.97])
def test_the_auc_is_scikit_learns_with_ties_and_weights(digits, share):
    """digits = 0: nearly all scores are tied."""
    random = np.random.default_rng([digits, round(100 * share)])
    y = (random.random(1500) < share).astype(int)
    p = np.round(np.clip(0.3 * random.random(1500) + 0.2 * y + 0.3, 0, 1), digits)
    quick = metrics.QUICK["roc_auc"](Truth(y, (0, 1)), Answers(y, np.column_stack([1 - p, p])))
    drawn, weights = random.multinomial(1500, np.full(1500, 1 / 1500), 10), random.gamma(0.5, size=(10, 1500))
    for counts in (drawn, weights):
        expected = [roc_auc_score(y, p, sample_weight=one) for one in counts]
        assert quick.many(counts) == pytest.approx(expected, abs=1e-12, rel=0)


def test_the_auc_of_one_class_is_no_number():
    p = np.array([0.2, 0.8, 0.5])
    quick = metrics.QUICK["roc_auc"](Truth(np.array([0, 1, 1]), (0, 1)), Answers(p > 0.5, np.column_stack([1 - p, p])))
    assert np.isnan(quick(np.array([0, 1, 2]))) and np.isnan(quick(np.array([3, 0, 0])))
    assert quick(np.array([1, 1, 1])) == 1


@pytest.mark.filterwarnings("ignore")   # as in the gate's process: the figures speak for themselves
def test_every_scorer_for_the_task_can_be_asked():
    failed = set()
    for classes in (0, 2, 4):
        truth, answers = some_answers(classes)
        for name in [name for name in get_scorer_names() if metrics._is_regression(name) == (classes == 0)
                     and name not in metrics.OF_CLUSTERS]:
            try:
                score = metrics.score(metrics.find(name, classes == 0), truth, answers)(np.ones(80))
            except ValueError:
                failed.add((name, classes))
                continue
            assert np.isfinite(score), name
    binary_only = {"f1", "precision", "recall", "jaccard", "positive_likelihood_ratio",
                   "neg_negative_likelihood_ratio", "roc_auc"}
    many_labels = {(f"{name}_samples", n) for name in ("f1", "precision", "recall", "jaccard") for n in (2, 4)}
    assert failed == {(name, 4) for name in binary_only} | many_labels


def test_scores_are_those_of_a_real_model():
    from sklearn.linear_model import LogisticRegression

    X = np.random.default_rng(0).normal(size=(60, 2))
    y = (X[:, 0] + np.random.default_rng(1).normal(size=60) > 0).astype(int)
    model = LogisticRegression().fit(X, y)
    truth, answers = Truth(y, (0, 1)), Answers(model.predict(X), model.predict_proba(X))
    decided = Answers(model.predict(X), decision=model.decision_function(X))
    for name in ("roc_auc", "average_precision", "f1", "matthews_corrcoef", "neg_log_loss", "accuracy"):
        own = metrics.score(Metric(name, name), truth, answers)(np.ones(60))
        assert own == pytest.approx(get_scorer(name)(model, X, y), abs=1e-12)
    assert metrics.score(Metric("roc_auc", "roc_auc"), truth, decided)(np.ones(60)) == pytest.approx(
        get_scorer("roc_auc")(model, X, y), abs=1e-12)


@pytest.mark.parametrize(("name", "regression", "found"), [
    ("mae", True, Metric("mae", "neg_mean_absolute_error", -1)),
    ("median_absolute_error", True, Metric("median_absolute_error", "neg_median_absolute_error", -1)),
    ("neg_mean_absolute_error", True, Metric("neg_mean_absolute_error", "neg_mean_absolute_error")),
    ("log_loss", False, Metric("log_loss", "neg_log_loss", -1)),
    ("brier", False, Metric("brier", "neg_brier_score", -1)),
    ("auc", False, Metric("auc", "roc_auc")), ("r2", True, Metric("r2", "r2")),
    ("f1_macro", False, Metric("f1_macro", "f1_macro"))])
def test_names_resolve(name, regression, found):
    assert metrics.find(name, regression) == found


def test_every_figure_of_the_evaluate_notebook_is_known():
    for name in ("roc_auc", "average_precision", "accuracy", "log_loss", "brier", "balanced_accuracy", "f1_macro",
                 "roc_auc_ovr"):
        assert name in metrics.names(regression=False)
    for name in ("r2", "mae", "rmse", "median_absolute_error"):
        assert name in metrics.names(regression=True)


def test_a_plain_loss_has_its_plain_sign():
    truth, answers = Truth(np.array([1.0, 2.0])), Answers(np.array([2.0, 4.0]))
    metric = metrics.find("mae", True)
    assert metric.sign * metrics.score(metric, truth, answers)(np.ones(2)) == 1.5


@pytest.mark.parametrize(("name", "floor"), [("roc_auc", 0.9), ("neg_mean_absolute_error", -3), ("r2", 0),
                                             ("positive_likelihood_ratio", 5)])
def test_floors_that_make_sense(name, floor):
    metrics.check_floor(metrics.find(name, name in ("r2", "neg_mean_absolute_error")), floor)


@pytest.mark.parametrize(("name", "floor"), [("roc_auc", 1.1), ("accuracy", 95), ("mae", 3), ("mae", -3),
                                             ("neg_mean_absolute_error", 3)])
def test_floors_that_make_none(name, floor):
    with pytest.raises(BadMetric):
        metrics.check_floor(metrics.find(name, name.endswith(("mae", "error"))), floor)
