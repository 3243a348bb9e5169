"""Files of any size: what they hold stays, the predictions are added, and nothing is ever half there."""

import csv
import errno
import gzip
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from notemill.runtime import commands
from notemill.runtime.batch import tables
from notemill.runtime.batch.progress import Progress
from notemill.runtime.batch.score import score
from notemill.runtime.batch.tables import ScoreError
from notemill.runtime.model import Model
from notemill.runtime.plan import Stored, write_plan
from notemill.runtime.rows import BadRows

HEAD = "size,colour,shelf,flag,at,dose,note"


@pytest.fixture
def few(monkeypatch):
    """Pieces of 7 rows: every table has many."""
    monkeypatch.setattr(tables, "PIECE", 7)


def texts(path, **reading):
    return pd.read_csv(path, dtype="str", keep_default_na=False, **reading)


def call(model, *words):
    return commands.main(model.folder, [str(word) for word in words])


# CSV
def test_csv_in_csv_out(model, rows, few, tmp_path):
    rows.to_csv(tmp_path / "in.csv", index=False)
    assert score(model, tmp_path / "in.csv", tmp_path / "out.csv") == (len(rows), 0)
    found = texts(tmp_path / "out.csv")
    assert found[rows.columns].equals(texts(tmp_path / "in.csv"))
    assert found["prediction"].tolist() == model.predict(rows).tolist()
    assert np.allclose(found["probability_ja"].astype(float), model.predict_proba(rows)[:, 0], rtol=1e-12)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bundle", "in.csv", "out.csv", "out.csv.run.json"]


def test_cells_are_data_and_stay_as_they_are(model, rows, tmp_path):
    odd = ["=1+1", "+2", "-3", "@x", "a,b", 'q"q', "two\nlines", " space ", "007", "NA", "", "ü"]
    rows.head(len(odd)).assign(more=odd).to_csv(tmp_path / "in.csv", index=False)
    score(model, tmp_path / "in.csv", tmp_path / "out.csv")
    assert texts(tmp_path / "out.csv")["more"].tolist() == odd


@pytest.mark.parametrize("name, form", [("in.csv", {"sep": ";"}), ("in.csv", {"sep": "|"}), ("in.tsv", {"sep": "\t"}),
                                        ("in.csv.gz", {}), ("in.csv", {"encoding": "utf-8-sig"}),
                                        ("in.csv", {"lineterminator": "\r\n"})])
def test_forms_of_csv(model, rows, tmp_path, name, form):
    rows.to_csv(tmp_path / name, index=False, **form)
    score(model, tmp_path / name, tmp_path / "out.csv")
    found = texts(tmp_path / "out.csv", sep=form.get("sep", ","))
    assert found["prediction"].tolist() == model.predict(rows).tolist()


def test_decimal_commas_go_in_and_out(model, rows, tmp_path):
    rows.to_csv(tmp_path / "in.csv", index=False, sep=";", decimal=",")
    text = (tmp_path / "in.csv").read_text()
    (tmp_path / "in.csv").write_text(text.replace("unknown", "?"))
    assert call(model, "score", tmp_path / "in.csv", tmp_path / "out.csv", "--decimal", ",") == 0
    found = texts(tmp_path / "out.csv", sep=";")
    plain = rows.assign(dose=rows["dose"].astype("str"))
    assert found["prediction"].tolist() == model.predict(plain).tolist()
    assert found["size"].tolist() == texts(tmp_path / "in.csv", sep=";")["size"].tolist()
    assert found["probability_ja"].str.match(r"\d,\d+|\d,\d+e-\d+").all()


def test_a_header_without_rows(model, rows, tmp_path):
    rows.head(0).to_csv(tmp_path / "in.csv", index=False)
    assert score(model, tmp_path / "in.csv", tmp_path / "out.csv") == (0, 0)
    assert list(texts(tmp_path / "out.csv")) == [*rows.columns, "prediction", "probability_ja", "probability_no"]


def test_empty_lines_are_no_rows(model, rows, tmp_path):
    lines = rows.head(3).to_csv(index=False).splitlines()
    (tmp_path / "in.csv").write_text("\n".join([lines[0], "", *lines[1:], "", "  ", ""]))
    assert score(model, tmp_path / "in.csv", tmp_path / "out.csv") == (3, 0)


