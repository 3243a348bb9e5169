"""How sure a figure is: the bootstrap, for one figure and for the difference of two on the same rows."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from statistics import NormalDist

import numpy as np

LEVEL = 0.95
MOST_RESAMPLES, LEAST_RESAMPLES = 1000, 200
MANY_ROWS = 20_000  # from here on fewer resamples will do: the interval is narrow, and each costs more
PARTS = 100  # of the rows, for the jackknife
TRIES = 50  # for one resample that holds all classes
SEED = 20_261_120
CELLS = 1 << 14  # counts that are drawn at once: what stays in a processor's own cache
SURELY = 64  # units of a class, of which a resample lacks all with probability exp(-64)

Statistic = Callable[[np.ndarray], float]  # of how often each row is drawn


@dataclass(frozen=True)
class Batched:
    """A statistic that is worked out for many resamples at once: `many` takes (resamples, rows) counts."""

    many: Callable[[np.ndarray], np.ndarray]

    def __call__(self, counts: np.ndarray) -> float:
        return float(self.many(np.asarray(counts)[np.newaxis])[0])


def mean_of(of_row: np.ndarray) -> Batched:
    """The mean of one number for each row, (n,)."""
    return Batched(lambda counts: counts @ of_row / counts.sum(axis=1))


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
    left_out = figures([statistic], blocks_of(leave_out(rows, seed), rows.count))[0]
    low, high = bca(figure, drawn, left_out)
    return Interval(figure, low, high)


def difference(ours: np.ndarray, theirs: np.ndarray, gap: float, tail: float = (1 - LEVEL) / 2) -> Interval:
    """The interval of the difference `gap` of two figures, from figures of the same resamples (paired); `tail`: how
    often the truth may lie beyond each end, 2.5 % for a 95 % interval.

    Percentiles: Efron and Tibshirani (1993), An Introduction to the Bootstrap, chapter 13.
    """
    need_numbers(np.append(ours - theirs, gap))
    low, high = np.quantile(ours - theirs, [tail, 1 - tail])
    return Interval(gap, float(low), float(high))


def sample(statistic: Statistic, rows: Rows, seed: int = SEED) -> np.ndarray:
    """The figure of each resample; the resamples are the same for every statistic of the same rows."""
    return samples([statistic], rows, seed)[0]


def samples(statistics: Sequence[Statistic], rows: Rows, seed: int = SEED,
            resamples: int | None = None) -> np.ndarray:
    """The figures of several statistics for each resample, (statistics, resamples); each is drawn once for all."""
    return figures(statistics, draw_blocks(rows, seed, resamples))


def figures(statistics: Sequence[Statistic], blocks: Iterator[np.ndarray]) -> np.ndarray:
    """(statistics, resamples) of blocks of counts, (resamples, rows) each."""
    parts = [[of_block(statistic, counts) for statistic in statistics] for counts in blocks]
    return np.concatenate(parts, axis=1) if parts else np.empty((len(statistics), 0))


def of_block(statistic: Statistic, counts: np.ndarray) -> np.ndarray:
    if isinstance(statistic, Batched):
        return statistic.many(counts)
    return np.array([statistic(one) for one in counts.astype("float64")])


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
    for counts in draw_blocks(rows, seed):
        yield from counts.astype("float64")


def draw_blocks(rows: Rows, seed: int, resamples: int | None = None) -> Iterator[np.ndarray]:
    """How often each row is drawn, (some resamples, rows) at a time, in whole numbers."""
    random, some = np.random.default_rng(seed), _some_of_groups(rows) if rows.groups is not None else _some_of(rows)
    left, most = rows.resamples if resamples is None else resamples, max(1, CELLS // max(rows.count, 1))
    while left > 0:
        yield some(random, min(left, most))
        left -= most


def blocks_of(resamples: Iterator[np.ndarray], count: int) -> Iterator[np.ndarray]:
    """Counts that come one by one, as blocks."""
    while block := list(islice(resamples, max(1, CELLS // max(count, 1)))):
        yield np.array(block)


Some = Callable[[np.random.Generator, int], np.ndarray]  # (random, how many) -> (how many, rows) counts


def _some_of(rows: Rows) -> Some:
    """Resamples that hold every class: drawn again where one lacks, within the classes where most would lack one."""
    def some(random, many):
        return _counts(random, rows.count, many)

    if rows.classes is None:
        return some
    sizes = np.bincount(rows.classes)
    present = sizes[sizes > 0]
    if math.prod(1 - math.exp(-int(size)) for size in present) < 0.5:
        return _some_within_classes(rows.classes, sizes)
    return some if present.min() >= SURELY else _with_all_classes(some, rows.classes)


def _some_within_classes(classes: np.ndarray, sizes: np.ndarray) -> Some:
    """Each class keeps its number of rows (stratified bootstrap)."""
    order = np.argsort(classes, kind="stable")
    size, start = np.repeat(sizes, sizes), np.repeat(np.cumsum(sizes) - sizes, sizes)

    def some(random, many):
        chosen = order[start + (random.random((many, len(order))) * size).astype("int64")]
        return _counted(chosen, len(order))

    return some


def _some_of_groups(rows: Rows) -> Some:
    """Whole groups are drawn (cluster bootstrap): rows of one group say much the same.

    Field and Welsh (2007), Bootstrapping clustered data, JRSS B 69, 369-390.
    """
    of_row = np.unique(rows.groups, return_inverse=True)[1]
    groups = int(of_row.max()) + 1 if len(of_row) else 0
    if groups < 2:
        raise Unsure("all rows belong to one group: no interval can be given")

    def some(random, many):
        return _counts(random, groups, many)[:, of_row]

    if rows.classes is None:
        return some
    holders = np.unique(np.column_stack([rows.classes, of_row]), axis=0)[:, 0]  # a class for each group with it
    surely = np.unique(holders, return_counts=True)[1].min() >= SURELY
    return some if surely else _with_all_classes(some, rows.classes)


def _counts(random: np.random.Generator, count: int, many: int) -> np.ndarray:
    return _counted(random.integers(0, count, (many, count)), count)


def _counted(chosen: np.ndarray, count: int) -> np.ndarray:
    """How often each of `count` is chosen in each line of `chosen`."""
    many = len(chosen)
    places = (chosen + np.arange(0, many * count, count)[:, np.newaxis] if many > 1 else chosen).ravel()
    return np.bincount(places, minlength=many * count).reshape(many, count)


def _with_all_classes(some: Some, classes: np.ndarray) -> Some:
    order = np.argsort(classes, kind="stable")
    starts = np.flatnonzero(np.diff(classes[order], prepend=-1))

    def whole(random, many):
        counts, lacking = np.empty((many, len(classes)), dtype="int64"), np.arange(many)
        for _ in range(TRIES):
            counts[lacking] = some(random, len(lacking))
            held = np.add.reduceat(counts[lacking][:, order], starts, axis=1).all(axis=1)
            lacking = lacking[~held]
            if not len(lacking):
                return counts
        raise Unsure(f"{TRIES} resamples in a row lack one of the {len(starts)} classes: too few rows, or groups, "
                     "hold it")

    return whole


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
