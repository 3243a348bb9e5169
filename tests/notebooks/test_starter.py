"""prepare, train and evaluate on tables of many kinds: quality, the schema, the model as its users meet it."""

import json

import numpy as np
import pandas as pd
import pytest

from starter import CASES, SLOW, execute, reviewed_types, run_starter

TABLES = [pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else []) for name in CASES]
# Papermill does not know Literal, and jupyter_client says on start that it talks over TCP.
pytestmark = [pytest.mark.filterwarnings("ignore::DeprecationWarning"), pytest.mark.timeout(300)]


@pytest.mark.parametrize("table", TABLES)
def test_quality(mill, table):
    metrics = mill(table).metrics
    assert {name: metrics[name] for name, floor in CASES[table].floors.items() if not metrics[name] > floor} == {}
    assert all(type(value) in (int, float) and np.isfinite(value) for value in metrics.values())
    assert metrics["n"] == len(mill(table).sides[1])


@pytest.mark.parametrize("table", TABLES)
def test_reports_have_no_warnings(mill, table):
    for step in ("prepare", "train", "evaluate"):
        cells = json.loads((mill(table).folder / f"{step}.ipynb").read_text(encoding="utf-8"))["cells"]
        outputs = [output for cell in cells for output in cell.get("outputs", [])]
        assert [output["text"] for output in outputs if output.get("name") == "stderr"] == []
        assert any("image/png" in output.get("data", {}) for output in outputs)


@pytest.mark.parametrize("table", TABLES)
def test_tables_keep_every_row_and_column(mill, table):
    milled = mill(table)
    train, test = milled.sides
    assert list(train.columns) == list(test.columns) == list(milled.raw().columns)
    assert len(train) + len(test) == len(milled.raw())
    assert milled.schema["rows"]["train"] == len(train)


