"""A plan that says something else than scikit-learn is not used; what cannot be compiled says why."""

import copy
import re

import numpy as np
import pandas as pd
import pytest
from plan_samples import TABLE, compiled
from sklearn import ensemble, linear_model
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import make_column_transformer
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, QuantileTransformer, StandardScaler

from notemill.compile.compare import Differs, compare
from notemill.compile.hard import hard_rows
from notemill.runtime.plan import Stored, write_plan
from notemill.runtime.plan.program import Program

COLUMNS = ["width", "count", "grade"]


def pipeline(last):
    return make_pipeline(make_column_transformer(
        (StandardScaler(), ["width", "count"]), (OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["grade"])
    ), last)


@pytest.fixture(scope="module")
def sums():
    fitted = pipeline(LogisticRegression())
    return fitted, *compiled(fitted, COLUMNS)


@pytest.fixture(scope="module")
def trees():
    fitted = pipeline(ensemble.RandomForestClassifier(5, max_leaf_nodes=6, random_state=0))
    return fitted, *compiled(fitted, COLUMNS)


def compared(fitted, stored, schema):
    rows = TABLE[COLUMNS][160:]
    hard = hard_rows(rows, schema, stored.plan, stored.arrays, 600)
    return compare(fitted, stored, schema, {"held_out": rows, "hard": hard})


def test_what_is_unchanged_is_the_same(sums, trees):
    assert compared(*sums)["difference"] < 1e-12 and compared(*trees)["difference"] < 1e-12


def test_a_plan_that_answers_nothing_is_no_plan(sums):
    fitted, stored, schema = sums
    grade = len(stored.plan["columns"]) + [step["kind"] for step in stored.plan["steps"]].index("code")
    with pytest.raises(Differs, match="held_out row 1: the plan has no answer, and scikit-learn has one"):
        compared(fitted, changed(stored, lambda plan, arrays: plan["refused"].extend(
            [grade, code] for code in range(9))), schema)


def changed(stored, change):
    plan, arrays = copy.deepcopy(stored.plan), copy.deepcopy(stored.arrays)
    change(plan, arrays)
    return Stored(plan, arrays)


def more_bias(plan, arrays):
    plan["model"]["bias"][0] += 1e-7


def other_coefficient(plan, arrays):
    plan["model"]["coefficients"][1][0] *= 1 + 1e-6


def other_shift(plan, arrays):
    next(step for step in plan["steps"] if step["kind"] == "scale")["shift"] += 1e-6


def unseen_as_seen(plan, arrays):
    next(step for step in plan["steps"] if step["kind"] == "code")["unknown"] = 0


def missing_as_seen(plan, arrays):
    next(step for step in plan["steps"] if step["kind"] == "code")["missing"] = 0


@pytest.mark.parametrize("change", [more_bias, other_coefficient, other_shift, unseen_as_seen, missing_as_seen])
def test_one_changed_number_of_a_sum_is_noticed(sums, change):
    fitted, stored, schema = sums
    with pytest.raises(Differs, match="the plan gives"):
        compared(fitted, changed(stored, change), schema)


def other_threshold(plan, arrays):
    place = np.flatnonzero((arrays["feature"] == 0) & (arrays["threshold"] > 0))[0]  # a node that asks for the width
    arrays["threshold"][place] = np.nextafter(np.float32(arrays["threshold"][place]), np.float32(9e9))


def other_leaf(plan, arrays):
    arrays["value"][arrays["feature"] < 0] = arrays["value"][arrays["feature"] < 0][:, ::-1]


def in_64_bits(plan, arrays):
    plan["model"]["single"] = False


@pytest.mark.parametrize("change", [other_threshold, other_leaf, in_64_bits])
def test_one_changed_number_of_a_tree_is_noticed(trees, change):
    fitted, stored, schema = trees
    rows = TABLE[COLUMNS][160:]
    edges = hard_rows(rows, schema, stored.plan, stored.arrays, 4000)
    with pytest.raises(Differs):
        compare(fitted, changed(stored, change), schema, {"hard": edges})


def answer_all(plan, arrays):
    """As if what is refused were nothing at all."""
    plan["refused"].clear()
    plan["model"]["adds"] = [[[cell or 0.0 for cell in row] for row in rows] for rows in plan["model"]["adds"]]


def test_a_row_that_scikit_learn_refuses_has_no_answer():
    """OneHotEncoder refuses a new label; a plan that answered would be another model."""
    before = make_column_transformer((OneHotEncoder(sparse_output=False), ["grade"]))
    fitted = make_pipeline(before, LogisticRegression())
    stored, schema = compiled(fitted, ["grade"])
    tables = {"hard": hard_rows(TABLE[["grade"]], schema, stored.plan, {}, 300)}
    assert stored.plan["refused"] and compare(fitted, stored, schema, tables)["difference"] < 1e-12
    with pytest.raises(Differs, match="scikit-learn refuses a row that the plan answers"):
        compare(fitted, changed(stored, answer_all), schema, tables)


