"""Each rule of a contract, kept and broken; the words of a refusal; and what is remembered."""

import gzip
import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jsonschema
import pandas as pd
import pytest

from notemill import contract, schemas
from notemill.contract import CheckResult, judge
from notemill.errors import NotemillError, UsageError
from notemill.sources import Fetched, FileSource
from notemill.store import Store
from notemill.yaml_places import parse_yaml

SHARED = Path(__file__).parents[2] / "shared" / "data"
NOW = datetime(2024, 6, 30, tzinfo=UTC)


@pytest.fixture
def load(tmp_path):
    def load(text):
        path = tmp_path / "contract.yaml"
        path.write_text(text)
        return contract.load(path, "notebooks/contract.yaml")
    return load


@pytest.fixture
def breaches(load, tmp_path):
    """The breaches of a contract's text by a CSV text, or by the Parquet file of a DataFrame."""
    def check(text, *tables, name="in.csv"):
        files = []
        for number, table in enumerate(tables):
            path = tmp_path / str(number)
            if isinstance(table, pd.DataFrame):
                table.to_parquet(path)
            else:
                path.write_bytes(table if isinstance(table, bytes) else table.encode())
            files.append((name if len(tables) == 1 else f"{number}.csv", path))
        return judge(load(text), contract.check(load(text), files), NOW)
    return check


def column(rules, name="a"):
    return f"columns:\n  {name}: {{{rules}}}\n"


def csv(*values, name="a"):
    return "\n".join([f"{name},other", *(f"{value},x" for value in values)]) + "\n"


def messages(found):
    return [breach.message for breach in found]


# The contract's own text

GOOD = """
table: prepare.source
rows: {least: 100}
freshness: {column: day, within_days: 30}
unique: [[id], [id, day]]
extra: warn
warn: [rows, freshness, extra, unique]
columns:
  id: {type: integer, unique: true}
  age: {type: integer, unit: years, range: [0, 120], null_share: 0.05, required: true, warn: [range], description: d}
  price: {type: number, range: [null, 1e3]}
  member: {type: boolean, required: false}
  answer: {type: category, categories: [yes, no]}
  day: {type: datetime, range: [2020-01-01, "2024-12-31T10:00:00+02:00"]}
"""


def test_a_contract_is_read_whole(load):
    read = load(GOOD)
    assert (read.table, read.least_rows, read.freshness) == ("prepare.source", 100, ("day", 30))
    assert read.unique == (("id",), ("id", "day")) and read.extra == "warn"
    assert read.columns["age"].range == (0, 120) and read.columns["age"].warn == {"range"}
    assert read.columns["answer"].categories == ("yes", "no") and read.columns["price"].range == (None, 1000.0)


BAD = {
    "colums: {}": (1, "unknown key 'colums'", "did you mean 'columns'?"),
    "columns:\n  a: {type: intger}": (2, "got 'intger'", "did you mean 'integer'?"),
    "columns:\n  a: {type: integer,\n    rnage: [0, 1]}": (3, "unknown key 'rnage'", "did you mean 'range'?"),
    "columns:\n  a: {range: [0, 1]}": (2, "the key 'type' is missing", None),
    "columns:\n  a: {type: integer}\n  a: {type: text}": (3, "the key 'a' stands twice", None),
    "columns:\n  a: {type: integer, null_share: 5}": (2, "got 5", None),
    "columns:\n  a: {type: integer, unique: yes}": (2, "got 'yes'", "write true: YAML 1.2 reads yes as text"),
    "columns:\n  a: {type: integer, warn: [rnage]}": (2, "got 'rnage'", "did you mean 'range'?"),
    "columns:\n  a: {type: integer, range: [0]}": (2, "has 1", None),
    "columns: {}": (1, "is empty", None),
    "rows: {least: -1}": (1, "got -1", None), "rows: 100": (1, "got 100", None),
    "freshness: {column: d}": (1, "the key 'within_days' is missing", None),
    "freshness: {column: d, within_days: 0}": (1, "got 0", None),
    "extra: no": (1, "got 'no'", None), "warn: [range]": (1, "got 'range'", None),
    "table: prepare": (1, "got 'prepare'", None), "unique: [id]": (1, "got 'id'", None), "[]": (None, "a list", None),
    "{}": (None, "is empty", None),
}
BAD_BEYOND_THE_SCHEMA = {
    "columns:\n  a: {type: text, range: [0, 1]}": (2, "a text has no range", None),
    "columns:\n  a: {type: integer, range: [2, 1]}": (2, "the lowest, 2, is above the highest, 1", None),
    "columns:\n  a: {type: number, range: [a, 1]}": (2, "got 'a'", None),
    "columns:\n  a: {type: number, range: [.nan, 1]}": (2, "got nan", None),
    "columns:\n  a: {type: datetime, range: [2024-13-01, null]}": (2, "got '2024-13-01'", None),
    "columns:\n  a: {type: datetime, range: [2024, null]}": (2, "got 2024", None),
    "columns:\n  a: {type: boolean, categories: [true]}": (2, "a boolean has no categories", None),
    "columns:\n  a: {type: category, categories: [a, b, a]}": (2, "'a' stands twice", None),
    "columns: {abc: {type: integer}}\nunique: [[abd]]": (2, "unknown column 'abd'", "did you mean 'abc'?"),
    "columns: {day: {type: datetime}}\nfreshness: {column: dya, within_days: 1}":
        (2, "unknown column 'dya'", "did you mean 'day'?"),
    "columns: {day: {type: text}}\nfreshness: {column: day, within_days: 1}": (2, "is of type text", None),
}


