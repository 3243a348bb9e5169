"""Tables that people upload: faults by row, answers as the model's, nothing that acts in a spreadsheet."""

import contextlib
import csv
import io
import tracemalloc
from dataclasses import replace
from types import SimpleNamespace

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from notemill.demo import download, limits, received, uploads
from notemill.demo import parquet as parquets
from notemill.demo.limits import BadFile


def as_file(rows):
    return pd.DataFrame(rows).to_csv(index=False).encode()


def test_a_csv_file_is_scored_as_the_golden_rows_were(demo):
    golden = demo.loaded.golden
    done = uploads.score(demo, received.read("rows.csv", as_file(golden["rows"])))
    assert done.faults == [] and done.table["prediction"].tolist() == golden["predictions"]
    labels = [f"probability {label}" for label in demo.classes]
    for got, expected in zip(done.table[labels].to_numpy().tolist(), golden["probabilities"], strict=True):
        assert got == pytest.approx(expected)


def test_a_regression_has_no_probabilities(regression):
    golden = regression.loaded.golden
    done = uploads.score(regression, received.read("rows.csv", as_file(golden["rows"])))
    assert done.table["prediction"].astype(float).tolist() == pytest.approx(golden["predictions"])
    assert not [name for name in done.table if name.startswith("probability")]


def test_a_parquet_file(demo):
    file = io.BytesIO()
    pd.DataFrame(demo.loaded.golden["rows"]).assign(prediction="own").to_parquet(file)
    done = uploads.score(demo, received.read("rows.pq", file.getvalue()))
    assert done.table["prediction"].eq("own").all()  # the file's own column stays
    assert done.table["prediction_"].tolist() == demo.loaded.golden["predictions"]


def test_faults_are_told_by_row_and_the_others_scored(demo):
    rows = [dict(row) for row in demo.loaded.golden["rows"][:3]]
    rows[1]["size"] = 99
    done = uploads.score(demo, received.read("rows.csv", as_file(rows)))
    assert done.faults == [(2, "size", "'99.0' is above 30 cm, the most that is allowed")]
    assert list(done.answers_first(1).columns)[:2] == ["prediction", f"probability {demo.classes[0]}"]
    assert len(done.answers_first(9).columns) == len(done.table.columns) and list(done.table.columns)[0] == "size"
    assert done.scored == 2 and done.table["prediction"].isna().tolist() == [False, True, False]


def test_an_absent_column_is_told_once(demo):
    done = uploads.score(demo, received.read("rows.csv", b"size;colour;flag\n1;red;true\n"))
    assert done.scored == 0 and [(row, name) for row, name, _ in done.faults] == [(0, "at")]


def parquet(table, **more):
    file = io.BytesIO()
    pq.write_table(table if isinstance(table, pa.Table) else pa.table(table), file, **more)
    return file.getvalue()


def with_names(*names):
    return pa.Table.from_arrays([pa.array([1])] * len(names), names=names)


WIDE = ",".join(f"c{number}" for number in range(5000))


@pytest.mark.parametrize("name, data, said", [
    ("x.csv", b"", "empty"), ("x.csv", b"\n\r\n", "empty"), ("x.parquet", b"a,b\n1,2\n", "something else"),
    ("x.csv", b"\xff\xfe\x00a", "not UTF-8"), ("x.csv", b"a\0b\n1\n", "what no text holds"),
    ("x.csv", b"a,b,a\n1,2,3\n", "'a' stands in the heading twice"), ("x.csv", b'a,b\n"1,2\n', "as CSV: line 2"),
    ("x.parquet", b"PAR1" + b"x" * 50 + b"PAR1", "as Parquet"), ("x.csv", b"a,b\n", "no rows"),
    ("x.csv", b"a" * 200_000 + b"\n1\n", "as CSV: line 1: field larger"),
    ("x.pq", parquet(pa.table({"a": pa.array([], "int64")}).replace_schema_metadata({"pandas": "{}"})), "no rows"),
    ("x.pq", parquet(with_names("a", "b", "a")), "'a' is in it twice"),
    ("x.pq", parquet({"a": [[1]]}), "'a' holds lists or records")])
def test_files_that_are_not_read(name, data, said):
    with pytest.raises(BadFile, match=said):
        received.read(name, data)


def test_a_long_cell_is_not_read_though_this_process_would():
    before = csv.field_size_limit(10_000_000)
    try:
        with pytest.raises(BadFile, match="as CSV: line 1: field larger"):
            received.read("x.csv", b"a" * 200_000 + b"\n1\n")
    finally:
        csv.field_size_limit(before)


