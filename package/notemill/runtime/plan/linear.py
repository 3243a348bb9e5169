"""A linear model over the features of a plan; features that depend on one code alone are added up in one table."""

import math

import numpy as np


class Linear:
    """bias + sum of coefficients times features: an array (outputs,) for a row, (n, outputs) for many.

    `numbers`: slots and their coefficients (slots, outputs); `tables`: slots of codes, each with what a code adds
    (codes, outputs); `vectors`: slots that hold several numbers, each with their coefficients (numbers, outputs). What
    is not finite is NaN: a link would make 0 or 1 of an infinite score.
    """

    def __init__(self, *, bias: list, numbers: list[int], coefficients: list, tables: list[int], adds: list,
                 vectors: list[int], weights: list):
        self.bias, self.numbers = np.array(bias, dtype="float64"), numbers
        self.coefficients = np.array(coefficients, dtype="float64").reshape(len(numbers), len(bias))
        self.adds = list(zip(tables, arrays(adds), strict=True))
        self.weights = list(zip(vectors, arrays(weights), strict=True))
        self.width, self.single = len(bias), len(bias) == 1
        if self.single:
            self.terms = list(zip(numbers, self.coefficients[:, 0].tolist(), strict=True))
            self.lists = [(slot, values[:, 0].tolist()) for slot, values in self.adds]

    def one(self, slots: list) -> list[float]:
        if self.single:
            total = self._single(slots)
            return [total if math.isfinite(total) else math.nan]
        total = self.bias + np.array([slots[slot] for slot in self.numbers]) @ self.coefficients
        for slot, values in self.adds:
            total = total + values[slots[slot]]
        for slot, weights in self.weights:
            total = total + slots[slot] @ weights
        return total.tolist() if np.isfinite(total).all() else [math.nan] * self.width

    def _single(self, slots: list) -> float:
        total = self.bias.item()
        for slot, coefficient in self.terms:
            total += slots[slot] * coefficient
        for slot, values in self.lists:
            total += values[slots[slot]]
        for slot, weights in self.weights:
            total += (slots[slot] @ weights).item()
        return total

    def many(self, slots: list, rows: int):
        total = np.tile(self.bias, (rows, 1))
        for slot, coefficient in zip(self.numbers, self.coefficients, strict=True):
            total += slots[slot][:, None] * coefficient
        for slot, values in self.adds:
            total += values[slots[slot]]
        for slot, weights in self.weights:
            total += slots[slot] @ weights
        total[~np.isfinite(total).all(axis=1)] = np.nan  # a feature was infinite: scikit-learn refuses that
        return total


def arrays(lists: list) -> list:
    return [np.array(values, dtype="float64") for values in lists]