@pytest.mark.parametrize("text", [*BAD, *BAD_BEYOND_THE_SCHEMA])
def test_a_wrong_contract_is_refused_with_place_and_remedy(load, text):
    line, got, hint = (BAD | BAD_BEYOND_THE_SCHEMA)[text]
    with pytest.raises(UsageError) as caught:
        load(text)
    error = caught.value
    assert error.where.startswith(f"notebooks/contract.yaml:{line}" if line else "notebooks/contract.yaml")
    assert got in error.got and (error.hint or "").startswith(hint or "") and error.exit_code == 2


@pytest.mark.parametrize("text", [GOOD, *BAD])
def test_the_schema_for_editors_agrees(text):
    try:
        value, _ = parse_yaml(text, "x")
    except UsageError:
        return      # a key that stands twice is no matter of the schema
    schema = schemas.load("contract")
    jsonschema.Draft202012Validator.check_schema(schema)
    assert jsonschema.Draft202012Validator(schema).is_valid(value) is (text == GOOD)


def test_descriptions_and_order_do_not_change_the_rules(load):
    one = load("rows: {least: 1}\ncolumns: {a: {type: text, description: x}, b: {type: text}}")
    other = load("# c\ncolumns: {b: {type: text}, a: {type: text}}\nrows: {least: 1}")
    assert one.sha256 == other.sha256 != load("rows: {least: 2}\ncolumns: {b: {type: text}, a: {type: text}}").sha256


# Each rule, kept and broken

