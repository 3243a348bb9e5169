"""FunctionTransformer: the libraries' functions that the starter's notebooks use, and numpy's of one number."""

from dataclasses import replace
from functools import partial

from notemill.compile.compiling import transformer
from notemill.compile.values import NotCompiled, Plan, Value
from notemill.runtime.plan.numbers import FUNCTIONS


@transformer("FunctionTransformer")
def function_transformer(fitted, values: list[Value], plan: Plan) -> list[Value]:
    if fitted.func is None or is_check(fitted.func):
        return values
    module = str(getattr(fitted.func, "__module__", None)).partition(".")[0]
    name, given = getattr(fitted.func, "__name__", str(fitted.func)), dict(fitted.kw_args or {})
    known = NUMPY if module in ("numpy", "None") else PANDAS if module == "pandas" else {}
    if name in known:
        return [known[name](value, given, plan) for value in values]
    if known is NUMPY and name in FUNCTIONS and not given and getattr(fitted.func, "nin", 0) == 1:
        return [plan.number("function", value, name=name) for value in values]
    raise NotCompiled(f"no plan knows the function {module}.{name}")


def is_check(function) -> bool:
    """scikit-learn's check_array, as HistGradientBoosting puts it before its features."""
    return isinstance(function, partial) and function.func.__name__ == "check_array" and \
        function.func.__module__.startswith("sklearn.")


def typed(value: Value, given: dict, plan: Plan) -> Value:
    """pandas.DataFrame and pandas.Series: a table, or a column, in a type."""
    kind = str(given.get("dtype", "as it is"))
    if set(given) - {"dtype"}:
        raise NotCompiled(f"pandas.DataFrame or Series with {', '.join(sorted(set(given) - {'dtype'}))}")
    if kind == "as it is" or (kind, value.form) in (("float64", "number"), ("str", "text")):
        return value
    if (kind, value.form) == ("str", "number"):
        return replace(value, slot=plan.add("words", value.slot), form="text")
    raise NotCompiled(f"a {value.form} column as {kind}")


def to_numeric(value: Value, given: dict, plan: Plan) -> Value:
    if value.form != "number" or set(given) - {"errors"}:
        raise NotCompiled(f"pandas.to_numeric of a {value.form} column")
    return value


def to_datetime(value: Value, given: dict, plan: Plan) -> Value:
    allowed = {"errors": "coerce", "utc": True, "format": "ISO8601"}
    if value.form != "moment" or any(allowed.get(name) != said for name, said in given.items()):
        raise NotCompiled(f"pandas.to_datetime of a {value.form} column with {given}")
    return value


def is_missing(value: Value, given: dict, plan: Plan) -> Value:
    refuse(given, "isna")
    kind = {"number": "missing", "text": "missing text", "moment": "missing moment"}[value.form]
    return replace(value, slot=plan.add(kind, value.slot), form="number")


def as_array(value: Value, given: dict, plan: Plan) -> Value:
    """numpy.asarray: a moment becomes whole seconds, and these a number."""
    kind = str(given.get("dtype"))
    if set(given) - {"dtype"}:
        raise NotCompiled("numpy.asarray with more than a dtype")
    if (kind, value.form) == ("datetime64[s]", "moment"):
        return replace(value, slot=plan.add("seconds", value.slot), form="number")
    if kind in ("None", "float64") and value.form == "number":
        return value
    raise NotCompiled(f"numpy.asarray of a {value.form} column as {kind}")


def dial(value: Value, given: dict, plan: Plan) -> Value:
    """numpy.interp with a period."""
    if not given.get("period") or set(given) - {"xp", "fp", "period"}:
        raise NotCompiled("numpy.interp without a period")
    plain = {name: [float(one) for one in given[name]] for name in ("xp", "fp")}
    return plan.number("dial", value, **plain, period=float(given["period"]))


def floor(value: Value, given: dict, plan: Plan) -> Value:
    refuse(given, "numpy.floor")
    return plan.number("floor", value)


def ravel(value: Value, given: dict, plan: Plan) -> Value:
    refuse(given, "numpy.ravel")
    return value


def expand_dims(value: Value, given: dict, plan: Plan) -> Value:
    if given != {"axis": 1}:  # a column of its own, as all are in a plan
        refuse(given, "numpy.expand_dims")
    return value


def refuse(given: dict, name: str) -> None:
    """Raise NotCompiled where more is asked for than the function alone."""
    if given:
        raise NotCompiled(f"{name} with {given}")


PANDAS = {"DataFrame": typed, "Series": typed, "to_numeric": to_numeric, "to_datetime": to_datetime,
          "isna": is_missing, "isnull": is_missing}
NUMPY = {"asarray": as_array, "expand_dims": expand_dims, "ravel": ravel, "interp": dial, "floor": floor,
         "isnan": is_missing}
