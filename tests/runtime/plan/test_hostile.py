"""A damaged or hostile plan is told in words when the model is prepared, and never runs."""

import copy
import json

import numpy as np
import pytest
from plan_samples import TABLE, compiled, planned_model
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from notemill.runtime.model import ModelError
from notemill.runtime.plan import Stored

COLUMNS = ["width", "count", "grade"]


def planned(last):
    return compiled(make_pipeline(make_column_transformer(
        (StandardScaler(), ["width", "count"]), (OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["grade"])
    ), last), COLUMNS, hard=50)


@pytest.fixture(scope="module")
def sums():
    return planned(LogisticRegression())


@pytest.fixture(scope="module")
def trees():
    return planned(RandomForestClassifier(3, max_depth=3, random_state=0))


def step(plan, kind):
    return next(step for step in plan["steps"] if step["kind"] == kind)


PLANS = {
    "'KeyError: 'sleep'": lambda plan: plan["steps"][0].update(kind="sleep"),
    "KeyError: 'svm'": lambda plan: plan["model"].update(kind="svm"),
    "KeyError: 'secret'": lambda plan: plan["model"].update(link="secret"),
    "slot 99 of": lambda plan: plan["steps"][0].update(of=99),
    "slot -1 of": lambda plan: plan["steps"][0].update(of=-1),
    "slot True of": lambda plan: plan["steps"][0].update(of=True),
    "slot 5 of 3": lambda plan: plan["steps"][0].update(of=5),  # a later step
    "cannot read a text": lambda plan: plan["steps"][0].update(of=2),
    "cannot read a moment|not for the columns": lambda plan: plan["columns"][2].update(form="moment"),
    "not for the columns": lambda plan: plan["columns"].reverse(),
    "TypeError: .*unexpected keyword argument 'more'": lambda plan: plan["steps"][0].update(more=1),
    "TypeError: .*missing 1 required positional argument": lambda plan: step(plan, "scale").pop("shift") and None,
    "a code beyond its labels": lambda plan: step(plan, "code").update(missing=100),
    "the model reads a number as a code": lambda plan: plan["model"].update(tables=[0]),
    "slot 77 of": lambda plan: plan["model"].update(numbers=[77, 78]),
    "8 codes or numbers": lambda plan: plan["model"]["adds"][0].pop() and None,
    "cannot reshape": lambda plan: plan["model"]["coefficients"].pop() and None,
    "3 answers where 2 are needed": lambda plan: plan["model"].update(
        link="softmax", bias=[0, 0, 0], numbers=[], coefficients=[], tables=[], adds=[]),
    "slot 50 of": lambda plan: plan["refused"].append([50, 1])}


@pytest.mark.parametrize("words", PLANS)
def test_a_plan_that_does_not_fit(sums, tmp_path, words):
    stored, schema = sums
    plan = copy.deepcopy(stored.plan)
    PLANS[words](plan)
    with pytest.raises(ModelError, match=words.lstrip("'")):
        planned_model(tmp_path / "package", Stored(plan), schema).prepare()


ARRAYS = {
    "beyond their nodes or features": lambda arrays: arrays["feature"].__setitem__(0, 99),
    "trees that do not end": lambda arrays: arrays["children"].__setitem__(0, [0, 0]),
    "trees that do not end|": lambda arrays: arrays["children"].__setitem__(0, [10 ** 6, 1]),
    "trees that reach": lambda arrays: arrays["roots"].__setitem__(-1, 10 ** 6),
    "trees that reach beyond": lambda arrays: arrays["roots"].__setitem__(0, -1),
    "different lengths": lambda arrays: arrays.update(value=arrays["value"][:-1]),
    "different lengths: ": lambda arrays: arrays.update(value=np.hstack([arrays["value"]] * 2)),
    "KeyError: 'feature'": lambda arrays: arrays.pop("feature") is None,
    "KeyError: 'roots'": lambda arrays: arrays.pop("roots") is None}


@pytest.mark.parametrize("words", ARRAYS)
def test_trees_that_do_not_fit(trees, tmp_path, words):
    stored, schema = trees
    arrays = copy.deepcopy(dict(stored.arrays))
    ARRAYS[words](arrays)
    with pytest.raises(ModelError, match=words):
        planned_model(tmp_path / "package", Stored(stored.plan, arrays), schema).prepare()


TEXTS = {
    "": "JSONDecodeError", "[": "JSONDecodeError", "[]": "TypeError", "{}": "KeyError: 'format'", "null": "TypeError",
    '{"format": 2}': "has the format 2", "[" * 100_000: "RecursionError",
    '{"format": NaN}': "NaN is no number that JSON has", '{"format": -Infinity}': "-Infinity is no number"}


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: text[:20])
def test_a_file_that_is_no_plan(sums, tmp_path, text):
    model = planned_model(tmp_path / "package", *sums)
    (model.folder / "plan.json").write_text(text)
    with pytest.raises(ModelError, match=f"plan.json cannot be used: .*{TEXTS[text]}"):
        model.prepare()


@pytest.mark.parametrize("number", ["1e999", "-1e999", "NaN", "Infinity"])
def test_numbers_that_are_none(sums, tmp_path, number):
    model = planned_model(tmp_path / "package", *sums)
    path = model.folder / "plan.json"
    told = json.loads(path.read_text())
    told["plan"]["model"]["bias"] = ["HERE"]
    path.write_text(json.dumps(told).replace('"HERE"', number))
    with pytest.raises(ModelError, match="not finite|is no number"):
        model.prepare()


def test_arrays_with_pickles_are_not_loaded(trees, tmp_path):
    model = planned_model(tmp_path / "package", *trees)
    np.savez(model.folder / "plan.npz", feature=np.array([print], dtype="object"), allow_pickle=True)
    with pytest.raises(ModelError, match="allow_pickle=False"):
        model.prepare()
    (model.folder / "plan.npz").write_bytes(b"PK no zip")
    with pytest.raises(ModelError, match="plan.json cannot be used"):
        planned_again(model).prepare()
    (model.folder / "plan.npz").unlink()
    with pytest.raises(ModelError, match="FileNotFoundError"):
        planned_again(model).prepare()


def planned_again(model):
    return type(model)(model.folder)


def test_a_whole_one_is_taken(sums, trees, tmp_path):
    for number, (stored, schema) in enumerate((sums, trees)):
        model = planned_model(tmp_path / str(number), stored, schema)
        model.prepare()
        assert model.predict(TABLE[COLUMNS]).shape == (len(TABLE),)
