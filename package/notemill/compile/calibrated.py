"""CalibratedClassifierCV: a model's scores, each through a curve of its own, averaged over the folds' models."""

from notemill.compile.combined import mean
from notemill.compile.compiling import compile_model, model
from notemill.compile.values import NotCompiled, Plan, Value


@model("CalibratedClassifierCV")
def calibrated(fitted, values: list[Value], plan: Plan) -> tuple[dict, dict]:
    return mean([one_fold(fold, values, plan) for fold in fitted.calibrated_classifiers_])


def one_fold(fold, values: list[Value], plan: Plan) -> tuple[dict, dict]:
    if len(fold.estimator.classes_) != len(fold.classes):
        raise NotCompiled("CalibratedClassifierCV: a fold that lacks a class")
    if fold.method == "temperature":
        return with_temperature(fold.estimator, float(fold.calibrators[0].beta_), values, plan)
    described, arrays = scores_of(fold.estimator, values, plan)
    curves = [CURVES[fold.method](one) for one in fold.calibrators]
    return {"kind": "calibrated", "link": "identity", "method": fold.method, "calibrators": curves,
            "models": [described]}, arrays


def scores_of(fitted, values: list[Value], plan: Plan) -> tuple[dict, dict]:
    """What is calibrated: the raw scores where the model has them, else its probabilities; one for two classes."""
    described, arrays = compile_model(fitted, values, plan)
    if hasattr(fitted, "decision_function"):
        return {**described, "link": "identity"}, arrays
    if len(fitted.classes_) == 2:
        described, arrays = mean([(described, arrays)])
        described["link"] = "second"
    return described, arrays


def with_temperature(fitted, beta: float, values: list[Value], plan: Plan) -> tuple[dict, dict]:
    """Softmax of the scores times beta; probabilities by way of their logarithms."""
    described, arrays = compile_model(fitted, values, plan)
    raw = hasattr(fitted, "decision_function")
    logits = {**described, "link": "votes"} if raw else wrapped(described, "logarithm")
    return wrapped(logits, "softmax", beta), arrays


def wrapped(described: dict, link: str, weight: float = 1.0) -> dict:
    return {"kind": "mean", "link": link, "models": [described], "weights": [weight], "bias": 0.0}


def sigmoid(curve) -> dict:
    return {"a": float(curve.a_), "b": float(curve.b_)}


def isotonic(curve) -> dict:
    if curve.out_of_bounds != "clip":
        raise NotCompiled(f"isotonic calibration with out_of_bounds '{curve.out_of_bounds}'")
    return {"x": curve.X_thresholds_.tolist(), "y": curve.y_thresholds_.tolist()}


CURVES = {"sigmoid": sigmoid, "isotonic": isotonic}
