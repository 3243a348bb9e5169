"""Any rows become the table that the model was trained on; what does not fit is told in the words of the table."""

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from notemill.runtime.rows import MISSING_WORDS, BadRows, absent_cells, all_problems, conform, to_frame

CONTRACT = {"type": "contract", "range": "contract", "categories": "contract", "null_share": "contract"}
NONE = object()


def entry(kind, name="x", **more):
    return {"name": name, "type": kind, "role": "feature", **more}


def conformed(kind, cells, *, words=(), decimal=".", **more):
    """The column's cells as plain values (missing: None), and the problems as text."""
    series = cells if isinstance(cells, pd.Series) else pd.Series(cells, dtype="object")
    table, problems = conform(pd.DataFrame({"x": series}), {"columns": [entry(kind, **more)]}, words_for_missing=words,
                              decimal=decimal)
    return [None if pd.isna(cell) else cell for cell in table["x"].astype("object")], [str(one) for one in problems]


# what counts as what
@pytest.mark.parametrize("cell, number", [
    (1, 1.0), ("2", 2.0), (" 3 ", 3.0), (Decimal("4.5"), 4.5), (np.float32(1.5), 1.5), (np.int64(5), 5.0), ("1e3", 1e3),
    (True, 1.0), (10**30, 1e30), (None, None), (np.nan, None), (pd.NA, None), (pd.NaT, None), ("", None), ("  ", None)])
def test_numbers(cell, number):
    assert conformed("number", [cell]) == ([number], [])


@pytest.mark.parametrize("cell", [
    "x", "inf", float("inf"), "0x10", "1_000", "1,5", "True", 1 + 2j, [1], {"a": 1}, b"7",
    pytest.param(10**400, id="huge"), dt.date(2020, 1, 1), pd.Timestamp(0), pd.Timedelta(1, "h"), np.array([1.0])])
def test_what_is_no_number(cell):
    cells, problems = conformed("number", pd.Series([cell, 1], dtype="object"))
    assert cells == [None, 1.0] and len(problems) == 1
    assert problems[0].startswith("row 1, column 'x': ") and problems[0].endswith(" is not a number")


@pytest.mark.parametrize("column", [
    pd.Series(pd.to_datetime(["2020-01-01"])), pd.Series(pd.to_timedelta(["1h"])), pd.Series([1 + 2j])])
def test_columns_that_pandas_would_make_numbers_of(column):
    assert conformed("number", column)[0] == [None] and conformed("number", column)[1]


@pytest.mark.parametrize("dtype", ["float64", "Int64", "Float64", "int64[pyarrow]", "category", "object", "string",
                                   "string[pyarrow]", pd.ArrowDtype(pa.decimal128(5, 2)), pd.ArrowDtype(pa.string())])
def test_every_dtype_holds_the_same_numbers(dtype):
    cells = ["1", "2", None] if "string" in str(dtype) else [Decimal(1), Decimal(2), None] if "decimal" in str(dtype) \
        else [1, 2, None]
    assert conformed("number", pd.Series(cells, dtype=dtype)) == ([1.0, 2.0, None], [])


@pytest.mark.parametrize("dtype", ["object", "category", pd.StringDtype("python")])
@pytest.mark.parametrize("kind, good", [("number", "1"), ("boolean", "yes"), ("datetime", "2024-01-01"),
                                        ("category", "a"), ("text", "a")])
def test_half_of_a_character_is_no_text(kind, good, dtype):
    column = pd.Series([good, "\ud800", None], dtype="object")
    if dtype == "category":  # which pandas makes of text that it can write alone
        column = pd.Series(pd.Categorical.from_codes([0, 1, -1], pd.Index([good, "\ud800"], dtype="object")))
    column = column.astype(dtype)
    cells, problems = conformed(kind, column)
    assert cells[0] is not None and cells[1:] == [None, None] and len(problems) == 1
    assert problems[0].startswith("row 2, column 'x': '\\ud800' is not ")


