"""Many files, folders, several processes: the same rows in the same order, and nothing of a name is lost."""

import gzip
import importlib
import json
import signal
import sys
import types
from dataclasses import replace

import numpy as np
import pandas as pd
import psutil
import pyarrow as pa
import pytest
import skops.io
from pyarrow import parquet
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from notemill.runtime.batch import chunks, scan, section, tables
from notemill.runtime.batch.score import Asked, WorkerLost, run
from notemill.runtime.batch.tables import ScoreError
from notemill.runtime.rows import BadRows


def texts(path):
    return pd.read_csv(path, dtype="str", keep_default_na=False)


# several files
def test_a_folder_into_a_folder(model, rows, tmp_path):
    (tmp_path / "in" / "deep").mkdir(parents=True)
    rows.head(5).to_csv(tmp_path / "in" / "a.csv.gz", index=False)
    rows.tail(6).to_parquet(tmp_path / "in" / "deep" / "B.parquet")
    (tmp_path / "in" / ".hidden.csv").write_text("x\n")
    (tmp_path / "in" / "notes.txt").write_text("x\n")
    record = run(model, Asked(f"{tmp_path / 'in'}/", f"{tmp_path / 'out'}/"))
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["B.parquet", "a.csv"]
    assert texts(tmp_path / "out" / "a.csv")["prediction"].tolist() == model.predict(rows.head(5)).tolist()
    found = pd.read_parquet(tmp_path / "out" / "B.parquet")
    assert found["prediction"].tolist() == model.predict(rows.tail(6)).tolist()
    assert [one["rows"] for one in record["outputs"]] == [5, 6]
    assert json.loads((tmp_path / "out.run.json").read_text()) == record
    again = run(model, Asked(str(tmp_path), f"{tmp_path / 'out'}/", names={}))
    assert again["rows"] == 11  # what was written is not read


def test_a_pattern_into_one_file(model, rows, tmp_path):
    """Columns may stand in another order; where a bad row stands, its file tells."""
    rows.head(5).to_csv(tmp_path / "a.csv", index=False)
    rows.tail(6).assign(size="tall").iloc[:, ::-1].to_csv(tmp_path / "b.csv", index=False)
    asked = Asked(str(tmp_path / "?.csv"), str(tmp_path / "out.csv"), aside=True)
    record = run(model, asked)
    assert (record["rows"], record["set_aside"]) == (5, 6)
    assert record["outputs"][0]["inputs"][1]["reasons"] == [
        {"column": "size", "rule": "is not a number (cm)", "cells": 6, "first": 2}]
    assert texts(tmp_path / "out.aside.csv")[["file", "line"]].values.tolist()[0] == ["b.csv", "2"]
    with pytest.raises(BadRows, match="b.csv line 2, column 'size': 'tall' is not a number"):
        run(model, replace(asked, aside=False))
    (tmp_path / "c.csv").write_text(rows.head(2).assign(more=1).to_csv(index=False))
    with pytest.raises(ScoreError, match="c.csv: has other columns than a.csv: more; name a folder"):
        run(model, asked)


def test_bad_rows_of_files_whose_columns_are_ordered_otherwise_stay_in_their_columns(model, rows, tmp_path):
    rows.head(3).assign(size="tall").to_csv(tmp_path / "a.csv", index=False)
    rows.tail(3).assign(size="wide").iloc[:, ::-1].to_csv(tmp_path / "b.csv", index=False)
    run(model, Asked(str(tmp_path / "?.csv"), str(tmp_path / "out.csv"), aside=True))
    assert texts(tmp_path / "out.aside.csv")["size"].tolist() == ["tall"] * 3 + ["wide"] * 3


def test_types_that_do_not_go_together(model, rows, tmp_path):
    rows.head(2).assign(more=1).to_parquet(tmp_path / "a.parquet")
    rows.head(2).assign(more="x").to_parquet(tmp_path / "b.parquet")
    with pytest.raises(ScoreError, match="column 'more' is .*string, and in a.parquet int64"):
        run(model, Asked(str(tmp_path / "?.parquet"), str(tmp_path / "out.parquet")))
    rows.head(2).to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(ScoreError, match="a.csv: would be the result of 2 files"):
        (tmp_path / "more").mkdir()
        rows.head(2).to_csv(tmp_path / "more" / "a.csv", index=False)
        run(model, Asked(str(tmp_path), f"{tmp_path / 'out'}/"))