@pytest.mark.parametrize("name, data, said", [
    ("x.csv", b"a,b\n1,2" + b"\n" * 200_002 + b"1,2", "at least 200,003 rows"),
    ("x.csv", b"," * 5001 + b"\n1\n", "5,002 columns"), ("x.csv", b"a,b\n1" + b"," * 1_000_001, "line 2 has more"),
    ("x.csv", b"a,b\n" + b"1\n" * 10_000, "at least 1,001 rows .* row 1: it has 1 cell, the heading 2"),
    ("x.csv", f"{WIDE}\n".encode() + b"1\n" * 10_000, "at least 201 rows .* row 1: it has 1 cell, the heading 5,000"),
    ("x.pq", parquet({"a": pa.nulls(200_001)}), "200,001 rows"),
    ("x.pq", parquet({"a.b": ["x" * 50_000] * 2000}, compression="zstd"), "64 MB of text"),
    ("x.pq", parquet({"a": pa.array(["x" * 50_000] * 2000).dictionary_encode()}), "64 MB of text"),
    ("x.pq", parquet({"a": ["x" * 50_000] * 2000}, use_dictionary=False, column_encoding="DELTA_BYTE_ARRAY"), "DELTA")])
def test_a_small_file_is_not_let_grow(name, data, said):
    tracemalloc.start()
    counting, usual = pa.proxy_memory_pool(pa.default_memory_pool()), pa.default_memory_pool()
    pa.set_memory_pool(counting)
    with contextlib.ExitStack() as after:
        after.callback(pa.set_memory_pool, usual)
        after.callback(tracemalloc.stop)
        with pytest.raises(BadFile, match=said):
            received.read(name, data)
        assert tracemalloc.get_traced_memory()[1] < 50e6 + 8 * len(data) and counting.max_memory() < 20e6


@pytest.mark.parametrize("name, data, said", [
    ("x.csv", b"a\n" + b"1\n" * 802, "at least 801 rows; the demo takes 800"),
    ("x.csv", b"a\n1\r" + b"1\r" * 802, "at least 801 rows"),  # whatever ends the lines
    ("x.csv", b"a,b\n" + b"1,2\n" * 501, "at least 501 rows of 2 columns; the demo takes 1,000 cells"),
    ("x.pq", parquet({name: list(range(501)) for name in "ab"}), "501 rows of 2 columns"),
    ("x.pq", parquet({"a": pa.array([b"x" * 500] * 300, pa.binary(500))}, use_dictionary=True), "MB once it is"),
    ("x.pq", parquet({"a": ["x" * 500 + str(number) for number in range(300)]}, use_dictionary=False,
                     compression="zstd"), "MB once it is unpacked"),
    ("x.pq", parquet({"a": ["x"] * 9}, row_group_size=1), "made of more than 8 pieces")])
def test_more_limits_in_little(monkeypatch, name, data, said):
    for place, limit, most in ((limits, "MOST_ROWS", 800), (limits, "MOST_CELLS", 1000),
                               (parquets, "MOST_BYTES", 100_000), (parquets, "MOST_CHUNKS", 8)):
        monkeypatch.setattr(place, limit, most)
    with pytest.raises(BadFile, match=said):
        received.read(name, data)


def test_the_model_s_own_columns_count(demo, monkeypatch):
    found = received.read("rows.csv", as_file(demo.loaded.golden["rows"]))
    monkeypatch.setattr(limits, "MOST_CELLS", found.frame.size)
    with pytest.raises(BadFile, match=f"of {found.frame.shape[1] + 3} columns"):
        uploads.score(demo, found)


def test_a_row_with_another_number_of_cells_is_told_and_not_scored(demo):
    data = b"size,colour,flag,at,note\n9,red,true,,a\n1,5,red,true,,b\n\n9,red,true\n9,red,true,,c\n\n\n"
    done = uploads.score(demo, received.read("rows.csv", data))
    assert done.faults == [(2, "", "it has 6 cells, the heading 5"), (3, "", "it is empty"),
                           (4, "", "it has 3 cells, the heading 5")]
    assert done.table["prediction"].isna().tolist() == [False, True, True, True, False]
    assert done.table["note"].tolist() == ["a", ",b", "", "", "c"]  # nothing is lost


def test_of_one_column_an_empty_line_is_an_empty_cell():
    found = received.read("x.csv", b"a\n1\n\n2\n")
    assert found.frame["a"].tolist() == ["1", "", "2"] and not found.misfits


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_lines_may_end_as_on_any_system(end):
    found = received.read("x.csv", end.join(["a;b", "1;2", '"x\ny";3', ""]).encode())
    assert found.frame.to_dict("list") == {"a": ["1", "x\ny"], "b": ["2", "3"]} and not found.misfits