def test_the_same_pipeline_gives_the_same_bytes(trees):
    fitted, stored, _ = trees
    again, _ = compiled(fitted, COLUMNS, fit=False)
    assert write_plan(again) == write_plan(stored) and set(write_plan(stored)) == {"plan.json", "plan.npz"}


# what cannot be compiled
def doubled(values):
    return values * 2


class Own(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return X


class StandardScalerOfMine(StandardScaler):
    """Not scikit-learn's own, whatever it calls itself."""


StandardScalerOfMine.__name__ = "StandardScaler"
NEVER = {
    "the model sklearn's KNeighborsClassifier": KNeighborsClassifier(3),
    "the transformer sklearn's QuantileT": make_pipeline(QuantileTransformer(n_quantiles=5), LogisticRegression()),
    "the function .*doubled": make_pipeline(FunctionTransformer(doubled), LogisticRegression()),
    "the transformer .*'s Own": make_pipeline(Own(), LogisticRegression()),
    "the transformer .*'s StandardScaler": make_pipeline(StandardScalerOfMine(), LogisticRegression()),
    "voting 'hard'": ensemble.VotingClassifier([("a", LogisticRegression())]),
    "loss 'modified_huber'": linear_model.SGDClassifier(loss="modified_huber"),
    "with init LogisticRegression": ensemble.GradientBoostingClassifier(init=LogisticRegression(), n_estimators=2)}


@pytest.mark.parametrize("words", NEVER)
def test_what_cannot_be_compiled_says_why(words):
    stored, _ = compiled(NEVER[words], ["width", "count"])
    assert stored.plan is None and re.search(words, stored.reason)
    assert set(write_plan(stored)) == {"plan.json"}


def test_hashed_words_of_another_kind():
    letters = make_pipeline(FunctionTransformer(np.ravel), HashingVectorizer(analyzer="char", n_features=8))
    stored, _ = compiled(make_pipeline(FunctionTransformer(pd.DataFrame, kw_args={"dtype": "str"}), letters, Ridge()),
                         ["grade"], "amount")
    assert "HashingVectorizer with analyzer 'char'" in stored.reason


def test_a_step_that_fails_in_ways_of_its_own_is_told():
    broken = pipeline(LogisticRegression()).fit(TABLE[COLUMNS], TABLE["label"].to_numpy())
    del broken[-1].intercept_
    stored, _ = compiled(broken, COLUMNS, fit=False)
    assert "it could not be compiled: AttributeError" in stored.reason


def wrong_for(monkeypatch, is_it):
    """Let a plan err on these rows alone, and only when they come one by one."""
    real = Program.one
    monkeypatch.setattr(Program, "one", lambda self, cells: [0.25] * self.model.width if is_it(cells)
                        else real(self, cells))


@pytest.mark.parametrize("is_it", [lambda cells: abs(cells[0]) >= 2.0 ** 53, lambda cells: cells[2] == "nan",
                                   lambda cells: cells[1] == 2.0 ** 53 + 1])
def test_rows_that_no_json_holds_are_scored_one_by_one_as_well(trees, monkeypatch, is_it):
    wrong_for(monkeypatch, is_it)
    with pytest.raises(Differs, match=r"hard, one by one, row \d+: the plan gives \[0.25"):
        compared(*trees)


def test_each_of_ten_thousand_rows_is_scored_one_by_one(sums, monkeypatch):
    fitted, stored, schema = sums
    rows = TABLE[COLUMNS].sample(9000, replace=True, random_state=0, ignore_index=True)
    rows.loc[7776, "width"] = 1.2345
    wrong_for(monkeypatch, lambda cells: cells[0] == 1.2345)
    with pytest.raises(Differs, match="held_out, one by one, row 7777: the plan gives"):
        compare(fitted, stored, schema, {"held_out": rows})


def test_the_time_for_it_is_bounded(sums, monkeypatch):
    fitted, stored, schema = sums
    asked = []
    monkeypatch.setattr("notemill.compile.compare.SECONDS", 0)
    monkeypatch.setattr("notemill.compile.compare.AT_ONCE", 100)
    wrong_for(monkeypatch, asked.append)
    compare(fitted, stored, schema, {"held_out": TABLE[COLUMNS].sample(950, replace=True, random_state=0)})
    assert 90 <= len(asked) <= 100


def test_what_json_gives_otherwise_is_scored_as_well(sums, monkeypatch):
    from notemill.runtime.quick import Quick

    fitted, stored, schema = sums
    real = Quick.read
    monkeypatch.setattr(Quick, "read", lambda self, row: (found := real(self, row)) and ([*found[0][:2], None], []))
    with pytest.raises(Differs, match="held_out, read as JSON, row"):
        compare(fitted, stored, schema, {"held_out": TABLE[COLUMNS][160:]})
