"""Intervals of a share of rows."""

import math
from statistics import NormalDist

from notemill.gate.statistics import LEVEL, Interval


def wilson(hits: float, n: int) -> Interval:
    """Wilson (1927), Probable inference, the law of succession, and statistical inference, JASA 22, 209-212."""
    z = NormalDist().inv_cdf((1 + LEVEL) / 2)
    share, size = hits / n, 1 + z * z / n
    middle = (share + z * z / (2 * n)) / size
    wide = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / size
    return Interval(share, min(share, max(0.0, middle - wide)), max(share, min(1.0, middle + wide)))


def clopper_pearson(hits: int, n: int, level: float = LEVEL) -> Interval:
    """Exact: Clopper and Pearson (1934), The use of confidence or fiducial limits, Biometrika 26, 404-413."""
    from scipy.stats import beta

    tail = (1 - level) / 2
    low = float(beta.ppf(tail, hits, n - hits + 1)) if hits else 0.0
    high = float(beta.ppf(1 - tail, hits + 1, n - hits)) if hits < n else 1.0
    return Interval(hits / n, low, high)
