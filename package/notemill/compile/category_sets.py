"""HistGradientBoosting's nodes that ask whether a category is in a set, as nodes that ask for a number."""

import numpy as np

from notemill.compile.values import NotCompiled, Plan, Value


class CategorySets:
    """The features, and one more for each set that a node asks for: 0 for what goes left, 1 for what goes right."""

    def __init__(self, values: list[Value], plan: Plan):
        self.values, self.plan, self.known = list(values), plan, {}

    def as_numbers(self, predictor):
        """The nodes of a tree, none of which asks for a set."""
        nodes = predictor.nodes.copy()
        for place in np.flatnonzero((nodes["is_categorical"] != 0) & (nodes["is_leaf"] == 0)):
            node = nodes[place]
            bits = predictor.raw_left_cat_bitsets[node["bitset_idx"]]
            nodes["feature_idx"][place] = self.feature(int(node["feature_idx"]), bits, bool(node["missing_go_to_left"]))
            nodes["num_threshold"][place] = 0.5
        return nodes

    def feature(self, of: int, bits, gap_left: bool) -> int:
        """The place of the feature that says on which side each code of another one is."""
        step = self.plan.step(self.values[of].slot)
        if step.get("kind") != "table":
            raise NotCompiled("HistGradientBoosting's categories that are no labels")
        sides = [0.0 if goes_left(code, bits, gap_left) else 1.0 for code in step["values"]]
        slot = self.plan.add("table", step["of"], values=sides)
        if slot not in self.known:
            self.known[slot] = len(self.values)
            self.values.append(Value(slot))
        return self.known[slot]


def goes_left(code: float, bits, gap_left: bool) -> bool:
    """Whether a category's bit is set; what is missing, or new to the model, goes where gaps go."""
    if code != code or code < 0:
        return gap_left
    return bool(bits[int(code) // 32] >> np.uint32(int(code) % 32) & 1)
