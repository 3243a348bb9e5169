"""Odd tables are read as what they mean, or refused with words; what they become is what the notebook reads."""

import gzip
import io

import pandas
import pyarrow
import pytest
from init_samples import HEAD, csv_text, make_rows

from notemill.errors import UsageError
from notemill.init.reading import Reading
from notemill.init.table import read_table


def read(path, target="bought", **how):
    return read_table(str(path), target, Reading(**how))


def plain(rows=None):
    """The frame that all forms of the same table have to give."""
    return pandas.read_csv(io.StringIO(csv_text(rows or make_rows())))


def test_a_plain_file_is_taken_as_it_is(table, rows):
    found = read(table(rows))
    assert found.content is None and found.said == ()
    pandas.testing.assert_frame_equal(found.frame, plain())


def with_comma(rows):
    return [(f"{size * 1000:,.2f}".translate(str.maketrans(",.", ".,")), *rest) for size, *rest in rows]


FORMS = {
    "semicolons": (lambda rows: csv_text(rows, separator=";"), {}, "separator ';'"),
    "tabs": (lambda rows: csv_text(rows, separator="\t"), {}, "separator tab"),
    "bars": (lambda rows: csv_text(rows, separator="|"), {}, "separator '|'"),
    "blanks": (lambda rows: csv_text(rows).replace(",", ", "), {}, "blanks after the separators"),
    "mark": (lambda rows: csv_text(rows).encode("utf-8-sig"), {}, "encoding utf-8-sig"),
    "utf-16": (lambda rows: csv_text(rows, separator="\t").encode("utf-16"), {}, "encoding utf-16"),
    "gzip": (lambda rows: gzip.compress(csv_text(rows).encode()), {}, "unpacked (gzip)"),
    "header": (lambda rows: csv_text(rows, None), {"header": ",".join(HEAD)}, "no heading"),
    "other separator": (lambda rows: csv_text(rows, separator="~"), {"separator": "~"}, "separator '~'"),
    "index": (lambda rows: csv_text([(n, *row) for n, row in enumerate(rows)], ("", *HEAD)), {}, "is left out"),
    "R": (lambda rows: csv_text([(n, *row) for n, row in enumerate(rows, 1)]), {}, "is left out"),
    "last comma": (lambda rows: csv_text(rows).replace("\n", ",\n"), {}, "holds nothing, is left out"),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_same_table_in_another_form(table, rows, form):
    write, how, says = FORMS[form]
    found = read(table(write(rows), name="in.csv"), **how)
    pandas.testing.assert_frame_equal(found.frame, plain())
    assert any(says in said for said in found.said)
    pandas.testing.assert_frame_equal(pandas.read_csv(io.BytesIO(found.content)), found.frame)


def test_decimal_commas_become_dots(table, rows):
    for separator in ";", ",":
        found = read(table(with_comma(rows), separator=separator))
        assert found.frame["size"].tolist() == [round(row[0] * 1000, 2) for row in rows]
        assert "decimal comma in size" in found.said


def test_commas_between_thousands_go(table, rows):
    found = read(table([(f"{row[0] * 1e4:,.1f}", *row[1:]) for row in rows]))
    assert found.frame["size"].tolist() == [round(row[0] * 1e4, 1) for row in rows]
    assert "commas between thousands in size" in found.said


def test_letters_of_the_west(table, rows):
    found = read(table([(*row[:2], "grün", row[3]) for row in rows], head=("größe", *HEAD[1:]), encoding="cp1252"))
    assert list(found.frame) == ["größe", *HEAD[1:]] and set(found.frame["colour"]) == {"grün"}
    assert found.said == ("encoding cp1252",)


def test_a_name_that_stands_twice(table, rows):
    found = read(table(rows, head=("a", "a", "colour", "bought")))
    assert list(found.frame) == ["a", "a.1", "colour", "bought"]
    assert "column 2, 'a', is called 'a.1'" in found.said


def test_an_unnamed_column_that_says_something_stays(table, rows):
    found = read(table(rows, head=("size", "age", "", "bought")))
    assert list(found.frame) == ["size", "age", "column_3", "bought"]


def test_a_number_in_quotes_with_commas_in_text_beside_it(table):
    found = read(table([("a, b", n, n % 2) for n in range(30)], head=("words", "n", "bought")))
    assert found.content is None and set(found.frame["words"]) == {"a, b"}


@pytest.mark.parametrize("content, says", [
    ("size,age,bought\n", "has a heading and no rows"),
    ("size,bought\n1,2\n3,4,5\n6\n", "2 rows do not have the heading's 2 fields: line 3 has 3, line 4 has 1"),
    (f"{'x' * 501},bought\n1,2\n", "name has 501 characters"),
    ('size,bought\n1,"2\n3,4\n', "is a quote not closed?")])
def test_what_cannot_be_a_table(table, content, says):
    with pytest.raises(UsageError) as error:
        read(table(content))
    assert says in str(error.value)


def test_a_file_that_is_not_there(table, rows, tmp_path):
    table(rows, name="adult.csv")
    with pytest.raises(UsageError, match="did you mean 'adult.csv'"):
        read(tmp_path / "adlut.csv")
    with pytest.raises(UsageError, match="is a folder"):
        read(tmp_path)
    with pytest.raises(UsageError, match="is an address"):
        read("https://host/table.csv")


def test_a_large_odd_table_needs_copy(table, rows, monkeypatch):
    monkeypatch.setattr("notemill.init.reading.SMALL", 100)
    path = table(rows, separator=";")
    with pytest.raises(UsageError) as error:
        read(path)
    assert "--copy" in error.value.hint and "separator ';'" in error.value.got
    assert read(path, copy=True).content is not None
    assert read(table(rows)).content is None


def parquet(path, frame, **how):
    frame.to_parquet(path, **how)
    return path


def test_parquet(tmp_path, rows):
    frame = plain().assign(when=pandas.date_range("2024-01-01", periods=len(rows), tz="UTC"))
    found = read(parquet(tmp_path / "in.parquet", frame))
    assert found.content is None and found.suffix == ".parquet"
    pandas.testing.assert_frame_equal(found.frame, frame)


def test_an_index_of_pandas_becomes_a_column_or_goes(tmp_path):
    named = read(parquet(tmp_path / "named.parquet", plain().set_index("age")))
    assert set(named.frame) == set(HEAD) and "pandas's index 'age' is an ordinary column" in named.said
    bare = read(parquet(tmp_path / "bare.parquet", plain().sample(frac=1, random_state=1)))
    assert list(bare.frame) == list(HEAD) and bare.said == ("pandas's index is left out",)
    for found in named, bare:
        pandas.testing.assert_frame_equal(pandas.read_parquet(io.BytesIO(found.content)), found.frame)


def test_parquet_of_strange_types(tmp_path):
    path = tmp_path / "in.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"a": [[1], [2]], "bought": [1, 0]}), path)
    with pytest.raises(UsageError, match=r"types that a model cannot take: a \(list"):
        read(path)
    path.write_bytes(b"PAR1 and nothing more")
    with pytest.raises(UsageError, match="cannot be read as Parquet"):
        read(path)


def test_a_table_of_scikit_learn():
    found = read("sklearn:iris", "target")
    assert (found.source, found.name, len(found.frame)) == ("sklearn:iris", "iris", 150)
    with pytest.raises(UsageError, match="did you mean 'sklearn:iris'"):
        read("sklearn:irsi")


@pytest.mark.parametrize("how", [{"header": "a,b"}, {"no_header": True}, {"separator": ";"}, {"encoding": "cp1252"}])
def test_words_about_csv_for_other_tables(tmp_path, how):
    for data in "sklearn:iris", parquet(tmp_path / "in.parquet", plain()):
        with pytest.raises(UsageError, match="is for CSV files"):
            read(data, **how)
