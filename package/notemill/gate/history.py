"""How a model's loss went while it was fitted, where its final estimator keeps that."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

MOST = 2000  # figures; of a longer history some, evenly spread
KEPT = ("loss_curve_", "train_score_")


def told_of(model: Any) -> dict | None:
    """What `history_of` gives; no history where it cannot be read, which `checked` does not take for one."""
    try:
        return history_of(model)
    except Exception as error:  # a project's own estimator
        return {"name": f"{type(error).__name__}: {error}", "values": None}


def history_of(model: Any) -> dict | None:
    """{"name", "values", "falls"}; of a booster over histograms "train_score_" is a score, which rises."""
    for estimator in estimators(model):
        for name in KEPT:
            values = [float(value) for value in as_list(getattr(estimator, name, ()))]
            if values:
                return {"name": f"{type(estimator).__name__}.{name}", "values": thinned(values),
                        "falls": not hasattr(estimator, "validation_score_")}
    return None


def estimators(model: Any) -> Iterator[Any]:
    """The model, and what is inside it: a pipeline's last step, a search's best, the one under a changed target."""
    for _ in range(10):
        yield model
        steps = getattr(model, "steps", None)
        inner = steps[-1][1] if steps else next(
            (found for name in ("best_estimator_", "regressor_", "estimator_") if (found := getattr(model, name, None))
             is not None), None)
        if inner is None:
            return
        model = inner


def as_list(values: Any) -> list:
    """Plain numbers of a list or an array of one dimension; nothing of others."""
    values = values.tolist() if hasattr(values, "tolist") else values
    plain = isinstance(values, list | tuple) and all(isinstance(value, int | float) for value in values)
    return list(values) if plain else []


def thinned(values: list) -> list:
    step = -(-len(values) // MOST)
    return values if step < 2 else [*values[:-1:step], values[-1]]


def checked(history: object) -> dict:
    """What a process, or a project's own file, says of it. Raises ValueError where it is no history."""
    found = {"name": "history", "values": history, "falls": True} if isinstance(history, list) else history
    if not isinstance(found, Mapping) or not isinstance(values := found.get("values"), list):
        raise ValueError("the loss history is no list of numbers")
    if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        raise ValueError("the loss history is no list of numbers")
    bad = next((at for at, value in enumerate(values) if not math.isfinite(value)), None)
    return {"name": str(found.get("name"))[:200], "values": [float(value) for value in values],
            "falls": found.get("falls") is not False, "bad": bad}
