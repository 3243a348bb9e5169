"""The features of a model, put together from pieces (runtime/plan/features.py)."""

from collections.abc import Iterator
from itertools import groupby

from notemill.compile.values import NotCompiled, Plan, Value


def pieces(values: list[Value], plan: Plan) -> list[dict]:
    """Neighbours of one kind in one piece: tables of one code, parts of one slot, numbers."""
    if any(value.form != "number" for value in values):
        raise NotCompiled("trees on a column that is no number")
    return [piece for key, some in groupby(values, lambda value: kind_of(plan.step(value.slot)))
            for piece in pieces_of(key, list(some), plan)]


def kind_of(step: dict) -> tuple:
    """("rows" or "part", the slot that it is of), or ("numbers", None)."""
    kind = {"table": "rows", "pick": "part"}.get(step.get("kind"), "numbers")
    return kind, None if kind == "numbers" else step["of"]


def pieces_of(key: tuple, values: list[Value], plan: Plan) -> Iterator[dict]:
    (kind, slot), steps = key, [plan.step(value.slot) for value in values]
    if kind == "rows":
        columns = [step["values"] for step in steps]
        yield {"kind": kind, "slot": slot, "values": [list(row) for row in zip(*columns, strict=True)]}
    elif kind == "part":
        yield {"kind": kind, "slot": slot, "places": [step["place"] for step in steps]}
    else:
        yield {"kind": kind, "slots": [value.slot for value in values]}
