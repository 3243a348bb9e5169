"""What was appended is read, from journals and from Parquet files alike; what was refused is not there."""

import datetime
import errno
import json
import shutil
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from log_samples import NOON, SCHEMA, fill, ids, record, requests, write_log

from notemill.serve.log import Log, LogError, LogFull, read
from notemill.serve.log.journal import Journal
from notemill.serve.log.keeper import told

TESTS = Path(__file__).parents[2]
MOMENT = datetime.datetime.fromtimestamp(NOON, datetime.UTC)
ROW = {"request": "q-7", "row": 0, "at": MOMENT, "version": "3", "content": "c0de", "input_age": 7.0,
       "input_job": "clerk", "input_since": datetime.datetime(2024, 5, 6, tzinfo=datetime.UTC), "input_member": True,
       "prediction": ">50K", "probability_<=50K": 0.25, "probability_>50K": 0.75, "ms": 0.5, "warnings": [],
       "unfit": None, "day": "2026-11-21"}


def until(holds, seconds=60):
    """Wait until it holds."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.05)


def test_what_was_appended_is_read_at_once_and_the_same_later_from_parquet(open_log):
    log = open_log(days=36_500)
    log.append([record(7)])
    first = read(log.folder).to_table()
    assert first.to_pylist() == [ROW]
    log.close()
    assert read(log.folder).to_table() == first
    assert not list((log.folder / "journal").iterdir()) and len(list(log.folder.glob("rows/*/*.parquet"))) == 1


def test_an_empty_log_has_all_columns(open_log):
    log = open_log()
    assert read(log.folder).to_table().column_names == list(ROW) and read(log.folder).count_rows() == 0


def test_rows_of_many_appends_in_one_and_after_a_restart(open_log):
    log = open_log(days=36_500)
    log.append([record(number) for number in range(5)])
    log.close()
    again = open_log(days=36_500)
    fill(again, range(5, 8))
    assert requests(again.folder) == ids(range(8))


def test_a_closed_log_refuses(open_log):
    log = open_log()
    log.close()
    log.close()
    with pytest.raises(LogError, match="is closed"):
        log.append([record(1)])


def test_a_full_log_refuses_and_has_nothing_of_it(open_log):
    log = open_log(most_mb=0.02, days=36_500)
    with pytest.raises(LogFull, match="has reached its 0.02 MB"):
        for number in range(1000):
            log.append([record(2 * number), record(2 * number + 1)])
    assert 10 < number < 100
    assert requests(log.folder) == ids(range(2 * number))


def test_a_full_log_takes_rows_again_when_days_have_passed(open_log):
    log = open_log(most_mb=0.02, days=30)
    old = NOON - 60 * 86_400
    with pytest.raises(LogFull):
        fill(log, range(1000), at=old)

    def is_free():
        try:
            fill(log, [5000], at=time.time())
        except LogFull:
            return False
        return True

    until(is_free)
    assert requests(log.folder) == ["q-5000"]


def test_a_journal_that_is_large_or_old_makes_room_for_the_next(open_log):
    log = open_log(days=36_500, largest=2000)
    fill(log, range(20))
    until(lambda: log.folder.glob("rows/*/*.parquet") and len(list(log.folder.glob("rows/*/*.parquet"))) == 1)
    old = open_log(days=36_500, folder="old", every=0.2)
    fill(old, range(3))
    until(lambda: list(old.folder.glob("rows/*/*.parquet")))
    assert requests(log.folder) == ids(range(20)) and requests(old.folder) == ids(range(3))


def test_state_says_what_is_used_and_waits(open_log):
    log = open_log(most_mb=5)
    fill(log, range(3))
    state = log.state()
    assert (state["waiting"], state["most"], state["trouble"], state["damaged"]) == (3, 5_000_000, "", 0)
    assert 500 < state["used"] < 20_000


# disks
def test_a_disk_that_takes_a_part_leaves_nothing_of_it(tmp_path, monkeypatch):
    import os

    (tmp_path / "journal").mkdir()
    journal = Journal(tmp_path, {})
    journal.append(b"one\n", 1)
    taken = iter([3])

    def write(handle, data):
        for count in taken:
            return written(handle, data[:count])
        raise OSError(errno.ENOSPC, "no space")

    written = os.write
    monkeypatch.setattr(os, "write", write)
    with pytest.raises(OSError, match="no space"):
        journal.append(b"two\n", 1)
    monkeypatch.undo()
    journal.append(b"three\n", 1)
    assert journal.path.read_bytes().splitlines()[1:] == [b"one", b"three"]


def test_where_the_part_cannot_be_taken_back_the_next_line_is_whole(tmp_path, monkeypatch):
    import os

    (tmp_path / "journal").mkdir()
    journal = Journal(tmp_path, {})
    written = os.write

    def write(handle, data):
        if data == b"two\n":
            return written(handle, b"t")
        raise OSError(errno.ENOSPC, "no space")

    def refuse(*given):
        raise OSError(errno.EIO, "broken")

    monkeypatch.setattr(os, "write", write)
    monkeypatch.setattr(os, "ftruncate", refuse)
    with pytest.raises(OSError, match="no space"):
        journal.append(b"two\n", 1)
    monkeypatch.undo()
    journal.append(b"three\n", 1)
    assert journal.path.read_bytes().splitlines()[1:] == [b"t", b"three"]


SMALL_DISK = """
import json, os, resource, sys
sys.dont_write_bytecode = True  # else Python keeps what the limit cut off of it
os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
sys.path.insert(0, sys.argv[2])
from log_samples import record, SCHEMA
from notemill.serve.log import Log
log = Log.open(sys.argv[1], SCHEMA, days=36500)
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, resource.RLIM_INFINITY))
done, refused = [], 0
for number in range(300):
    if number == 200:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    try:
        log.append([record(2 * number), record(2 * number + 1)])
        done += [2 * number, 2 * number + 1]
    except OSError:
        refused += 1
