"""Steps that nothing needs any more, left out: a table that went into a linear model, for instance."""

from collections.abc import Mapping

from notemill.compile.values import Plan

SLOTS = ("slots", "numbers", "tables", "vectors")  # where a model, or a piece of its features, names slots
PARTS = ("models", "pieces")


def prune(plan: Plan, model: Mapping) -> dict:
    """The plan with the steps that the model needs, and its slots numbered anew."""
    first = len(plan.columns)
    needed = needed_slots(plan, model)
    kept = [slot for slot in range(first, first + len(plan.steps)) if slot in needed]
    places = {slot: slot for slot in range(first)} | {slot: first + n for n, slot in enumerate(kept)}
    steps = [{**plan.step(slot), "of": moved(plan.step(slot)["of"], places)} for slot in kept]
    refused = [[places[slot], number] for slot, number in plan.refused]
    return {"columns": plan.columns, "steps": steps, "model": moved_model(model, places), "refused": refused}


def needed_slots(plan: Plan, model: Mapping) -> set[int]:
    """The slots that the model reads, and those that these are made of."""
    waiting, found = slots_of(model) + [slot for slot, _ in plan.refused], set()
    while waiting:
        slot = waiting.pop()
        if slot not in found:
            found.add(slot)
            of = plan.step(slot).get("of", [])
            waiting += [of] if isinstance(of, int) else of
    return found


def slots_of(model: Mapping) -> list[int]:
    own = [slot for name in SLOTS for slot in model.get(name, ())]
    own += [model[name] for name in ("slot",) if name in model]
    return own + [slot for name in PARTS for part in model.get(name, ()) for slot in slots_of(part)]


def moved_model(model: Mapping, places: Mapping) -> dict:
    changed = {name: [places[slot] for slot in model[name]] for name in SLOTS if name in model}
    changed |= {name: [moved_model(part, places) for part in model[name]] for name in PARTS if name in model}
    if "slot" in model:
        changed["slot"] = places[model["slot"]]
    return {**model, **changed}


def moved(of: int | list[int], places: Mapping) -> int | list[int]:
    return places[of] if isinstance(of, int) else [places[slot] for slot in of]
