"""Which leaf of each tree one row falls into: all trees at once."""

import numpy as np

MOST = 64  # leaves of a tree that stand in one mask
ALL = np.uint64(2 ** 64 - 1)


class BySteps:
    """All trees go down one level at a time; who has arrived stays there."""

    def __init__(self, trees):
        inner = trees.feature >= 0
        self.roots, self.feature, self.gap_left = trees.roots, np.where(inner, trees.feature, 0), trees.gap_left
        self.threshold = trees.threshold
        self.children = np.where(inner[:, None], trees.children, np.arange(len(inner))[:, None]).ravel()
        self.depth = depth_of(self.children, inner, trees.roots)

    def __call__(self, row, gappy: bool):
        at = self.roots
        for _ in range(self.depth):
            found = row[self.feature[at]]
            left = found <= self.threshold[at]
            if gappy:
                left |= np.isnan(found) & self.gap_left[at]
            at = self.children[2 * at + left]
        return at


def depth_of(children, inner, roots) -> int:
    depth, level = 0, roots[inner[roots]]
    while len(level):
        level = np.concatenate([children[2 * level], children[2 * level + 1]])
        level, depth = level[inner[level]], depth + 1
    return depth


class ByMasks:
    """Every node is asked, and one that says "right" strikes out the leaves at its left; the first one left is it.

    C. Lucchese et al., QuickScorer: a fast algorithm to rank documents with additive ensembles of regression trees
    (SIGIR 2015). No depth, no branches: a few operations on arrays for all trees.
    """

    def __init__(self, trees):
        inner = trees.feature >= 0
        order, masks, leaves, starts = [], [], [], []
        for root in trees.roots.tolist():
            starts.append(len(order))
            nodes, left_of, found = laid_out(trees.children, inner, root)
            order += nodes
            masks += left_of
            leaves.append(found + [found[0]] * (MOST - len(found)))
        self.full = np.array(starts, dtype="intp")  # where a tree's nodes begin
        self.feature, self.threshold = trees.feature[order], trees.threshold[order]
        self.gap_left, self.masks = trees.gap_left[order], np.array(masks, dtype="uint64")
        self.leaves, self.firsts = np.array(leaves, dtype="intp").ravel(), np.arange(len(leaves)) * MOST

    def __call__(self, row, gappy: bool):
        found = row[self.feature]
        right = found > self.threshold
        if gappy:
            right |= np.isnan(found) & ~self.gap_left
        left = np.bitwise_and.reduceat(np.where(right, self.masks, ALL), self.full)
        first = np.frexp((left & (~left + np.uint64(1))).astype("float64"))[1] - 1  # the lowest bit's place
        return self.leaves[self.firsts + first]


def laid_out(children, inner, root: int) -> tuple[list[int], list[int], list[int]]:
    """(nodes, their masks, leaves from left to right). A tree that is a leaf gets one node that strikes out nothing."""
    nodes, masks, leaves = [], [], []

    def visit(node: int) -> None:
        if not inner[node]:
            leaves.append(node)
            return
        right, left = children[node].tolist()
        first = len(leaves)
        visit(left)
        nodes.append(node)
        masks.append(2 ** MOST - 1 - (2 ** len(leaves) - 2 ** first))
        visit(right)

    visit(root)
    return (nodes, masks, leaves) if nodes else ([0], [2 ** MOST - 1], leaves)