KEPT = [
    ("type: integer", csv(1, "", -3, "4.0", 9007199254740993)), ("type: number", csv(1, "2.5", "1e3", "", "NaN")),
    ("type: boolean", csv("yes", "No", "TRUE", "false", 0, 1, "")), ("type: text", csv("a", "", 1, "ö")),
    ("type: datetime", csv("2024-01-01", "2024-01-01 10:00:00", "2024-01-01T10:00:00+02:00", "", "2024-01-01T10:00Z")),
    ("type: category", csv("a", 1)), ("type: category, categories: [a, b]", csv("a", "b", "")),
    ("type: category, categories: [0, 1]", csv("0", "1", "")),
    ("type: category, categories: [NA, None]", csv("NA", "None")),
    ("type: integer, range: [0, 120]", csv(0, 120, "")), ("type: number, range: [null, 1]", csv(-1e9, 1)),
    ("type: datetime, range: [2024-01-01, 2024-01-31]", csv("2024-01-01", "2024-01-31 23:59:59")),
    ("type: number, null_share: 0.5", csv(1, "")), ("type: integer, unique: true", csv(1, 2, "", "")),
    ("type: integer, unique: true", csv(9007199254740992, 9007199254740993)),
    ("type: integer, required: false", "b\n1\n"), ("type: text, null_share: 0, categories: [n/a]", csv("n/a")),
]
BROKEN = [
    ("type: integer", csv(1, "x", "3.5", "", "inf", "1e400"), "type",
     "column 'a': 4 rows with no whole number (rows 2, 3, 5, 6: 'x', '3.5', 'inf', '1e400')"),
    ("type: number", csv(1, "abc", "1,5".replace(",", ";")), "type",
     "column 'a': 2 rows with no number (rows 2, 3: 'abc', '1;5')"),
    ("type: boolean", csv("yes", "maybe", 2), "type",
     "column 'a': 2 rows with neither true nor false (rows 2, 3: 'maybe', '2')"),
    ("type: datetime", csv("2024-01-01", "01/02/2024", "2024-02-30"), "type",
     "column 'a': 2 rows with no ISO date (rows 2, 3: '01/02/2024', '2024-02-30')"),
    ("type: category, categories: [a, b]", csv("a", "c", "B"), "categories",
     "column 'a': 2 rows with none of 'a', 'b' (rows 2, 3: 'c', 'B')"),
    ("type: integer, unit: years, range: [0, 120]", csv(1, 121, 130, ""), "range",
     "column 'a': 2 rows above 120 years (rows 2, 3: 121, 130)"),
    ("type: number, range: [0, null]", csv(1, -0.5), "range", "column 'a': 1 row below 0 (row 2: -0.5)"),
    ("type: datetime, range: [null, 2024-01-31]", csv("2024-01-31 10:00", "2024-02-01"), "range",
     "column 'a': 1 row after 2024-01-31 (row 2: 2024-02-01)"),
    ("type: datetime, range: [2024-01-01T12:00:00Z, null]", csv("2024-01-01 11:59", "2024-01-01 12:00"), "range",
     "column 'a': 1 row before 2024-01-01T12:00:00Z (row 1: 2024-01-01 11:59)"),
    ("type: datetime, range: [null, 2024-01-01T12:00:00Z]", csv("2024-01-01 12:01", "2024-01-01 12:00"), "range",
     "column 'a': 1 row after 2024-01-01T12:00:00Z (row 1: 2024-01-01 12:01)"),
    ("type: number, null_share: 0.25", csv(1, "", "NA", 4), "null_share",
     "column 'a': 2 of 4 values are missing (50 %), more than 25 %"),
    ("type: text, unique: true", csv("a", "b", "a", "", "", "a"), "unique",
     "column 'a': 2 rows with a repeated value (rows 3, 6: 'a', 'a')"),
    ("type: integer", "A,b\n1,2\n", "required", "column 'a' is missing"),
    ("type: integer", " a,b\n1,2\n", "required", "column 'a' is missing; did you mean ' a'?"),
    ("type: integer", "a,a\n1,2\n", "layout", "in.csv has two columns of the name 'a'"),
    ("type: integer", "a,b\n1,2\n3\n\n4,5,6\n7,8\n", "layout",
     "2 rows with more or fewer fields than the heading of in.csv (rows 2, 3 (line 5))"),
]


@pytest.mark.parametrize("rules, table", KEPT)
def test_a_rule_that_is_kept(breaches, rules, table):
    assert breaches(column(rules), table) == ()


@pytest.mark.parametrize("rules, table, rule, message", BROKEN)
def test_a_rule_that_is_broken(breaches, rules, table, rule, message):
    found = breaches(column(rules), table)
    assert messages(found) == [message] and found[0].rule == rule and found[0].severity == "error"


@pytest.mark.parametrize("rules, table, rule, message", [case for case in BROKEN if case[2] != "layout"])
def test_a_rule_that_warns(breaches, rules, table, rule, message):
    found = breaches(column(f"{rules}, warn: [{rule}]"), table)
    assert messages(found) == [message] and found[0].severity == "warning"


def test_a_breach_says_everything_in_json_too(breaches):
    found = breaches(column("type: integer, range: [0, 120]"), csv(1, 121, *[200] * 10))[0]
    assert found.as_json() == {
        "rule": "range", "column": "a", "limit": 120, "got": ["121", "200", "200", "200", "200"], "count": 11,
        "rows": [2, 3, 4, 5, 6], "severity": "error",
        "places": [{"file": "in.csv", "row": row, "line": row + 1} for row in (2, 3, 4, 5, 6)],
        "message": "column 'a': 11 rows above 120 (rows 2, 3, 4, 5, 6, ...: 121, 200, 200, 200, 200)"}


