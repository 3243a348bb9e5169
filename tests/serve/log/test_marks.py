"""Labels and "this is wrong", wherever the row lies, and where there is none."""

import pytest
from log_samples import DAY, NOON, SCHEMA, compact, fill, record, write_log

from notemill.serve.log import Log, LogError, UnknownRequest, read_labelled, read_marks
from notemill.serve.log.recent import Lines


def marks(folder):
    return {(one["request"], one["row"]): (one["label"], one["wrong"]) for one in read_labelled(folder).to_pylist()
            if (one["label"], one["wrong"]) != (None, None)}


def test_marks_on_rows_in_the_own_journal_in_another_s_and_in_parquet(open_log, tmp_path):
    write_log(tmp_path / "log", [1])
    compact(tmp_path / "log")
    write_log(tmp_path / "log", [2])
    log = open_log(days=36_500)
    log.append([record(3), record(3, row=1)])
    log.mark("q-1", 0, "label", "<=50K")
    log.mark("q-2", 0, "wrong", None)
    log.mark("q-3", 1, "wrong", "he is a clerk")
    said = {("q-1", 0): ("<=50K", None), ("q-2", 0): (None, ""), ("q-3", 1): (None, "he is a clerk")}
    assert marks(log.folder) == said
    log.close()
    assert marks(log.folder) == said


def test_the_last_label_counts(open_log):
    log = open_log(days=36_500)
    fill(log, [1])
    for at, label in ((3.0, "c"), (1.0, "a"), (2.0, "b")):
        log.mark("q-1", 0, "label", label, at)
    assert marks(log.folder) == {("q-1", 0): ("c", None)} and read_marks(log.folder).count_rows() == 3


@pytest.mark.parametrize(("value", "text"), [(1, "1"), (2.5, "2.5"), (True, "true"), ("ä\0\n", "ä\0\n"), (None, "")])
def test_values_are_kept_as_text(open_log, value, text):
    log = open_log(days=36_500)
    fill(log, [1])
    log.mark("q-1", 0, "label", value)
    assert marks(log.folder) == {("q-1", 0): (text, None)}


def test_a_mark_is_filed_under_the_day_of_its_row(open_log, tmp_path):
    write_log(tmp_path / "log", [1], at=NOON - 5 * DAY)
    compact(tmp_path / "log")
    write_log(tmp_path / "log", [2], at=NOON - 3 * DAY)
    log = open_log(days=36_500)
    log.mark("q-1", 0, "label", "x")
    log.mark("q-2", 0, "label", "y")
    log.close()
    assert {path.parent.name for path in log.folder.glob("marks/*/*.parquet")} == {"day=2026-11-16", "day=2026-11-18"}


@pytest.mark.parametrize(("request_id", "row"), [("q-1", 1), ("q-", 0), ("q-11", 0), ("Q-1", 0), ('q-1",0', 0),
                                                 ("", 0)])
@pytest.mark.parametrize("compacted", [True, False])
def test_what_is_not_there_cannot_be_marked(tmp_path, open_log, request_id, row, compacted):
    write_log(tmp_path / "log", [1])
    if compacted:
        compact(tmp_path / "log")
    with pytest.raises(UnknownRequest, match="is not in the log"):
        open_log(days=36_500).mark(request_id, row, "label", "x")
    assert read_marks(tmp_path / "log").count_rows() == 0


def test_what_is_no_longer_kept_cannot_be_marked(tmp_path, open_log):
    write_log(tmp_path / "log", [1])
    compact(tmp_path / "log")
    compact(tmp_path / "log", days=0)
    with pytest.raises(UnknownRequest):
        open_log(days=36_500).mark("q-1", 0, "label", "x")


def test_text_that_looks_like_a_row_is_none(tmp_path, open_log):
    """A client that puts a journal's line into a cell does not make a row of it."""
    trap = '\n00000000 ["r","q-9",0,1,"3","c"]'
    write_log(tmp_path / "log", [1], inputs={"job": trap}, warnings=[{"column": "r", "check": "q-9", "got": 0}])
    with pytest.raises(UnknownRequest):
        open_log(days=36_500).mark("q-9", 0, "label", "x")


def test_a_damaged_line_is_no_row(tmp_path, open_log):
    path = write_log(tmp_path / "log", [1])
    path.write_bytes(path.read_bytes().replace(b"clerk", b"clark"))
    with pytest.raises(UnknownRequest):
        open_log(days=36_500).mark("q-1", 0, "label", "x")


def test_a_line_of_a_journal_is_read_once(open_log, monkeypatch):
    read = []
    real = Lines._take
    monkeypatch.setattr(Lines, "_take", lambda lines, line: read.append(line) or real(lines, line))
    log = open_log(days=36_500)
    for number in range(5):
        fill(log, [number])
        log.mark(f"q-{number}", 0, "label", "x")
    rows = [line for line in read if b'["r"' in line]
    assert len(rows) == 5 and read.count(rows[0]) == 1


def test_a_row_across_the_border_of_two_blocks_is_found(tmp_path, open_log, monkeypatch):
    write_log(tmp_path / "log", range(50))
    monkeypatch.setattr("notemill.serve.log.recent.BLOCK", 97)
    log = open_log(days=36_500)
    for number in range(50):
        log.mark(f"q-{number}", 0, "label", str(number))
    assert marks(log.folder) == {(f"q-{number}", 0): (str(number), None) for number in range(50)}


def test_ids_that_are_no_plain_words(open_log):
    log = open_log(days=36_500)
    odd = ['a"b\\', "\0", "ä" * 70, "a\ud800", "'; drop table"]
    log.append([record(1, request=one) for one in odd])
    for one in odd:
        log.mark(one, 0, "label", "before")
    log.close()
    again = Log.open(log.folder, SCHEMA, days=36_500)
    for one in odd:
        again.mark(one, 0, "label", "after")
    again.close(0)
    assert [one[0] for one in marks(log.folder).values()] == ["after"] * len(odd)


def test_another_kind_of_mark_is_refused(open_log):
    log = open_log()
    fill(log, [1])
    with pytest.raises(LogError, match="one of label, wrong"):
        log.mark("q-1", 0, "lable", "x")
