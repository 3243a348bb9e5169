"""Steps from numbers to numbers. `one` takes a float, `many` an array; NaN is a missing number."""

import math

import numpy as np

FUNCTIONS = ("absolute", "cbrt", "ceil", "cos", "exp", "expm1", "floor", "log", "log10", "log1p", "log2", "negative",
             "reciprocal", "rint", "sign", "sin", "sqrt", "square", "tanh", "trunc")


class Scale:
    """(x - shift) / divide, in this order: the last bit counts at a tree's threshold."""

    def __init__(self, shift: float, divide: float):
        self.shift, self.divide = shift, divide

    def one(self, x):
        return (x - self.shift) / self.divide

    many = one


class Affine:
    """x * times + plus, then within `within` where it is given."""

    def __init__(self, times: float, plus: float, within: list | None = None):
        self.times, self.plus, self.within = times, plus, within

    def one(self, x):
        x = x * self.times + self.plus
        return x if self.within is None or x != x else min(max(x, self.within[0]), self.within[1])

    def many(self, x):
        x = x * self.times + self.plus
        return x if self.within is None else np.clip(x, *self.within)


class Fill:
    """What stands for a missing number; `gap` is the number that means missing, where that is not NaN."""

    def __init__(self, value: float, gap: float | None = None):
        self.value, self.gap = value, gap

    def one(self, x):
        return self.value if (x != x if self.gap is None else x == self.gap) else x

    def many(self, x):
        return np.where(np.isnan(x) if self.gap is None else x == self.gap, self.value, x)


class Missing:
    """1 where a number is missing, else 0."""

    def __init__(self, gap: float | None = None):
        self.gap = gap

    def one(self, x):
        return 1.0 if (x != x if self.gap is None else x == self.gap) else 0.0

    def many(self, x):
        return (np.isnan(x) if self.gap is None else x == self.gap).astype("float64")


class Function:
    """One of numpy's functions of one number."""

    def __init__(self, name: str):
        if name not in FUNCTIONS:
            raise ValueError(f"'{name}' is no function that a plan may hold")
        self.function = getattr(np, name)

    def one(self, x):
        with np.errstate(all="ignore"):
            return float(self.function(x))

    def many(self, x):
        return self.function(x)


class Floor:
    """The whole number below; a step of its own because dates need it for each row."""

    def one(self, x):
        return math.floor(x) * 1.0 if math.isfinite(x) else x

    def many(self, x):
        return np.floor(x)


class Product:
    """The product of several numbers, each raised to a whole power."""

    def __init__(self, powers: list[int]):
        self.powers = powers

    def one(self, *factors):
        return math.prod(x ** power for x, power in zip(factors, self.powers, strict=True))

    def many(self, *factors):
        return math.prod(x ** power for x, power in zip(factors, self.powers, strict=True))


class Single:
    """The number as 32 bits hold it, as scikit-learn's own trees see it."""

    def one(self, x):
        return float(np.float32(x))

    def many(self, x):
        return x.astype("float32").astype("float64")


class Pick:
    """One of the numbers of a slot that holds several."""

    def __init__(self, place: int):
        self.place = place

    def one(self, row):
        return float(row[self.place])

    def many(self, rows):
        return rows[:, self.place]