TABLE_RULES = [
    ("rows: {least: 3}", csv(1, 2), "rows", "2 rows, fewer than 3"),
    ("unique: [[a, other]]\n" + column("type: integer") + "  other: {type: text}", csv(1, 2, 1, ""), "unique",
     "columns 'a', 'other': 1 row with the same values together (row 3: '1' + 'x')"),
    ("extra: refuse\n" + column("type: integer"), csv(1), "extra", "columns that the contract does not name: 'other'"),
    ("freshness: {column: a, within_days: 30}\n" + column("type: datetime"), csv("2024-01-01", "2024-05-01", ""),
     "freshness", "column 'a': the newest value, 2024-05-01, is 60 days old, more than 30"),
    ("freshness: {column: a, within_days: 30}\n" + column("type: datetime"), csv("2024-06-01", "2034-05-01"),
     "freshness", "column 'a': the newest value, 2034-05-01, lies in the future"),
    ("freshness: {column: a, within_days: 30}\n" + column("type: datetime"), csv(""),
     "freshness", "column 'a': there is no newest value"),
]


@pytest.mark.parametrize("text, table, rule, message", TABLE_RULES)
@pytest.mark.parametrize("warn", [False, True])
def test_rules_of_the_whole_table(breaches, text, table, rule, message, warn):
    found = breaches(text + (f"\nwarn: [{rule}]" if warn else ""), table)
    assert messages(found) == [message] and found[0].rule == rule
    assert found[0].severity == ("warning" if warn else "error")


@pytest.mark.parametrize("text, table", [
    ("rows: {least: 2}", csv(1, 2)), ("extra: allow\n" + column("type: integer"), csv(1)),
    ("unique: [[a, other]]\n" + column("type: integer") + "  other: {type: text}", csv(1, 2, "", "")),
    ("freshness: {column: a, within_days: 30}\n" + column("type: datetime"), csv("2024-06-01", "2024-06-30"))])
def test_rules_of_the_whole_table_that_are_kept(breaches, text, table):
    assert breaches(text, table) == ()


def test_extra_columns_that_warn(breaches):
    found = breaches("extra: warn\n" + column("type: integer"), csv(1))
    assert [breach.severity for breach in found] == ["warning"]


def test_all_breaches_are_told_at_once(breaches):
    text = "rows: {least: 9}\n" + column("type: integer, range: [0, 1], null_share: 0, unique: true")
    found = breaches(text, csv("x", 5, 5, ""))
    assert [breach.rule for breach in found] == ["rows", "type", "null_share", "range", "unique"]


# Files

def test_rows_of_several_files_are_counted_by_file(breaches):
    text = column("type: integer, range: [0, 9], unique: true")
    found = breaches(text, csv(1, 10), "b,a\nx,2\nx,1\nx,99\n")
    assert messages(found) == ["column 'a': 2 rows above 9 (row 2 of 0.csv; row 3 of 1.csv: 10, 99)",
                               "column 'a': 1 row with a repeated value (row 2 of 1.csv: '1')"]


def test_a_column_that_one_of_the_files_lacks(breaches):
    assert messages(breaches(column("type: integer"), csv(1), "b\n1\n")) == ["column 'a' is missing from '1.csv'"]
    assert breaches(column("type: integer, required: false, null_share: 0"), csv(1), "b\n1\n", csv("2.0", 3)) == ()


def test_whole_numbers_in_one_file_and_fractions_in_another(breaches):
    found = breaches(column("type: number, range: [0, 2]"), csv(1, 2), csv(0.5, 2.5), csv("", ""))
    assert messages(found) == ["column 'a': 1 row above 2 (row 2 of 1.csv: 2.5)"]


def test_lines_are_those_of_the_file(breaches):
    table = 'a,note\n1,"two\nlines"\n\n200,x\n'
    found = breaches(column("type: integer, range: [0, 9]"), table)
    assert messages(found) == ["column 'a': 1 row above 9 (row 2 (line 5): 200)"]


def test_rows_behind_one_with_too_few_fields_keep_their_numbers(breaches):
    found = breaches(column("type: integer, range: [0, 9]"), "a,b\n1,2\n3\n200,5\n")
    assert [(breach.rule, breach.rows) for breach in found] == [("layout", (2,)), ("range", (3,))]


def test_line_breaks_within_values_of_a_large_file(breaches):
    table = "a,note\n" + '1,"two\nlines, and\n\nmore of them"\n' * 100_000 + "200,x\n"
    found = breaches(column("type: integer, range: [0, 9]"), table)
    assert messages(found) == ["column 'a': 1 row above 9 (row 100001 (line 400002): 200)"]


@pytest.mark.parametrize("name, data", [
    ("in.tsv", b"a\tb\n1\t2\n200\t3\n"), ("in.csv.gz", gzip.compress(b"a,b\n1,2\n200,3\n", mtime=0)),
    ("in.csv", b"\xef\xbb\xbfa,b\r\n1,2\r\n200,3\r\n"), ("in.CSV", b"a\n1\n200")])