@pytest.mark.parametrize("text, words", [
    ("", "is empty"),
    (b"size,colour\n\xff\xfe,1\n", "is not in UTF-8"),
    (f"{HEAD},b\n1\n", "line 2 has 1 cells, and the header has 8"),
    (f"{HEAD},b\n1,2,3,4,5,6,7,8\n1,2\n", "line 3 has 2 cells, and the header has 8"),
    (f'{HEAD},b\n1,2,3,4,5,6,7,"8\n', "cannot be read as CSV: unexpected end of data"),
    (f'{HEAD},b\n1,2,3,4,5,6,7,"8"9\n', "cannot be read as CSV: ',' expected after '\"'"),
    (gzip.compress(f"{HEAD},b\n1,2,3,4,5,6,7,8\n".encode() * 999, mtime=0)[:110], "cannot be read as CSV")],
    ids=range(7))
def test_files_that_are_no_csv(model, tmp_path, text, words):
    data = text if isinstance(text, bytes) else text.encode()
    path = tmp_path / ("in.csv.gz" if data[:2] == b"\x1f\x8b" else "in.csv")
    path.write_bytes(data)
    with pytest.raises(ScoreError, match=words):
        score(model, path, tmp_path / "out.csv", aside=True)
    assert not (tmp_path / "out.csv").exists()


def test_a_column_that_stands_there_twice(model, rows, tmp_path):
    rows.head(2).assign(more=1).rename(columns={"more": "size"}).to_csv(tmp_path / "in.csv", index=False)
    with pytest.raises(BadRows, match="column 'size': stands there more than once"):
        score(model, tmp_path / "in.csv", tmp_path / "out.csv", aside=True)


def test_other_columns_may_stand_there_twice_or_have_no_name(model, rows, tmp_path):
    lines = rows.head(2).to_csv(index=False).splitlines()
    (tmp_path / "in.csv").write_text("\n".join(line + end for line, end in zip(lines, [",x,x,", ",1,2,3", ",4,5,6"])))
    score(model, tmp_path / "in.csv", tmp_path / "out.csv")
    head = (tmp_path / "out.csv").read_text().splitlines()[0]
    assert head == f"{lines[0]},x,x,,prediction,probability_ja,probability_no"


def test_two_columns_of_one_name_go_into_no_parquet_file(model, rows, tmp_path):
    lines = rows.head(1).to_csv(index=False).splitlines()
    (tmp_path / "in.csv").write_text(f"{lines[0]},x,x\n{lines[1]},1,2\n")
    with pytest.raises(ScoreError, match="two columns are called 'x'"):
        score(model, tmp_path / "in.csv", tmp_path / "out.parquet")


def test_a_very_long_cell(model, rows, tmp_path, monkeypatch):
    rows.head(1).assign(note="word " * 100_000).to_csv(tmp_path / "in.csv", index=False)
    before = csv.field_size_limit()
    try:
        assert call(model, "score", tmp_path / "in.csv", tmp_path / "out.csv") == 0
    finally:
        csv.field_size_limit(before)


# Parquet
def test_parquet_in_parquet_out(model, rows, few, tmp_path):
    """Arrow's types stay, though a piece has no gap, or nothing but gaps."""
    table = pa.Table.from_pandas(rows.head(40), preserve_index=False)
    more = {"whole": pa.array([None] * 14 + [2**60 + 1] * 26, pa.int64()), "day": pa.array([None] * 40, pa.date32()),
            "list": pa.array([[1, 2]] * 40), "nothing": pa.nulls(40),
            "word": pa.array(["a", "b"] * 20).dictionary_encode()}
    for name, values in more.items():
        table = table.append_column(name, values)
    parquet.write_table(table, tmp_path / "in.parquet")
    assert score(model, tmp_path / "in.parquet", tmp_path / "out.parquet") == (40, 0)
    found = parquet.read_table(tmp_path / "out.parquet")
    assert found.column("prediction").to_pylist() == model.predict(rows.head(40)).tolist()
    for name in more:
        assert found.column(name).to_pylist() == table.column(name).to_pylist()
    assert found.schema.field("whole").type == pa.int64() and found.schema.field("day").type == pa.date32()


