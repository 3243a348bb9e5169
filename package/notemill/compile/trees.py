"""Trees, forests and boosting: the nodes of all trees one after another, as plain arrays."""

from collections.abc import Iterable

import numpy as np

from notemill.compile.category_sets import CategorySets
from notemill.compile.compiling import model, transform
from notemill.compile.pieces import pieces
from notemill.compile.values import NotCompiled, Plan, Value


@model("RandomForestClassifier", "ExtraTreesClassifier", "RandomForestRegressor", "ExtraTreesRegressor")
def forest(fitted, values: list[Value], plan: Plan) -> tuple[dict, dict]:
    trees = [nodes_of(one.tree_) for one in fitted.estimators_]
    return described(values, plan, "identity", scale=1 / len(trees), outputs=trees[0]["value"].shape[1]), joined(trees)


@model("DecisionTreeClassifier", "DecisionTreeRegressor", "ExtraTreeClassifier", "ExtraTreeRegressor")
def tree(fitted, values: list[Value], plan: Plan) -> tuple[dict, dict]:
    nodes = nodes_of(fitted.tree_)
    return described(values, plan, "identity", outputs=nodes["value"].shape[1]), joined([nodes])


@model("HistGradientBoostingClassifier", "HistGradientBoostingRegressor")
def hist_boosting(fitted, values: list[Value], plan: Plan) -> tuple[dict, dict]:
    outputs = len(fitted._predictors[0])
    if getattr(fitted, "_preprocessor", None) is not None:
        values = transform(fitted._preprocessor, values, plan)
    sets = CategorySets(values, plan)
    trees = [boosting_nodes(sets.as_numbers(one), output, outputs)
             for stage in fitted._predictors for output, one in enumerate(stage)]
    values = sets.values
    bias = np.broadcast_to(np.asarray(fitted._baseline_prediction, dtype="float64").ravel(), outputs).tolist()
    return described(values, plan, link_of(fitted, outputs), bias=bias, single=False), joined(trees)


def link_of(fitted, outputs: int) -> str:
    """From the raw score to the answer."""
    if type(fitted).__name__.endswith("Classifier"):
        return "softmax" if outputs > 1 else "two classes"
    return "exponential" if fitted.loss in ("poisson", "gamma") else "identity"


@model("GradientBoostingClassifier", "GradientBoostingRegressor")
def gradient_boosting(fitted, values: list[Value], plan: Plan) -> tuple[dict, dict]:
    """Trees that are added to what a model without features says."""
    first = type(fitted.init_).__name__
    if first not in ("DummyClassifier", "DummyRegressor", "str") or fitted.loss == "exponential":
        raise NotCompiled(f"{type(fitted).__name__} with init {first} and loss '{fitted.loss}'")
    outputs = fitted.estimators_.shape[1]
    bias = fitted._raw_predict_init(np.zeros((1, fitted.n_features_in_), dtype="float32")).ravel().tolist()
    trees = [spread(nodes_of(one.tree_), output, outputs)
             for stage in fitted.estimators_ for output, one in enumerate(stage)]
    link = "softmax" if outputs > 1 else "two classes" if hasattr(fitted, "classes_") else "identity"
    return described(values, plan, link, bias=bias, scale=fitted.learning_rate, gaps=False), joined(trees)


def spread(nodes: dict, output: int, outputs: int) -> dict:
    """A tree of one quantity that adds to one of the outputs."""
    value = np.zeros((len(nodes["value"]), outputs))
    value[:, output] = nodes["value"][:, 0]
    return {**nodes, "value": value}


def described(values: list[Value], plan: Plan, link: str, *, scale: float = 1.0, outputs: int = 1,
              bias: list | None = None, single: bool = True, gaps: bool = True) -> dict:
    return {"kind": "trees", "link": link, "pieces": pieces(values, plan), "bias": bias or [0.0] * outputs,
            "scale": scale, "single": single, "gaps": gaps, "arrays": ""}


def nodes_of(tree) -> dict:
    """scikit-learn's own tree; `value` has a share for each class, or the quantity."""
    if tree.n_outputs != 1:
        raise NotCompiled("trees with several targets")
    leaf = tree.children_left < 0
    gap_left = getattr(tree, "missing_go_to_left", np.zeros(tree.node_count))
    return {"feature": np.where(leaf, -1, tree.feature), "threshold": tree.threshold,
            "children": np.column_stack([tree.children_right, tree.children_left]),
            "gap_left": gap_left.astype(bool), "value": tree.value[:, 0, :]}


def boosting_nodes(nodes, output: int, outputs: int) -> dict:
    """A tree of HistGradientBoosting, which adds to one of the outputs."""
    leaf = nodes["is_leaf"].astype(bool)
    return spread({
        "feature": np.where(leaf, -1, nodes["feature_idx"].astype("int64")), "threshold": nodes["num_threshold"],
        "children": np.column_stack([nodes["right"], nodes["left"]]).astype("int64"),
        "gap_left": nodes["missing_go_to_left"].astype(bool), "value": nodes["value"][:, None]}, output, outputs)


def joined(trees: Iterable[dict]) -> dict:
    """All nodes in one array each; children are counted from the first node of all."""
    trees = list(trees)
    roots = np.cumsum([0, *(len(tree["feature"]) for tree in trees)])[:-1]
    parts = {name: [tree[name] for tree in trees] for name in ("feature", "threshold", "gap_left", "value")}
    parts["children"] = [np.where(tree["feature"][:, None] < 0, 0, tree["children"] + root)
                         for tree, root in zip(trees, roots, strict=True)]
    kinds = {"feature": "int32", "threshold": "float64", "gap_left": "bool", "value": "float64", "children": "int32"}
    return {name: np.concatenate(some).astype(kinds[name]) for name, some in parts.items()} | {
        "roots": roots.astype("int32")}