def test_kinds_of_text(breaches, name, data):
    found = breaches(column("type: integer, range: [0, 9]"), data, name=name)
    assert [(breach.rule, breach.rows) for breach in found] == [("range", (2,))]


@pytest.mark.parametrize("name, data, kind, got", [
    ("in.csv", b"a,b\n\xff\xfe,1\n", NotemillError, "cannot be read as a table"),
    ("in.parquet", b"PAR1 and no more", NotemillError, "cannot be read as a table"),
    ("in.csv.gz", b"no gzip", NotemillError, "cannot be read as a table"),
    ("in.xlsx", b"PK", UsageError, "is no table that a contract can judge")])
def test_files_that_are_no_tables(breaches, name, data, kind, got):
    with pytest.raises(kind, match=got) as caught:
        breaches(column("type: integer"), data, name=name)
    assert caught.value.where == name


def test_an_empty_file_and_one_without_rows(breaches):
    assert messages(breaches("rows: {least: 1}\n" + column("type: integer"), "")) == \
        ["column 'a' is missing", "0 rows, fewer than 1"]
    assert messages(breaches("rows: {least: 1}\n" + column("type: integer, null_share: 0, range: [0, 1]"), "a\n")) == \
        ["0 rows, fewer than 1"]


DAYS = pd.to_datetime(["2024-01-01", None, "2024-03-01"])
TYPED = [
    ("integer", [1, None, 3], 0), ("integer", pd.array([2**60 + 1, None], "Int64"), 0),
    ("integer", [1.5, 2.0, None], 1), ("integer", [float("inf"), 2.0], 1), ("boolean", [0.0, 0.5, None], 1),
    ("integer", ["1", "2"], 2), ("integer", [True, False], 2), ("number", [1.5, None, float("inf")], 0),
    ("number", [1, 2], 0), ("number", ["a"], 1), ("boolean", [True, None], 0), ("boolean", [0, 1, 2], 1),
    ("boolean", ["yes"], 1), ("text", ["a", None, "NA"], 0), ("text", [1, 2], 2), ("category", ["a", None], 0),
    ("category", pd.Categorical(["a", "b", None]), 0), ("category", [1, 2], 0), ("category", [True, False], 0),
    ("datetime", DAYS, 0), ("datetime", DAYS.tz_localize("Europe/Paris"), 0), ("datetime", ["2024-01-01", "x"], 1),
    ("datetime", [1, 2], 2), ("datetime", list(DAYS.date[[0, 2]]), 0), ("category", DAYS, 2), ("text", [[1], [2]], 2),
    ("integer", [None, None], 0), ("datetime", [None, None], 0), ("text", pd.Categorical(["a", "b"]), 0),
]


@pytest.mark.parametrize("kind, values, count", TYPED)
def test_types_of_parquet(breaches, kind, values, count):
    found = breaches(column(f"type: {kind}"), pd.DataFrame({"a": values}), name="in.parquet")
    assert sum(breach.count for breach in found) == count


def test_rules_on_parquet(breaches):
    frame = pd.DataFrame({"id": pd.array([2**60, 2**60 + 1, 2**60, None], "Int64"), "flag": [1, 0, 1, 0],
                          "kind": pd.Categorical(list("abca")),
                          "day": pd.to_datetime(["2024-01-01"] * 3 + ["2025-01-01"]),
                          "x": [0.5, float("nan"), 3, -1]})
    text = """
columns:
  id: {type: integer, unique: true}
  kind: {type: category, categories: [a, b]}
  flag: {type: category, categories: ["1"]}
  day: {type: datetime, range: [null, 2024-12-31]}
  x: {type: number, range: [0, 1], null_share: 0}
"""
    assert messages(breaches(text, frame, name="in.parquet")) == [
        "column 'x': 1 of 4 values are missing (25 %), more than 0 %",
        f"column 'id': 1 row with a repeated value (row 3: {2**60})",
        "column 'kind': 1 row with none of 'a', 'b' (row 3: 'c')",
        "column 'flag': 2 rows with none of '1' (rows 2, 4: 0, 0)",
        "column 'day': 1 row after 2024-12-31 (row 4: 2025-01-01 00:00:00)",
        "column 'x': 1 row below 0 (row 4: -1.0)", "column 'x': 1 row above 1 (row 3: 3.0)"]


