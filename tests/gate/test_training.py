"""Does the model look at its inputs, has it learnt, and more than its training rows by heart?"""

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import (GradientBoostingClassifier, HistGradientBoostingRegressor, RandomForestClassifier,
                              RandomForestRegressor)
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.tree import DecisionTreeRegressor

from notemill.errors import UsageError
from notemill.gate import training
from notemill.gate.checks import inputs, loss_history
from notemill.gate.evidence import Unfit
from notemill.gate.history import checked, history_of, thinned, told_of
from notemill.gate.metrics import Answers

NAMES = ("training.inputs", "training.gap", "training.loss")


def of(case, *steps):
    """The case with another model; its notebook's figures are not compared."""
    y = case.train["y"].to_numpy(dtype=None if case.task == "regression" else "object")
    columns = ColumnTransformer([("all", "passthrough", ["a", "b", "c"])])
    case.model = make_pipeline(columns, *steps).fit(case.train.drop(columns="y"), y)
    del case.gate["metrics"]
    return case


# whole projects
@pytest.mark.parametrize("task", ["classification", "three", "regression"])
def test_honest_projects_pass(honest, task):
    code, checks = honest(task)
    assert code == 0
    assert [checks[name]["outcome"] for name in NAMES] == ["passed", "passed", "not asked for"]
    assert checks["training.inputs"]["figure"] > 0.9


@pytest.mark.parametrize(("task", "constant"), [
    ("classification", DummyClassifier()), ("three", DummyClassifier(strategy="most_frequent")),
    ("regression", DummyRegressor())])
def test_a_constant_model_is_refused_by_name(make_case, task, constant):
    case = of(make_case(task), constant)
    code, checks = case.by_command()
    assert code == 3
    assert checks["training.inputs"]["outcome"] == checks["training.gap"]["outcome"] == "refused"
    assert checks["training.inputs"]["hint"].startswith("0 of 200 rows get another answer when every")
    assert "it has learnt nothing" in checks["training.gap"]["hint"]


def test_inputs_that_are_lost_on_the_way_are_noticed(make_case):
    case = of(make_case("regression"), FunctionTransformer(np.zeros_like), Ridge())
    code, checks = case.by_command()
    assert (code, checks["training.inputs"]["outcome"]) == (3, "refused")


def test_columns_that_change_no_answer_are_told(case):
    case.fit(["a", "b"])
    code, checks = case.by_command()
    assert (code, checks["training.inputs"]["outcome"]) == (0, "passed")
    assert checks["training.inputs"]["hint"].endswith("no answer changes with 'c' alone")
    shares = {one["name"]: one["figure"] for one in checks["training.inputs"]["details"]["parts"]}
    assert shares["c"] == 0
    assert shares["a"] > 0.9


def test_what_was_learnt_by_heart_is_warned_of_and_refused_by_a_limit(make_case, only):
    case = of(make_case("regression"), DecisionTreeRegressor(random_state=0))
    gap = only("training.gap")(case)
    assert gap["outcome"] == "warned"
    assert gap["figure"] > gap["low"] > 0.1
    assert "learnt its training rows by heart" in gap["hint"]
    case.gate["training"] = {"max_gap": 0.1}
    gap = only("training.gap")(case)
    assert (gap["outcome"], gap["limit"]) == ("refused", 0.1)
    case.gate["warn"] = ["training.gap"]
    assert only("training.gap")(case)["outcome"] == "warned"


@pytest.mark.parametrize(("task", "forest"), [("classification", RandomForestClassifier),
                                              ("regression", RandomForestRegressor)])
def test_a_forest_is_not_refused_for_its_training_figure(make_case, task, forest):
    case = of(make_case(task), forest(n_estimators=50, random_state=0))
    checks = case.by_command()[1]
    assert [one["outcome"] for one in checks.values() if one["check"].startswith("training.")] in (
        ["passed", "passed", "not asked for"], ["passed", "warned", "not asked for"])


