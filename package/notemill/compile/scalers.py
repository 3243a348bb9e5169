"""Scalers and other transformers of one number at a time; products of several."""

from notemill.compile.compiling import transformer
from notemill.compile.values import NotCompiled, Plan, Value


@transformer("StandardScaler")
def standard_scaler(fitted, values: list[Value], plan: Plan) -> list[Value]:
    return scaled(values, fitted.mean_ if fitted.with_mean else None, fitted.scale_, plan)


@transformer("RobustScaler")
def robust_scaler(fitted, values: list[Value], plan: Plan) -> list[Value]:
    return scaled(values, fitted.center_, fitted.scale_, plan)


@transformer("MaxAbsScaler")
def max_abs_scaler(fitted, values: list[Value], plan: Plan) -> list[Value]:
    if getattr(fitted, "clip", False):
        raise NotCompiled("MaxAbsScaler with clip")
    return scaled(values, None, fitted.scale_, plan)


def scaled(values: list[Value], shifts, divides, plan: Plan) -> list[Value]:
    return [plan.number("scale", value, shift=0.0 if shifts is None else float(shifts[place]),
                        divide=1.0 if divides is None else float(divides[place]))
            for place, value in enumerate(values)]


@transformer("MinMaxScaler")
def min_max_scaler(fitted, values: list[Value], plan: Plan) -> list[Value]:
    within = {"within": [float(end) for end in fitted.feature_range]} if fitted.clip else {}
    return [plan.number("affine", value, times=float(times), plus=float(plus), **within)
            for value, times, plus in zip(values, fitted.scale_, fitted.min_, strict=True)]


@transformer("PolynomialFeatures")
def polynomial_features(fitted, values: list[Value], plan: Plan) -> list[Value]:
    return [product(values, powers, plan) for powers in fitted.powers_.tolist()]


def product(values: list[Value], powers: list[int], plan: Plan) -> Value:
    """The product of the values, each raised to its power."""
    if any(value.form != "number" for value in values):
        raise NotCompiled("PolynomialFeatures on a column that is no number")
    used = [(value.slot, power) for value, power in zip(values, powers, strict=True) if power] or [(values[0].slot, 0)]
    return Value(plan.add("product", [slot for slot, _ in used], powers=[power for _, power in used]))