def test_values_are_shown_short_and_harmless(breaches):
    found = breaches(column("type: integer"), csv("\x1b[31mred" + "x" * 1000))
    assert "\x1b" not in found[0].message and len(found[0].message) < 120 and "\\x1b[31m" in found[0].message


# Refusing, warning, remembering

@pytest.fixture
def enforce(load, tmp_path):
    def enforce(text, table, now=NOW, digest="d1"):
        path = tmp_path / "table"
        path.write_text(table)
        return contract.enforce(load(text), [("data/in.csv", path)], [digest], tmp_path / "cache", now,
                                table="prepare.source")
    return enforce


def test_a_table_that_breaks_its_contract_is_refused(enforce):
    text = "rows: {least: 9}\nwarn: [rows]\n" + column("type: integer, range: [0, 9], null_share: 0")
    with pytest.raises(NotemillError) as caught:
        enforce(text, csv(1, 10, ""))
    error = caught.value
    assert type(error) is NotemillError and error.exit_code == 1
    assert str(error) == ("notebooks/contract.yaml: prepare.source: the table breaks 2 rules of its contract\n"
                          "  column 'a': 1 of 3 values are missing (33.3 %), more than 0 %\n"
                          "  column 'a': 1 row above 9 (row 2: 10)\n  mend the data, or change the contract")
    assert [breach["rule"] for breach in error.as_json()["breaches"]] == ["rows", "null_share", "range"]
    json.dumps(error.as_json())


def test_warnings_are_given_back(enforce):
    text = column("type: integer, range: [0, 9], warn: [range]")
    warning = "notebooks/contract.yaml: prepare.source: column 'a': 1 row above 9 (row 2: 10)"
    assert enforce(text, csv(1, 10)) == [warning]
    assert enforce(text, csv(1), digest="d2") == []


def test_a_result_is_the_same_after_a_while(load, tmp_path):
    rules = load("extra: warn\nfreshness: {column: d, within_days: 1}\ncolumns:\n  a: {type: integer, range: [0, 1]}\n"
                 "  d: {type: datetime}")
    (tmp_path / "in.csv").write_text("a,d,x\n5,2024-01-01,1\ny,2024-01-02,1\n")
    result = contract.check(rules, tmp_path / "in.csv")
    assert len(result.breaches) == 3 and result.newest.startswith("2024-01-02") and result.rows == 2
    assert CheckResult.from_json(json.loads(json.dumps(result.as_json()))) == result


def test_the_same_content_is_checked_once_and_other_content_or_rules_again(enforce, monkeypatch):
    text, checked = column("type: integer"), []
    from notemill.contract import rules
    monkeypatch.setattr(rules, "check", lambda *args, check=rules.check: checked.append(1) or check(*args))
    for wanted, arguments in [(1, (text, csv(1))), (1, (text, csv(1))), (2, (text, csv(1), NOW, "d2")),
                              (3, (text + "rows: {least: 1}", csv(1))), (3, (text, csv(1)))]:
        enforce(*arguments)
        assert len(checked) == wanted


def test_a_refusal_is_remembered_too(enforce):
    for _ in range(2):
        with pytest.raises(NotemillError, match="no whole number"):
            enforce(column("type: integer"), csv("x"))


def test_freshness_is_judged_at_each_run(enforce):
    text = "freshness: {column: a, within_days: 30}\n" + column("type: datetime")
    assert enforce(text, csv("2024-06-20")) == []
    with pytest.raises(NotemillError, match="is 45 days old"):
        enforce(text, csv("2024-06-20"), now=datetime(2024, 6, 20, tzinfo=UTC) + timedelta(days=45))


@pytest.mark.parametrize("damage", ["[", "[1]", "{}", '{"format": 99}',
                                    '{"format": 1, "rows": 1, "newest": null, "breaches": [1]}'])
def test_a_damaged_memory_is_made_anew(enforce, tmp_path, damage):
    enforce(column("type: integer"), csv(1))
    kept = next((tmp_path / "cache").glob("*.json"))
    before = kept.read_text()
    kept.write_text(damage)
    assert enforce(column("type: integer"), csv(1)) == [] and kept.read_text() == before


HEAVY = "('pandas', 'pandera', 'pyarrow', 'numpy', 'sklearn', 'mlflow')"


