"""Every kind of model and of transformer says as a plan what it says as scikit-learn: on held-out rows, on hard ones,
for many at once, and row by row. (`make_plan` compares; test_compare.py sees it fail.)"""

import numpy as np
import pandas as pd
import pytest
from plan_samples import compiled
from sklearn import ensemble, linear_model, svm, tree
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor, make_column_transformer
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.feature_selection import SelectKBest
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    RobustScaler,
    StandardScaler,
    TargetEncoder,
)

NUMBERS, LABELS = ["size", "width", "count"], ["colour", "grade"]


def mixed(last, gaps=False):
    """Numbers and labels, then a model."""
    numbers = make_pipeline(*([] if gaps else [SimpleImputer(add_indicator=True)]), StandardScaler())
    return make_pipeline(make_column_transformer(
        (numbers, NUMBERS), (OneHotEncoder(handle_unknown="ignore", sparse_output=False), LABELS)), last)


def is_compiled(pipeline, columns, target):
    stored, _ = compiled(pipeline, columns, target)
    assert stored.reason == "" and stored.compared["held_out"] == 80 and stored.compared["hard"] == 600
    assert stored.compared["difference"] < 1e-9
    return stored


FEW = {"n_estimators": 7, "random_state": 0}
CLASSIFIERS = {
    "logistic": LogisticRegression(), "hinge": linear_model.SGDClassifier(random_state=0),
    "log loss": linear_model.SGDClassifier(loss="log_loss", random_state=0), "ridge": linear_model.RidgeClassifier(),
    "support": svm.LinearSVC(), "forest": ensemble.RandomForestClassifier(**FEW),
    "extra": ensemble.ExtraTreesClassifier(max_leaf_nodes=20, **FEW), "tree": tree.DecisionTreeClassifier(max_depth=4),
    "boosting": ensemble.GradientBoostingClassifier(**FEW),
    "zero": ensemble.GradientBoostingClassifier(init="zero", **FEW),
    "constant": DummyClassifier(), "stump": tree.DecisionTreeClassifier(max_leaf_nodes=2),
    "votes": ensemble.VotingClassifier([("a", LogisticRegression()), ("b", ensemble.RandomForestClassifier(**FEW)),
                                        ("c", ensemble.GradientBoostingClassifier(**FEW))], voting="soft",
                                       weights=[2, 1, 1]),
    "search": GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2),
    "sigmoid": CalibratedClassifierCV(LogisticRegression(), cv=3),
    "isotonic": CalibratedClassifierCV(ensemble.RandomForestClassifier(**FEW), method="isotonic", cv=3),
    "one curve": CalibratedClassifierCV(svm.LinearSVC(), ensemble=False, cv=3),
    "hot": CalibratedClassifierCV(LogisticRegression(), method="temperature", cv=2),
    "hot forest": CalibratedClassifierCV(ensemble.RandomForestClassifier(**FEW), method="temperature", cv=2)}


@pytest.mark.parametrize("target", ["label", "three"])
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_classifiers(name, target):
    stored = is_compiled(mixed(CLASSIFIERS[name]), NUMBERS + LABELS, target)
    assert stored.plan["probabilities"] == (name not in ("hinge", "ridge", "support"))


REGRESSORS = {
    "ridge": Ridge(), "lasso": linear_model.Lasso(0.01), "poisson": linear_model.PoissonRegressor(),
    "forest": ensemble.RandomForestRegressor(**FEW), "extra": ensemble.ExtraTreesRegressor(**FEW),
    "tree": tree.DecisionTreeRegressor(), "boosting": ensemble.GradientBoostingRegressor(loss="huber", **FEW),
    "mean": DummyRegressor(), "votes": ensemble.VotingRegressor([("a", Ridge()), ("b", tree.DecisionTreeRegressor())]),
    "log": TransformedTargetRegressor(Ridge(), func=np.log1p, inverse_func=np.expm1),
    "scaled": TransformedTargetRegressor(ensemble.RandomForestRegressor(**FEW), transformer=StandardScaler())}


@pytest.mark.parametrize("name", REGRESSORS)
def test_regressors(name):
    assert "classes" not in is_compiled(mixed(REGRESSORS[name]), NUMBERS + LABELS, "amount").plan


HIST = {"max_iter": 8, "min_samples_leaf": 5}


@pytest.mark.parametrize("target", ["label", "three"])
def test_hist_boosting_classifies(target):
    is_compiled(mixed(ensemble.HistGradientBoostingClassifier(**HIST), gaps=True), NUMBERS + LABELS, target)


@pytest.mark.parametrize("loss", ["squared_error", "poisson", "gamma", "absolute_error"])
def test_hist_boosting_quantities(loss):
    is_compiled(mixed(ensemble.HistGradientBoostingRegressor(loss=loss, **HIST), gaps=True), NUMBERS + LABELS, "amount")


