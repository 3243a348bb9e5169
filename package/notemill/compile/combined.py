"""Models made of models: votes, a search's best one, a target on another scale; and models that look at nothing."""

from collections.abc import Sequence

import numpy as np

from notemill.compile.compiling import compile_model, model
from notemill.compile.values import NotCompiled, Plan, Value

INVERSES = {"exp": "exponential", "expm1": "expm1"}  # numpy's function: the link


@model("VotingClassifier", "VotingRegressor")
def voting(fitted, values: list[Value], plan: Plan) -> tuple[dict, dict]:
    if getattr(fitted, "voting", "soft") != "soft":
        raise NotCompiled("VotingClassifier with voting 'hard'")
    return mean([compile_model(one, values, plan) for one in fitted.estimators_], fitted._weights_not_none)


@model("GridSearchCV", "RandomizedSearchCV", "HalvingGridSearchCV", "HalvingRandomSearchCV")
def search(fitted, values: list[Value], plan: Plan) -> tuple[dict, dict]:
    return compile_model(fitted.best_estimator_, values, plan)


@model("TransformedTargetRegressor")
def transformed_target(fitted, values: list[Value], plan: Plan) -> tuple[dict, dict]:
    described, arrays = mean([compile_model(fitted.regressor_, values, plan)])
    back = fitted.transformer_
    if type(back).__name__ == "StandardScaler":
        described["weights"] = [float(back.scale_[0]) if back.with_std else 1.0]
        described["bias"] = float(back.mean_[0]) if back.with_mean else 0.0
    elif type(back).__name__ != "FunctionTransformer":
        raise NotCompiled(f"TransformedTargetRegressor with {type(back).__name__}")
    elif back.inverse_func is not None:
        described["link"] = inverse(back.inverse_func)
    return described, arrays


def inverse(function) -> str:
    if not isinstance(function, np.ufunc) or function.__name__ not in INVERSES:
        raise NotCompiled(f"TransformedTargetRegressor with {getattr(function, '__name__', function)}")
    return INVERSES[function.__name__]


@model("DummyClassifier", "DummyRegressor")
def dummy(fitted, values: list[Value], plan: Plan) -> tuple[dict, dict]:
    """The same for every row, asked for once."""
    if fitted.strategy in ("stratified", "uniform"):
        raise NotCompiled(f"DummyClassifier with strategy '{fitted.strategy}'")
    ask = fitted.predict_proba if hasattr(fitted, "predict_proba") else fitted.predict
    answer = np.asarray(ask(np.zeros((1, 1))), dtype="float64").ravel()
    return {"kind": "linear", "link": "identity", "bias": answer.tolist(), "numbers": [], "coefficients": [],
            "tables": [], "adds": [], "vectors": [], "weights": []}, {}


def mean(compiled: Sequence[tuple[dict, dict]], weights: Sequence[float] | None = None) -> tuple[dict, dict]:
    """The weighted mean of models' answers. Each one's arrays get a prefix of their own."""
    weights = np.ones(len(compiled)) if weights is None else np.asarray(weights, dtype="float64")
    models, arrays = [], {}
    for number, (described, own) in enumerate(compiled):
        models.append(prefixed(described, f"{number}."))
        arrays |= {f"{number}.{name}": array for name, array in own.items()}
    return {"kind": "mean", "link": "identity", "models": models, "weights": (weights / weights.sum()).tolist(),
            "bias": 0.0}, arrays


def prefixed(described: dict, prefix: str) -> dict:
    changed = {"arrays": prefix + described["arrays"]} if "arrays" in described else {}
    if "models" in described:
        changed["models"] = [prefixed(one, prefix) for one in described["models"]]
    return {**described, **changed}