def test_half_of_a_character_in_the_name_of_another_column():
    for rows in ({"x": 1, "\ud800": 2}, [{"x": 1, "\ud800": 2}], [{"x": 1}, {"x": None, "\ud800": "\ud800"}]):
        table, problems = conform(to_frame(rows), {"columns": [entry("number")]})
        assert table["x"].tolist()[0] == 1.0 and problems == []
    assert len(to_frame([{"\ud800": 2}])) == 1


def test_whole_numbers_only_where_the_contract_says_so():
    assert conformed("integer", [1.5, 2]) == ([1.5, 2.0], [])
    cells, problems = conformed("integer", ["1.0", "2.5"], **{"from": CONTRACT})
    assert cells == [1.0, None] and problems == ["row 2, column 'x': '2.5' is not a whole number"]
    assert conformed("integer", ["1", 2], **{"from": CONTRACT}) == ([1, 2], [])


@pytest.mark.parametrize("cell, truth", [(True, True), (0, False), (1.0, True), ("yes", True), (" FALSE ", False),
                                         (np.True_, True), (None, None), ("", None)])
def test_true_and_false(cell, truth):
    assert conformed("boolean", [cell]) == ([truth], [])


def test_what_is_neither_true_nor_false():
    assert conformed("boolean", ["t", 2, [1]])[1] == [
        f"row {row}, column 'x': {got} is not true or false" for row, got in [(1, "'t'"), (2, "2"), (3, "[1]")]]


@pytest.mark.parametrize("dtype", ["bool", "boolean", "bool[pyarrow]", "category", "object"])
def test_every_dtype_holds_the_same_truths(dtype):
    assert conformed("boolean", pd.Series([True, False], dtype=dtype)) == ([True, False], [])


@pytest.mark.parametrize("cell", [
    "2020-01-01T22:30:00", "2020-01-01 22:30:00", "2020-01-02T00:30:00+02:00", "2020-01-01T22:30:00Z",
    dt.datetime(2020, 1, 1, 22, 30), pd.Timestamp("2020-01-02 00:30", tz="Europe/Helsinki") + pd.Timedelta(0),
    np.datetime64("2020-01-01T22:30:00")])
def test_times_are_utc(cell):
    cells, problems = conformed("datetime", [cell])
    assert cells == [pd.Timestamp("2020-01-01 22:30")] and not problems


@pytest.mark.parametrize("column", [
    pd.Series(pd.to_datetime(["2020-01-01", None], utc=True)).dt.tz_convert("Asia/Tokyo"),
    pd.Series(pd.to_datetime(["2020-01-01", None])).astype("timestamp[ns][pyarrow]"),
    pd.Series([dt.date(2020, 1, 1), None], dtype="date32[pyarrow]"),
    pd.Series(["2020-01-01", None], dtype="category")])
def test_every_dtype_holds_the_same_times(column):
    table, problems = conform(pd.DataFrame({"x": column}), {"columns": [entry("datetime")]})
    assert table["x"].dtype == "datetime64[us]" and not problems
    assert table["x"][0] == pd.Timestamp("2020-01-01") and pd.isna(table["x"][1])


@pytest.mark.parametrize("cell", ["01/02/2020", "x", 5, np.int64(5), 2.5, True, Decimal(5), [1], pd.Timedelta(1, "h"),
                                  "12345-01-01"])
def test_what_is_no_time(cell):
    problems = conformed("datetime", [cell, "2020-01-01"])[1]
    assert len(problems) == 1 and "is not a date or time (write 2026-01-31" in problems[0]


@pytest.mark.parametrize("column", [pd.Series([1, 2]), pd.Series([True, False]), pd.Series([1.5, None]),
                                    pd.Series(pd.to_timedelta(["1h", "2h"])),
                                    pd.Series(pd.period_range("2020", periods=2, freq="M"))])
def test_columns_that_hold_no_times(column):
    assert len(conformed("datetime", column)[1]) == column.notna().sum()


