"""How sure a figure is: the bootstrap, for one figure and for the difference of two on the same rows."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

LEVEL = 0.95
MOST_RESAMPLES, LEAST_RESAMPLES = 1000, 200
MANY_ROWS = 20_000  # from here on fewer resamples will do: the interval is narrow, and each costs more
PARTS = 100  # of the rows, for the jackknife
TRIES = 50  # for one resample that holds all classes
SEED = 20_261_120

Statistic = Callable[[np.ndarray], float]  # of how often each row is drawn


@dataclass(frozen=True)
class Interval:
    """A figure with the ends of its 95 % interval."""

    figure: float
    low: float
    high: float


class Unsure(ValueError):
    """No interval can be given."""


@dataclass(frozen=True)
class Rows:
    """What is drawn from: `count` rows; each one's class (0, 1, ...) for a classification; its group, where rows of one
    group belong together and are drawn together."""

    count: int
    classes: np.ndarray | None = None
    groups: np.ndarray | None = None

    @property
    def resamples(self) -> int:
        return max(LEAST_RESAMPLES, min(MOST_RESAMPLES, MOST_RESAMPLES * MANY_ROWS // max(self.count, 1)))


def interval(statistic: Statistic, rows: Rows, seed: int = SEED, drawn: np.ndarray | None = None) -> Interval:
    """The 95 % bootstrap interval of a figure; the same seed gives the same one. Raises Unsure.

    `drawn`: what `sample` gave, where it is known already. BCa: Efron (1987), Better Bootstrap Confidence Intervals,
    JASA 82, 171-185. Near the end of a scale, as for a ROC AUC of 0.99, it keeps its word better than percentiles.
    """
    figure, drawn = statistic(np.ones(rows.count)), sample(statistic, rows, seed) if drawn is None else drawn
    need_numbers(np.append(drawn, figure))
    left_out = np.array([statistic(counts) for counts in leave_out(rows, seed)])
    low, high = bca(figure, drawn, left_out)
    return Interval(figure, low, high)


def difference(ours: np.ndarray, theirs: np.ndarray, gap: float) -> Interval:
    """The 95 % interval of the difference `gap` of two figures, from figures of the same resamples (paired).

    Percentiles: Efron and Tibshirani (1993), An Introduction to the Bootstrap, chapter 13.
    """
    need_numbers(np.append(ours - theirs, gap))
    low, high = np.quantile(ours - theirs, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(gap, float(low), float(high))


def sample(statistic: Statistic, rows: Rows, seed: int = SEED) -> np.ndarray:
    """The figure of each resample; the resamples are the same for every statistic of the same rows."""
    return np.array([statistic(counts) for counts in draw(rows, seed)])


def need_numbers(figures: np.ndarray) -> None:
    """Raise Unsure where a figure is not finite."""
    failed = int((~np.isfinite(figures)).sum())
    if failed:
        raise Unsure(f"the figure is no number for {failed:,} of {len(figures):,} resamples of the rows")


def bca(figure: float, drawn: np.ndarray, left_out: np.ndarray) -> tuple[float, float]:
    """Ends that allow for bias and skewness; plain percentiles where the resamples do not show these."""
    normal, tail = NormalDist(), (1 - LEVEL) / 2
    below = float(np.mean(drawn < figure) + np.mean(drawn == figure) / 2)
    shares = [tail, 1 - tail]
    if 0 < below < 1:
        bias, skew = normal.inv_cdf(below), acceleration(left_out)
        turned = [bias + normal.inv_cdf(share) for share in shares]
        shares = [normal.cdf(bias + z / (1 - skew * z)) for z in turned if skew * z < 1]
    low, high = np.quantile(drawn, shares if len(shares) == 2 else [tail, 1 - tail])
    return float(low), float(high)


def acceleration(left_out: np.ndarray) -> float:
    """Skewness of the figure's influence, from figures with one part of the rows left out each (Efron 1987, 6.6)."""
    gaps = left_out[np.isfinite(left_out)]
    gaps = gaps.mean() - gaps if len(gaps) else np.zeros(1)
    size = float((gaps ** 2).sum())
    return float((gaps ** 3).sum()) / (6 * size ** 1.5) if size > 1e-300 else 0.0


def draw(rows: Rows, seed: int) -> Iterator[np.ndarray]:
    """How often each row is drawn, once for each resample."""
    random = np.random.default_rng(seed)
    one = _one_of_groups(rows) if rows.groups is not None else _one_of_rows(rows)
    for _ in range(rows.resamples):
        yield one(random)


def _one_of_rows(rows: Rows) -> Callable:
    """A resample that holds every class: drawn again where one lacks, within the classes where most would lack one."""
    if rows.classes is None:
        return lambda random: _counts(random, rows.count)
    sizes = np.bincount(rows.classes)
    present = sizes[sizes > 0]
    if math.prod(1 - math.exp(-int(size)) for size in present) < 0.5:
        return _one_within_classes(rows.classes, sizes)
    return lambda random: _with_all_classes(lambda: _counts(random, rows.count), rows.classes, len(present))


def _one_within_classes(classes: np.ndarray, sizes: np.ndarray) -> Callable:
    """Each class keeps its number of rows (stratified bootstrap)."""
    order = np.argsort(classes, kind="stable")
    size, start = np.repeat(sizes, sizes), np.repeat(np.cumsum(sizes) - sizes, sizes)

    def one(random):
        chosen = order[start + (random.random(len(order)) * size).astype("int64")]
        return np.bincount(chosen, minlength=len(order)).astype("float64")

    return one


def _one_of_groups(rows: Rows) -> Callable:
    """Whole groups are drawn (cluster bootstrap): rows of one group say much the same."""
    of_row = np.unique(rows.groups, return_inverse=True)[1]
    groups = int(of_row.max()) + 1 if len(of_row) else 0
    if groups < 2:
        raise Unsure("all rows belong to one group: no interval can be given")

    def one(random):
        return np.bincount(random.integers(0, groups, groups), minlength=groups)[of_row].astype("float64")

    if rows.classes is None:
        return one
    present = len(np.unique(rows.classes))
    return lambda random: _with_all_classes(lambda: one(random), rows.classes, present)


def _counts(random: np.random.Generator, count: int) -> np.ndarray:
    return np.bincount(random.integers(0, count, count), minlength=count).astype("float64")


def _with_all_classes(one: Callable, classes: np.ndarray, present: int) -> np.ndarray:
    for _ in range(TRIES):
        counts = one()
        if np.count_nonzero(np.bincount(classes, weights=counts)) == present:
            return counts
    raise Unsure(f"{TRIES} resamples in a row lack one of the {present} classes: too few rows, or groups, hold it")


def leave_out(rows: Rows, seed: int) -> Iterator[np.ndarray]:
    """All rows but one part, for each of at most 100 parts; rows of a group stay together."""
    units = np.unique(rows.groups, return_inverse=True)[1] if rows.groups is not None else np.arange(rows.count)
    total = int(units.max()) + 1 if len(units) else 0
    parts = np.random.default_rng(seed).permutation(total) % min(total, PARTS) if total else units
    for part in range(min(total, PARTS)):
        kept = (parts[units] != part).astype("float64")
        if kept.any() and _holds_all(kept, rows.classes):
            yield kept


def _holds_all(kept: np.ndarray, classes: np.ndarray | None) -> bool:
    return classes is None or bool(np.all(np.isin(np.unique(classes), classes[kept > 0])))