def test_a_table_whose_index_holds_a_column(model, rows, tmp_path):
    rows.set_index("colour").to_parquet(tmp_path / "in.parquet")
    score(model, tmp_path / "in.parquet", tmp_path / "out.csv")
    assert texts(tmp_path / "out.csv")["prediction"].tolist() == model.predict(rows).tolist()


@pytest.mark.parametrize("ends", [("in.csv", "out.parquet"), ("in.parquet", "out.csv")])
def test_from_one_form_to_the_other(model, rows, few, tmp_path, ends):
    (rows.to_csv if ends[0] == "in.csv" else rows.to_parquet)(tmp_path / ends[0], index=False)
    score(model, tmp_path / ends[0], tmp_path / ends[1])
    found = pd.read_parquet(tmp_path / ends[1]) if ends[1] == "out.parquet" else texts(tmp_path / ends[1])
    assert found["prediction"].tolist() == model.predict(rows).tolist()


def test_an_empty_parquet_table_and_one_that_is_none(model, rows, tmp_path):
    rows.head(0).to_parquet(tmp_path / "in.parquet", index=False)
    assert score(model, tmp_path / "in.parquet", tmp_path / "out.parquet") == (0, 0)
    assert "prediction" in pd.read_parquet(tmp_path / "out.parquet")
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 no PAR1")
    with pytest.raises(ScoreError, match="cannot be read as Parquet"):
        score(model, tmp_path / "bad.parquet", tmp_path / "out2.parquet")


# bad rows
@pytest.fixture
def bad(rows, tmp_path):
    """Two bad rows of 20; the note of row 5 fills two lines."""
    rows = rows.head(20).reset_index(drop=True).astype({"size": "object", "flag": "object"})
    rows.loc[4, "note"], rows.loc[9, "size"], rows.loc[16, ["size", "flag"]] = "two\nlines", "99", ["tall", "maybe"]
    rows.to_csv(tmp_path / "in.csv", index=False)
    return rows


def test_bad_rows_stop_it_and_are_named_by_their_line(model, bad, few, tmp_path, capsys):
    (tmp_path / "out.csv").write_text("of an earlier call")
    assert call(model, "score", tmp_path / "in.csv", tmp_path / "out.csv") == 1
    told = capsys.readouterr().err
    assert "line 12, column 'size': '99' is above 30 cm, the most that is allowed" in told
    assert told.endswith("\n  mend them, or set bad rows aside: --on-error aside\n")
    assert (tmp_path / "out.csv").read_text() == "of an earlier call"
    bad.astype({"size": "str", "flag": "str"}).to_parquet(tmp_path / "in.parquet")
    with pytest.raises(BadRows, match="row 10, column 'size'"):
        score(model, tmp_path / "in.parquet", tmp_path / "out.csv")


@pytest.mark.parametrize("end", ["csv", "parquet"])
def test_bad_rows_set_aside(model, bad, few, tmp_path, end, capsys):
    out, aside = tmp_path / f"out.{end}", tmp_path / "out.aside.csv"
    aside.write_text("of an earlier call")
    assert call(model, "score", tmp_path / "in.csv", out, "--on-error", "aside") == 0
    assert capsys.readouterr().err.endswith(f"18 rows scored: {out}\n2 rows set aside: {aside}\n")
    found = texts(aside)
    assert found["line"].tolist() == ["12", "19"] and found["size"].tolist() == ["99", "tall"]
    assert found["problem"].tolist() == ["size: '99' is above 30 cm, the most that is allowed",
                                         "size: 'tall' is not a number (cm); flag: 'maybe' is not true or false"]
    good = texts(out) if end == "csv" else pd.read_parquet(out)
    assert good["prediction"].tolist() == model.predict(bad.drop(index=[9, 16])).tolist()


def test_only_bad_rows_at_first(model, bad, tmp_path, monkeypatch):
    """The first piece says nothing of the predictions' type."""
    monkeypatch.setattr(tables, "PIECE", 1)
    bad.iloc[[9, 0, 1]].to_csv(tmp_path / "in.csv", index=False)
    assert score(model, tmp_path / "in.csv", tmp_path / "out.parquet", aside=True) == (2, 1)
    assert pd.read_parquet(tmp_path / "out.parquet")["prediction"].isin(["ja", "no"]).all()