def test_the_second_time_nothing_heavy_is_imported(enforce, load, tmp_path):
    text = column("type: integer, range: [0, 9], warn: [range]")
    warnings = enforce(text, csv(10))
    code = f"""if True:
        import sys; from datetime import UTC, datetime; from pathlib import Path; from notemill import contract
        root = Path({str(tmp_path)!r})
        rules = contract.load(root / "contract.yaml", "notebooks/contract.yaml")
        print(contract.enforce(rules, [("data/in.csv", root / "table")], ["d1"], root / "cache", datetime.now(UTC),
                               table="prepare.source"))
        print([m for m in {HEAVY} if m in sys.modules])"""
    assert subprocess.check_output([sys.executable, "-c", code], text=True).splitlines() == [repr(warnings), "[]"]


# The source of a pipeline

@pytest.fixture
def project(tmp_path):
    store = Store(tmp_path / ".notemill")

    def fetched(name, data):
        return Fetched(FileSource(name), ((name, store.add_bytes(data.encode()), len(data)),))

    def check(text, known=None, most_bytes=None, **tables):
        (tmp_path / "contract.yaml").write_text(text)
        found = {name.replace("__", "."): fetched(*value) for name, value in tables.items()}
        return contract.check_source(tmp_path / "contract.yaml", found, store, tmp_path / ".notemill" / "memory",
                                     name="notebooks/contract.yaml", known=known, now=NOW, most_bytes=most_bytes)
    return check


def test_the_only_table_is_judged(project):
    text = column("type: integer, range: [0, 9], warn: [range]")
    warned = ["notebooks/contract.yaml: prepare.source: column 'a': 1 row above 9 (row 1: 10)"]
    assert project(text, prepare__source=("d/in.csv", csv(10)), prepare__notes=("n.yaml", "x")) == warned
    assert project(text, prepare__source=("in.csv", csv(10)), report__again=("in.csv", csv(10))) == warned


def test_which_table_must_be_clear(project):
    text, tables = column("type: integer"), {"a__x": ("x.csv", csv(1)), "b__y": ("y.csv.gz", csv(2))}
    with pytest.raises(UsageError) as caught:
        project(text, **tables)
    assert "there are 2" in caught.value.got and caught.value.hint == "say which: `table: a.x`"
    assert project("table: a.x\n" + text, **tables) == []
    with pytest.raises(UsageError, match="unknown table 'a.xx'") as caught:
        project("table: a.xx\n" + text, **tables)
    assert caught.value.hint == "did you mean 'a.x'?"
    with pytest.raises(UsageError, match="there are none"):
        project(text, a__x=("x.yaml", "x"))


def test_a_large_table_is_left_to_the_run_until_it_was_checked(project):
    text, tables = column("type: integer, range: [0, 9]"), {"a__x": ("x.csv", csv(1))}
    assert project(text, most_bytes=3, **tables) == ["notebooks/contract.yaml: a.x: is checked when the run begins"]
    assert project(text, most_bytes=99, **tables) == []
    assert project(text, most_bytes=3, **tables) == []
    bad = {"a__x": ("x.csv", csv(10))}
    with pytest.raises(NotemillError, match="above 9"):
        project(text, **bad)
    with pytest.raises(NotemillError, match="above 9"):
        project(text, most_bytes=3, **bad)


def test_the_name_of_a_table_has_its_line(project):
    with pytest.raises(UsageError, match=r"^notebooks/contract.yaml:2: table: unknown table"):
        project("rows: {least: 1}\ntable: b.y\n" + column("type: integer"), a__x=("x.csv", csv(1)))


def test_a_check_that_is_used_looks_used(project, tmp_path):
    text, tables = column("type: integer"), {"a__x": ("x.csv", csv(1))}
    project(text, **tables)
    (place,) = (tmp_path / ".notemill/memory/contract").iterdir()
    os.utime(place, (1e9, 1e9))
    project(text, **tables)
    stamp = place.stat().st_mtime_ns
    assert stamp > 1e18
    project(text, **tables)
    assert place.stat().st_mtime_ns == stamp  # no more than once a day


def test_a_memory_that_cannot_be_written_costs_no_more_than_time(project, monkeypatch):
    def read_only(*words, **options):
        raise OSError(30, "read-only")

    monkeypatch.setattr("notemill.contract.guard.write_json", read_only)
    with pytest.raises(NotemillError, match="above 9"):
        project(column("type: integer, range: [0, 9]"), a__x=("x.csv", csv(10)))


def test_a_table_that_this_run_does_not_need_is_not_judged(project):
    assert project("table: a.x\n" + column("type: integer"), known=["a.x", "b.y"], b__y=("y.csv", csv("x"))) == []
    assert project(column("type: integer"), known=["a.x"]) == []
    with pytest.raises(UsageError, match="unknown table 'a.z'"):
        project("table: a.z\n" + column("type: integer"), known=["a.x"])