def test_the_gap_is_of_the_gates_metric_on_the_same_training_rows(make_case, look):
    case = make_case("regression")
    verdict = case.judge()
    own = look(verdict, "metric")["figure"]
    on_train = case.model.score(case.train.drop(columns="y"), case.train["y"])
    assert look(verdict, "training.gap")["figure"] == pytest.approx(on_train - own, abs=1e-9)
    case.gate["metric"] = "rmse"
    verdict = case.judge()
    gap = look(verdict, "training.gap")
    assert gap["outcome"] == "passed"
    assert gap["limit"] == pytest.approx(0.5 * look(verdict, "metric")["figure"])


def test_better_where_it_has_not_learnt_is_odd(make_case, look):
    case = make_case()
    case.test = pd.concat([case.test[(case.test["a"] * 1.5 - case.test["b"]).abs() > 1]] * 3, ignore_index=True)
    case.train = case.train[(case.train["a"] * 1.5 - case.train["b"]).abs() < 0.7].reset_index(drop=True)
    check = look(case.judge(), "training.gap")
    assert check["outcome"] == "warned"
    assert "better where it has not learnt" in check["hint"]


# the history of the loss
def mlp(**more):
    return MLPClassifier((8,), random_state=0, solver="sgd", **{"max_iter": 40, "learning_rate_init": 0.05, **more})


REVIEWED = ["sklearn.neural_network._stochastic_optimizers.SGDOptimizer"]


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_a_loss_that_falls_passes_with_its_curve(case):
    of(case, mlp())
    case.gate |= {"types": REVIEWED, "warn": ["baseline"]}
    code, checks = case.by_command()
    assert (code, checks["training.loss"]["outcome"]) == (0, "passed")
    assert checks["training.loss"]["details"]["curve"]["y"] == case.model[-1].loss_curve_
    assert "MLPClassifier.loss_curve_: from 0." in checks["training.loss"]["hint"]


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize(("values", "outcome", "words"), [
    ([0.5] * 40, "refused", "did not fall"), (list(np.linspace(0.5, 0.9, 40)), "refused", "did not fall"),
    ([0.7, 0.5, float("nan"), 0.4], "refused", "is no number in step 3 of 4"), ([0.5], "not assessed", "1 figure"),
    ([*np.linspace(0.9, 0.2, 30), *np.linspace(0.2, 0.6, 30)], "warned", "rose again by")])
def test_a_loss_that_does_not_is_told_by_name(case, values, outcome, words):
    of(case, mlp())
    case.model[-1].loss_curve_ = values
    case.gate |= {"types": REVIEWED, "warn": ["baseline"]}
    code, checks = case.by_command()
    assert (code, checks["training.loss"]["outcome"]) == (3 if outcome == "refused" else 0, outcome)
    assert words in checks["training.loss"]["hint"]


@pytest.mark.parametrize(("history", "outcome"), [([3, 2, 1.5], "passed"), ([1, 2, 3], "refused"),
                                                  ({"a": 1}, "refused"), (["low"], "refused"),
                                                  ([True, False], "refused")])
def test_a_project_may_name_its_own_history(case, history, outcome):
    case.steps["train"]["outputs"]["losses"] = "losses.json"
    case.contents["train.losses"] = json.dumps(history).encode()
    case.gate["training"] = {"history": "train.losses"}
    code, checks = case.by_command()
    assert (code, checks["training.loss"]["outcome"]) == (0 if outcome == "passed" else 3, outcome)


@pytest.mark.parametrize(("wrong", "words"), [
    ({"history": "train.lost"}, "unknown output 'train.lost'"), ({"max_gap": -1}, "training"),
    ({"gap": 1}, "training")])
def test_a_configuration_without_sense_is_a_usage_error(case, wrong, words):
    case.gate["training"] = wrong
    with pytest.raises(UsageError, match=words):
        case.judge()


# which history an estimator keeps
def some_rows():
    random = np.random.default_rng(0)
    X = random.normal(size=(200, 3))
    return X, (X[:, 0] + random.normal(size=200) > 0).astype("int64")


def test_histories_of_scikit_learns_estimators():
    X, y = some_rows()
    boosted = GradientBoostingClassifier(n_estimators=5).fit(X, y)
    assert history_of(boosted) == {"name": "GradientBoostingClassifier.train_score_", "falls": True,
                                   "values": boosted.train_score_.tolist()}
    scores = HistGradientBoostingRegressor(max_iter=5, early_stopping=True).fit(X, y)
    assert history_of(scores)["falls"] is False
    assert scores.train_score_[-1] > scores.train_score_[0]
    assert history_of(HistGradientBoostingRegressor(max_iter=5, early_stopping=False).fit(X, y)) is None
    assert history_of(Ridge().fit(X, y)) is None