@pytest.mark.parametrize("pack", [gzip.compress, lambda data: pa.Codec("zstd").compress(data, asbytes=True)])
def test_packed_files(model, rows, tmp_path, pack):
    path = tmp_path / ("in.csv.gz" if pack is gzip.compress else "in.csv.zst")
    path.write_bytes(pack(rows.to_csv(index=False).encode()))
    run(model, Asked(str(path), str(tmp_path / "out.csv")))
    assert texts(tmp_path / "out.csv")["prediction"].tolist() == model.predict(rows).tolist()


def test_keys(model, rows, tmp_path):
    rows.assign(id=range(len(rows)), other=1).to_csv(tmp_path / "in.csv", index=False)
    run(model, Asked(str(tmp_path / "in.csv"), str(tmp_path / "out.csv"), keys=("id", "colour")))
    found = texts(tmp_path / "out.csv")
    assert list(found)[:3] == ["id", "colour", "prediction"] and found["id"].tolist() == [*map(str, range(len(rows)))]


def test_a_file_that_changes_meanwhile(model, rows, tmp_path, monkeypatch):
    rows.to_csv(tmp_path / "in.csv", index=False)
    told = []

    class Late(section.Scorer):
        def run(self, *task):
            told.append((tmp_path / "in.csv").write_text("x\n" * 3))
            return iter(())

    monkeypatch.setattr("notemill.runtime.batch.score.Scorer", Late)
    with pytest.raises(ScoreError, match="was changed while it was scored"):
        run(model, Asked(str(tmp_path / "in.csv"), str(tmp_path / "out.csv")))
    assert told and not (tmp_path / "out.csv").exists()


# sections
@pytest.mark.parametrize("quoting", [0, 1])
def test_a_csv_file_in_sections(model, rows, tmp_path, monkeypatch, quoting):
    monkeypatch.setattr(scan, "SECTION", 3_000)
    monkeypatch.setattr(scan, "BLOCK", 500)
    notes = ["a\nb, \"c\"" if number % 7 == 0 else "d" for number in range(4 * len(rows))]
    rows = pd.concat([rows] * 4).assign(id=range(4 * len(rows)), note=notes)
    rows.to_csv(tmp_path / "in.csv", index=False, quoting=quoting)
    assert len(scan.scan(tables.CsvFile(tmp_path / "in.csv", {"size"}, "."))[1]) > 5
    run(model, Asked(str(tmp_path / "in.csv"), str(tmp_path / "out.csv")))
    found = texts(tmp_path / "out.csv")
    assert found[rows.columns].equals(texts(tmp_path / "in.csv"))
    assert found["prediction"].tolist() == model.predict(rows).tolist()


def test_where_quotes_mislead_a_file_is_read_as_one(model, rows, tmp_path, monkeypatch):
    """A literal quote turns even and odd round: sections end within cells, and the file is read anew."""
    monkeypatch.setattr(scan, "SECTION", 2_000)
    monkeypatch.setattr(scan, "BLOCK", 500)
    lines = rows.assign(note='"x\n\ny"').to_csv(index=False, quoting=3, escapechar="\\").replace('\\"', '"')
    head, first, rest = lines.split("\n", 1)[0], lines.split("\n")[1], lines.split("\n", 4)[4]
    (tmp_path / "in.csv").write_text(f'{head}\n{first.replace(chr(34) + "x", "5" + chr(34))}\n{rest}')
    assert len(scan.scan(tables.CsvFile(tmp_path / "in.csv", {"size"}, "."))[1]) > 1
    record = run(model, Asked(str(tmp_path / "in.csv"), str(tmp_path / "out.csv"), aside=True))
    assert (record["rows"], record["set_aside"]) == (len(rows), 0)
    assert texts(tmp_path / "out.csv")["prediction"].tolist() == model.predict(rows.assign(note="x")).tolist()


def stop_after(monkeypatch, pieces):
    """Ctrl-C after so many pieces."""
    score, left = section.Scorer._score, iter(range(pieces))

    def stopping(self, *given):
        if next(left, None) is None:
            raise KeyboardInterrupt
        return score(self, *given)

    monkeypatch.setattr(section.Scorer, "_score", stopping)


@pytest.fixture
def stopped(model, rows, tmp_path, monkeypatch):
    """What was asked for, and broken off after 5 pieces of 10 rows; two pieces are a part."""
    asked = Asked(str(tmp_path / "in.csv"), str(tmp_path / "out.csv"))
    rows.to_csv(tmp_path / "in.csv", index=False)
    with monkeypatch.context() as patch:
        patch.setattr(tables, "PIECE", 10)
        patch.setattr(chunks, "CHUNK", 20)
        stop_after(patch, 5)
        with pytest.raises(KeyboardInterrupt):
            run(model, asked)
    return asked


