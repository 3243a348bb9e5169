"""Linear models: what each code adds is summed up beforehand."""

import numpy as np

from notemill.compile.compiling import model
from notemill.compile.values import NotCompiled, Plan, Value


@model("LogisticRegression", "LogisticRegressionCV")
def logistic(fitted, values: list[Value], plan: Plan) -> tuple[dict, dict]:
    several = len(fitted.classes_) > 2
    separate = several and getattr(fitted, "solver", "") == "liblinear"
    link = "one versus rest" if separate else "softmax" if several else "two classes"
    return sums(fitted, values, plan, link), {}


@model("SGDClassifier")
def sgd_classifier(fitted, values: list[Value], plan: Plan) -> tuple[dict, dict]:
    if fitted.loss == "modified_huber":
        raise NotCompiled("SGDClassifier with loss 'modified_huber'")
    if fitted.loss != "log_loss":
        return without_probabilities(fitted, values, plan)
    return sums(fitted, values, plan, "one versus rest" if len(fitted.classes_) > 2 else "two classes"), {}


@model("RidgeClassifier", "RidgeClassifierCV", "LinearSVC", "Perceptron", "PassiveAggressiveClassifier")
def without_probabilities(fitted, values: list[Value], plan: Plan) -> tuple[dict, dict]:
    return sums(fitted, values, plan, "votes"), {}


@model("LinearRegression", "Ridge", "RidgeCV", "Lasso", "LassoCV", "ElasticNet", "ElasticNetCV", "Lars", "LassoLars",
       "BayesianRidge", "ARDRegression", "HuberRegressor", "SGDRegressor", "TheilSenRegressor", "QuantileRegressor",
       "LinearSVR")
def regression(fitted, values: list[Value], plan: Plan) -> tuple[dict, dict]:
    return sums(fitted, values, plan, "identity"), {}


@model("PoissonRegressor", "GammaRegressor")
def with_log_link(fitted, values: list[Value], plan: Plan) -> tuple[dict, dict]:
    return sums(fitted, values, plan, "exponential"), {}


def sums(fitted, values: list[Value], plan: Plan, link: str) -> dict:
    """The plan's linear model: bias, coefficients of numbers, and for each code what its tables come to."""
    weights = np.atleast_2d(np.asarray(fitted.coef_, dtype="float64"))  # (outputs, features)
    bias = np.broadcast_to(np.asarray(fitted.intercept_, dtype="float64").ravel(), len(weights))
    if any(value.form != "number" for value in values):
        raise NotCompiled("a linear model on a column that is no number")
    adds, vectors, numbers = {}, {}, {}
    for value, weight in zip(values, weights.T, strict=True):
        step = plan.step(value.slot)
        if step.get("kind") == "table":
            adds[step["of"]] = adds.get(step["of"], 0) + np.outer(step["values"], weight)
        elif step.get("kind") == "pick":
            matrix = vectors.setdefault(step["of"], np.zeros((plan.step(step["of"])["places"], len(weights))))
            matrix[step["place"]] += weight
        else:
            numbers[value.slot] = numbers.get(value.slot, 0) + weight
    return {"kind": "linear", "link": link, "bias": bias.tolist(), "numbers": list(numbers),
            "coefficients": [weight.tolist() for weight in numbers.values()], "tables": list(adds),
            "adds": [share.tolist() for share in adds.values()], "vectors": list(vectors),
            "weights": [matrix.tolist() for matrix in vectors.values()]}
