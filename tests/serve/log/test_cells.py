"""Cells in their column's type, hostile ones too: nothing stops a compaction, nothing is lost without a word."""

import datetime
import json

import pytest
from log_samples import SCHEMA, compact, record, write_log

from notemill.serve.log import read
from notemill.serve.log.cells import fitted

FIT = [
    ("double", [1, 2.5, None], [1.0, 2.5, None]), ("double", ["12", " 1e3 ", True], [12.0, 1000.0, 1.0]),
    ("int64", [1, 2.0, None], [1, 2, None]),
    ("bool", [True, "yes", 0, "FALSE", None], [True, True, False, False, None]),
    ("string", ["a", "", "\0\n\u2028", None], ["a", "", "\0\n\u2028", None]),
    ("string", [1, 2.0, 2.5, True], ["1", "2", "2.5", "True"])]
UNFIT = [("double", "unknown"), ("double", 2**53 + 1), ("double", 10**400), ("double", "inf"), ("double", [1]),
         ("double", {"a": 1}), ("int64", 1.5), ("int64", 2**63), ("int64", True), ("bool", "perhaps"),
         ("string", ["a"]), ("timestamp", "yesterday"), ("timestamp", 5), ("timestamp", "9999-12-31T23:59:59-23:00")]


@pytest.mark.parametrize(("kind", "values", "cells"), FIT)
def test_cells_that_fit(kind, values, cells):
    array, odd = fitted(values, kind)
    assert array.to_pylist() == cells and odd == {}


@pytest.mark.parametrize(("kind", "value"), UNFIT)
def test_cells_that_do_not_fit_are_kept_apart(kind, value):
    array, odd = fitted([None, value], kind)
    assert array.to_pylist() == [None, None] and odd == {1: value}


@pytest.mark.parametrize(("text", "hour"), [("2024-05-06T07:00:00", 7), ("2024-05-06T07:00:00Z", 7),
                                            ("2024-05-06T07:00:00+02:00", 5)])
def test_times_are_in_utc(text, hour):
    array, _ = fitted([text], "timestamp")
    assert array.to_pylist() == [datetime.datetime(2024, 5, 6, hour, tzinfo=datetime.UTC)]


HOSTILE = {
    "huge": {"inputs": {"job": "x" * 5_000_000}}, "not a number": {"inputs": {"age": float("nan")}},
    "infinite": {"prediction": float("inf"), "probabilities": [float("inf"), 0]},
    "control characters": {"inputs": {"job": "\0\x1b[31m\r\n\u2028"}},
    "half a character": {"inputs": {"job": "a\ud800"}},
    "lists": {"inputs": {"age": [1, [2]], "job": {"a": None}}}, "large": {"inputs": {"age": 2**70}},
    "few probabilities": {"probabilities": [1.0]}, "no moment": {"at": float("nan")}, "no day": {"at": 1e300},
    "before 1970": {"at": -1e9}, "other types": {"ms": "slow", "version": None, "content": 5, "prediction": {"a": 1}},
    "odd warnings": {"warnings": [{"column": 1, "check": None, "got": {"x": [1]}}]}, "none": {"inputs": {}},
    "a line of its own": {"request": '\n0 ["r","q-1",0'}}


@pytest.mark.parametrize("changes", HOSTILE.values(), ids=HOSTILE)
def test_hostile_values_are_read_the_same_before_and_after_compaction(tmp_path, changes):
    write_log(tmp_path / "log", [1, 2], **changes)
    before = read(tmp_path / "log").to_table()
    assert compact(tmp_path / "log")["error"] is None
    assert len(before) == 2 and read(tmp_path / "log").to_table() == before


def test_what_does_not_fit_is_in_a_column_of_its_own(tmp_path):
    write_log(tmp_path / "log", [1], inputs={"age": "unknown", "since": "soon", "job": 3.0}, probabilities=[1.0])
    row, = read(tmp_path / "log").to_table().to_pylist()
    assert (row["input_age"], row["input_since"], row["input_job"]) == (None, None, "3")
    assert json.loads(row["unfit"]) == {"input_age": "unknown", "input_since": "soon", "probabilities": [1.0]}


@pytest.mark.parametrize(("change", "prediction", "kind"), [
    ({"task": "regression", "target": {"name": "y"}}, 2.5, "double"),
    ({"target": {"name": "y", "classes": [0, 1]}}, 1, "int64"),
    ({"target": {"name": "y", "classes": [False, True]}}, True, "bool"),
    ({"target": {"name": "y", "classes": [0, "a"]}}, "a", "string")])
def test_predictions_keep_their_type(tmp_path, change, prediction, kind):
    write_log(tmp_path / "log", [1], schema=SCHEMA | change, prediction=prediction, probabilities=None)
    table = read(tmp_path / "log").to_table()
    assert table["prediction"].to_pylist() == [prediction] and str(table.schema.field("prediction").type) == kind


def test_numpys_values_are_taken(tmp_path):
    import numpy as np

    write_log(tmp_path / "log", [1], inputs={"age": np.int64(5), "job": np.str_("x")}, prediction=np.str_("<=50K"),
              probabilities=[np.float64(0.5), np.float32(0.5)])
    row, = read(tmp_path / "log").to_table().to_pylist()
    assert (row["input_age"], row["prediction"], row["probability_>50K"]) == (5.0, "<=50K", 0.5)


def test_records_may_lack_warnings(tmp_path):
    write_log(tmp_path / "log", [1], warnings=None)
    assert read(tmp_path / "log").to_table()["warnings"].to_pylist() == [[]] and record(1)["warnings"] == []