@pytest.mark.parametrize("cells, labels", [
    (["a", 1, 1.0, 2.5, None, True], ["a", "1", "1", "2.5", None, "True"]),
    (pd.Series([1.0, 2.0, np.nan]), ["1", "2", None]),
    (pd.Series([1, 2, None], dtype="category"), ["1", "2", None]),
    (pd.Series([2**64 - 1], dtype="uint64"), ["18446744073709551615"]),
    (pd.Series(["a", None]).astype(pd.ArrowDtype(pa.dictionary(pa.int32(), pa.string()))), ["a", None])])
def test_categories_that_are_text(cells, labels):
    assert conformed("category", cells, categories=["a", "1"]) == (labels, [])


def test_categories_that_are_codes():
    cells, problems = conformed("category", ["1", "2.0", 3, None, "x"], categories=[1, 2, 3])
    assert cells == [1.0, 2.0, 3.0, None, None]
    assert problems == ["row 5, column 'x': 'x' is not one of the codes, which are numbers"]


def test_categories_that_are_true_and_false():
    assert conformed("category", ["true", False, 0], categories=[False, True]) == (["True", "False", "False"], [])


def test_text_is_no_list_and_no_bytes():
    cells, problems = conformed("text", ["a", 1, 2.0, ["l"], b"x"])
    assert cells == ["a", "1", "2", None, None]
    assert problems == ["row 4, column 'x': ['l'] is not text", "row 5, column 'x': b'x' is not text"]


def test_words_are_gaps_where_they_were_in_training():
    assert conformed("number", ["5", "unknown"], mixed={"cells": 3}) == ([5.0, None], [])


# the rules of the contract
def test_a_range_of_the_contract():
    assert conformed("number", ["5", "-1", None], range=[0, 1], unit="kg", **{"from": CONTRACT})[1] == [
        "row 1, column 'x': '5' is above 1 kg, the most that is allowed",
        "row 2, column 'x': '-1' is below 0 kg, the least that is allowed"]


def test_a_range_of_times_may_be_open_and_have_a_zone():
    assert conformed("datetime", ["2020-01-01", "2030-01-01"], range=[None, "2022-01-01T00:00:00+01:00"],
                     **{"from": CONTRACT})[1] == [
        "row 2, column 'x': '2030-01-01' is above 2022-01-01T00:00:00+01:00, the most that is allowed"]


def test_categories_and_gaps_of_the_contract():
    assert conformed("category", ["a", "b", None], categories=["a"], null_share=0, **{"from": CONTRACT})[1] == [
        "row 2, column 'x': 'b' is not one of the allowed: a",
        "row 3, column 'x': is empty, and no gaps are allowed"]


@pytest.mark.parametrize("more", [
    {"from": {"range": "training rows", "categories": "training rows"}}, {},
    {"from": CONTRACT, "warn": ["range", "null_share"]}])
def test_what_training_happened_to_see_and_what_only_warns_is_no_rule(more):
    assert conformed("number", [5, None], range=[0, 1], null_share=0, **more)[1] == []
    assert conformed("category", ["new"], categories=["a"], **{"from": {"categories": "training rows"}})[1] == []


def test_a_share_of_gaps_is_no_rule_for_a_row():
    assert conformed("number", [None], null_share=0.1, **{"from": CONTRACT})[1] == []


# text in files
def test_a_csv_files_words_for_missing():
    assert conformed("number", [*MISSING_WORDS], words=MISSING_WORDS) == ([None] * len(MISSING_WORDS), [])
    assert conformed("category", ["NA", "null"], words=MISSING_WORDS, categories=["NA"])[0] == ["NA", None]
    assert len(conformed("number", ["NA"])[1]) == 1


def test_decimal_commas():
    cells, problems = conformed("number", pd.Series(["1,5", "1.234,5", "-2", "1.5", "1,2,3", "12.34,5"]), decimal=",")
    assert cells == [1.5, 1234.5, -2.0, None, None, None]
    assert [problem.split("'")[3] for problem in problems] == ["1.5", "1,2,3", "12.34,5"]