def test_a_table_in_several_parts(monkeypatch):
    monkeypatch.setattr(received, "AT_ONCE", 6)
    table = pd.DataFrame({"": range(20), "b": [f"x{number}" for number in range(20)]})
    assert received.read("x.csv", as_file(table)).frame.equals(pd.read_csv(io.BytesIO(as_file(table)), dtype="str"))


def test_parquet_keeps_the_index_and_what_pandas_would_not():
    table = pd.DataFrame({"id": [1, 2], "x": [3, 4]}).set_index("id")
    assert list(received.read("x.pq", parquet(pa.Table.from_pandas(table))).frame) == ["x", "id"]
    strange = pa.table({"a": [2**60 + 1, None]}).replace_schema_metadata({"pandas": "{}"})
    assert received.read("x.pq", parquet(strange)).frame["a"].tolist() == [2**60 + 1, None]


@pytest.mark.parametrize("column", [
    pa.array(["x", None, "y"]), pa.array(["x", None, "y"]).dictionary_encode(),
    pa.array(["x", None, "y"], "large_string"), pa.array(["x", None, "y"], "string_view")])
def test_text_of_parquet_is_text(column):
    found = received.read("x.pq", parquet({"a": column}, row_group_size=2)).frame["a"]
    assert found.dtype == "str" and found.isna().tolist() == [False, True, False] and found[2] == "y"


def test_others_have_their_turn_between_the_rows_of_a_large_file(demo, monkeypatch):
    """Try it of a model that is not compiled takes the same lock."""
    rows, asking, told, turns = demo.loaded.golden["rows"][:7], demo.model.answer, [], []

    def answer(method, table):
        told.append((method, len(table), demo.lock.locked()))
        return asking(method, table)

    def pause(seconds):
        turns.append(seconds > 0 and demo.lock.acquire(timeout=1))
        demo.lock.release()
    monkeypatch.setattr(uploads, "AT_ONCE", 3)
    monkeypatch.setattr(uploads, "time", SimpleNamespace(sleep=pause))
    monkeypatch.setattr(demo.model, "answer", answer)
    done = uploads.score(demo, received.read("rows.csv", as_file(rows)))
    assert told == [(method, count, True) for count in (3, 3, 1) for method in ("predict", "predict_proba")]
    assert turns == [True] * 3 and done.table["prediction"].tolist() == demo.loaded.golden["predictions"][:7]


def test_no_cell_is_a_formula_in_the_download():
    table = pd.DataFrame({"=name": ["=1+1", "-5", "@x", "+49 30", "ok", None, "\n=1", "\uff1d1+1", ' "=1"'],
                          "n": [-1.5, 2, 3, 4, 5, 6, 7, 8, 9]})
    found = list(csv.reader(io.StringIO(download.as_csv(table).decode("utf-8-sig"))))
    assert found[0] == ["'=name", "n"]
    assert [row[0] for row in found[1:]] == ["'=1+1", "-5", "'@x", "'+49 30", "ok", "", "'\n'=1", "'\uff1d1+1",
                                             "' \"=1\""]
    assert found[1][1] == "-1.5"


def test_whole_numbers_with_gaps_stay_whole_in_the_download():
    table = received.read("x.pq", parquet({"a": [7, None]})).frame
    assert download.as_csv(table).decode("utf-8-sig") == '"a"\n"7"\n""\n'


@pytest.mark.parametrize("cell", ["x;=1+1", "x;=1+1;", "x\n=1+1\n", "x\t@y", 'x;"=1+1"'])
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_NONE])
def test_nor_where_another_sign_parts_the_cells(cell, quoting):
    """As spreadsheets take a line apart of which not the first cell is in quotes, and as they take any other."""
    text = download.as_csv(pd.DataFrame({"a": [cell], "b": [cell]})).decode("utf-8-sig")
    assert text.startswith('"a","b"\n"x')
    found = [part for line in text.split("\n") for row in csv.reader([line], delimiter=";", quoting=quoting)
             for whole in row for part in whole.split("\t")]
    assert [part for part in found if part.lstrip('" ').startswith(("=", "@"))] == []


def test_the_example_file_can_be_uploaded(demo):
    done = uploads.score(demo, received.read("example.csv", download.template(demo)))
    assert done.table["prediction"].tolist() == demo.loaded.golden["predictions"]


def test_the_example_file_leaves_private_cells_out(demo):
    private = replace(demo, loaded=demo.loaded)
    private.__dict__["fields"] = [replace(one, private=one.name == "colour") for one in demo.fields]
    found = pd.read_csv(io.BytesIO(download.template(private)))
    assert list(found) == [one.name for one in demo.fields]
    assert found["colour"].isna().all() and found["size"].notna().any()
