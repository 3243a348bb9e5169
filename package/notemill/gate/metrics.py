"""Figures by their names: scikit-learn's scorers, and the plain names under which notebooks write them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from notemill.errors import did_you_mean
from notemill.gate.statistics import Batched, mean_of

PLAIN = {"mae": "neg_mean_absolute_error", "mse": "neg_mean_squared_error", "rmse": "neg_root_mean_squared_error",
         "mape": "neg_mean_absolute_percentage_error", "msle": "neg_mean_squared_log_error", "auc": "roc_auc",
         "brier": "neg_brier_score", "mcc": "matthews_corrcoef"}
REGRESSION = {"r2", "explained_variance", "d2_absolute_error_score", "neg_max_error", "neg_median_absolute_error"}
OF_CLUSTERS = {"adjusted_mutual_info_score", "adjusted_rand_score", "completeness_score", "fowlkes_mallows_score",
               "homogeneity_score", "mutual_info_score", "normalized_mutual_info_score", "rand_score",
               "v_measure_score"}  # they look at who is put together: labels that are swapped are as good
UNBOUNDED = {"positive_likelihood_ratio"}  # all other scores that are not losses end at 1


class BadMetric(ValueError):
    """A configuration that makes no sense: (got, allowed, hint). `keys`: where in the gate section."""

    def __init__(self, got: str, allowed: str | None, hint: str | None, keys: tuple = ()):
        super().__init__(got, allowed, hint)
        self.keys = keys


@dataclass(frozen=True)
class Metric:
    """A figure: its name as written, scikit-learn's scorer, and the sign that turns the score into the figure."""

    name: str
    scorer: str
    sign: int = 1

    @property
    def is_loss(self) -> bool:
        """Whether the score's best is 0 and it has the unit of an error."""
        return self.scorer.startswith("neg_")


@dataclass(frozen=True)
class Answers:
    """What a model says of the held-out rows.

    `labels`: (n,) codes of classes, or quantities. `probabilities`: (n, classes) or None. `decision`: (n,) or
    (n, classes), where there are no probabilities.
    """

    labels: np.ndarray
    probabilities: np.ndarray | None = None
    decision: np.ndarray | None = None

    def at(self, rows: np.ndarray) -> "Answers":
        """Those of some of the rows, by their positions."""
        return Answers(*(None if part is None else part[rows]
                         for part in (self.labels, self.probabilities, self.decision)))


@dataclass(frozen=True)
class Truth:
    """What is true of the held-out rows: codes of the `classes` (of two, 1 is the one to detect), or quantities."""

    values: np.ndarray
    classes: tuple = ()

    @property
    def is_regression(self) -> bool:
        return not self.classes

    @property
    def is_binary(self) -> bool:
        return len(self.classes) == 2

    @property
    def lacking(self) -> list[str]:
        """The classes that no row is of."""
        return [str(name) for code, name in enumerate(self.classes) if not np.any(self.values == code)]


def names(regression: bool) -> list[str]:
    """All names of figures that fit the task."""
    from sklearn.metrics import get_scorer_names

    scorers = [name for name in get_scorer_names() if _is_regression(name) == regression and name not in OF_CLUSTERS]
    plain = [name.removeprefix("neg_") for name in scorers if name.startswith("neg_")]
    return sorted({*scorers, *plain, *(name for name, scorer in PLAIN.items() if scorer in scorers)})


def _is_regression(scorer: str) -> bool:
    return scorer in REGRESSION or scorer.startswith(("neg_mean_", "neg_root_mean_"))


def find(name: str, regression: bool) -> Metric:
    """The metric of that name. Raises BadMetric where there is none, or not for this task."""
    allowed = names(regression)
    if name not in allowed:
        task = "a regression" if regression else "a classification"
        kind = f"is not for {task}" if name in names(not regression) else "is unknown"
        raise BadMetric(f"the metric '{name}' {kind}", f"for {task}: {', '.join(allowed)}", did_you_mean(name, allowed))
    scorer = PLAIN.get(name, name)
    if f"neg_{scorer}" in allowed:
        return Metric(name, f"neg_{scorer}", -1)
    return Metric(name, scorer, -1 if scorer.startswith("neg_") and name != scorer else 1)


