"""The contract holds for the table it was made from and for honest rows to come, and catches the others."""

from datetime import datetime, timezone

import pandas
import pytest
import yaml
from init_samples import HOSTILE, csv_text, make_rows

from notemill.contract import check, load
from notemill.init.columns import Column, look_at
from notemill.init.contract import (
    contract_text,
    earliest,
    null_share,
    number_range,
    round_down,
    round_up,
    rules_of,
    seen,
)
from notemill.yaml_places import read_yaml


def breaches(tmp_path, frame, other=None, target="bought", task="classification"):
    """What `other` (default: the table itself) breaks of the contract made from `frame`."""
    path, data = tmp_path / "contract.yaml", tmp_path / "in.csv"
    path.write_text(contract_text(look_at(frame).values(), target, task, len(frame)), encoding="utf-8")
    (frame if other is None else other).to_csv(data, index=False)
    return [(breach.column, breach.rule, breach.severity) for breach in check(load(path), data).breaches]


@pytest.fixture
def frame(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text(csv_text(make_rows()))
    return pandas.read_csv(path)


def test_the_table_keeps_its_own_contract(tmp_path, frame):
    frame["gaps"] = frame["size"].where(frame.index % 3 > 0)
    frame["when"] = pandas.date_range("2024-01-01", periods=len(frame)).astype("str")
    frame["empty"], frame["same"], frame["true"], frame["id"] = None, 0, frame["age"] > 50, range(len(frame))
    assert breaches(tmp_path, frame) == []


def test_words_between_numbers_and_rare_categories_warn(tmp_path, frame):
    frame["mixed"] = ["n.a.!" if n % 20 == 0 else str(n) for n in frame.index]
    frame.loc[0, "colour"] = "mauve"
    assert breaches(tmp_path, frame) == [("mixed", "type", "warning")]
    other = frame.assign(colour="ochre")
    assert ("colour", "categories", "warning") in breaches(tmp_path, frame, other)


@pytest.mark.parametrize("change, broken", [
    ({"age": 300}, []), ({"size": 60.0}, []), ({"age": 5000}, [("age", "range", "error")]),
    ({"size": -1.0}, [("size", "range", "error")]),
    ({"size": None}, [("size", "null_share", "error")]), ({"colour": "mauve"}, [("colour", "categories", "error")]),
    ({"bought": "maybe"}, [("bought", "categories", "error")]), ({"age": 1.5}, [("age", "type", "error")])])
def test_rows_to_come(tmp_path, frame, change, broken):
    assert breaches(tmp_path, frame, frame.assign(**change)) == broken


def test_a_target_of_numbers_is_the_same_with_and_without_fractions(tmp_path, frame):
    frame["bought"] = (frame["bought"] == "yes").astype("float64")
    assert breaches(tmp_path, frame) == []
    assert breaches(tmp_path, frame, frame.astype({"bought": "int64"})) == []
    assert breaches(tmp_path, frame, frame.assign(bought=2)) == [("bought", "categories", "error")]


def test_hostile_names_and_values_stay_what_they_are(tmp_path):
    names = [name for name in HOSTILE if name.strip()]
    frame = pandas.DataFrame({name: [f"{name}{n % 2}" for n in range(40)] for name in names})
    path = tmp_path / "contract.yaml"
    path.write_text(contract_text(look_at(frame).values(), "age", "classification", 40), encoding="utf-8")
    raw = yaml.safe_load(path.read_bytes())
    assert raw == read_yaml(path)[0]
    assert list(raw["columns"]) == names and list(load(path).columns) == names
    assert raw["columns"]["a: b"]["categories"] == ["a: b0", "a: b1"]


def test_no_line_is_too_long(frame):
    frame["colour"] = [f"colour number {n % 40}" for n in frame.index]
    lines = contract_text(look_at(frame).values(), "bought", "classification", 120).splitlines()
    assert max(len(line) for line in lines if "# seen" not in line) <= 120


@pytest.mark.parametrize("low, high, limits", [
    (17, 90, [0, 900]), (0, 1, [0, 10]), (-3, 12, [-200, 200]), (-5, -1, [-50, 0]), (0, 0, [0, None]),
    (0.02, 0.043, [0, 0.5]),
    (1, 1484705, [0, 20000000])])
def test_ranges(low, high, limits):
    assert number_range(Column("x", "number", 9, 0, 5, low, high)) == limits


def test_rounding():
    assert [round_up(v) for v in (743, 1000, 0.0743, 9.1, 0)] == [800, 1000, 0.08, 10, 0]
    assert [round_down(v) for v in (16280.5, 172, 30, 9, 0.5)] == [10000, 100, 30, 9, 0]


def test_missing_values_get_slack_only_where_there_were_some():
    shares = [null_share(Column("x", "text", 100, missing, 5)) for missing in (0, 1, 40, 80, 100)]
    assert shares == [0.0, 0.05, 0.65, 1.0, 1.0]


def test_dates_may_be_later_and_somewhat_earlier():
    day = datetime(2011, 1, 1, tzinfo=timezone.utc)
    assert earliest(day, datetime(2012, 12, 31, tzinfo=timezone.utc)) == "2000-12-31"
    assert earliest(datetime(1940, 1, 1), datetime(2005, 1, 1)) == "1874-12-30"
    assert earliest(datetime(5, 1, 1), datetime(2005, 1, 1)) == "0001-01-01"


def test_a_key_is_unique_and_has_no_list():
    column = Column("id", "category", 3, 0, 3, values=(("a", 1), ("b", 1), ("c", 1)), identifies=True)
    assert rules_of(column, None) == {"type": "category", "unique": True, "null_share": 0.0}


@pytest.mark.parametrize("values, says", [
    ([17, 90, 30], "17 to 90"), ([None, None], "nothing but missing values"),
    ([1.0, None, 1.0, 1.0], "1 to 1; always the same; 25.00% missing"),
    (["a", "b", "a", "b", "a"], "2 values: a 3, b 2"),
    (["a", "b", "c", "d"] * 2, "4 values: a 2, b 2, c 2, ..."),
    (["1"] * 19 + ["x"], "1 to 1; no number: 'x'"),
    (["2024-01-01", "2024-02-03"], "2024-01-01 to 2024-02-03"),
    ([1, 2, 3], "1 to 3; a different one in every row")])
def test_what_was_seen_is_told(values, says):
    column = look_at(pandas.DataFrame({"x": values}))["x"]
    assert seen(column, None) == f"seen: {says}"


def test_the_target_is_named():
    assert seen(look_at(pandas.DataFrame({"x": [1, 2, 3]}))["x"], "regression") == "seen: the target; 1 to 3"
