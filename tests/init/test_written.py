"""How a file is written is found out: packing, encoding, separator."""

import bz2
import gzip
import lzma

import pytest
from init_samples import csv_text, make_rows

from notemill.errors import UsageError
from notemill.init import written

TEXT = csv_text(make_rows(40), ("größe", "age", "colour", "bought"))


@pytest.mark.parametrize("encoding, found", [
    ("utf-8", "utf-8"), ("utf-8-sig", "utf-8-sig"), ("cp1252", "cp1252"), ("utf-16", "utf-16"),
    ("utf-16-le", "utf-16-le"),
    ("utf-16-be", "utf-16-be"), ("utf-32", "utf-32")])
def test_encoding(table, encoding, found):
    form = written.look(table(TEXT, encoding=encoding))
    assert (form.encoding, form.separator) == (found, ",")


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_separator(table, rows, separator):
    assert written.look(table(rows, separator=separator)).separator == separator


def test_two_columns_are_enough(table):
    assert written.look(table("a;b\n1;2\n3;4\n")).separator == ";"


def test_decimal_commas_do_not_make_a_comma_the_separator(table):
    text = "\n".join(["a;b;c", *(f"{n},5;{n},25;{n},125" for n in range(50))])
    assert written.look(table(text)).separator == ";"
    assert written.look(table(text.partition("\n")[2])).separator == ";"


def test_prose_with_semicolons_does_not_make_one_the_separator(table):
    rows = [(n, "first; second" if n % 2 else "one; two; three", "x") for n in range(50)]
    assert written.look(table(rows, head=("a", "b", "c"))).separator == ","


@pytest.mark.parametrize("pack, name", [(lambda data: gzip.compress(data, mtime=0), "gzip"), (bz2.compress, "bzip2"),
                                        (lzma.compress, "xz")])
def test_packed(table, rows, pack, name):
    form = written.look(table(pack(csv_text(rows).encode()), name="whatever"))
    assert (form.packed, form.odd) == (name, [f"unpacked ({name})"])


def test_a_plain_file_has_nothing_odd(table, rows):
    assert written.look(table(rows)).odd == []


@pytest.mark.parametrize("content, says", [
    (b"PK\x03\x04xxxx", "is an Excel workbook"), (b"", "is empty"), (b"   \n", "is empty"),
    (b'[{"a": 1}]', "looks like JSON"), (b'{"a": 1}\n{"a": 2}', "looks like JSON"),
    (b"<html><body>", "looks like JSON or a web page"), (b"a\n1\n2\n", "has one column only"),
    (bytes(range(256)), "is no text"), (gzip.compress(b"a,b\n1,2\n", mtime=0)[:12], "cannot be read"),
    (b"SQLite format 3\x00", "is a SQLite database")])
def test_what_is_no_table_is_an_error(table, content, says):
    with pytest.raises(UsageError) as error:
        written.look(table(content))
    assert says in error.value.got
    assert error.value.allowed or error.value.hint or says == "cannot be read"


def test_a_wrong_encoding_is_an_error(table):
    path = table(TEXT, encoding="cp1252")
    for encoding, says in (("utf-8", "is not written in utf-8"), ("nonsense", "there is no encoding 'nonsense'")):
        with pytest.raises(UsageError) as error:
            written.look(path, encoding=encoding)
        assert says in error.value.got


@pytest.mark.parametrize("name", ["{{x}}", "{a}", "<b>", "[x]"])
def test_names_that_look_like_markup_are_names(tmp_path, name):
    path = tmp_path / "t.csv"
    path.write_text(f"{name},y\n1,2\n3,4\n", encoding="utf-8")
    assert written.look(path).separator == ","
