"""Content by its sha256: whole or not at all, checked, and not read again while nothing was written."""

import hashlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tracemalloc
from pathlib import Path
from types import SimpleNamespace

import pytest
from tiny import write

from notemill import store as storing
from notemill.errors import NotemillError
from notemill.memory import Memory
from notemill.store import Store, what_it_is


def sha(data):
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / ".notemill")


@pytest.fixture
def reads(monkeypatch):
    """Counts how often a file's whole content is digested, by name."""
    counted = []
    real = storing.sha256_file
    monkeypatch.setattr(storing, "sha256_file", lambda path: counted.append(path.name) or real(path))
    return counted


def again(store):
    """The same store, as the next process sees it."""
    store.save()
    return Store(store.root)


def objects(store):
    return sorted(path.name for path in store.contents())


# kept and given out
def test_a_file_is_kept_and_given_out(store, tmp_path):
    source = tmp_path / "data.csv"
    source.write_bytes(b"a,b\n" * 1000)
    sha256, size = store.add_file(source)
    assert (sha256, size) == (sha(b"a,b\n" * 1000), 4000)
    source.unlink()
    assert store.has(sha256) and store.path(sha256).read_bytes() == store.read_bytes(sha256) == b"a,b\n" * 1000


def test_the_same_content_is_kept_once(store, tmp_path):
    for name in "ab":
        (tmp_path / name).write_text("same")
    assert store.add_file(tmp_path / "a") == store.add_file(tmp_path / "b")
    (before,) = store.contents()
    inode = before.stat().st_ino
    assert store.add_bytes(b"same") == store.take_file(tmp_path / "b")[0] == sha(b"same")
    assert objects(store) == [sha(b"same")[2:]] and before.stat().st_ino == inode


def test_kept_content_is_read_only(store, tmp_path):
    (tmp_path / "f").write_bytes(b"y")
    for sha256 in (store.add_bytes(b"x"), store.take_file(tmp_path / "f")[0]):
        assert store.path(sha256).stat().st_mode & 0o222 == 0


def test_a_finished_file_is_moved_in(store, tmp_path, reads):
    path = tmp_path / ".notemill/work/out.bin"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"x" * 10)
    sha256, size = store.take_file(path)
    assert (sha256, size) == (sha(b"x" * 10), 10) and not path.exists() and reads == ["out.bin"]
    assert store.has(sha256) and reads == ["out.bin"]


def test_a_link_is_followed_and_left_alone(store, tmp_path):
    (tmp_path / "real").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    sha256, _ = store.take_file(tmp_path / "link")
    assert (tmp_path / "real").read_text() == "x" and not store.place(sha256).is_symlink()


def test_a_link_out_of_its_folder_is_refused(store, tmp_path):
    write(tmp_path / "elsewhere/secret", "x")
    folder = tmp_path / "outputs"
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path / "elsewhere/secret")
    with pytest.raises(NotemillError, match="link: is a link to .*secret, outside"):
        store.take_file(folder / "link")
    (folder / "input").symlink_to(store.place(store.add_bytes(b"an input")))
    assert store.take_file(folder / "input")[0] == sha(b"an input")


