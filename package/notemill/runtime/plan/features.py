"""The features of a model as one array: pieces side by side, each filled at once."""

from collections.abc import Sequence

import numpy as np


class Numbers:
    """Slots that hold a number each."""

    def __init__(self, slots: list[int]):
        self.slots, self.width = slots, len(slots)

    def one(self, slots: Sequence):
        return [slots[slot] for slot in self.slots]

    def many(self, slots: Sequence):
        return np.column_stack([slots[slot] for slot in self.slots])


class Rows:
    """What a code stands for: a row of `values` (codes, width)."""

    def __init__(self, slot: int, values: list[list[float]]):
        self.slot, self.values = slot, np.array(values, dtype="float64")
        self.width = self.values.shape[1]

    def one(self, slots: Sequence):
        return self.values[slots[self.slot]]

    def many(self, slots: Sequence):
        return self.values[slots[self.slot]]


class Part:
    """Some places of a slot that holds several numbers."""

    def __init__(self, slot: int, places: list[int]):
        self.slot, self.width = slot, len(places)
        whole = places == list(range(places[0], places[0] + len(places)))
        self.places = slice(places[0], places[0] + len(places)) if whole else places

    def one(self, slots: Sequence):
        return slots[self.slot][self.places]

    def many(self, slots: Sequence):
        return slots[self.slot][:, self.places]


PIECES = {"numbers": Numbers, "rows": Rows, "part": Part}


class Features:
    """`pieces`: [{"kind": numbers, rows or part, ...}], side by side."""

    def __init__(self, pieces: list[dict]):
        made = [PIECES[piece["kind"]](**{name: value for name, value in piece.items() if name != "kind"})
                for piece in pieces]
        ends = np.cumsum([piece.width for piece in made]).tolist()
        self.width = ends[-1] if ends else 0
        self.pieces = [(piece, slice(end - piece.width, end)) for piece, end in zip(made, ends, strict=True)]

    def one(self, slots: Sequence):
        """(features,) of one row."""
        row = np.empty(self.width)
        for piece, places in self.pieces:
            row[places] = piece.one(slots)
        return row

    def many(self, slots: Sequence, rows: int):
        """(rows, features)."""
        table = np.empty((rows, self.width))
        for piece, places in self.pieces:
            table[:, places] = piece.many(slots)
        return table
