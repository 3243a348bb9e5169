"""The model is asked again about rows in another form: what it may not be moved by, and what it has to bear."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler, scale
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from notemill.gate.checks.robustness import ROBUSTNESS
from notemill.gate.metrics import Answers
from notemill.gate.robust import Changed, differing, flipped, noisy, spread

CONTRACT = {"categories": "contract", "null_share": "contract"}


def outcomes(checks):
    return {name.partition(".")[2]: check["outcome"] for name, check in checks.items() if name.startswith("robustness")}


def labels(case):
    return case.train["y"].to_numpy(dtype="object")


def add_category(case, unknown="ignore", **entry):
    """A column of categories that says something of the target, and a model of it."""
    for table, seed in ((case.train, 5), (case.test, 6)):
        random = np.random.default_rng(seed)
        sure = random.random(len(table)) < 0.7
        table["site"] = np.where((table["y"] == "yes") & sure, "north", random.choice(["south", "east"], len(table)))
    case.schema["columns"].append({"name": "site", "type": "category", "role": "feature", "from": {},
                                   "categories": ["east", "north", "south"], **entry})
    parts = ColumnTransformer([("numbers", StandardScaler(), ["a", "b", "c"]),
                               ("labels", OneHotEncoder(handle_unknown=unknown), ["site"])])
    case.model = make_pipeline(parts, LogisticRegression()).fit(case.train.drop(columns="y"), labels(case))
    del case.gate["metrics"]


def add_gaps(case, *steps):
    """Gaps in a training column; the model is fitted without these rows, unless its steps bear them."""
    case.train.loc[:30, "c"] = None
    table = case.train if steps else case.train.dropna()
    model = make_pipeline(ColumnTransformer([("numbers", make_pipeline(*steps, StandardScaler()), ["a", "b", "c"])]),
                          LogisticRegression())
    case.model = model.fit(table.drop(columns="y"), table["y"].to_numpy(dtype="object"))
    del case.gate["metrics"]


def test_an_honest_model_is_moved_by_nothing(case):
    add_category(case)
    case.train.loc[:30, "c"] = None
    case.model.steps.insert(1, ("fill", SimpleImputer()))
    case.model.fit(case.train.drop(columns="y"), labels(case))
    code, checks = case.by_command()
    assert code == 0
    assert set(outcomes(checks).values()) == {"passed"}
    assert checks["robustness.noise"]["n"] == 200
    assert 0 <= checks["robustness.noise"]["low"] <= checks["robustness.noise"]["figure"] <= 0.05
    assert checks["robustness.unseen"]["n"] == checks["robustness.missing"]["n"] == 50
    assert [part["name"] for part in checks["robustness.missing"]["details"]["parts"]] == ["c"]


@pytest.mark.parametrize("task", ["regression", "three"])
def test_other_tasks_are_moved_by_nothing_either(honest, task):
    code, checks = honest(task)
    assert code == 0
    assert outcomes(checks) == {**dict.fromkeys(["columns", "rows", "float32", "noise"], "passed"),
                                **dict.fromkeys(["unseen", "missing"], "not asked for")}


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_a_model_that_takes_columns_by_their_place_is_refused(make_case, only, task):
    case, linear = make_case(task), {"classification": LogisticRegression, "regression": Ridge}[task]
    case.model = make_pipeline(StandardScaler(), linear()).fit(
        case.train[["a", "b", "c"]].to_numpy(),
        case.train["y"].to_numpy(dtype=None if task == "regression" else object))
    code, checks = case.by_command()
    assert code == 3
    assert [name for name, outcome in outcomes(checks).items() if outcome == "refused"] == ["columns"]
    assert "takes columns by their place" in checks["robustness.columns"]["hint"]
    case.gate["warn"] = ["robustness.columns"]
    assert only("robustness.columns")(case)["outcome"] == "warned"


def test_a_model_that_refuses_another_order_of_columns_passes(case):
    case.model = make_pipeline(StandardScaler(), LogisticRegression()).fit(case.train[["a", "b", "c"]], labels(case))
    code, checks = case.by_command()
    assert (code, checks["robustness.columns"]["outcome"]) == (0, "passed")


def test_answers_that_depend_on_the_company_of_rows_are_refused(case):
    case.model = make_pipeline(ColumnTransformer([("all", "passthrough", ["a", "b"])]), FunctionTransformer(scale),
                               LogisticRegression()).fit(case.train, labels(case))
    case.gate["types"] = skops.io.get_untrusted_types(data=skops.io.dumps(case.model))
    code, checks = case.by_command()
    assert code == 3
    assert outcomes(checks)["rows"] == "refused"
    assert "which other rows are asked about" in checks["robustness.rows"]["hint"]


def test_numbers_that_single_precision_cannot_hold_are_refused(case):
    for table in (case.train, case.test):
        table["a"] += 1e9
    case.fit(["a"])
    code, checks = case.by_command()
    assert (code, outcomes(checks)["float32"]) == (3, "refused")
    assert checks["robustness.float32"]["figure"] > 0.05


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_a_model_that_noise_moves_is_refused(make_case, only, task):
    case = make_case(task)
    tree = DecisionTreeRegressor() if task == "regression" else DecisionTreeClassifier()
    for table in (case.train, case.test):
        high = np.floor(table["a"] * 40) % 2 == 1
        table["y"] = np.where(high, 10.0, 20.0) if task == "regression" else np.where(high, "yes", "no")
    case.model = make_pipeline(ColumnTransformer([("a", "passthrough", ["a"])]), tree).fit(
        case.train, case.train["y"].to_numpy(dtype=None if task == "regression" else "object"))
    code, checks = case.by_command()
    assert (code, outcomes(checks)["noise"]) == (3, "refused")
    assert "a little noise" in checks["robustness.noise"]["hint"]
    case.gate["robustness"] = {"max_flips": 0.9}
    assert only("robustness.noise")(case)["outcome"] == "passed"
    case.gate["robustness"] = {"noise": 0.000001}
    assert only("robustness.noise")(case)["outcome"] == "passed"


def test_a_model_that_breaks_on_a_new_category_is_refused(case, only):
    add_category(case, unknown="error")
    code, checks = case.by_command()
    assert (code, outcomes(checks)["unseen"]) == (3, "refused")
    assert "a new category in 'site' (ValueError: Found unknown categories" in checks["robustness.unseen"]["hint"]
    case.gate["warn"] = ["robustness.unseen"]
    assert only("robustness.unseen")(case)["outcome"] == "warned"


def test_a_new_category_that_the_contract_refuses_is_right(case):
    add_category(case, unknown="error", **{"from": CONTRACT})
    code, checks = case.by_command()
    assert (code, outcomes(checks)["unseen"]) == (0, "not asked for")
    assert "refuses a new category in words" in checks["robustness.unseen"]["hint"]


def test_codes_have_an_unseen_one_too(case, only):
    add_category(case)
    for table in (case.train, case.test):
        table["site"] = table["site"].map({"north": 1, "south": 2, "east": 3})
    case.schema["columns"][-1]["categories"] = [1, 2, 3]
    case.model.fit(case.train.drop(columns="y"), labels(case))
    assert only("robustness.unseen")(case)["outcome"] == "passed"


def test_a_model_that_breaks_on_a_missing_value_is_refused(case):
    add_gaps(case)
    code, checks = case.by_command()
    assert (code, outcomes(checks)["missing"]) == (3, "refused")
    assert "a missing value in 'c' (ValueError: Input X contains NaN" in checks["robustness.missing"]["hint"]
    assert checks["robustness.missing"]["figure"] == 1
    assert checks["metric"]["outcome"] == "passed"


def test_a_missing_value_that_the_contract_refuses_is_right(case):
    add_gaps(case)
    case.schema["columns"][2] |= {"null_share": 0, "from": CONTRACT}
    code, checks = case.by_command()
    assert (code, outcomes(checks)["missing"]) == (0, "not asked for")


def test_a_model_that_fills_gaps_passes(case):
    add_gaps(case, SimpleImputer())
    code, checks = case.by_command()
    assert (code, outcomes(checks)["missing"]) == (0, "passed")


def test_gaps_that_only_the_contract_allows_are_tried(case, only):
    case.schema["columns"][2] |= {"null_share": 0.1, "from": CONTRACT}
    assert "a missing value in 'c'" in only("robustness.missing")(case)["hint"]


@pytest.mark.parametrize(("by", "rows", "outcome"), [
    (0.06, 19, "passed"), (0.06, 21, "refused"), (0.04, 1000, "passed"), (9.0, 19, "passed"), (-0.06, 400, "refused")])
def test_single_precision_may_move_few_quantities_far_or_all_a_little(by, rows, outcome):
    """The limits that were measured: 2 % of the rows, by 0.05 of the spread."""
    said = np.random.default_rng(3).normal(7, 2, 1000)
    moved = said + by * spread(said) * (np.arange(1000) < rows)
    evidence = SimpleNamespace(is_regression=True, config={}, answers=Answers(said),
                               changed={"float32": Changed(None, np.arange(1000))},
                               answers_to=lambda name: Answers(moved))
    found = ROBUSTNESS["robustness.float32"](SimpleNamespace(evidence=evidence))
    assert (found.outcome, found.limit) == (outcome, 0.02)


# what is counted
def test_noise_leaves_zeros_whole_numbers_and_the_ends_as_they_are():
    table = pd.DataFrame({"x": [0.0, 1.5, 2.5, None, 9.0], "whole": [1, 2, 3, 4, 5]})
    found = noisy(table, ["x"], 10.0)
    assert found["x"][0] == 0 and np.isnan(found["x"][3])
    assert not np.array_equal(found["x"][[1, 2, 4]], table["x"][[1, 2, 4]])
    assert found["x"].min() >= 0 and found["x"].max() <= 9
    assert found["whole"].tolist() == [1, 2, 3, 4, 5]


def test_noise_is_as_wide_as_it_should_be():
    values = np.random.default_rng(1).normal(5, 2, 20_000)
    moved = noisy(pd.DataFrame({"x": values}), ["x"], 0.01)["x"] - values
    assert moved.std() == pytest.approx(0.02, rel=0.05)


def test_spread_is_the_standard_deviation_but_for_a_few_values_far_away():
    values = np.random.default_rng(1).normal(5, 2, 20_000)
    assert spread(values) == pytest.approx(2, rel=0.03)
    assert spread(np.append(values, [1e9, -1e9])) == pytest.approx(2, rel=0.03)
    assert spread(np.array([0, 0, 0, 0, 5.0])) == 2


def test_rows_differ_by_their_probabilities_and_not_by_ties():
    before = Answers(np.array([0, 0, 0, 1]), np.array([[.5, .5], [.9, .1], [.9, .1], [.2, .8]]))
    after = Answers(np.array([1, 0, 1, 1]), np.array([[.5, .5], [.8, .2], [.9, .1], [.2, .8 + 1e-9]]))
    assert differing(before, after, False, 1.0).tolist() == [False, True, True, False]
    assert differing(Answers(before.labels), Answers(after.labels), False, 1.0).tolist() == [True, False, True, False]


def test_quantities_flip_beyond_a_share_of_their_spread():
    before, after = Answers(np.array([10.0, 10.0, 10.0])), Answers(np.array([10.4, 10.6, 9.4]))
    assert flipped(before, after, True, 0.1, 5.0).tolist() == [False, True, True]
    assert differing(before, Answers(before.labels + 1e-10), True, 5.0).sum() == 0