@pytest.mark.parametrize("table", TABLES)
def test_raw_rows_give_the_same_predictions(mill, table):
    """The source's own rows, their columns shuffled and more of them, are as good as the prepared ones."""
    milled, model = mill(table), mill(table).model()
    guess = model.predict if milled.schema["task"] == "regression" else lambda rows: model.predict_proba(rows)[:, 0]
    raw = milled.raw().drop(columns=milled.schema["target"]["name"])
    used = [name for name, column in milled.columns().items() if column["role"] in ("feature", "time")]
    raw = raw[used[::-1]].assign(something_else="?", another=1.5)
    np.testing.assert_allclose(np.sort(guess(raw)), np.sort(guess(pd.concat(milled.sides))), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("table", TABLES)
def test_one_row_as_a_service_gets_it(mill, table):
    """A row made from JSON: every cell an object, gaps as null."""
    milled, model = mill(table), mill(table).model()
    row = {name: column["example"] for name, column in milled.columns().items()}
    gap = {name: None for name in row}
    guesses = [model.predict(pd.DataFrame([cells], dtype=object)) for cells in (row, gap)]
    assert all(guess.shape == (1,) for guess in guesses)
    if milled.schema["task"] == "classification":
        assert all(guess[0] in milled.schema["target"]["classes"] for guess in guesses)


@pytest.mark.parametrize("table", TABLES)
def test_model_holds_reviewed_types_only(mill, table):
    import skops.io
    assert set(skops.io.get_untrusted_types(file=mill(table).folder / "model.skops")) <= reviewed_types()


@pytest.mark.parametrize("table", ["breast_cancer", pytest.param("taxis", marks=pytest.mark.slow)])
def test_same_inputs_same_bytes(mill, table, tmp_path):
    first = mill(table)
    source = first.source if len(first.source) > 1 else first.source[0]
    run_starter(CASES[table], tmp_path, source, warm=False)
    for name in ("train.parquet", "test.parquet", "schema.json", "model.skops", "metrics.json"):
        assert (tmp_path / name).read_bytes() == (first.folder / name).read_bytes(), name


def test_types_and_roles_of_awkward_columns(mill):
    columns = mill("mixed").columns()
    assert {name: column["type"] for name, column in columns.items()} == {
        "key": "text", "size": "number", "colour": "category", "shelf": "category", "flag": "boolean",
        "at": "datetime", "dose": "number", "site": "category", "note": "text"}
    assert {name: column["role"] for name, column in columns.items() if column["role"] != "feature"} == {
        "key": "identifier", "site": "constant"}
    assert columns["dose"]["mixed"] == {"cells": 30, "examples": ["unknown"]}
    assert mill("mixed").schema["rows"]["without_target"] == 15


def test_contract_wins_over_the_rows(mill):
    columns = mill("mixed").columns()
    assert columns["shelf"]["categories"] == [1, 2, 3, 4]
    assert columns["size"]["range"] == [-5, 30] and columns["size"]["unit"] == "cm"
    assert columns["size"]["from"] == {"type": "contract", "range": "contract"}
    assert columns["colour"]["categories"] == ["blue", "green", "red"]
    assert columns["colour"]["from"] == {"type": "data", "categories": "training rows"}


def test_schema_is_made_from_the_training_rows(mill):
    train, _ = mill("mixed").sides
    size = mill("mixed").columns()["size"]
    assert size["max"] == train["size"].max() and size["missing"] == train["size"].isna().mean()


def test_target_in_the_schema(mill):
    target = mill("breast_cancer").schema["target"]
    assert (target["classes"], target["positive"]) == ([0, 1], 0)
    assert target["names"] == {"0": "malignant", "1": "benign"}
    assert mill("mixed").schema["target"]["positive"] in ("yes", "no")


@pytest.mark.slow
def test_time_split_holds_out_the_latest(mill):
    train, test = mill("bike_hour").sides
    assert train["dteday"].max() < test["dteday"].min()
    assert 0.15 < len(test) / (len(train) + len(test)) < 0.25
    roles = {name: column["role"] for name, column in mill("bike_hour").columns().items()}
    assert (roles["instant"], roles["casual"], roles["dteday"]) == ("identifier", "dropped", "time")


@pytest.mark.slow
def test_group_split_divides_no_group(mill):
    train, test = mill("taxis").sides
    assert not set(train["pickup_zone"]) & set(test["pickup_zone"])
    assert mill("taxis").columns()["pickup_zone"]["role"] == "group"


def test_stratified_split_keeps_the_shares(mill):
    train, test = mill("breast_cancer").sides
    assert abs(train["target"].mean() - test["target"].mean()) < 0.01


def test_train_logs_cross_validation_to_mlflow(kernel_environment, mill, tmp_path):
    milled = mill("breast_cancer")
    execute("train", tmp_path, {"data": str(milled.folder / "train.parquet"), "estimator": "boosting", "max_iter": 5,
                                "folds": 2, "schema": str(milled.folder / "schema.json"),
                                "model": str(tmp_path / "model.skops")})
    boosted = next((tmp_path / "mlflow").glob("*/*/metrics/loss_training")).parent  # the table's own run may be beside
    logged = {path.name: path.read_text().splitlines() for path in boosted.iterdir()}
    assert {"cv_roc_auc_sd", "loss_validation"} <= set(logged) and len(logged["loss_training"]) == 5
    values = [float(line.split()[1]) for line in logged["fold_roc_auc"]]
    assert len(values) == 2 and [float(line.split()[1]) for line in logged["cv_roc_auc"]] == [sum(values) / 2]


def test_evaluate_refuses_a_type_nobody_reviewed(kernel_environment, mill, tmp_path):
    import os

    import skops.io
    from papermill import PapermillExecutionError
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer
    skops.io.dump(make_pipeline(FunctionTransformer(os.getcwd)), tmp_path / "model.skops")
    with pytest.raises(PapermillExecutionError, match="nobody has reviewed .*getcwd"):
        execute("evaluate", tmp_path, {"model": str(tmp_path / "model.skops"), "metrics": str(tmp_path / "m.json"),
                                       "data": str(mill("breast_cancer").folder / "test.parquet"),
                                       "schema": str(mill("breast_cancer").folder / "schema.json")})
    assert not (tmp_path / "m.json").exists()


@pytest.mark.parametrize(("parameters", "message"), [
    ({"target": "tarjet"}, "no such column .*tarjet"),
    ({"positive": "2"}, "'2' is no class"),
    ({"split": "group", "group": "nowhere"}, "no such column .*nowhere"),
])
def test_prepare_says_what_is_wrong(kernel_environment, tmp_path, parameters, message):
    from papermill import PapermillExecutionError
    table = pd.DataFrame({"a": range(20), "target": [0, 1] * 10})
    table.to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(PapermillExecutionError, match=message):
        given = {"source": str(tmp_path / "t.csv"), "schema": str(tmp_path / "s.json")}
        execute("prepare", tmp_path, given | parameters)
    assert not (tmp_path / "s.json").exists()
