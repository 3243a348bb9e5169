"""Where a plan divides the numbers of a column: edges of bins, and thresholds of trees on their way back through the
scalers."""

from collections import defaultdict
from collections.abc import Iterator, Mapping

import numpy as np

BACK = {  # kind of step: what must have gone in for x to come out
    "scale": lambda x, step: x * step["divide"] + step["shift"],
    "affine": lambda x, step: (x - step["plus"]) / step["times"],
    "fill": lambda x, step: x, "single": lambda x, step: x}


def edges_by_column(plan: Mapping, arrays: Mapping) -> dict[str, list[float]]:
    """{column: numbers}."""
    names, found = [column["name"] for column in plan["columns"]], defaultdict(list)
    for slot, edge in [*bin_edges(plan), *thresholds(plan["model"], arrays)]:
        slot, edge = traced_back(slot, edge, plan)
        if slot is not None:
            found[names[slot]].append(edge)
    return found


def traced_back(slot: int, edge: float, plan: Mapping) -> tuple[int | None, float]:
    """(a column's slot, the number in it); no slot where a step cannot be undone."""
    first = len(plan["columns"])
    while slot >= first:
        step = plan["steps"][slot - first]
        if step["kind"] not in BACK or step.get("times") == 0:
            return None, edge
        slot, edge = step["of"], BACK[step["kind"]](edge, step)
    return slot, edge


def bin_edges(plan: Mapping) -> Iterator[tuple[int, float]]:
    for step in plan["steps"]:
        for edge in step.get("edges", ()):
            yield step["of"], edge


def thresholds(model: Mapping, arrays: Mapping) -> Iterator[tuple[int, float]]:
    """(slot, threshold) of each node of the trees; features that are no plain numbers have none."""
    for part in model.get("models", ()):
        yield from thresholds(part, arrays)
    if model["kind"] == "trees":
        slots = [slot for piece in model["pieces"] for slot in slots_of(piece)]
        feature, threshold = (arrays[model["arrays"] + name] for name in ("feature", "threshold"))
        for place in np.flatnonzero((feature >= 0) & np.isfinite(threshold)).tolist():
            if slots[feature[place]] is not None:
                yield from ((slots[feature[place]], near) for near in in_32_bits(threshold[place]))


def in_32_bits(edge: float) -> list[float]:
    """The number and its neighbours as scikit-learn's own trees see them."""
    single = np.float32(edge)
    return [float(edge), *(float(np.nextafter(single, np.float32(end))) for end in (-np.inf, np.inf))]


def slots_of(piece: Mapping) -> list[int | None]:
    return piece["slots"] if piece["kind"] == "numbers" else [None] * len(piece.get("places") or piece["values"][0])
