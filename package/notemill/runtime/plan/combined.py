"""Models made of models: their answers averaged, or calibrated. `models` are ready, each with its link."""

from bisect import bisect_right
from collections.abc import Sequence

import numpy as np

from .links import sigmoid, sigmoids


class Mean:
    """bias + the sum of the models' answers, each times its weight."""

    def __init__(self, *, models: Sequence, weights: list[float], bias: float = 0.0):
        self.parts, self.bias, self.width = list(zip(models, weights, strict=True)), bias, models[0].width
        if any(model.width != self.width for model in models):
            raise ValueError("a mean of answers of different widths")

    def one(self, slots: list) -> list[float]:
        answers = [[weight * one for one in model.one(slots)] for model, weight in self.parts]
        return [self.bias + sum(some) for some in zip(*answers, strict=True)]

    def many(self, slots: list, rows: int):
        return self.bias + sum(weight * model.many(slots, rows) for model, weight in self.parts)


class Sigmoid:
    """Platt's sigmoid of a score."""

    def __init__(self, a: float, b: float):
        self.a, self.b = a, b

    def one(self, x):
        return sigmoid(-(self.a * x + self.b))

    def many(self, x):
        return sigmoids(-(self.a * x + self.b))


class Isotonic:
    """Straight lines between points; beyond the ends what stands at the end."""

    def __init__(self, x: list[float], y: list[float]):
        self.x, self.y = x, y

    def one(self, x):
        if x != x:
            return x
        high = bisect_right(self.x, x)
        if high in (0, len(self.x)):
            return self.y[0 if high == 0 else -1]
        x0, x1, y0, y1 = self.x[high - 1], self.x[high], self.y[high - 1], self.y[high]
        return (y1 - y0) / (x1 - x0) * (x - x0) + y0

    def many(self, x):
        return np.interp(x, self.x, self.y)


CALIBRATORS = {"sigmoid": Sigmoid, "isotonic": Isotonic}


class Calibrated:
    """A model's score for each class, calibrated: one score where there are two classes, for the second."""

    def __init__(self, *, models: Sequence, method: str, calibrators: list[dict]):
        self.model, = models
        self.calibrators = [CALIBRATORS[method](**given) for given in calibrators]
        self.width = max(2, len(calibrators))
        if len(calibrators) != self.model.width:
            raise ValueError(f"{len(calibrators)} curves for {self.model.width} scores")

    def one(self, slots: list) -> list[float]:
        scores = [calibrate.one(score)
                  for calibrate, score in zip(self.calibrators, self.model.one(slots), strict=True)]
        if len(scores) == 1:
            return [1 - scores[0], scores[0]]
        total = sum(scores)
        return [min(score / total if total else 1 / len(scores), 1.0) for score in scores]

    def many(self, slots: list, rows: int):
        scores = [calibrate.many(score)
                  for calibrate, score in zip(self.calibrators, self.model.many(slots, rows).T, strict=True)]
        if len(scores) == 1:
            return np.column_stack([1 - scores[0], scores[0]])
        table = np.column_stack(scores)
        total = table.sum(axis=1, keepdims=True)
        shares = np.divide(table, total, out=np.full_like(table, 1 / len(scores)), where=total != 0)
        return np.minimum(shares, 1.0)