def test_a_history_is_found_inside_of_what_wraps_an_estimator():
    X, y = some_rows()
    inner = GradientBoostingClassifier(n_estimators=5)
    depths = {"gradientboostingclassifier__max_depth": [1, 2]}
    search = GridSearchCV(make_pipeline(FunctionTransformer(), inner), depths, cv=2)
    assert len(history_of(search.fit(X, y))["values"]) == 5
    turned = TransformedTargetRegressor(HistGradientBoostingRegressor(max_iter=4, early_stopping=True)).fit(X, y)
    assert history_of(turned)["name"] == "HistGradientBoostingRegressor.train_score_"


def test_what_cannot_be_read_is_no_history():
    class Odd:
        @property
        def loss_curve_(self):
            raise RuntimeError("gone")

    with pytest.raises(ValueError, match="no list of numbers"):
        checked(told_of(Odd()))
    assert history_of(SimpleNamespace(loss_curve_=np.ones((3, 2)))) is None
    assert history_of(SimpleNamespace(loss_curve_="abc")) is None


def test_a_long_history_is_thinned_to_its_last_step():
    kept = thinned(list(range(10_001)))
    assert len(kept) <= 2001
    assert (kept[0], kept[-1]) == (0, 10_000)


def test_the_course_is_robust_to_a_single_step():
    losses = np.linspace(1, 0.2, 100)
    losses[-1] = 5.0
    assert [one["outcome"] for one in loss_history.judged_loss("it", losses[:-1])] == ["passed", "passed"]
    assert loss_history.judged_loss("it", losses)[0]["outcome"] == "passed"


def test_a_history_that_cannot_be_read_is_unfit(tmp_path):
    (tmp_path / "h.json").write_text("{")
    named = {"name": "'train.losses'", "path": str(tmp_path / "h.json")}
    with pytest.raises(Unfit, match=r"train\.losses"):
        loss_history.history(SimpleNamespace(job={"history": named}))


# what is asked
def test_shuffled_columns_hold_the_same_cells_each_in_its_own_order():
    table = pd.DataFrame({"a": np.arange(50), "b": np.arange(50), "c": ["x", "y"] * 25})
    made = training.shuffled(table, ["a", "b"])
    assert sorted(made["a"]) == sorted(made["b"]) == list(range(50))
    assert (made["a"] != made["b"]).mean() > 0.8
    assert made["c"].tolist() == table["c"].tolist()
    one = training.one_by_one(table, ["a", "c"])
    assert len(one) == 100
    assert (one["b"].to_numpy() == np.tile(np.arange(50), 2)).all()
    assert (one["a"].to_numpy()[50:] == np.arange(50)).all()


def test_every_class_has_a_training_row_and_rows_that_the_package_refuses_are_not_asked():
    labels = np.repeat(["no", "yes"], [20_000, 1])
    table = pd.DataFrame({"a": np.arange(20_001.0), "y": labels})
    table.loc[5, "a"] = -1
    schema = {"columns": [{"name": "a", "type": "number", "role": "feature", "range": [0, None]}]}
    chosen = training.positions(SimpleNamespace(train=table, target="y", schema=schema, is_regression=False))
    assert 5000 <= len(chosen) <= 5001
    assert 20_000 in chosen
    assert 5 not in chosen


@pytest.mark.parametrize(("kind", "change", "differs"), [
    ("labels", 0.5, True), ("labels", 1e-9, False), ("probabilities", 1e-3, True), ("probabilities", 1e-9, False),
    ("decision", 1e-3, True), ("decision", 1e-12, False)])
def test_what_counts_as_another_answer(kind, change, differs):
    values = np.linspace(0, 1, 10)
    evidence = SimpleNamespace(is_regression=kind == "labels", truth=SimpleNamespace(values=values))
    before, after = ({"labels": values, kind: values + more} for more in (0, change))
    assert inputs.differ(evidence, Answers(**before), Answers(**after)).all() == differs