def test_parts_are_checked_before_they_are_taken_up(model, rows, stopped, tmp_path):
    parts = sorted((tmp_path / ".out.csv.score").glob("*/*/*.csv"))
    parts[1].write_bytes(parts[1].read_bytes()[:-3])
    assert run(model, stopped)["resumed_rows"] == 20
    assert texts(tmp_path / "out.csv")["prediction"].tolist() == model.predict(rows).tolist()


def test_other_options_take_nothing_up(model, stopped, tmp_path):
    assert run(model, replace(stopped, keys=("colour",)))["resumed_rows"] == 0
    assert list(texts(tmp_path / "out.csv"))[:2] == ["colour", "prediction"]


# processes
def test_several_processes_give_the_same(model, rows, tmp_path):
    frame = pd.concat([rows] * 5).assign(id=range(5 * len(rows)))
    for number in range(4):
        frame.iloc[number::4].to_parquet(tmp_path / f"{number}.parquet", row_group_size=50)
    one, two = (Asked(str(tmp_path / "[0-3].parquet"), str(tmp_path / f"out-{count}.parquet"), workers=count)
                for count in (1, 3))
    assert run(model, one)["rows"] == run(model, two)["rows"] == len(frame)
    assert parquet.read_table(tmp_path / "out-1.parquet").equals(parquet.read_table(tmp_path / "out-3.parquet"))


def children():
    """The processes that this one has started, of other tests too."""
    return set(psutil.Process().children(recursive=True))


def test_errors_come_through(model, rows, tmp_path):
    """Of several the first by its place, not by time; nobody is left behind."""
    for number in range(4):
        bad = rows.assign(size="tall") if number in (1, 3) else rows
        bad.to_csv(tmp_path / f"{number}.csv", index=False)
    asked, before = Asked(str(tmp_path / "[0-3].csv"), f"{tmp_path / 'out'}/", workers=3), children()
    with pytest.raises(BadRows, match="line 2, column 'size'") as caught:
        run(model, asked)
    assert len(caught.value.problems) == len(rows) and not (tmp_path / "out").exists()
    assert not children() - before


def test_a_process_that_is_killed(model, rows, tmp_path, monkeypatch):
    pd.concat([rows] * 1000).to_parquet(tmp_path / "in.parquet", row_group_size=100_000)
    asked, before = Asked(str(tmp_path / "in.parquet"), str(tmp_path / "out.csv"), workers=2), children()
    monkeypatch.setattr("notemill.runtime.batch.progress.Progress.__call__", lambda *given: [
        one.send_signal(signal.SIGKILL) for one in children() - before])
    with pytest.raises(WorkerLost, match="too soon"):
        run(model, asked)
    monkeypatch.undo()
    assert run(model, asked)["rows"] == 1000 * len(rows)


# code of the project's own
def test_a_model_with_code_of_its_own(trained, tmp_path, monkeypatch):
    from model_samples import make_version
    from notemill import wheel
    from notemill.registry import Records

    module = types.ModuleType("mine")
    exec("def step(x): return x", module.__dict__)
    monkeypatch.setitem(sys.modules, "mine", module)
    x = pd.DataFrame({"x": np.linspace(-50, 50, 101)})
    steps = make_pipeline(FunctionTransformer(module.step), LogisticRegression()).fit(x, x["x"] > 0)
    made = trained("mixed", "linear")
    schema = {**made.schema, "columns": [{"name": "x", "type": "number", "role": "feature"}],
              "target": {"name": "y", "names": {}}}
    records = Records(tmp_path / "records")
    manifest = make_version(records, replace(made, skops=skops.io.dumps(steps), schema=schema), name="coded",
                            code={"mine.py": "def step(x): return x + 10\n"}, types=["mine.step"])
    wheel.write_tree(wheel.package_files(manifest, records.read), tmp_path / "site")
    pd.DataFrame({"x": [-30.0, -9.0, 10.0, -11.0]}).to_parquet(tmp_path / "in.parquet")
    monkeypatch.syspath_prepend(tmp_path / "site")
    engine = importlib.import_module("coded_model.batch.score")
    for workers in (1, 2):
        sources = (tmp_path / "in.parquet",) if workers == 1 else tuple(copies(tmp_path))
        engine.run(engine.Model(tmp_path / "site" / "coded_model"),
                   engine.Asked(sources, str(tmp_path / "out.csv"), workers=workers))
        assert texts(tmp_path / "out.csv")["prediction"].tolist() == ["False", "True", "True", "False"] * workers


def copies(folder):
    for number in range(2):
        path = folder / f"{number}.parquet"
        path.write_bytes((folder / "in.parquet").read_bytes())
        yield path
