"""`notemill predictions`: counts by day and version, and one file with all rows and their labels."""

import pandas as pd
import pytest
from log_samples import DAY, NOON, SCHEMA, compact, write_log
from tiny import cli


@pytest.fixture
def folder(tmp_path):
    """Two days, two versions; one day in a Parquet file, the other in a journal; three marks on two rows."""
    from notemill.serve.log import Log

    folder = tmp_path / "log"
    write_log(folder, range(5), at=NOON - DAY)
    compact(folder)
    write_log(folder, [5, 6], warnings=[{"column": "age", "check": "range", "got": "5"}])
    write_log(folder, [7], version="4", content="f00d")
    log = Log.open(folder, SCHEMA, days=36_500)
    log.mark("q-1", 0, "label", ">50K")
    log.mark("q-5", 0, "label", "<=50K")
    log.mark("q-5", 0, "wrong", "a typing error")
    log.close(0)
    return folder


def entry(day, version, content, rows, **more):
    return {"day": day, "version": version, "content": content, "rows": rows, "requests": rows, "warned": 0,
            "labels": 0, "wrong": 0} | more


YESTERDAY = entry("2026-11-20", "3", "c0de", 5, labels=1)
TODAY = [entry("2026-11-21", "3", "c0de", 2, warned=2, labels=1, wrong=1), entry("2026-11-21", "4", "f00d", 1)]


def test_counts(folder):
    told = cli("predictions", folder, "--json").json
    assert told["days"] == [YESTERDAY, *TODAY]
    assert (told["rows"], told["output"], told["written"], told["error"]) == (8, None, None, None)
    assert told["bytes"] > 1000
    assert cli("predictions", folder, "--since", "2026-11-21", "--json").json["days"] == TODAY
    table = cli("predictions", folder).out.splitlines()
    assert table[0].split()[:4] == ["Day", "Version", "Content", "Rows"] and len(table) == 4
    assert table[1].split() == ["2026-11-20", "3", "c0de", "5", "5", "0", "1", "0"]


def test_a_request_of_many_rows_is_one(tmp_path):
    for row in range(3):
        write_log(tmp_path / "log", [1], row=row)
    day, = cli("predictions", tmp_path / "log", "--json").json["days"]
    assert (day["rows"], day["requests"]) == (3, 1)


def test_all_rows_with_their_labels_in_one_file(folder, tmp_path):
    told = cli("predictions", folder, "--output", tmp_path / "all.parquet", "--json").json
    table = pd.read_parquet(tmp_path / "all.parquet").set_index("request").sort_index()
    assert told["written"] == len(table) == 8 and list(table.columns[-3:]) == ["day", "label", "wrong"]
    assert table["label"].dropna().to_dict() == {"q-1": ">50K", "q-5": "<=50K"}
    assert table["wrong"].dropna().to_dict() == {"q-5": "a typing error"}
    assert cli("predictions", folder, "--output", tmp_path / "some.parquet", "--since", "2026-11-21").out.endswith(
        f"3 rows: {tmp_path / 'some.parquet'}\n")
    assert len(pd.read_parquet(tmp_path / "some.parquet")) == 3


def test_an_empty_log(folder, tmp_path):
    told = cli("predictions", folder, "--since", "2027-01-01", "--output", tmp_path / "none.parquet")
    assert told.out == f"{folder}: no predictions since 2027-01-01\n0 rows: {tmp_path / 'none.parquet'}\n"
    assert list(pd.read_parquet(tmp_path / "none.parquet")["label"]) == []


def test_it_changes_nothing(folder, tmp_path):
    def state():
        return {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.rglob("*") if path.is_file()}

    before = state()
    cli("predictions", folder, "--output", tmp_path / "all.parquet")
    assert state() == before


@pytest.mark.parametrize(("output", "words"), [
    ("all.csv", "a name that ends in .parquet"), ("nowhere/all.parquet", "there is no such folder")])
def test_where_it_cannot_be_written_nothing_is_done(folder, tmp_path, output, words):
    told = cli("predictions", folder, "--output", tmp_path / output)
    assert (told.code, told.out) == (2, "") and words in told.err


def test_what_is_no_log_is_said_to_be_none(tmp_path):
    told = cli("predictions", tmp_path, "--json")
    assert told.code == 2 and told.json["error"]["got"] == "is no prediction log: format.json is not there"
    assert cli("predictions", tmp_path / "nowhere").code == 2


def test_a_log_that_changes_all_the_time_is_said_to_do_so(folder, monkeypatch):
    def gone(*given):
        raise FileNotFoundError("a.parquet")

    monkeypatch.setattr("notemill.commands.predictions.count", gone)
    told = cli("predictions", folder)
    assert told.code == 1 and "changes while it is read" in told.err
