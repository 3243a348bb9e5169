"""A plan is looked at before it is used: every step gets what it can read, every tree ends."""

import math
from collections.abc import Iterator, Mapping, Sequence

NUMBER, TEXT, MOMENT, CODE, SEVERAL = "number", "text", "moment", "code", "several numbers"
FORMS = {  # kind of step: what it reads, what it leaves
    "affine": (NUMBER, NUMBER), "bin": (NUMBER, CODE), "code": (None, CODE), "dial": (NUMBER, NUMBER),
    "fill": (NUMBER, NUMBER), "fill text": (TEXT, TEXT), "floor": (NUMBER, NUMBER), "function": (NUMBER, NUMBER),
    "hash words": (TEXT, SEVERAL), "missing": (NUMBER, NUMBER), "missing moment": (MOMENT, NUMBER),
    "missing text": (TEXT, NUMBER), "pick": (SEVERAL, NUMBER), "product": (NUMBER, NUMBER), "scale": (NUMBER, NUMBER),
    "seconds": (MOMENT, NUMBER), "single": (NUMBER, NUMBER), "table": (CODE, NUMBER), "words": (NUMBER, TEXT),
}
LARGEST = 100_000  # codes, or numbers in one slot
SLOTS = {"numbers": NUMBER, "tables": CODE, "vectors": SEVERAL, "slots": NUMBER}  # where a model names slots


def check_plan(plan: Mapping, arrays: Mapping, columns: Sequence[Mapping]) -> None:
    """Raise ValueError, LookupError or TypeError for a plan that does not fit itself, or these columns."""
    if plan["columns"] != list(columns):
        raise ValueError("it is not for the columns of schema.json")
    check_numbers(plan)
    slots = [(column["form"], 0) for column in columns]
    for step in plan["steps"]:
        slots.append(left_by(step, slots))
    for slot, _ in plan["refused"]:
        slot_at(slots, slot)
    for model in models_of(plan["model"]):
        check_model(model, slots, arrays)


def check_numbers(value: object) -> None:
    """No number may be infinite: Python reads 1e999 as that."""
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("a number in it is not finite")
    for part in value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ():
        check_numbers(part)


def slot_at(slots: Sequence, slot: int) -> tuple[str, int]:
    if type(slot) is not int or not 0 <= slot < len(slots):
        raise ValueError(f"slot {slot!r} of {len(slots)}")
    return slots[slot]


def left_by(step: Mapping, slots: Sequence) -> tuple[str, int]:
    """(form, how many codes or numbers) of the slot that a step fills."""
    reads, leaves = FORMS[step["kind"]]
    given = [slot_at(slots, slot) for slot in (step["of"] if isinstance(step["of"], list) else [step["of"]])]
    if any(form != reads for form, _ in given) and (reads or given[0][0] not in (NUMBER, TEXT)):
        raise ValueError(f"a step '{step['kind']}' cannot read a {given[0][0]}")
    count = given[0][1]
    if step["kind"] == "table" and len(step["values"]) != count:
        raise ValueError(f"a table of {len(step['values'])} values for {count} codes")
    if step["kind"] == "pick" and not 0 <= step["place"] < count:
        raise ValueError(f"number {step['place']!r} of {count}")
    return leaves, count_of(step)


def count_of(step: Mapping) -> int:
    if step["kind"] == "code":
        count = len(step["labels"]) + 2
        if {step["missing"], step["unknown"]} - set(range(count)):
            raise ValueError("a code beyond its labels")
        return count
    if step["kind"] == "hash words" and not 0 < step["places"] <= LARGEST:
        raise ValueError(f"{step['places']!r} places for hashed words")
    return {"bin": lambda: len(step["edges"]) + 2, "hash words": lambda: step["places"]}.get(step["kind"], int)()


def models_of(model: Mapping) -> Iterator[Mapping]:
    """A model, those that it is made of, and the pieces of their features."""
    yield model
    for part in [*model.get("models", ()), *model.get("pieces", ())]:
        yield from models_of(part)


def check_model(model: Mapping, slots: Sequence, arrays: Mapping) -> None:
    for name, form in SLOTS.items():
        for slot in model.get(name, ()):
            if slot_at(slots, slot)[0] != form:
                raise ValueError(f"the model reads a {slots[slot][0]} as a {form}")
    for name, matrices in (("tables", "adds"), ("vectors", "weights")) if model["kind"] == "linear" else ():
        for slot, rows in zip(model[name], model[matrices], strict=True):
            check_rows(slots[slot][1], rows, len(model["bias"]))
    if "slot" in model:
        check_piece(model, *slot_at(slots, model["slot"]))
    if model["kind"] == "trees":
        check_trees(model, {name.removeprefix(model["arrays"]): array for name, array in arrays.items()
                            if name.startswith(model["arrays"])})


def check_piece(piece: Mapping, form: str, count: int) -> None:
    """A piece of features that is of one slot."""
    if form != {"rows": CODE, "part": SEVERAL}[piece["kind"]]:
        raise ValueError(f"the model reads a {form} as {piece['kind']}")
    if piece["kind"] == "rows":
        check_rows(count, piece["values"], len(piece["values"][0]))
    elif not set(piece["places"]) <= set(range(count)):
        raise ValueError(f"a place beyond {count}")


def check_rows(count: int, rows: Sequence, width: int) -> None:
    if len(rows) != count or any(len(row) != width for row in rows):
        raise ValueError(f"{len(rows)} rows for {count} codes or numbers, or not {width} in each")


def check_trees(model: Mapping, arrays: Mapping) -> None:
    """Each node leads to later ones only, so that every walk ends."""
    import numpy as np

    width = sum(len(piece.get("slots") or piece.get("places") or piece["values"][0]) for piece in model["pieces"])
    feature, children, roots = arrays["feature"], arrays["children"], arrays["roots"]
    count = len(feature)
    inner = feature >= 0
    lengths = {name: len(arrays[name]) for name in ("threshold", "children", "gap_left", "value")}
    if set(lengths.values()) != {count} or arrays["value"].shape != (count, len(model["bias"])):
        raise ValueError(f"arrays of different lengths: {lengths}")
    if not len(roots) or feature.max() >= width or roots.min() != 0 or (np.diff(roots) <= 0).any() or \
            roots.max() >= count:
        raise ValueError("trees that reach beyond their nodes or features")
    later = children[inner] > np.flatnonzero(inner)[:, None]
    if children.shape != (count, 2) or not later.all() or (children[inner] >= count).any():
        raise ValueError("trees that do not end")
