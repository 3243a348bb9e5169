"""Journals become Parquet files: every row once, whatever is killed, damaged, or set to another time meanwhile."""

import datetime
import os
import shutil
import subprocess
import sys
import threading

import pytest
from log_samples import DAY, NOON, SCHEMA, TOMORROW, all_bytes, compact, ids, requests, write_log

from notemill.serve.log import Log, LogError, columns, index, read
from notemill.serve.log.compact import sweep
from notemill.serve.log.folder import alone
from notemill.serve.log.journal import Journal
from notemill.serve.log.keeper import start, told
from notemill.serve.log.reading import View, look

OPERATIONS = ("replace", "rename", "unlink", "rmdir", "fsync")


def hidden(folder):
    """What is left half done; a file just made may be that of a service that starts."""
    for path in folder.glob(".*.part"):
        os.utime(path, (0, 0))
    sweep(folder)
    return [path.name for path in folder.rglob(".*") if not path.name.endswith(".lock")]


def parts(folder, part="rows"):
    return sorted(folder.glob(f"{part}/*/*.parquet"))


# what is in a journal's end
@pytest.mark.parametrize("cut", [1, 5, 60])
def test_a_torn_last_line_was_never_acknowledged(tmp_path, cut):
    path = write_log(tmp_path / "log", range(5))
    os.truncate(path, path.stat().st_size - cut)
    assert requests(tmp_path / "log") == ids(range(4))
    assert compact(tmp_path / "log")["damaged"] == 0
    assert requests(tmp_path / "log", "rows") == ids(range(4))


@pytest.mark.parametrize("cut", [0, 3])
def test_a_journal_without_a_header_holds_nothing(tmp_path, cut):
    path = write_log(tmp_path / "log", [1])
    os.truncate(path, cut)
    assert requests(tmp_path / "log") == []
    assert compact(tmp_path / "log")["error"] is None and not path.exists()


def test_a_damaged_line_is_set_aside_and_told(tmp_path):
    path = write_log(tmp_path / "log", range(5))
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], lines[2].replace(b"clerk", b"clark"), *lines[3:]]))
    done = compact(tmp_path / "log")
    assert (done["damaged"], done["error"]) == (1, None)
    assert requests(tmp_path / "log") == ids([0, 2, 3, 4])
    assert b"clark" in (tmp_path / "log" / "damaged" / path.stem).read_bytes()


def test_a_journal_that_cannot_be_taken_stays_and_the_others_go_on(tmp_path):
    bad = write_log(tmp_path / "log", [1])
    lines = bad.read_bytes().splitlines(keepends=True)
    bad.write_bytes(b"".join(lines[1:]))  # its header is gone
    write_log(tmp_path / "log", [2])
    done = compact(tmp_path / "log")
    assert bad.name in done["error"] and bad.exists()
    assert requests(tmp_path / "log", "rows") == ["q-2"]
    assert bad.name in told(start(tmp_path / "log", 36_500, TOMORROW))["error"]


def test_a_journal_that_is_written_to_is_left_alone(open_log, tmp_path):
    log = open_log(days=36_500)
    log.append([])
    before = all_bytes(log.folder / "journal")
    assert compact(log.folder)["journals"] == 0 and all_bytes(log.folder / "journal") == before


# killed at any moment
def many_days(folder):
    """Rows that wait in journals, rows in small files that will be merged, and a day that will be dropped."""
    for number in range(3):
        write_log(folder, [number], at=NOON - DAY)
        compact(folder, today=TOMORROW - datetime.timedelta(days=9))
    write_log(folder, [50, 51], at=NOON - 40 * DAY)
    compact(folder, today=TOMORROW - datetime.timedelta(days=41))
    write_log(folder, [3, 4], at=NOON - DAY)
    write_log(folder, [5])


def killed_at(folder, operation):
    """Run a compaction in a process that dies before its nth operation on files; False where it has no such one."""
    child = os.fork()
    if not child:
        count = [0]

        def counted(name):
            real = getattr(os, name)

            def call(*given, **named):
                count[0] += 1
                if count[0] == operation:
                    os._exit(9)
                return real(*given, **named)
            return call

        for name in OPERATIONS:
            setattr(os, name, counted(name))
        compact(folder, days=30)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


@pytest.mark.timeout(1200)  # some hundred folders, each killed and mended
def test_killed_before_any_operation_every_row_is_there_once(tmp_path):
    many_days(tmp_path / "first")
    for operation in range(1, 1000):
        folder = tmp_path / f"log{operation}"
        shutil.copytree(tmp_path / "first", folder)
        was_killed = killed_at(folder, operation)
        found = requests(folder)
        assert set(found) - {"q-50", "q-51"} == set(ids(range(6))) and len(found) in (6, 7, 8)
        assert compact(folder, days=30)["error"] is None
        assert requests(folder) == requests(folder, "rows") == ids(range(6)) and hidden(folder) == []
        assert {index.day_with(folder, one, 0) for one in ids(range(6))} == {"2026-11-20", "2026-11-21"}
        if not was_killed:
            break
        shutil.rmtree(folder)
    assert 20 < operation < 200
    assert len(parts(folder)) == 2