def default(classes: int) -> str:
    """Of two classes how they are ranked, of several the mean recall, of a quantity the variance explained."""
    return {0: "r2", 2: "roc_auc"}.get(classes, "balanced_accuracy")


def check_floor(metric: Metric, floor: float) -> None:
    """A floor that is none, or that nothing can reach, is a mistake. Raises BadMetric."""
    if metric.sign < 0:
        raise BadMetric(f"a floor is the least that a figure may be, and of '{metric.name}' less is better", None,
                        f"write metric: {metric.scorer} and floor: {-abs(floor):g}")
    if metric.is_loss and floor > 0:
        raise BadMetric(f"'{metric.name}' is never above 0, and the floor is {floor:g}", None,
                        f"write floor: {-floor:g}")
    if not metric.is_loss and floor > 1 and metric.scorer not in UNBOUNDED:
        raise BadMetric(f"'{metric.name}' is never above 1, and the floor is {floor:g}", None, "write a share, as 0.9")


def check_margin(metric: Metric, config: Mapping) -> None:
    """A margin as wide as the scale is a mistake: a percentage, perhaps. Raises BadMetric."""
    given = {"margin": config.get("margin"), "slicing: margin": config.get("slicing", {}).get("margin")}
    for name, value in given.items():
        if value is not None and value > 1 and not metric.is_loss and metric.scorer not in UNBOUNDED:
            raise BadMetric(f"the {name} is {value:g}, and '{metric.name}' is never above 1", None,
                            "write a share, as 0.05")


def score(metric: Metric, truth: Truth, answers: Answers) -> Callable[[np.ndarray], float]:
    """The score (higher is better) as a function of how often each row is drawn, (n,)."""
    if make := QUICK.get(metric.scorer):
        if quick := make(truth, answers):
            return quick
    return _by_scorer(metric.scorer, truth, answers)


def _by_scorer(name: str, truth: Truth, answers: Answers) -> Callable[[np.ndarray], float]:
    """scikit-learn's scorer asks a model that looks its answers up by the number of the row."""
    from sklearn.metrics import get_scorer

    scorer, model = get_scorer(name), stored(truth, answers)

    def of(counts):
        rows = np.repeat(np.arange(len(counts)), counts.astype("int64"))
        return float(scorer(model, rows.reshape(-1, 1), truth.values[rows]))

    return of


def stored(truth: Truth, answers: Answers):
    """An estimator of scikit-learn's kind that answers rows given as numbers."""
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

    def look_up(name, values):
        def method(self, rows):
            return values[np.asarray(rows)[:, 0]]

        method.__name__ = name  # scikit-learn goes by it
        return method

    given = {"predict": answers.labels, "predict_proba": answers.probabilities, "decision_function": answers.decision}
    methods = {name: look_up(name, values) for name, values in given.items() if values is not None}
    methods |= {"fit": lambda self, *given: self, "__sklearn_is_fitted__": lambda self: True}
    if not truth.is_regression:
        methods["classes_"] = np.arange(len(truth.classes))
    kind = RegressorMixin if truth.is_regression else ClassifierMixin
    return type("Stored", (kind, BaseEstimator), methods)()


# The commonest scores without scikit-learn's checks of every call, and of many resamples at once, (resamples, rows).
# The tests hold them against the scorers.
def _accuracy(truth, answers):
    return mean_of((truth.values == answers.labels).astype("float64"))


def _balanced_accuracy(truth, answers):
    order = np.argsort(truth.values, kind="stable")
    starts = np.flatnonzero(np.diff(truth.values[order], prepend=-1))
    hit = (truth.values == answers.labels)[order]

    def many(counts):
        sorted_counts = counts[:, order]
        found, all_of = (np.add.reduceat(of, starts, axis=1) for of in (sorted_counts * hit, sorted_counts))
        return np.nanmean(_divided(found, all_of, np.nan), axis=1)

    return Batched(many)