# columns
SCHEMA = {"columns": [entry("number", "age"), entry("category", "sex"), entry("datetime", "at", role="time"),
                      entry("number", "key", role="identifier")]}


def test_order_and_further_columns_do_not_matter():
    rows = pd.DataFrame({"at": ["2020-01-01"], "more": [1], "sex": ["f"], "age": [3]}, index=[7])
    table, problems = conform(rows, SCHEMA)
    assert list(table.columns) == ["age", "sex", "at"] and list(table.index) == [0] and not problems


def test_absent_and_doubled_columns():
    rows = pd.DataFrame([[1, 2, 3]], columns=["Age", "sex", "sex"])
    assert [str(problem) for problem in conform(rows, SCHEMA)[1]] == [
        "column 'age': is missing (did you mean 'Age'?)", "column 'sex': stands there more than once",
        "column 'at': is missing (the model needs it)"]


def test_a_column_that_the_model_needs_itself_is_no_likely_mistake():
    schema = {**SCHEMA, "columns": [*SCHEMA["columns"], {**SCHEMA["columns"][0], "name": "ages"}]}
    assert "column 'age': is missing (the model needs it)" in [
        str(problem) for problem in conform(pd.DataFrame({"ages": [1], "sex": ["f"], "at": ["2020-01-01"]}), schema)[1]]


def test_no_rows_are_no_problem():
    table, problems = conform(to_frame([]), SCHEMA)
    assert table.shape == (0, 3) and not problems
    assert table.dtypes.astype(str).tolist() == ["float64", "str", "datetime64[us]"]


# forms of rows
class Polars:
    """What a polars LazyFrame looks like."""

    columns = ("x",)

    def collect(self):
        return self

    def to_pandas(self):
        return pd.DataFrame({"x": [1]})


@pytest.mark.parametrize("rows", [
    pd.DataFrame({"x": [1]}), [{"x": 1}], ({"x": 1} for _ in range(1)), {"x": 1}, pd.Series({"x": 1}), Polars(),
    pa.table({"x": [1]})])
def test_forms_of_rows(rows):
    table, problems = conform(to_frame(rows), {"columns": [entry("number")]})
    assert table["x"].tolist() == [1] and not problems


@pytest.mark.parametrize("rows", ["abc", b"x", 5, None, [1, 2], [[1]], np.zeros((2, 2))])
def test_what_is_no_rows(rows):
    with pytest.raises(TypeError, match="rows are a DataFrame"):
        to_frame(rows)


def test_one_dict_with_lists_is_one_row():
    _, problems = conform(to_frame({"x": [1, 2]}), {"columns": [entry("number")]})
    assert [str(problem) for problem in problems] == ["row 1, column 'x': [1, 2] is not a number"]


def test_a_row_without_a_key_that_others_have():
    rows = [{"age": 1, "sex": "f", "at": None}, {"Age": 2, "sex": None, "at": None}]
    assert [str(problem) for problem in absent_cells(rows, SCHEMA)] == [
        "row 2, column 'age': is missing (write None where it is not known)"]
    assert absent_cells(pd.DataFrame(rows), SCHEMA) == absent_cells([], SCHEMA) == absent_cells([{}], SCHEMA) == []


def test_an_absent_cell_hides_no_other_fault():
    schema = {"columns": [entry("number", "age", null_share=0, **{"from": CONTRACT}), entry("number", "size")]}
    rows = [{"age": 1, "size": "big"}, {"size": 3}, {"age": "old", "size": 4}]
    found = all_problems(rows, conform(to_frame(rows), schema)[1], schema)
    assert [(problem.row, problem.column, problem.check) for problem in found] == [
        (0, "size", "type"), (1, "age", "absent"), (2, "age", "type")]


def test_a_long_list_of_problems_is_cut():
    _, problems = conform(pd.DataFrame({"x": ["a" * 100] * 1500}), {"columns": [entry("number")]})
    text = str(BadRows(problems))
    assert text.count("\n") == 10 and text.endswith("and 1,490 more") and "aaa... is not a number" in text
