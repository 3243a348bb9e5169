"""Imputers: what stands for a missing cell, and marks where one was missing."""

from dataclasses import replace

from notemill.compile.compiling import transformer
from notemill.compile.values import NotCompiled, Plan, Value


@transformer("SimpleImputer")
def simple_imputer(fitted, values: list[Value], plan: Plan) -> list[Value]:
    """The filled columns, then the marks. A column that was empty in training is left out, unless it is to be kept."""
    gap = gap_of(fitted.missing_values)
    found = [filled(value, statistic, gap, plan) for value, statistic in zip(values, fitted.statistics_, strict=True)
             if statistic == statistic or fitted.keep_empty_features]
    return found + (marks(fitted.indicator_, values, plan) if fitted.add_indicator else [])


@transformer("MissingIndicator")
def indicator(fitted, values: list[Value], plan: Plan) -> list[Value]:
    return marks(fitted, values, plan, fitted.features == "missing-only" and fitted.error_on_new)


def marks(fitted, values: list[Value], plan: Plan, refuses_new: bool = False) -> list[Value]:
    """1 where a cell is missing, for the columns that the indicator has; in others a gap may be refused."""
    gap, places = gap_of(fitted.missing_values), set(fitted.features_.tolist())
    found = {place: marked(value, gap, plan) for place, value in enumerate(values) if refuses_new or place in places}
    for place in found.keys() - places:
        plan.refuse(found[place].slot, 1.0)
    return [found[place] for place in fitted.features_]


def gap_of(missing) -> float | None:
    """The number that means missing; None for NaN."""
    if missing is None or missing != missing:
        return None
    if isinstance(missing, str):
        raise NotCompiled(f"the text '{missing}' for a missing cell")
    return float(missing)


def filled(value: Value, statistic, gap: float | None, plan: Plan) -> Value:
    if value.form == "number":
        return plan.number("fill", value, value=float(statistic), **({} if gap is None else {"gap": gap}))
    if value.form == "text" and gap is None:
        return replace(value, slot=plan.add("fill text", value.slot, value=str(statistic)))
    raise NotCompiled(f"SimpleImputer on a {value.form} column")


def marked(value: Value, gap: float | None, plan: Plan) -> Value:
    if value.form == "number":
        return plan.number("missing", value, **({} if gap is None else {"gap": gap}))
    if value.form == "text" and gap is None:
        return Value(plan.add("missing text", value.slot))
    raise NotCompiled(f"MissingIndicator on a {value.form} column")
