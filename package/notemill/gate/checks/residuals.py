"""Are a regression's errors centred, and do intervals made from them hold what they promise?

Intervals: split conformal prediction, Vovk, Gammerman and Shafer (2005), Algorithmic Learning in a Random World; Lei et
al. (2018), Distribution-free predictive inference for regression, JASA 113, 1094-1111. Exact intervals of a share:
Clopper and Pearson (1934), Biometrika 26, 404-413; of five fifths together: Bonferroni.
"""

import math
from collections.abc import Iterator

import numpy as np

from notemill.gate.evidence import Evidence
from notemill.gate.judged import Judged
from notemill.gate.parts import part, together
from notemill.gate.shares import clopper_pearson
from notemill.gate.statistics import LEVEL, SEED, Interval, Rows, interval, mean_of
from notemill.gate.verdict import Check, not_asked

MOST_BIAS, WARN_BIAS = 0.25, 0.1  # of the target's standard deviation
COVERAGE = 0.9
UNDER = 0.1  # so far under its promise, surely, an interval is warned of: the halves differ a little by chance
FIFTHS = 5
LEAST = 50  # rows, to halve them
SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)


def check_residuals(judged: Judged) -> Check:
    """Bias; coverage of intervals from one half's residual quantiles on the other half, and by fifths of the
    prediction."""
    name, evidence = "calibration.residuals", judged.evidence
    if not evidence.is_regression:
        return not_asked(name, "a classification has no residuals: see calibration.loss")
    said, off = evidence.answers.labels, evidence.truth.values - evidence.answers.labels
    parts = [biased(evidence, off)]
    if len(off) < LEAST:
        parts.append(part("coverage", "not assessed", n=len(off), hint=f"{len(off)} held-out rows are too few to tell "
                          f"the coverage of intervals: {LEAST} are wanted"))
        return together(name, parts)
    return together(name, [*parts, *covered(evidence, said, off)], list(quantiles(said, off)))


def biased(evidence: Evidence, off: np.ndarray) -> dict:
    """The mean residual, in standard deviations of the target."""
    most = evidence.config.get("calibration", {}).get("max_bias", MOST_BIAS)
    spread = max(float(np.std(evidence.truth.values)), 1e-300)
    found = interval(mean_of(off / spread), evidence.rows)
    least = max(found.low, -found.high)
    outcome = "refused" if least > most else "warned" if least > min(WARN_BIAS, most) else "passed"
    how = "low" if found.figure > 0 else "high"
    hint = (f"the predictions are too {how} by {abs(found.figure) * spread:.4g} on average ({abs(found.figure):.2f} of "
            "the target's standard deviation): were the training rows others, or older?")
    return part("bias", outcome, found, len(off), most, hint if outcome != "passed" else None)


def covered(evidence: Evidence, said: np.ndarray, off: np.ndarray) -> Iterator[dict]:
    """Of the second half, the share within the first half's quantiles: all of it, and by fifths of the prediction."""
    promise = evidence.config.get("calibration", {}).get("coverage", COVERAGE)
    first = halves(evidence.rows)
    inside = within(off[first], off, promise) & ~first
    second = np.flatnonzero(~first)
    yield told(evidence, "coverage", inside, second, promise, LEVEL, "")
    cuts = np.quantile(said[second], np.arange(1, FIFTHS) / FIFTHS)
    fifth = np.unique(np.searchsorted(cuts, said[second]), return_inverse=True)[1]
    for number in range(int(fifth.max()) + 1 if fifth.max() else 0):
        rows = second[fifth == number]
        place = f"of predictions from {said[rows].min():.4g} to {said[rows].max():.4g}"
        yield told(evidence, f"coverage {place}", inside, rows, promise, 1 - (1 - LEVEL) / FIFTHS, f" {place}")


def halves(rows: Rows) -> np.ndarray:
    """Whether a row gives the quantiles; whole groups are on one side."""
    units = np.arange(rows.count) if rows.groups is None else np.unique(rows.groups, return_inverse=True)[1]
    side = np.random.default_rng(SEED).permutation(int(units.max()) + 1) % 2 == 0
    return side[units]


def within(seen: np.ndarray, off: np.ndarray, promise: float) -> np.ndarray:
    """Whether residuals lie in the conformal interval of those seen, half of what it may miss on either side."""
    n, tail = len(seen), (1 - promise) / 2
    above = math.ceil((1 - tail) * (n + 1))  # the rank, of n + 1, that the next one exceeds seldom enough
    low, high = (np.sort(seen)[n - above], np.sort(seen)[above - 1]) if above <= n else (-np.inf, np.inf)
    return (off >= low) & (off <= high)


def told(evidence: Evidence, name: str, inside: np.ndarray, rows: np.ndarray, promise: float, level: float,
         place: str) -> dict:
    found = share(evidence, inside, rows, level)
    surely_under = found.high < promise - UNDER
    hint = (f"intervals that should hold {promise:.0%} of the rows hold {found.figure:.1%}{place}: the errors are "
            "larger there than elsewhere (a target on a log scale, or quantile regression, may help)")
    if not place:
        hint = (f"intervals from one half of the held-out rows hold {found.figure:.1%} of the other half, and should "
                f"hold {promise:.0%}: rows of one kind stand together (name their group under gate: group)")
    return part(name, "warned" if surely_under else "passed", found, len(rows), promise, hint if surely_under else None)


def share(evidence: Evidence, inside: np.ndarray, rows: np.ndarray, level: float) -> Interval:
    """Exact; where groups of rows belong together, by drawing whole groups, if there are several."""
    groups = evidence.rows.groups
    if groups is None or len(np.unique(groups[rows])) < 2:
        return clopper_pearson(int(inside[rows].sum()), len(rows), level)
    return interval(mean_of(inside[rows].astype("float64")), Rows(len(rows), None, groups[rows]))


def quantiles(said: np.ndarray, off: np.ndarray) -> Iterator[dict]:
    """Residuals against the prediction: of each bin the median, and where the middle half and nine tenths lie."""
    bins = int(np.clip(len(said) // 30, 1, 10))
    cuts = np.quantile(said, np.arange(1, bins) / bins)
    bin_of = np.unique(np.searchsorted(cuts, said), return_inverse=True)[1]
    rows = [bin_of == number for number in range(int(bin_of.max()) + 1)]
    found = np.array([np.quantile(off[of], SHARES) for of in rows])
    x, n = [float(said[of].mean()) for of in rows], [int(of.sum()) for of in rows]
    for low, high, what in ((0, 4, "nine tenths"), (1, 3, "the middle half")):
        yield {"x": x, "y": found[:, 2].tolist(), "low": found[:, low].tolist(), "high": found[:, high].tolist(),
               "n": n, "x_name": "prediction", "y_name": f"residual: median and {what}"}