def _divided(part: np.ndarray, whole: np.ndarray, else_: float) -> np.ndarray:
    return np.divide(part, whole, out=np.full(np.shape(whole), else_), where=whole > 0)


def _of_decisions(make: Callable[..., tuple]) -> Callable:
    """A figure of two classes that is a fraction of counts; 0 where it is 0 / 0, as scikit-learn has it."""
    def quick(truth, answers):
        if not truth.is_binary:
            return None
        said, so = answers.labels == 1, truth.values == 1
        sides = np.column_stack([said & so, said & ~so, ~said & so]).astype("float64")
        return Batched(lambda counts: _divided(*make(*(counts @ sides).T), 0.0))

    return quick


def _log_loss(truth, answers):
    if answers.probabilities is None:
        return None
    least = np.finfo(answers.probabilities.dtype).eps
    chosen = answers.probabilities[np.arange(len(truth.values)), truth.values]
    return mean_of(np.log(np.clip(chosen, least, 1 - least)))


def _brier(truth, answers):
    if answers.probabilities is None or not truth.is_binary:
        return None
    return mean_of(-(answers.probabilities[:, 1] - truth.values) ** 2)


def _roc_auc(truth, answers):
    """The share of pairs that are ranked rightly, ties as half: Mann and Whitney's U over the number of pairs."""
    ranking = answers.decision if answers.probabilities is None else answers.probabilities[:, -1]
    return Batched(_ranked_rightly(ranking, truth.values == 1)) if truth.is_binary and ranking is not None else None


def _ranked_rightly(ranking: np.ndarray, positive: np.ndarray) -> Callable:
    """Sorted once; a resample costs one running sum of its negatives. Counts that are whole numbers are added exactly.
    """
    order = np.argsort(ranking, kind="stable")
    high, low = order[positive[order]], order[~positive[order]]
    under, upto = (np.searchsorted(ranking[low], ranking[high], side) for side in ("left", "right"))

    def many(counts):
        sums = np.zeros((len(counts), len(low) + 1), dtype=counts.dtype)
        np.cumsum(counts.take(low, axis=1), axis=1, out=sums[:, 1:])
        above = counts.take(high, axis=1)
        twice = np.einsum("ij,ij->i", above, sums.take(under, axis=1) + sums.take(upto, axis=1))
        return _divided(twice, 2 * above.sum(axis=1) * sums[:, -1], np.nan)

    return many


def _r2(truth, answers):
    y, squares = truth.values, (truth.values - answers.labels) ** 2

    def many(counts):
        means = counts @ y / counts.sum(axis=1)
        total = np.einsum("ij,ij->i", counts, (y - means[:, np.newaxis]) ** 2)
        return 1 - _divided(counts @ squares, total, np.nan)

    return Batched(many)


def _mae(truth, answers):
    return mean_of(-np.abs(truth.values - answers.labels))


def _mse(truth, answers):
    return mean_of(-(truth.values - answers.labels) ** 2)


def _rmse(truth, answers):
    mean = _mse(truth, answers)
    return Batched(lambda counts: -np.sqrt(-mean.many(counts)))


QUICK = {"accuracy": _accuracy, "balanced_accuracy": _balanced_accuracy, "neg_log_loss": _log_loss,
         "neg_brier_score": _brier, "roc_auc": _roc_auc, "r2": _r2, "neg_mean_absolute_error": _mae,
         "neg_mean_squared_error": _mse, "neg_root_mean_squared_error": _rmse,
         "precision": _of_decisions(lambda right, false_alarms, missed: (right, right + false_alarms)),
         "recall": _of_decisions(lambda right, false_alarms, missed: (right, right + missed)),
         "f1": _of_decisions(lambda right, false_alarms, missed: (2 * right, 2 * right + false_alarms + missed))}