# Real tables

CONTRACTS = {
    "adult": """
rows: {least: 30000}
columns:
  age: {type: integer, unit: years, range: [16, 100], null_share: 0}
  workclass: {type: category, null_share: 0.1}
  fnlwgt: {type: integer, range: [1, null]}
  sex: {type: category, categories: [Female, Male], null_share: 0}
  hours-per-week: {type: integer, unit: hours, range: [0, 168]}
  income-per-year: {type: category, categories: ["<=50K", ">50K"], null_share: 0}
""",
    "penguins": """
rows: {least: 300}
extra: refuse
columns:
  species: {type: category, categories: [Adelie, Chinstrap, Gentoo], null_share: 0}
  island: {type: category, categories: [Biscoe, Dream, Torgersen], null_share: 0}
  bill_length_mm: {type: number, unit: mm, range: [20, 80], null_share: 0.05}
  bill_depth_mm: {type: number, unit: mm, range: [5, 40], null_share: 0.05}
  flipper_length_mm: {type: integer, unit: mm, range: [100, 300], null_share: 0.05}
  body_mass_g: {type: integer, unit: g, range: [1000, 10000], null_share: 0.05}
  sex: {type: category, categories: [FEMALE, MALE], null_share: 0.05}
""",
    "bike_hour": """
rows: {least: 17000}
unique: [[dteday, hr]]
columns:
  instant: {type: integer, unique: true, null_share: 0}
  dteday: {type: datetime, range: [2011-01-01, 2012-12-31]}
  hr: {type: integer, range: [0, 23]}
  holiday: {type: boolean}
  temp: {type: number, range: [0, 1]}
  cnt: {type: integer, range: [0, null], null_share: 0}
""",
    "taxis": """
rows: {least: 6000}
columns:
  pickup: {type: datetime, range: [2019-02-28, 2019-03-31]}
  passengers: {type: integer, range: [0, 9]}
  fare: {type: number, unit: USD, range: [0, 500]}
  payment: {type: category, categories: [cash, credit card], null_share: 0.01}
  color: {type: category, categories: [green, yellow]}
""",
}
BREAK = {       # column, value, rule
    "adult": ("age", "330", "range"), "penguins": ("sex", "Male", "categories"),
    "bike_hour": ("instant", "1", "unique"), "taxis": ("pickup", "yesterday", "type")}


@pytest.mark.parametrize("name", CONTRACTS)
def test_real_tables(load, tmp_path, name):
    path = SHARED / f"{name}.csv"
    if not path.exists():
        pytest.skip(f"{path} is not there")
    rules = load(CONTRACTS[name])
    assert contract.check(rules, path).breaches == ()
    spoilt = pd.read_csv(path, dtype=str, keep_default_na=False)
    where, value, rule = BREAK[name]
    spoilt.loc[[16, 289, 343], where] = value
    spoilt.to_csv(tmp_path / "in.csv", index=False)
    spoilt.replace({"": None}).to_parquet(tmp_path / "in.parquet")
    found = contract.check(rules, tmp_path / "in.csv").breaches
    assert [(b.column, b.rule, b.rows, b.count) for b in found] == [(where, rule, (17, 290, 344), 3)]
    assert found[0].places[0].line == 18


@pytest.mark.parametrize("name", ["penguins", "taxis"])
def test_real_tables_as_parquet(load, tmp_path, name):
    path = SHARED / f"{name}.csv"
    if not path.exists():
        pytest.skip(f"{path} is not there")
    frame = pd.read_csv(path)
    for column_name, kind in {"species": "category", "color": "category"}.items():
        if column_name in frame:
            frame[column_name] = frame[column_name].astype(kind)
    if "pickup" in frame:
        frame["pickup"] = pd.to_datetime(frame["pickup"])
    frame.to_parquet(tmp_path / "in.parquet")
    rules = load(CONTRACTS[name])
    assert contract.check(rules, tmp_path / "in.parquet").breaches == ()
    few = replace(rules, least_rows=10**6)
    assert messages(contract.check(few, tmp_path / "in.parquet").breaches) == [f"{len(frame)} rows, fewer than 1000000"]


def test_nothing_heavy_is_imported():
    code = f"import sys, notemill.contract; print([m for m in {HEAVY} if m in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
