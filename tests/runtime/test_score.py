"""Files of any size: what they hold stays, the predictions are added, and nothing is ever half there."""

import csv
import gzip
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

from notemill.runtime import commands, tables
from notemill.runtime.model import Model
from notemill.runtime.rows import BadRows
from notemill.runtime.score import Progress, score
from notemill.runtime.tables import ScoreError


@pytest.fixture
def model(bundle):
    return Model(bundle())


@pytest.fixture
def rows(trained):
    return trained("mixed", "linear").rows()


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
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bundle", "in.csv", "out.csv"]


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
    ("a,b\n1\n", "line 2 has 1 cells, and the header has 2"),
    ("a,b\n1,2\n1,2,3\n", "line 3 has 3 cells, and the header has 2"),
    ('a,b\n1,"2\n', "cannot be read as CSV: unexpected end of data"),
    (gzip.compress(b"a,b\n1,2\n" * 999, mtime=0)[:40], "cannot be read as CSV")], ids=range(6))
def test_files_that_are_no_csv(model, tmp_path, text, words):
    data = text if isinstance(text, bytes) else text.encode()
    path = tmp_path / ("in.csv.gz" if data[:2] == b"\x1f\x8b" else "in.csv")
    path.write_bytes(data)
    with pytest.raises(ScoreError, match=words):
        score(model, path, tmp_path / "out.csv")
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
    assert "line 12, column 'size': '99' is above 30 cm, the most that is allowed" in capsys.readouterr().err
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


def test_an_absent_column_is_told_though_rows_are_bad_too(model, bad, tmp_path, capsys):
    texts(tmp_path / "in.csv").drop(columns="flag").to_csv(tmp_path / "less.csv", index=False)
    assert call(model, "score", tmp_path / "less.csv", tmp_path / "out.csv", "--on-error", "aside") == 1
    told = capsys.readouterr().err
    assert "column 'flag': is missing" in told and "column 'size'" in told
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
    (".", "out.csv", "there is no such file")])
def test_files_that_cannot_be_meant(model, rows, tmp_path, source, target, words, capsys):
    for name in ("in.csv", "out.aside.csv", "in.txt"):
        rows.to_csv(tmp_path / name, index=False)
    (tmp_path / "link.csv").symlink_to("in.csv")
    (tmp_path / "folder.csv").mkdir()
    before = (tmp_path / "in.csv").read_bytes()
    assert call(model, "score", tmp_path / source, tmp_path / target, "--on-error", "aside") == 2
    assert words in capsys.readouterr().err
    assert (tmp_path / "in.csv").read_bytes() == (tmp_path / "out.aside.csv").read_bytes() == before


def test_a_column_called_prediction(model, rows, tmp_path):
    rows.assign(prediction=1).to_csv(tmp_path / "in.csv", index=False)
    with pytest.raises(ScoreError, match="have a column 'prediction' already"):
        score(model, tmp_path / "in.csv", tmp_path / "out.csv")
    score(model, tmp_path / "in.csv", tmp_path / "out.csv", only=True)
    assert list(texts(tmp_path / "out.csv")) == ["prediction", "probability_ja", "probability_no"]


RUN = ("import sys, resource; from pathlib import Path; from notemill.runtime import commands;"
       "{limit}sys.exit(commands.main(Path(sys.argv[1]), sys.argv[2:]))")


def start(model, *words, limit=""):
    # with a limit the figures of the coverage could not be written either
    env = {name: value for name, value in os.environ.items() if not (limit and name.startswith("COVERAGE_"))}
    return subprocess.Popen([sys.executable, "-c", RUN.format(limit=limit), str(model.folder), *map(str, words)],
                            stderr=subprocess.PIPE, text=True, env=env)


@pytest.mark.parametrize("end", ["csv", "parquet"])
def test_a_full_disk(model, rows, tmp_path, end):
    pd.concat([rows] * 40).to_csv(tmp_path / "in.csv", index=False)
    limit = "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);" \
            "resource.setrlimit(resource.RLIMIT_FSIZE, (4_000, 4_000));"
    process = start(model, "score", tmp_path / "in.csv", tmp_path / f"out.{end}", limit=limit)
    err = process.communicate(timeout=60)[1]
    assert process.returncode == 1 and "File too large" in err and "Traceback" not in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bundle", "in.csv"]


@pytest.mark.parametrize("how, code", [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 130)])
def test_an_end_in_the_middle_leaves_no_half_file(model, rows, tmp_path, how, code):
    pd.concat([rows] * 3000).to_csv(tmp_path / "in.csv", index=False)
    process = start(model, "score", tmp_path / "in.csv", tmp_path / "out.csv")
    until = time.monotonic() + 30
    while not list(tmp_path.glob(".out.csv.*")) and time.monotonic() < until:
        time.sleep(0.02)
    process.send_signal(how)
    process.communicate(timeout=30)
    assert process.returncode == code
    left = {path.name for path in tmp_path.iterdir()} - {"bundle", "in.csv"}
    assert left <= ({f".out.csv.{process.pid}.part"} if how == signal.SIGKILL else set())
    assert "out.csv" not in left


SAYS_PEAK = ("import atexit; atexit.register("
             "lambda: print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr));")


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
    clock, said = iter([0.0, 0.0, 0.5, 1.1, 1.2, 2.2]), []
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    progress = Progress(said.append)
    for rows in (10, 1100, 1200, 2200):
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
    golden = record(model, plain_rows(trained("mixed", "linear").test, model.schema))
    (model.folder / "golden.json").write_text(json.dumps(golden))
    assert call(model, "check") == 0 and "the recorded predictions" in capsys.readouterr().out
    golden["probabilities"][1][0] += 0.001
    golden["predictions"][3] = {"ja": "no", "no": "ja"}[golden["predictions"][3]]
    (model.folder / "golden.json").write_text(json.dumps(golden))
    assert call(model, "check") == 1
    assert [line.partition(":")[0] for line in capsys.readouterr().err.splitlines()[1:]] == ["  row 4", "  row 2"]


def test_importing_takes_no_library():
    code = ("import sys; from notemill.runtime import commands;"
            "print(sorted({'pandas', 'numpy', 'skops', 'pyarrow'} & set(sys.modules)))")
    environ = {**os.environ, "PYTHONPATH": str(Path(commands.__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environ)
    assert done.stdout == "[]\n"
