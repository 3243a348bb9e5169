"""Steps that turn cells into codes 0, 1, 2, ... and codes into numbers."""

from bisect import bisect_right

import numpy as np


class Code:
    """A label's place in `labels`; `missing` and `unknown` are the codes of the rest."""

    def __init__(self, labels: list, missing: int, unknown: int):
        self.places = {label: place for place, label in enumerate(labels)}
        self.missing, self.unknown = missing, unknown

    def one(self, cell):
        if cell is None or cell != cell:
            return self.missing
        return self.places.get(cell, self.unknown)

    def many(self, cells):
        import pandas as pd

        found, labels = pd.factorize(cells)
        places = [self.places.get(label, self.unknown) for label in labels]
        return np.array([*places, self.missing])[found]  # a missing cell is -1: the last


class Table:
    """The number that belongs to a code."""

    def __init__(self, values: list[float]):
        self.values = np.array(values, dtype="float64")  # null becomes NaN
        self.one = self.values.tolist().__getitem__

    def many(self, codes):
        return self.values[codes]


class Bin:
    """In which of the intervals between `edges` a number lies; each begins with its own edge. A missing one is last."""

    def __init__(self, edges: list[float]):
        self.edges = edges

    def one(self, x):
        return bisect_right(self.edges, x) if x == x else len(self.edges) + 1

    def many(self, x):
        return np.searchsorted(self.edges, x, side="right") + np.isnan(x)


class Words:
    """A number as text: 2.0 -> "2.0"."""

    def one(self, x):
        return None if x != x else str(x)

    def many(self, x):
        import pandas as pd

        found, bits = pd.factorize(np.ascontiguousarray(x).view("int64"))  # -0.0 and 0.0 are two texts
        texts = [self.one(number) for number in bits.view("float64").tolist()]
        return pd.Series(np.array([*texts, None], dtype="object")[found], dtype="str")


class FillText:
    """What stands for a missing text."""

    def __init__(self, value: str):
        self.value = value

    def one(self, cell):
        return self.value if cell is None else cell

    def many(self, cells):
        if cells.dtype == "category" and self.value not in cells.cat.categories:
            cells = cells.cat.add_categories([self.value])
        return cells.fillna(self.value)


class MissingText:
    """1 where a text is missing, else 0."""

    def one(self, cell):
        return 1.0 if cell is None else 0.0

    def many(self, cells):
        return cells.isna().to_numpy(dtype="float64")