log.close(0)
print(json.dumps([done, refused]))
"""


def test_a_disk_that_is_full_for_a_while(tmp_path):
    """The system's own refusal, in the middle of a write."""
    folder = tmp_path / "log"
    ran = subprocess.run([sys.executable, "-c", SMALL_DISK, str(folder), str(TESTS)],
                         capture_output=True, text=True, check=True)
    done, refused = json.loads(ran.stdout)
    assert 100 < refused < 200 and 598 in done
    assert requests(folder) == ids(done)


def test_a_folder_that_was_deleted_comes_back(open_log):
    log = open_log(days=36_500)
    fill(log, [1])
    shutil.rmtree(log.folder.rename(log.folder.with_name("gone")))
    until(lambda: list(log.folder.glob("journal/*.journal")))
    fill(log, [2])
    assert requests(log.folder) == ["q-2"]


# opening
def test_the_folder_is_for_its_owner_alone(open_log):
    log = open_log(folder="a/b")
    fill(log, [1])
    mode = stat.S_IMODE(log.folder.stat().st_mode)
    assert mode == 0o700 and stat.S_IMODE((log.folder / "salt").stat().st_mode) == 0o600


def test_a_folder_with_other_files_is_not_taken(tmp_path):
    (tmp_path / "thesis.txt").write_text("text")
    with pytest.raises(LogError, match="wants a folder of its own"):
        Log.open(tmp_path, SCHEMA)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("text", ['{"format": 2}', "[]"])
def test_a_log_of_a_later_format_is_left_alone(open_log, text):
    log = open_log()
    log.close()
    (log.folder / "format.json").write_text(text)
    with pytest.raises(LogError, match="is not in format 1"):
        Log.open(log.folder, SCHEMA)
    with pytest.raises(LogError, match="is not in format 1"):
        read(log.folder)


def test_no_log_is_said_to_be_none(tmp_path):
    with pytest.raises(LogError, match="is no prediction log"):
        read(tmp_path)


@pytest.mark.parametrize("options", [{"days": 0}, {"most_mb": 0}])
def test_a_log_that_can_hold_nothing_is_refused(tmp_path, options):
    with pytest.raises(LogError, match="holds nothing"):
        Log.open(tmp_path / "log", SCHEMA, **options)


def test_without_pyarrow_the_remedy_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr("notemill.serve.log.log.find_spec", lambda name: None)
    with pytest.raises(LogError, match="pip install pyarrow"):
        Log.open(tmp_path / "log", SCHEMA)


def test_the_service_never_loads_pyarrow(tmp_path):
    code = ("import sys; from notemill.serve.log import Log; from log_samples import record, SCHEMA\n"
            "log = Log.open(sys.argv[1], SCHEMA); log.append([record(1)]); log.mark('q-1', 0, 'label', '>50K')\n"
            "log.close(); print([name for name in ('pyarrow', 'pandas', 'numpy') if name in sys.modules])")
    ran = subprocess.run([sys.executable, "-c", code, str(tmp_path / "log")], capture_output=True, text=True,
                         cwd=str(TESTS))
    assert (ran.stdout, ran.stderr) == ("[]\n", "")


# what goes wrong in the background
def test_trouble_is_told_once_and_over_when_it_is_over(open_log, tmp_path, caplog, monkeypatch):
    tries = []
    monkeypatch.setattr("notemill.serve.log.keeper.AGAIN", 0)
    monkeypatch.setattr("notemill.serve.log.keeper.told", lambda *given: tries.append(1) or told(*given))
    bad = write_log(tmp_path / "log", [1])
    whole = bad.read_bytes()
    bad.write_bytes(whole.partition(b"\n")[2])  # its header is gone
    log = open_log(days=36_500)
    until(lambda: len(tries) > 2)
    assert bad.name in log.state()["trouble"]
    assert [bad.name in one.getMessage() for one in caplog.records] == [True]
    bad.write_bytes(whole)
    fill(log, [2])
    log.close()
    assert log.state()["trouble"] == "" and requests(log.folder) == ids([1, 2]) and len(caplog.records) == 1


def test_damaged_lines_are_told(open_log, tmp_path, caplog):
    path = write_log(tmp_path / "log", [1])
    path.write_bytes(path.read_bytes().replace(b"clerk", b"clark"))
    log = open_log(days=36_500)
    until(lambda: log.state()["damaged"])
    assert log.state()["damaged"] == 1 and "1 lines are not as they were written" in caplog.text


def test_a_look_that_fails_does_not_end_the_thread(open_log, monkeypatch, caplog):
    log = open_log(days=36_500)

    def fail():
        raise ValueError("a fault")

    monkeypatch.setattr(log._keeper, "look", fail)
    until(lambda: log.state()["trouble"] == "ValueError: a fault")
    monkeypatch.undo()
    log._keeper.wanted.set()
    fill(log, [1])
    until(lambda: list(log.folder.glob("rows/*/*.parquet")))
