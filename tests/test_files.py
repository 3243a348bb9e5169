"""Files that appear whole, and JSON that is the same for the same facts."""

import math
import os
import random
import signal
import stat
import subprocess
import sys
import tempfile

import pytest

from notemill.errors import NotemillError, did_you_mean
from notemill.files import (
    cache_folder, canonical_json, read_json, safe_cache, sha256_file, sha256_text, write_atomic, write_json,
    write_notebook,
)

WRITE = """
import sys
from pathlib import Path
from notemill.files import write_atomic
print("ready", flush=True)
while True:
    for letter in "ab":
        write_atomic(Path(sys.argv[1]), letter * 500_000)
"""


def test_the_same_facts_give_the_same_text():
    assert canonical_json({"b": [1, 1.5, None, True], "a": "é\ud800"}) == '{"a":"é\ud800","b":[1,1.5,null,true]}'
    assert canonical_json({"x": 1, "y": 2}) == canonical_json({"y": 2, "x": 1}) != canonical_json({"x": 1.0, "y": 2})


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_json_cannot_hold_is_refused(value):
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json([value])


def test_digests(tmp_path):
    (tmp_path / "f").write_text("abc")
    known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # pragma: allowlist secret
    assert sha256_file(tmp_path / "f") == sha256_text("abc") == known
    assert sha256_text("\ud800") != sha256_text("\ud801")


def test_a_file_is_written_with_its_folders_and_mode(tmp_path):
    for mode in (0o644, 0o600):
        write_atomic(tmp_path / "a/b/c.txt", "é\ud800", mode=mode)
        assert (tmp_path / "a/b/c.txt").read_bytes() == "é\ud800".encode("utf-8", "surrogatepass")
        assert (tmp_path / "a/b/c.txt").stat().st_mode & 0o777 == mode


def test_what_is_written_is_read(tmp_path):
    for write in (write_json, write_notebook):
        write(tmp_path / "f.json", {"b": 1, "a": ["é\ud800"]})
        assert read_json(tmp_path / "f.json") == {"a": ["é\ud800"], "b": 1}
        assert (tmp_path / "f.json").read_bytes().endswith(b"}\n")


@pytest.mark.parametrize("content", [None, b"", b"{", b"\xff", b'{"a": 1'])
def test_what_cannot_be_read_is_the_default(tmp_path, content):
    if content is not None:
        (tmp_path / "f.json").write_bytes(content)
    assert read_json(tmp_path / "f.json", {"d": 1}) == {"d": 1}


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    write_atomic(tmp_path / "f", "old")

    def full(handle):
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="disk full"):
        write_atomic(tmp_path / "f", "new")
    assert [path.name for path in tmp_path.iterdir()] == ["f"] and (tmp_path / "f").read_text() == "old"


def test_killed_at_any_moment_a_file_is_the_old_or_the_new_one(tmp_path):
    chance = random.Random(5)
    for _ in range(6):
        with subprocess.Popen([sys.executable, "-c", WRITE, str(tmp_path / "f")], stdout=subprocess.PIPE) as process:
            process.stdout.readline()
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(chance.uniform(0.02, 0.12))
            process.send_signal(signal.SIGKILL)
        if (tmp_path / "f").exists():
            text = (tmp_path / "f").read_text()
            assert len(text) == 500_000 and len(set(text)) == 1


def test_an_error_reads_as_place_got_allowed_hint():
    error = NotemillError("f.yaml:3", "got 'x'", "allowed: y", "did you mean 'y'?", step="a")
    assert str(error) == "f.yaml:3: got 'x'\n  allowed: y\n  did you mean 'y'?"
    assert str(NotemillError("f", "got", hint="hint")) == "f: got\n  hint"
    assert error.as_json() == {"where": "f.yaml:3", "got": "got 'x'", "allowed": "allowed: y",
                               "hint": "did you mean 'y'?", "step": "a"}


def test_the_nearest_name():
    assert did_you_mean("trian", ["train", "test"]) == "did you mean 'train'?"
    assert did_you_mean("zzz", ["train", "test"]) is None and did_you_mean("a", []) is None


@pytest.mark.parametrize("write", [write_json, write_notebook, write_atomic])
def test_what_need_not_outlast_a_power_cut_does_not_wait_for_the_disk(tmp_path, monkeypatch, write):
    waited, sync = [], os.fsync
    monkeypatch.setattr(os, "fsync", lambda handle: (waited.append(handle), sync(handle)))
    content = "text" if write is write_atomic else {"a": 1}
    write(tmp_path / "a", content, durable=False)
    assert waited == []
    write(tmp_path / "b", content)
    assert len(waited) == 2 and (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_the_cache_is_the_users_or_else_a_folder_of_their_own(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    (tmp_path / "file").touch()
    assert cache_folder({"XDG_CACHE_HOME": f"{tmp_path}/c", "HOME": "/h"}) == tmp_path / "c" / "notemill"
    assert cache_folder({"HOME": str(tmp_path)}) == tmp_path / ".cache" / "notemill"
    own = tmp_path / "tmp" / f"notemill-{os.getuid()}"
    assert cache_folder({"HOME": ""}) == own
    assert cache_folder({"HOME": f"{tmp_path}/file"}) == own
    assert stat.S_IMODE(own.stat().st_mode) == 0o700


@pytest.mark.parametrize("make", [
    lambda place: (place.parent / "other").mkdir() or place.symlink_to(place.parent / "other"),
    lambda place: place.mkdir() or place.chmod(0o777), lambda place: place.mkdir() or place.chmod(0o775)])
def test_a_folder_that_others_may_write_to_is_no_cache(tmp_path, monkeypatch, make):
    (tmp_path / "cache").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    make(tmp_path / "cache" / "notemill")
    own = tmp_path / f"notemill-{os.getuid()}"
    assert safe_cache({"XDG_CACHE_HOME": f"{tmp_path}/cache"}) == own
    own.rmdir()
    make(own)
    assert safe_cache({"XDG_CACHE_HOME": f"{tmp_path}/cache"}) is None
    assert cache_folder({}).stat().st_mode & 0o777 == 0o700


def test_a_folder_of_somebody_else_is_not_trusted(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000)
    folder = cache_folder({})
    assert folder.parent == tmp_path and folder.name != "notemill-4000000"