def test_an_absent_column_is_told_before_rows_are_looked_at(model, bad, tmp_path, capsys):
    texts(tmp_path / "in.csv").drop(columns="flag").to_csv(tmp_path / "less.csv", index=False)
    assert call(model, "score", tmp_path / "less.csv", tmp_path / "out.csv", "--on-error", "aside") == 1
    told = capsys.readouterr().err
    assert "column 'flag': is missing" in told and "aside" not in told  # which would mend nothing
    assert not (tmp_path / "out.csv").exists() and not (tmp_path / "out.aside.csv").exists()


def test_an_aside_file_of_an_earlier_call(model, rows, tmp_path):
    """Goes where nothing is bad any more; stays where nothing was asked, or nothing was done."""
    rows.to_csv(tmp_path / "in.csv", index=False)
    (tmp_path / "out.aside.csv").write_text("earlier")
    score(model, tmp_path / "in.csv", tmp_path / "out.csv")
    (tmp_path / "none.csv").write_text("")
    with pytest.raises(ScoreError):
        score(model, tmp_path / "none.csv", tmp_path / "out.csv", aside=True)
    assert (tmp_path / "out.aside.csv").read_text() == "earlier"
    score(model, tmp_path / "in.csv", tmp_path / "out.csv", aside=True)
    assert not (tmp_path / "out.aside.csv").exists()


# files
@pytest.mark.parametrize("source, target, words", [
    ("no.csv", "out.csv", "there is no such file"), ("in.csv", "in.csv", "would overwrite the rows"),
    ("in.csv", "link.csv", "would overwrite the rows"), ("in.csv", "out.xlsx", "must end in .csv or .parquet"),
    ("in.txt", "out.csv", "must end in one of .csv, .tsv"), ("in.csv", "no/out.csv", "there is no such folder"),
    ("out.aside.csv", "out.csv", "would overwrite the rows"), ("in.csv", "folder.csv", "is a folder"),
    ("folder.csv", "out.csv", "there is no table in it"), ("no*.csv", "out.csv", "there is no table in it"),
    ("in*.csv", "in.csv", "its tables are in the output itself"), ("here", "here/", "in the output itself")])
def test_files_that_cannot_be_meant(model, rows, tmp_path, source, target, words, capsys):
    for name in ("in.csv", "out.aside.csv", "in.txt"):
        rows.to_csv(tmp_path / name, index=False)
    (tmp_path / "link.csv").symlink_to("in.csv")
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "here").mkdir()
    rows.to_csv(tmp_path / "here" / "in.csv", index=False)
    before = (tmp_path / "in.csv").read_bytes()
    assert call(model, "score", tmp_path / source, f"{tmp_path}/{target}", "--on-error", "aside") == 2
    assert words in capsys.readouterr().err
    assert (tmp_path / "in.csv").read_bytes() == (tmp_path / "out.aside.csv").read_bytes() == before


def test_a_column_called_prediction(model, rows, tmp_path):
    rows.assign(prediction=1).to_csv(tmp_path / "in.csv", index=False)
    with pytest.raises(ScoreError, match="in.csv: the rows have a column 'prediction' already: .* or --keys ''"):
        score(model, tmp_path / "in.csv", tmp_path / "out.csv")
    assert call(model, "score", tmp_path / "in.csv", tmp_path / "out.csv", "--keys", "") == 0
    assert list(texts(tmp_path / "out.csv")) == ["prediction", "probability_ja", "probability_no"]


RUN = ("import sys, resource; from pathlib import Path; from notemill.runtime import commands;"
       "{before}{limit}sys.exit(commands.main(Path(sys.argv[1]), sys.argv[2:]))")


def start(model, *words, before="", limit=""):
    # with a limit the figures of the coverage could not be written either
    env = {name: value for name, value in os.environ.items() if not (limit and name.startswith("COVERAGE_"))}
    code = RUN.format(before=before, limit=limit)
    return subprocess.Popen([sys.executable, "-c", code, str(model.folder), *map(str, words)],
                            stderr=subprocess.PIPE, text=True,
                            env=env | ({"PYTHONDONTWRITEBYTECODE": "1"} if limit else {}))