@pytest.mark.parametrize("gaps", [np.nan, -1])
def test_hist_boosting_on_categories(gaps):
    """Its nodes ask whether a code is in a set."""
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan, encoded_missing_value=gaps)
    before = make_column_transformer((codes, LABELS), ("passthrough", NUMBERS))
    last = ensemble.HistGradientBoostingClassifier(categorical_features=[0, 1], **HIST)
    stored = is_compiled(make_pipeline(before, last), LABELS + NUMBERS, "label")
    assert any(piece["kind"] == "rows" and len(piece["values"][0]) > 1 for piece in stored.plan["model"]["pieces"])


def encoded(encoder):
    return make_column_transformer((encoder, LABELS), ("drop", ["count"]), remainder=SimpleImputer())


ENCODERS = {
    "one-hot": OneHotEncoder(handle_unknown="ignore"), "rare ones together": OneHotEncoder(
        handle_unknown="infrequent_if_exist", min_frequency=40, sparse_output=False),
    "less the first": OneHotEncoder(drop="first", handle_unknown="ignore", sparse_output=False),
    "refuses the new": OneHotEncoder(sparse_output=False),
    "ordinal": make_pipeline(SimpleImputer(strategy="most_frequent"),
                             OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)),
    "target": TargetEncoder(cv=KFold(2))}


@pytest.mark.filterwarnings("ignore:Found unknown categories")
@pytest.mark.parametrize("last", [LogisticRegression(), ensemble.RandomForestClassifier(**FEW)], ids=["sum", "forest"])
@pytest.mark.parametrize("name", ENCODERS)
def test_encoders(name, last):
    is_compiled(make_pipeline(encoded(ENCODERS[name]), last), [*LABELS, "size", "count"], "label")


def test_target_encoding_of_three_classes():
    is_compiled(make_pipeline(encoded(TargetEncoder(cv=KFold(2))), Ridge()), [*LABELS, "size", "count"], "amount")
    is_compiled(make_pipeline(encoded(TargetEncoder(cv=KFold(2))), LogisticRegression()),
                [*LABELS, "size", "count"], "three")


STEPS = {
    "min-max": MinMaxScaler(clip=True), "max-abs": MaxAbsScaler(), "robust": RobustScaler(),
    "polynomial": PolynomialFeatures(2), "interactions": PolynomialFeatures(3, interaction_only=True),
    "bins": KBinsDiscretizer(4, encode="ordinal", quantile_method="averaged_inverted_cdf"),
    "bins as columns": KBinsDiscretizer(3, encode="onehot-dense", strategy="uniform"),
    "function": FunctionTransformer(np.sqrt), "log": FunctionTransformer(np.log1p),
    "nothing": FunctionTransformer(), "best": SelectKBest(k=1),
    "union": FeatureUnion([("a", StandardScaler()), ("b", PolynomialFeatures(2)), ("c", "drop")])}


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize("last, target", [(Ridge(), "amount"), (tree.DecisionTreeRegressor(max_depth=5), "amount"),
                                          (LogisticRegression(max_iter=1000), "label")], ids=["sum", "tree", "classes"])
@pytest.mark.parametrize("name", STEPS)
def test_steps_on_numbers(name, last, target):
    is_compiled(make_pipeline(SimpleImputer(strategy="median"), STEPS[name], last), ["size", "width"], target)


def test_marks_of_gaps():
    both = FeatureUnion([("marks", MissingIndicator()), ("filled", SimpleImputer(strategy="constant", fill_value=-1))])
    is_compiled(make_pipeline(both, Ridge()), ["size", "width"], "amount")


def test_columns_by_weight_place_and_mask():
    blocks = ColumnTransformer([("a", StandardScaler(), [1]), ("b", "passthrough", [False, True, True]),
                                ("c", MinMaxScaler(), slice(1, 3))], transformer_weights={"a": 2.5, "c": 0.5})
    is_compiled(make_pipeline(blocks, Ridge()), NUMBERS, "amount")


def test_codes_and_truths():
    truths = make_pipeline(FunctionTransformer(pd.DataFrame, kw_args={"dtype": "float64"}), SimpleImputer())
    blocks = make_column_transformer((OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["code"]),
                                     (truths, ["flag"]))
    is_compiled(make_pipeline(blocks, LogisticRegression()), ["code", "flag"], "label")


def test_true_and_false_as_labels():
    stored, _ = compiled(make_pipeline(make_column_transformer((OneHotEncoder(sparse_output=False), ["flag"])),
                                       LogisticRegression()), ["flag"])
    assert stored.reason == ""


HASHED = {"usual": {}, "signs": {"alternate_sign": True}, "once": {"binary": True, "norm": "l1"},
          "counts": {"norm": None, "lowercase": False}}


@pytest.mark.parametrize("last", [LogisticRegression(), tree.DecisionTreeClassifier(max_depth=6)], ids=["sum", "tree"])
@pytest.mark.parametrize("name", HASHED)
def test_words(name, last):
    given = {"n_features": 16, "alternate_sign": False, **HASHED[name]}
    words = make_pipeline(FunctionTransformer(pd.DataFrame), SimpleImputer(strategy="constant", fill_value=""),
                          FunctionTransformer(np.ravel), HashingVectorizer(**given))
    blocks = make_column_transformer((words, ["note"]), (SimpleImputer(), ["size"]), sparse_threshold=0)
    is_compiled(make_pipeline(blocks, last), ["note", "size"], "label")