def test_a_journal_taken_twice_gives_its_rows_once(tmp_path):
    path = write_log(tmp_path / "log", range(3))
    shutil.copy(path, tmp_path / "kept")
    compact(tmp_path / "log")
    shutil.copy(tmp_path / "kept", path)
    assert requests(tmp_path / "log") == ids(range(3)), "the journal counts before the file that was made of it"
    compact(tmp_path / "log")
    assert requests(tmp_path / "log") == requests(tmp_path / "log", "rows") == ids(range(3))


def test_a_file_whose_journal_is_still_there_is_not_merged(tmp_path, monkeypatch):
    folder = tmp_path / "log"
    for number in range(3):
        path = write_log(folder, [number])
        shutil.copy(path, tmp_path / "kept")
        compact(folder, today=TOMORROW - datetime.timedelta(days=1))
    shutil.copy(tmp_path / "kept", path)

    def fail(*given):
        raise OSError("no space")

    monkeypatch.setattr("notemill.serve.log.compact.take", fail)
    assert "no space" in compact(folder)["error"] and requests(folder) == ids(range(3))
    monkeypatch.undo()
    compact(folder)
    assert requests(folder, "rows") == ids(range(3)) and len(parts(folder)) == 1


def test_a_journal_that_never_got_its_name_goes_later(tmp_path):
    write_log(tmp_path / "log", [1])
    left = tmp_path / "log" / "journal" / ".1-a.new"
    left.write_bytes(b"")
    compact(tmp_path / "log")
    assert left.exists(), "its owner may be about to name it"
    os.utime(left, (0, 0))
    compact(tmp_path / "log")
    assert not left.exists()


# files
def test_small_files_of_a_closed_day_become_one_and_of_an_open_day_when_they_are_many(tmp_path):
    folder, today = tmp_path / "log", TOMORROW - datetime.timedelta(days=1)
    for number in range(15):
        write_log(folder, [number])
        compact(folder, today=today)
    assert len(parts(folder)) == 15
    write_log(folder, [15])
    assert compact(folder, today=today)["merged"] == 15 and len(parts(folder)) == 1
    write_log(folder, [16])
    compact(folder, today=today)
    assert len(parts(folder)) == 2
    compact(folder, today=TOMORROW)
    assert len(parts(folder)) == 1 and requests(folder) == ids(range(17))
    assert [path.stem for path in folder.glob("index/*/*")] == [path.stem for path in parts(folder)]


def test_versions_with_other_columns_are_merged(tmp_path):
    folder = tmp_path / "log"
    write_log(folder, [1])
    later = SCHEMA | {"columns": [{"name": "age", "type": "text", "role": "feature"},
                                  {"name": "new", "type": "number", "role": "feature"}]}
    write_log(folder, [2], schema=later, version="4", inputs={"age": "old", "new": 1})
    before = sorted(read(folder).to_table().to_pylist(), key=lambda row: row["request"])
    compact(folder)
    after = sorted(read(folder).to_table().to_pylist(), key=lambda row: row["request"])
    assert len(parts(folder)) == 1 and after == before
    assert (after[0]["input_age"], after[1]["input_age"]) == (1.0, None)
    assert (after[0]["input_age (string)"], after[1]["input_age (string)"], after[1]["input_new"]) == (None, "old", 1)


def test_days_beyond_the_retention_go_with_marks_and_index(tmp_path):
    folder = tmp_path / "log"
    for number in range(40):
        write_log(folder, [number], at=NOON - number * DAY)
    log = Log.open(folder, SCHEMA, days=36_500)
    log.mark("q-39", 0, "label", "x")
    log.close(0)
    compact(folder)
    assert len(parts(folder, "marks")) == 1
    done = compact(folder, days=30)
    assert requests(folder) == ids(range(30)) and done["dropped"] == [
        (TOMORROW - datetime.timedelta(days=one)).isoformat() for one in range(40, 30, -1)]
    assert not parts(folder, "marks") and len(list(folder.glob("index/day=*"))) == 30


def test_strange_folders_are_left_alone(tmp_path):
    write_log(tmp_path / "log", [1])
    (tmp_path / "log" / "rows" / "day=soon").mkdir()
    assert compact(tmp_path / "log", days=0)["error"] is None
    assert (tmp_path / "log" / "rows" / "day=soon").exists()


# time
def test_a_clock_that_goes_back_files_rows_under_its_days(open_log):
    log = open_log(days=36_500)
    for number, at in enumerate([NOON, NOON - DAY, NOON - 2, NOON + DAY]):
        log.append([dict(request=f"q-{number}", row=0, at=at, version="3", content="", inputs={}, prediction=None,
                         probabilities=None, ms=1.0, warnings=[])])
    log.close()
    assert requests(log.folder) == ids(range(4))
    assert [path.parent.name for path in parts(log.folder)] == [
        "day=2026-11-20", "day=2026-11-21", "day=2026-11-22"]


