"""Trees over the features of a plan: the sum, or the mean, of the leaves that a row falls into."""

import numpy as np

from .features import Features
from .leaves import MOST, ByMasks, BySteps

BLOCK = 4096  # rows at once: they and a tree stay in the processor's cache


class Trees:
    """bias + scale * sum over the trees: (outputs,) for a row, (n, outputs) for many.

    All trees' nodes stand one after another. `feature` (nodes,): -1 in a leaf; `threshold`; `children` (nodes, 2):
    right, left; `gap_left` (nodes,): where a missing number goes; `value` (nodes, outputs); `roots` (trees,).
    `single`: numbers are seen in 32 bits; `gaps`: whether a feature may be missing.
    """

    def __init__(self, *, pieces: list[dict], arrays: dict, bias: list, scale: float, single: bool, gaps: bool):
        self.features, self.bias, self.scale = Features(pieces), np.array(bias, dtype="float64"), scale
        self.single, self.gaps, self.width = single, gaps, len(bias)
        self.feature, self.threshold = arrays["feature"].astype("intp"), arrays["threshold"]
        self.children, self.gap_left = arrays["children"].astype("intp"), arrays["gap_left"]
        self.value, self.roots = arrays["value"], arrays["roots"].astype("intp")
        self.find = (ByMasks if most_leaves(self.feature, self.roots) <= MOST else BySteps)(self)

    def one(self, slots: list) -> list[float]:
        row = self._seen(self.features.one(slots))
        gappy = not np.isfinite(row).all()
        if gappy and (not self.gaps or np.isinf(row).any()):
            return [np.nan] * len(self.bias)  # scikit-learn refuses it
        return (self.bias + self.scale * self.value[self.find(row, gappy)].sum(axis=0)).tolist()

    def many(self, slots: list, rows: int):
        table = self._seen(self.features.many(slots, rows))
        total = np.zeros((rows, self.value.shape[1]))
        for first in range(0, rows, BLOCK):
            block = np.ascontiguousarray(table[first:first + BLOCK])
            starts = np.arange(len(block)) * table.shape[1]
            for root in self.roots:
                total[first:first + BLOCK] += self.value[self._leaves(root, starts, block.ravel())]
        refused = np.isinf(table) if self.gaps else ~np.isfinite(table)
        total[refused.any(axis=1)] = np.nan
        return self.bias + self.scale * total

    def _seen(self, table):
        """The features as the trees see them: scikit-learn's own trees, in 32 bits."""
        if not self.single:
            return table
        return table.astype("float32").astype("float64")

    def _leaves(self, root, starts, cells):
        """The leaf of one tree that each row ends in; a row's first place in `cells` is in `starts`."""
        children, nodes = self.children.ravel(), np.full(len(starts), root)
        walking = np.flatnonzero(self.feature[nodes] >= 0)
        while len(walking):
            at = nodes[walking]
            found = cells[starts[walking] + self.feature[at]]
            left = (found <= self.threshold[at]) | (np.isnan(found) & self.gap_left[at])
            at = children[2 * at + left]
            nodes[walking] = at
            walking = walking[self.feature[at] >= 0]
        return nodes


def most_leaves(feature, roots) -> int:
    """How many leaves the tree with most of them has."""
    return int(np.add.reduceat((feature < 0).astype("int64"), roots).max())
