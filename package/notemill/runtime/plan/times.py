"""Steps that read moments: microseconds since 1970, None (in a column: the least int64) where it is missing."""

from bisect import bisect_right

import numpy as np

from .cells import LEAST

GAP = float(LEAST)  # what numpy makes of a missing time


class Seconds:
    """Whole seconds since 1970 as a number; a missing moment becomes numpy's own number for it."""

    def one(self, moment):
        return GAP if moment is None else float(moment // 1_000_000)

    def many(self, moments):
        return np.where(moments == LEAST, GAP, moments // 1_000_000)


class MissingMoment:
    """1 where a moment is missing, else 0."""

    def one(self, moment):
        return 1.0 if moment is None else 0.0

    def many(self, moments):
        return (moments == LEAST).astype("float64")


class Dial:
    """Where a number stands on a periodic scale: numpy.interp with a period, in numpy's own order of operations."""

    def __init__(self, xp: list[float], fp: list[float], period: float):
        self.given = (np.array(xp), np.array(fp), period)
        self.period = abs(period)
        marks = sorted((x % self.period, y) for x, y in zip(xp, fp, strict=True))
        ends = (marks[-1][0] - self.period, marks[-1][1]), (marks[0][0] + self.period, marks[0][1])
        around = [ends[0], *marks, ends[1]]
        self.x, self.y = [x for x, _ in around], [y for _, y in around]
        self.slopes = [(y1 - y0) / (x1 - x0) if x1 != x0 else 0.0
                       for (x0, y0), (x1, y1) in zip(around, around[1:], strict=False)]

    def one(self, x):
        if x != x:
            return x
        x %= self.period
        low = bisect_right(self.x, x) - 1
        return self.slopes[low] * (x - self.x[low]) + self.y[low]

    def many(self, x):
        xp, fp, period = self.given
        return np.interp(x, xp, fp, period=period)
