"""What makes files quick to read changes nothing: the same columns and problems as `conform`, the same cells as csv."""

import csv
import io
import random

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from notemill.runtime.batch import blocks, tables
from notemill.runtime.batch.columns import conform_piece
from notemill.runtime.batch.tables import CsvFile, CsvPiece, ParquetPiece, ScoreError
from notemill.runtime.rows import MISSING_WORDS, conform, plain_labels

CONTRACT = {"type": "contract", "range": "contract", "null_share": "contract", "categories": "contract"}
SCHEMA = {"columns": [
    {"name": "number", "role": "feature", "type": "number", "range": [-5, 30], "from": CONTRACT},
    {"name": "integer", "role": "feature", "type": "integer", "range": [0, 2**60], "from": CONTRACT},
    {"name": "loose", "role": "feature", "type": "integer", "from": {}},
    {"name": "flag", "role": "feature", "type": "boolean", "null_share": 0, "from": CONTRACT},
    {"name": "at", "role": "time", "type": "datetime", "range": ["2020-01-01", None], "from": CONTRACT},
    {"name": "word", "role": "feature", "type": "category", "categories": ["a", "b", "NA"], "from": CONTRACT},
    {"name": "code", "role": "feature", "type": "category", "categories": [1, 2], "from": CONTRACT},
    {"name": "truth", "role": "feature", "type": "category", "categories": [True, False], "from": {}},
    {"name": "mixed", "role": "feature", "type": "number", "mixed": True, "from": {}},
    {"name": "text", "role": "feature", "type": "text", "from": {}}]}
TEXTS = ["1", "2", " 3 ", "-7", "31", "1e400", "nan", "", "NA", "null", " ", "a", "b", "c", "true", "No", "2021-03-04",
         "2019-03-04T05:06:07Z", "1,5", "1.234,5", "1.0", "18446744073709551615", "9007199254740993", "0x1", "ä"]


def same(piece, frame, missing, decimal):
    """Both ways agree: table (types, too, but for labels as categories) and problems."""
    expected, problems = conform(frame, SCHEMA, words_for_missing=missing, decimal=decimal)
    for coded in (False, True):
        found, told = conform_piece(piece, SCHEMA, missing, decimal, coded=coded)
        pd.testing.assert_frame_equal(plain_labels(found) if coded else found, expected)
        assert told == problems


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("decimal", [".", ","])
def test_text_as_a_csv_file_has_it(seed, decimal):
    chance, names = random.Random(seed), [entry["name"] for entry in SCHEMA["columns"]]
    some = chance.sample(TEXTS, 1 + seed)
    cells = [[chance.choice(some) for _ in names] for _ in range(40)]
    frame = pd.DataFrame(cells, columns=names, dtype="str")
    same(CsvPiece(names, cells, list(range(40))), frame, MISSING_WORDS, decimal)


TYPED = [pa.array([1, 2, 3] * 8), pa.array([1, None, 99] * 8), pa.array([1.5, float("nan"), None] * 8),
         pa.array([2**60 + 1, 5, -1] * 8), pa.array([1.5, float("inf"), 2.0] * 8), pa.array([True, None, False] * 8),
         pa.array([True, True, False] * 8), pa.array(["1", None, "a"] * 8), pa.array(["a", "b", "a"] * 8),
         pa.array(["a", None, "b"] * 8).dictionary_encode(), pa.array([2**63, 1, 2] * 8, pa.uint64()),
         pa.array(pd.to_datetime(["2021-01-01", "2019-01-01", None] * 8)), pa.nulls(24),
         pa.array([b"x", None, b"1"] * 8),
         pa.array([1, 2, None] * 8, pa.date32()), pa.array([[1], None, []] * 8), pa.array([1, 2, 0] * 8, pa.float16()),
         pa.array([None, "x y", "z"] * 8, pa.large_string()), pa.array([1, 2, 1] * 8, pa.decimal128(5, 2)),
         pa.array([f"text {n}" for n in range(24)]), pa.array([1, 0, 1] * 8, pa.int8())]


@pytest.mark.parametrize("array", TYPED, ids=lambda array: str(array.type))
def test_types_as_a_parquet_file_has_them(array):
    table = pa.table({entry["name"]: array for entry in SCHEMA["columns"]})
    same(ParquetPiece(table, range(1, 25)), table.to_pandas(types_mapper=pd.ArrowDtype), (), ".")


# blocks of a CSV file
def read(path):
    """(line, cells) of all rows, as pieces have them."""
    table = CsvFile(path, {"a"}, ".")
    return [(int(place), piece.row(row)) for piece in table.pieces({"first": 0, "line": 0, "end": None})
            for row, place in enumerate(piece.places)]


def slowly(path):
    """The same, by Python's module alone."""
    table = CsvFile(path, {"a"}, ".")
    with table._reading(), open(path, "rb") as file:
        return [(line, cells) for piece in table._slowly(file, 0, 0, True)
                for line, cells in zip(piece.places, piece.cells, strict=True)]


def outcome(call, path):
    try:
        return call(path)
    except ScoreError as error:
        return str(error)


SIGNS = ['"', '""', ",", "\n", "\r\n", "x", "ä", " ", '"x"', '"x,y"', '"x\ny"', '"a""b"', "\r", "\0", ";", "'"]


@pytest.mark.parametrize("seed", range(40))
def test_any_text_is_read_as_python_reads_it(seed, tmp_path, monkeypatch):
    """Blocks of a few bytes, and signs at random: the same cells, lines, and errors."""
    chance = random.Random(seed)
    monkeypatch.setattr(blocks, "BLOCK", chance.choice([7, 50, 1 << 20]))
    for number in range(25):
        width = chance.choice([1, 2, 3])
        signs, count = SIGNS[:10 + seed % 6], chance.randint(0, 12)
        rows = [",".join(chance.choice(signs) for _ in range(width)) for _ in range(count)]
        text = "\n".join([",".join("abc"[:width]), *rows]) + chance.choice(["", "\n", "\r\n"])
        path = tmp_path / f"{number}.csv"
        path.write_bytes(chance.choice([b"", b"\xef\xbb\xbf"]) + text.encode())
        assert outcome(read, path) == outcome(slowly, path), text


def test_ordinary_files_are_read_the_quick_way(tmp_path, monkeypatch):
    """Else all of the above would compare Python's module with itself."""
    monkeypatch.setattr(CsvFile, "_slowly", None)
    monkeypatch.setattr(blocks, "BLOCK", 100)
    rows = [[str(number), f"x,{number}", 'say "hi"', "two\nlines"] for number in range(50)]
    for quoting in (csv.QUOTE_MINIMAL, csv.QUOTE_ALL):
        text = io.StringIO(newline="")
        csv.writer(text, quoting=quoting).writerows([["a", "b", "c", "d"], *rows])
        (tmp_path / "in.csv").write_text(text.getvalue(), newline="")
        assert read(tmp_path / "in.csv") == [(2 + 2 * number, cells) for number, cells in enumerate(rows)]


def test_a_part_of_a_packed_file_is_skipped(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "PIECE", 3)
    frame = pd.DataFrame({"a": np.arange(20), "b": ["x"] * 20})
    for name in ("in.csv", "in.csv.gz", "in.csv.bz2", "in.csv.xz"):
        frame.to_csv(tmp_path / name, index=False)
        table = CsvFile(tmp_path / name, {"a"}, ".")
        found = [piece.row(row)[0] for piece in table.pieces({"first": 0, "line": 0, "end": None}, 7)
                 for row in range(len(piece))]
        assert found == [str(number) for number in range(7, 20)]
