"""The walk through a fitted pipeline: each part by the function that knows its kind."""

from collections.abc import Callable, Mapping
from typing import Any

from notemill.compile.values import NotCompiled, Plan, Value
from notemill.runtime.plan.cells import form_of
from notemill.runtime.rows import used_columns

TRANSFORMERS: dict[str, Callable[[Any, list[Value], Plan], list[Value]]] = {}
MODELS: dict[str, Callable[[Any, list[Value], Plan], tuple[dict, dict]]] = {}


def transformer(*names: str):
    """The function knows transformers of these classes: (fitted, values, plan) -> values."""
    return lambda function: [TRANSFORMERS.update({name: function}) for name in names] and function


def model(*names: str):
    """The function knows models of these classes: (fitted, values, plan) -> (the plan's model, its arrays)."""
    return lambda function: [MODELS.update({name: function}) for name in names] and function


def compile_pipeline(pipeline, schema: Mapping) -> tuple[dict, dict]:
    """(plan, arrays) of a fitted estimator that takes rows of the schema. Raises NotCompiled."""
    from notemill.compile import (  # noqa: F401 - each makes its kinds known
        calibrated,
        columns,
        combined,
        encoders,
        functions,
        gaps,
        linear,
        scalers,
        trees,
        words,
    )
    from notemill.compile.pruning import prune

    plan = Plan([{"name": entry["name"], "form": form_of(entry)} for entry in used_columns(schema)])
    described, arrays = compile_model(pipeline, plan.sources(), plan)
    return prune(plan, described), arrays


def compile_model(fitted, values: list[Value], plan: Plan) -> tuple[dict, dict]:
    """The last part of a pipeline."""
    if kind_of(fitted) == "Pipeline":
        *before, last = [step for _, step in fitted.steps]
        for step in before:
            values = transform(step, values, plan)
        return compile_model(last, values, plan)
    return known(MODELS, fitted, "model")(fitted, values, plan)


def transform(fitted, values: list[Value], plan: Plan) -> list[Value]:
    """The values that come out of a transformer."""
    if fitted is None or isinstance(fitted, str):
        if fitted in (None, "passthrough"):
            return values
        raise NotCompiled(f"a step '{fitted}'")
    return known(TRANSFORMERS, fitted, "transformer")(fitted, values, plan)


def known(kinds: Mapping, fitted, word: str) -> Callable:
    """The function for a scikit-learn class; a class of one's own has none, whatever its name."""
    kind = type(fitted)
    if kind.__module__.partition(".")[0] != "sklearn" or kind.__name__ not in kinds:
        raise NotCompiled(f"no plan knows the {word} {kind.__module__.partition('.')[0]}'s {kind.__name__}")
    return kinds[kind.__name__]


def kind_of(fitted) -> str:
    kind = type(fitted)
    return kind.__name__ if kind.__module__.startswith("sklearn.") else ""