@pytest.mark.parametrize("end, workers", [("csv", 1), ("parquet", 1), ("parquet", 2)])
def test_a_full_disk(model, rows, tmp_path, end, workers):
    (tmp_path / "in").mkdir()
    for name in "ab":
        pd.concat([rows] * 20).to_csv(tmp_path / "in" / f"{name}.csv", index=False)
    # no bytecode: Python would keep what the limit cut off of it, and every later process would stumble over that
    limit = "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); sys.dont_write_bytecode = True;" \
            "resource.setrlimit(resource.RLIMIT_FSIZE, (4_000, 4_000));"
    out = tmp_path / f"out.{end}"
    process = start(model, "score", tmp_path / "in", out, "--workers", workers, limit=limit)
    err = process.communicate(timeout=60)[1]
    assert (process.returncode, err.splitlines()[-1]) == (1, f"{out}: File too large; nothing was written")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bundle", "in"]


def test_a_disk_that_is_full_at_the_end(model, rows, tmp_path, monkeypatch, capsys):
    """What is there by then is said."""
    (tmp_path / "in").mkdir()
    for name in "abc":
        rows.to_csv(tmp_path / "in" / f"{name}.csv", index=False)

    def full(last):
        def move(source, target):
            if Path(target).name == last:
                raise OSError(errno.ENOSPC, "No space left on device")
            real(source, target)
        return move

    real, out = os.replace, tmp_path / "out"
    for last, words in {
            "a.csv": f"{out}/a.csv: No space left on device; nothing was written\n",
            "b.csv": f"{out}/b.csv: No space left on device; written before it: {out}/a.csv; it and what follows is "
                     "not\n",
            "out.run.json": f"{out}.run.json: No space left on device; {out}/ is written, and this record of it is "
                            "not\n"}.items():
        monkeypatch.setattr(os, "replace", full(last))
        assert call(model, "score", tmp_path / "in", f"{out}/") == 1
        assert capsys.readouterr().err.endswith(words)  # how far it came may stand before
        assert not (tmp_path / "out.run.json").exists()


def test_a_file_that_may_not_be_read_is_named(model, rows, tmp_path, monkeypatch, capsys):
    rows.to_csv(tmp_path / "in.csv", index=False)
    monkeypatch.setattr(tables.CsvFile, "_bytes", lambda file: Broken())
    assert call(model, "score", tmp_path / "in.csv", tmp_path / "out.csv") == 1
    assert capsys.readouterr().err.endswith(f"{tmp_path}/in.csv: Input/output error; nothing was written\n")


class Broken(io.BytesIO):
    """A disk that does not read."""

    def read1(self, size=-1):
        raise OSError(errno.EIO, "Input/output error")

    read = readinto = read1


# Sections of 10,000 rows; of 4 sections 2 are given out, and then it hangs until it is ended.
HANGS = ("import time; from notemill.runtime.batch import pool, tables; tables.GROUP = 10_000; give = pool.Pool._give;"
         "pool.Pool._give = lambda self, number, waiting, busy:"
         " give(self, number, waiting, busy) if len(waiting) > 2 else time.sleep(300);")


@pytest.mark.slow
@pytest.mark.parametrize("how, code", [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 130)])
def test_a_call_that_is_ended_leaves_no_half_file_and_the_next_goes_on(model, rows, tmp_path, monkeypatch, how, code):
    monkeypatch.setattr(tables, "GROUP", 10_000)
    pd.concat([rows] * 300).to_parquet(tmp_path / "in.parquet", row_group_size=10_000)
    process = start(model, "score", tmp_path / "in.parquet", tmp_path / "out.parquet", "--workers", 2, before=HANGS)
    until = time.monotonic() + 200  # it is waiting
    while not list(tmp_path.glob(".out.parquet.score/*/*/*.json")) and time.monotonic() < until:
        time.sleep(0.02)
    process.send_signal(how)
    process.communicate(timeout=30)
    assert process.returncode == code
    assert {path.name for path in tmp_path.iterdir()} == {"bundle", "in.parquet", ".out.parquet.score"}
    assert call(model, "score", tmp_path / "in.parquet", tmp_path / "out.parquet", "--workers", 1) == 0
    record = json.loads((tmp_path / "out.parquet.run.json").read_text())
    assert 10_000 <= record["resumed_rows"] < record["rows"] == 300 * len(rows)
    found = pd.read_parquet(tmp_path / "out.parquet", columns=["prediction"])["prediction"].tolist()
    assert found == 300 * model.predict(rows).tolist()
    assert not (tmp_path / ".out.parquet.score").exists()