def test_what_is_no_file_is_said(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind(str(tmp_path / "s"))
        said = [what_it_is(tmp_path / name) for name in ("link", "pipe", "folder", "file", "s", "none")]
    assert said == ["is a link that leads nowhere", "is a pipe", "is a folder", None, "is a socket", "was not written"]
    assert what_it_is(Path("/dev/null")) == "is a device"


def test_what_is_not_there(store):
    assert not store.has("0" * 64)
    for ask in (store.path, store.read_bytes):
        with pytest.raises(KeyError):
            ask("0" * 64)


def damage(store, sha256, data):
    place = store.place(sha256)
    place.chmod(0o644)
    place.write_bytes(data)


@pytest.mark.parametrize("data", [b"", b"y", b"xx"])
def test_damaged_content_is_not_given_out(store, data):
    sha256 = store.add_bytes(b"x")
    damage(store, sha256, data)
    for one in (store, again(store)):
        assert not one.has(sha256)
        for ask in (one.path, one.read_bytes):
            with pytest.raises(KeyError):
                ask(sha256)


def test_bytes_are_checked_even_where_no_time_tells_of_damage(store, monkeypatch):
    """As when a disk rots: size and times stay."""
    sha256 = store.add_bytes(b"x")
    monkeypatch.setattr(storing, "_signature", lambda path: [1, 1, 1, 1])
    damage(store, sha256, b"y")
    with pytest.raises(KeyError):
        store.read_bytes(sha256)


@pytest.mark.parametrize("add", ["add_bytes", "add_file", "take_file"])
def test_damaged_content_is_mended_by_adding_it_again(store, tmp_path, add):
    sha256 = store.add_bytes(b"x")
    damage(store, sha256, b"y")
    (tmp_path / "f").write_bytes(b"x")
    getattr(store, add)(b"x" if add == "add_bytes" else tmp_path / "f")
    assert store.read_bytes(sha256) == b"x"


def test_writing_that_fails_leaves_nothing(store):
    with pytest.raises(OSError, match="no more"), store.incoming() as target:
        target.write(b"x")
        raise OSError("no more")
    assert objects(store) == []


# digests
def test_an_unchanged_file_is_not_read_again(store, tmp_path, reads):
    path = tmp_path / "data"
    path.write_bytes(b"x")
    first = store.digest(path)
    assert [store.digest(path), again(store).digest(path), again(again(store)).digest(path)] == [first] * 3
    assert reads == ["data"]


def test_an_unchanged_file_is_not_copied_again(store, tmp_path, monkeypatch):
    path = tmp_path / "data"
    path.write_bytes(b"x")
    first = store.add_file(path)
    monkeypatch.setattr(Store, "incoming", None)
    monkeypatch.setattr(storing, "sha256_file", None)
    assert again(store).add_file(path) == first


def test_a_touched_file_is_read_and_not_copied_again(store, tmp_path, monkeypatch, reads):
    path = tmp_path / "data"
    path.write_bytes(b"x")
    first = store.add_file(path)
    os.utime(path)
    with monkeypatch.context() as patch:
        patch.setattr(Store, "incoming", None)
        assert again(store).add_file(path) == first
    path.write_bytes(b"y")
    assert store.add_file(path) == (sha(b"y"), 1) and store.has(sha(b"y"))


def test_a_file_whose_content_left_the_store_is_copied_again(store, tmp_path):
    path = tmp_path / "data"
    path.write_bytes(b"x")
    sha256, _ = store.add_file(path)
    store.place(sha256).unlink()
    assert store.add_file(path)[0] == sha256 and store.has(sha256)


@pytest.mark.parametrize("change", ["content", "append", "replace", "same size and time", "touch"])
def test_a_changed_file_is_read_again(store, tmp_path, reads, change):
    path = tmp_path / "data"
    path.write_bytes(b"one")
    before = path.stat()
    old = store.digest(path)
    data = {"append": b"one!", "touch": b"one"}.get(change, b"two")
    if change == "replace":
        (tmp_path / "new").write_bytes(data)
        os.utime(tmp_path / "new", ns=(before.st_atime_ns, before.st_mtime_ns))
        os.replace(tmp_path / "new", path)
    elif change == "touch":
        os.utime(path)
    else:
        path.write_bytes(data)
    if change == "same size and time":
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert again(store).digest(path) == sha(data) and reads == ["data", "data"]
    assert (old == sha(data)) == (change == "touch")


def test_a_rewrite_within_the_same_tick_of_the_clock_is_seen(store, tmp_path):
    """Same size, same inode, often the same mtime: never a digest of what stood there before."""
    path = tmp_path / "data"
    for n in range(120):
        data = b"%06d" % n
        path.write_bytes(data)
        if n % 3:  # also right after the digest was taken
            assert store.digest(path) == sha(data)
            path.write_bytes(b"%06d" % -n)
            assert store.digest(path) == sha(b"%06d" % -n)
        else:
            assert store.add_file(path)[0] == sha(data)


def test_a_clock_of_whole_seconds_is_waited_for(store, tmp_path, monkeypatch):
    """On such a file system a write shows only once the second is over."""
    path, now, waited = tmp_path / "data", 1_000_000_000.3, []
    path.write_bytes(b"one")
    seconds = int(now) * 10 ** 9
    with monkeypatch.context() as patch:
        patch.setattr(storing.time, "time", lambda: now)
        patch.setattr(storing.time, "sleep", waited.append)
        patch.setattr(type(path), "stat", lambda self, **more: SimpleNamespace(
            st_size=3, st_mtime_ns=seconds, st_ctime_ns=seconds, st_ino=1))
        store.digest(path)
    assert waited == [pytest.approx(storing.COARSE_TICK - 0.3)]


@pytest.mark.parametrize("read", ["digest", "add_file"])
def test_a_file_that_was_just_written_is_read_after_the_tick(store, tmp_path, monkeypatch, read):
    path, waited = tmp_path / "data", []
    path.write_bytes(b"one")
    monkeypatch.setattr(storing.time, "sleep", lambda seconds: waited.append(seconds) or path.write_bytes(b"two"))
    getattr(store, read)(path)
    assert len(waited) == 1 and 0 < waited[0] <= storing.FINE_TICK
    assert store.digests.values[str(path)] == [*storing._signature(path), sha(b"two")]


def test_a_time_in_the_future_is_not_waited_for_long(store, tmp_path, monkeypatch):
    path, waited = tmp_path / "data", []
    path.write_bytes(b"one")
    os.utime(path, (4e9 + 0.5, 4e9 + 0.5))
    monkeypatch.setattr(storing.time, "sleep", waited.append)
    store.digest(path)
    assert waited == [storing.FINE_TICK]


def test_a_file_that_changes_while_it_is_read_is_not_remembered(store, tmp_path, monkeypatch):
    path = tmp_path / "data"
    path.write_bytes(b"one")
    real = storing.sha256_file

    def slow(read):
        digest = real(read)
        read.write_bytes(b"two, and longer")
        return digest

    monkeypatch.setattr(storing, "sha256_file", slow)
    store.digest(path)
    monkeypatch.setattr(storing, "sha256_file", real)
    assert store.digest(path) == sha(b"two, and longer")


@pytest.mark.parametrize("text", ["", "[]", "{", '{"DATA": 3}', '{"DATA": []}', '{"DATA": {"a": 1}}'])
def test_what_was_remembered_may_be_lost_or_damaged(store, tmp_path, text):
    path = tmp_path / "data"
    path.write_bytes(b"x")
    store.digests.path.parent.mkdir(parents=True)
    store.digests.path.write_text(text.replace("DATA", str(path)))
    assert Store(store.root).digest(path) == sha(b"x")


def test_digests_of_files_that_are_gone_are_forgotten(store, tmp_path):
    for name in "ab":
        (tmp_path / name).write_bytes(b"x")
        store.digest(tmp_path / name)
    (tmp_path / "a").unlink()
    store.save()
    store.forget_absent()
    store.save()
    assert list(json.loads(store.digests.path.read_text())) == [str(tmp_path / "b")]


# memory
def test_two_that_save_at_once_keep_what_both_learnt(tmp_path):
    one, two = Memory(tmp_path / "m.json"), Memory(tmp_path / "m.json")
    one.set("a", 1)
    two.set("b", 2)
    one.save()
    two.save()
    assert Memory(tmp_path / "m.json").values == {"a": 1, "b": 2}


def test_memory_is_not_written_where_nothing_is_new(tmp_path):
    memory = Memory(tmp_path / "m.json")
    memory.set("a", [1])
    memory.save()
    before = (tmp_path / "m.json").stat().st_ino
    memory = Memory(tmp_path / "m.json")
    memory.set("a", [1])
    memory.save()
    assert (tmp_path / "m.json").stat().st_ino == before


def test_memory_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr("notemill.memory.MOST", 10)
    memory = Memory(tmp_path / "m.json")
    for n in range(10):
        memory.set(f"old {n}", n)
    memory.save()
    memory = Memory(tmp_path / "m.json")
    memory.get("old 3")
    memory.set("new", 1)
    memory.save()
    assert Memory(tmp_path / "m.json").values == {"old 3": 3, "new": 1}


# other processes
ADD = """
import sys
from pathlib import Path
from notemill.store import Store, what_it_is
store = Store(Path(sys.argv[1]))
print("ready", flush=True)
for n in range(int(sys.argv[3])):
    sha256, size = store.add_file(Path(sys.argv[2]))
    store.place(sha256).unlink() if sys.argv[4:] else None
    store.digests.values.clear()
print(sha256)
"""


def start(*args):
    return subprocess.Popen([sys.executable, "-c", ADD, *map(str, args)], stdout=subprocess.PIPE, text=True)


def test_killed_at_any_moment_it_leaves_nothing_half_done(store, tmp_path):
    source, chance = tmp_path / "data", random.Random(3)
    data = os.urandom(1 << 16) * 64  # 4 MB
    source.write_bytes(data)
    for _ in range(8):
        with start(store.root, source, 1000, "again") as process:
            process.stdout.readline()
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(chance.uniform(0.0, 0.15))
            process.send_signal(signal.SIGKILL)
        for path in store.contents():
            assert path.parent == store.objects and path.name.startswith("incoming-") or path.read_bytes() == data
    assert Store(store.root).add_file(source) == (sha(data), len(data))


def test_two_processes_that_add_the_same_at_once(store, tmp_path):
    source = tmp_path / "data"
    source.write_bytes(os.urandom(1 << 20))
    with start(store.root, source, 20) as one, start(store.root, source, 20) as two:
        told = {process.communicate(timeout=60)[0] for process in (one, two)}
    assert told == {f"ready\n{sha(source.read_bytes())}\n"} and len(objects(store)) == 1
    assert not one.returncode and not two.returncode


def test_memory_is_bounded_by_a_block(store, tmp_path):
    source = tmp_path / "data"
    with open(source, "wb") as file:
        file.truncate(64 << 20)
    tracemalloc.start()
    try:
        store.add_file(source)
        store.digest(source)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()