def test_a_clock_that_leaps_ahead_drops_nothing(open_log, monkeypatch):
    log = open_log()
    keeper = log._keeper
    now = datetime.datetime.now(datetime.UTC)

    class Leapt(datetime.datetime):
        @classmethod
        def now(cls, zone=None):
            return now + datetime.timedelta(days=4000)

    monkeypatch.setattr("notemill.serve.log.keeper.datetime", Leapt)
    assert keeper.today() <= now.date() + datetime.timedelta(days=2)
    monkeypatch.setattr(Leapt, "now", classmethod(lambda cls, zone=None: now - datetime.timedelta(days=4000)))
    assert keeper.today() == now.date() - datetime.timedelta(days=4000)


# several at once
def test_one_process_at_a_time(tmp_path):
    path = write_log(tmp_path / "log", [1])
    with alone(tmp_path / "log", "compact", wait=False) as first:
        assert first and told(start(tmp_path / "log", 30, TOMORROW)) == {"error": None, "damaged": 0}
        assert path.exists()
        assert "not finished within" in told(start(tmp_path / "log", 36_500, TOMORROW, "--wait"), 0.5)["error"]
    assert told(start(tmp_path / "log", 36_500, TOMORROW))["journals"] == 1 and not path.exists()


def test_what_went_wrong_in_the_other_process_is_told(tmp_path):
    assert "is no prediction log" in told(start(tmp_path, 30, TOMORROW))["error"]
    with pytest.raises(LogError):
        compact(tmp_path)


def test_the_command_of_its_own(tmp_path):
    write_log(tmp_path / "log", [1])
    ran = subprocess.run([sys.executable, "-m", "notemill.serve.log.compact", str(tmp_path / "log"), "--days", "36500"],
                         capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (0, "") and '"journals": 1' in ran.stdout


def test_a_reader_sees_every_row_once_while_files_come_and_go(tmp_path):
    folder = tmp_path / "log"
    write_log(folder, [0])
    ended, seen, written = threading.Event(), [], [1]

    def work():
        for number in range(1, 20):
            write_log(folder, [number])
            written[0] = number + 1
            compact(folder, today=TOMORROW - datetime.timedelta(days=number % 2))
        ended.set()

    thread = threading.Thread(target=work)
    thread.start()
    while not ended.is_set():
        least = written[0]
        try:
            found = requests(folder)
        except FileNotFoundError:  # a file that was merged after read(): told, not half an answer
            continue
        seen.append(found)
        assert found == ids(range(len(found))) and len(found) >= least
    thread.join()
    assert len(seen) > 5 and requests(folder) == ids(range(20))


def test_a_look_at_the_folder_counts_when_the_next_one_is_the_same(tmp_path, monkeypatch):
    """The parts of a merge, listed before they go, and the note of it, read after it went: each row twice."""
    between, after = View((), (tmp_path / "part", tmp_path / "merged"), ""), View((), (tmp_path / "merged",), "")
    looks = iter([between, after, after])
    monkeypatch.setattr("notemill.serve.log.reading._look", lambda folder: next(looks))
    assert look(tmp_path).current == [tmp_path / "merged"]


# columns
def test_two_columns_are_told_apart_whatever_their_names(tmp_path):
    names = ["row", "day", "request", "../x", "Age", "age", "AGE", "", " ", "a.b", "a/b", "\0", "ä", "a\ud800",
             "prediction", "unfit", "_hidden", "x" * 3000, 'quo"te', "input_row"]
    schema = SCHEMA | {"columns": [{"name": name, "type": "text", "role": "feature"} for name in names]}
    write_log(tmp_path / "log", [1], schema=schema, inputs={name: str(place) for place, name in enumerate(names)})
    compact(tmp_path / "log")
    row, = read(tmp_path / "log").to_table().to_pylist()
    assert [value for name, value in row.items() if name.startswith("input_")] == list(map(str, range(len(names))))
    assert len({name.casefold() for name in row}) == len(row)
    assert (row["input_row"], row["row"], row["input_day"], row["day"]) == ("0", 0, "1", "2026-11-21")
    assert [path.name for path in (tmp_path / "log" / "rows").iterdir()] == ["day=2026-11-21"]


def test_names_last_though_the_next_version_has_them_in_another_order(tmp_path):
    first = [columns.Column("input", "Age", "double"), columns.Column("input", "age", "double")]
    (tmp_path / "log").mkdir()
    named = columns.named(tmp_path / "log", first)
    assert columns.named(tmp_path / "log", first[::-1]) == named[::-1]
    assert columns.known(tmp_path / "log") == named


def test_a_damaged_list_of_names_is_told(tmp_path):
    write_log(tmp_path / "log", [1])
    (tmp_path / "log" / "columns.json").write_text("[{}]")
    with pytest.raises(LogError, match="columns.json"):
        read(tmp_path / "log")


def test_a_journal_is_named_only_when_it_is_locked(tmp_path, monkeypatch):
    (tmp_path / "journal").mkdir()

    def refuse(*given):
        raise OSError("no name")

    monkeypatch.setattr(os, "rename", refuse)
    with pytest.raises(OSError, match="no name"):
        Journal(tmp_path, {})
    assert not list((tmp_path / "journal").iterdir())