SAYS_PEAK = ("import atexit; atexit.register("
             "lambda: print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr));"
             "from notemill.runtime.batch import tables; tables.PIECE = 10_000;")


def test_memory_is_bounded(model, rows, tmp_path):
    """80,000 rows take no more than 20,000 and a margin: the pieces, not the table."""
    def peak(times):
        pd.concat([rows] * times).to_csv(tmp_path / "in.csv", index=False)
        process = start(model, "score", tmp_path / "in.csv", tmp_path / "out.csv", limit=SAYS_PEAK)
        lines = process.communicate(timeout=80)[1].splitlines()
        assert process.returncode == 0, lines
        return int(lines[-1]) / 1024
    small, large = peak(20_000 // len(rows)), peak(80_000 // len(rows))
    assert large < small + 30


def test_progress_is_told_once_in_a_second(monkeypatch):
    clock, said = iter([0.0, 0.5, 1.1, 1.2, 2.2]), []
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    progress = Progress(said.append)
    for rows in (10, 1090, 100, 1000):
        progress(rows)
    assert said == ["1,100 rows, 1,000 a second", "2,200 rows, 1,000 a second"]


# the other commands
def test_info_and_check(trained, bundle, capsys):
    from notemill.runtime.golden import plain_rows, record

    model = Model(bundle())
    (model.folder / "facts.json").write_text(json.dumps({"distribution": "mixed-model", "version": "3+nocommit"}))
    assert call(model, "info") == 0
    said = capsys.readouterr().out
    assert said.startswith("mixed-model 3+nocommit: classification, predicts answer\n  size: number (cm)\n")
    assert said.endswith("\nanswers by scikit-learn itself: the package was made before there were scoring plans\n")
    golden = record(model, plain_rows(trained("mixed", "linear").test, model.schema))
    (model.folder / "golden.json").write_text(json.dumps(golden))
    assert call(model, "check") == 0 and "the recorded predictions" in capsys.readouterr().out
    golden["probabilities"][1][0] += 0.001
    golden["predictions"][3] = {"ja": "no", "no": "ja"}[golden["predictions"][3]]
    (model.folder / "golden.json").write_text(json.dumps(golden))
    assert call(model, "check") == 1
    assert [line.partition(":")[0] for line in capsys.readouterr().err.splitlines()[1:]] == ["  row 4", "  row 2"]


@pytest.mark.parametrize("difference, words", [
    (0.0, "does not differ"), (8.9e-16, "differs by at most 9e-16"), (1.2e-12, "differs by at most 2e-12")])
def test_info_says_how_a_plan_was_compared(bundle, capsys, difference, words):
    """Not less than the largest difference."""
    model = Model(bundle())
    (model.folder / "facts.json").write_text(json.dumps({"distribution": "mixed-model", "version": "3"}))
    compared = {"held_out": 171, "hard": 10_000, "difference": difference}
    for name, content in write_plan(Stored(plan={"steps": []}, compared=compared)).items():
        (model.folder / name).write_bytes(content)
    assert call(model, "info") == 0
    assert capsys.readouterr().out.splitlines()[-1] == (
        "answers by a scoring plan, compared with scikit-learn on 171 held-out and 10,000 hard rows: "
        f"{words}")


def test_importing_takes_no_library():
    code = ("import sys; from notemill.runtime import commands;"
            "print(sorted({'pandas', 'sklearn', 'skops', 'pyarrow'} & set(sys.modules)))")
    environ = {**os.environ, "PYTHONPATH": str(Path(commands.__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environ)
    assert done.stdout == "[]\n"
