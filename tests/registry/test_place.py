"""A folder, and a bucket of a real server that speaks S3: one of many creates an object, and no part of one shows."""

import json
import os
import subprocess
import sys

import pytest
from ledger_samples import ADA, bare, process_env
from s3_server import running_bucket

from notemill.errors import MissingExtra, NotemillError, UsageError
from notemill.place import Denied, Folder, open_place
from notemill.registry import Records, append, moves, read_ledger

CREATE = """
import json, os, sys
from pathlib import Path
from notemill.place import open_place
place = open_place(sys.argv[1], Path("."), "the test")
print("ready", flush=True)
sys.stdin.readline()
print(json.dumps([place.create(f"race/{n:03}", f"{os.getpid()} {n}".encode() * 999) for n in range(int(sys.argv[2]))]))
"""


@pytest.fixture(scope="module")
def bucket(tmp_path_factory):
    with running_bucket(tmp_path_factory.mktemp("s3")) as variables:
        yield variables


@pytest.fixture(params=["folder", "bucket"])
def named(request, tmp_path, monkeypatch):
    """The place as pipeline.yaml would name it."""
    if request.param == "folder":
        return str(tmp_path / "deep" / "records")
    for name, value in request.getfixturevalue("bucket").items():
        monkeypatch.setenv(name, value)
    return f"s3://records/{tmp_path.name}/toy"


@pytest.fixture
def place(named, tmp_path):
    return open_place(named, tmp_path, "the test")


def test_what_was_created_stays(place):
    assert place.read("a/b.json") is None and place.names("a") == []
    assert place.create("a/b.json", b"one") is True
    assert place.create("a/b.json", b"two") is False
    assert place.read("a/b.json") == b"one"
    place.write("a/b.json", b"three")
    place.write("a/c/d.json", b"")
    place.write("ab/e.json", b"4")
    assert place.read("a/b.json") == b"three" and place.read("a/c/d.json") == b""
    assert place.names("a") == ["a/b.json", "a/c/d.json"]


def test_records_are_the_same_anywhere(place, named):
    records = Records(place)
    sha256 = records.add(b"content")
    assert records.has(sha256) and records.read(sha256) == b"content" and not records.has("0" * 64)
    place.write(f"objects/{sha256[:2]}/{sha256[2:]}", b"other")
    assert not records.has(sha256)
    with pytest.raises(NotemillError, match="is gone or damaged"):
        records.read(sha256)
    assert records.add(b"content") == sha256 and records.has(sha256)
    records.keep_manifest({"content": "c" * 64, "files": {}})
    assert records.manifest("c" * 64) == {"content": "c" * 64, "files": {}} and records.manifest("d" * 64) is None
    for content in ("one", "two", "one"):
        records.note_attempt("rows", content, {"run": content})
    assert records.attempts("rows") == {"one", "two"} and records.attempts("others") == set()
    assert (records.root is None) == named.startswith("s3:")


def test_a_ledger_is_the_same_anywhere(place):
    records = Records(place)

    def promote(number):
        manifest = {**bare(records, "toy", number), "version": number}
        return append(records, "toy", lambda ledger: moves.promote(ledger, manifest, {}, "low", ADA, None))[1]

    assert [promote(number)["number"] for number in (1, 2, 3)] == [1, 2, 3]
    assert read_ledger(records, "toy").champion["version"] == 3
    names = place.names("ledger/toy")
    assert names == [f"ledger/toy/{number:08}.json" for number in (1, 2, 3)]
    place.write(names[1], place.read(names[1]).replace(b"Ada", b"Eve"))
    with pytest.raises(NotemillError, match="entry 2 of the ledger of 'toy'") as caught:
        read_ledger(records, "toy")
    assert place.shown(names[1]) in caught.value.where


def racers(named, count, each):
    processes = [subprocess.Popen([sys.executable, "-c", CREATE, named, str(each)], env=process_env(), text=True,
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(count)]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    return {str(process.pid): json.loads(process.communicate(timeout=120)[0]) for process in processes}


def test_of_several_processes_one_creates_it(place, named):
    each = 60 if not named.startswith("s3:") else 15
    told = racers(named, 4, each)
    assert place.names("race") == [f"race/{n:03}" for n in range(each)]
    for n in range(each):
        data = place.read(f"race/{n:03}").decode()
        pid = data.split()[0]
        assert data == f"{pid} {n}" * 999
        assert [who for who, created in told.items() if created[n]] == [pid]


# of any size
def test_large_objects_go_in_and_out_in_parts(place):
    parts = [os.urandom(1 << 20) for _ in range(12)]
    assert place.size("a/large") is None and place.blocks("a/large") is None
    place.put("a/large", iter(parts))
    assert place.size("a/large") == 12 << 20 and b"".join(place.blocks("a/large")) == b"".join(parts)
    place.put("a/large", [b"x"])
    assert place.size("a/large") == 1 and list(place.blocks("a/large")) == [b"x"]
    place.put("a/none", [])
    assert place.size("a/none") == 0 and list(place.blocks("a/none")) == []


def test_what_breaks_off_does_not_show(place):
    def parts():
        yield b"x" * (6 << 20)
        raise OSError("broken off")

    with pytest.raises((OSError, NotemillError), match="broken off"):
        place.put("a/part", parts())
    assert place.read("a/part") is None and place.size("a/part") is None


# folders
def test_only_files_are_objects(tmp_path):
    place = Folder(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("/dev/zero")
    for name in ("pipe", "folder", "link"):
        assert place.size(name) is None and place.blocks(name) is None


@pytest.mark.parametrize("act", ["create", "write", "put"])
def test_a_folder_that_may_only_be_read_is_told_in_words(tmp_path, monkeypatch, act):
    def refuse(*args, **more):
        raise OSError(30, "Read-only file system")

    (tmp_path / ".incoming").mkdir()
    monkeypatch.setattr("tempfile.mkstemp", refuse)
    with pytest.raises(Denied, match="x: cannot be written: Read-only file system"):
        getattr(Folder(tmp_path), act)("x", b"1" if act != "put" else [b"1"])


def test_what_a_killed_process_left_is_not_seen(tmp_path):
    place = Folder(tmp_path)
    place.create("ledger/toy/00000001.json", b"whole")
    (tmp_path / "ledger/toy/.00000002.json.x1y2").write_bytes(b"hal")
    assert place.names("ledger/toy") == ["ledger/toy/00000001.json"]
    assert os.listdir(tmp_path / "ledger/toy").count(".00000002.json.x1y2") == 1


def test_nothing_is_left_over_and_nothing_can_be_overwritten_by_accident(tmp_path):
    place = Folder(tmp_path)
    place.create("x/a", b"1")
    place.create("x/a", b"2")
    assert os.listdir(tmp_path / "x") == ["a"] and (tmp_path / "x/a").stat().st_mode & 0o777 == 0o444


def test_a_file_system_without_links_is_refused_in_words(tmp_path, monkeypatch):
    def no_links(*args):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(os, "link", no_links)
    with pytest.raises(NotemillError, match="Operation not supported") as caught:
        Folder(tmp_path).create("x/a", b"1")
    assert "no hard links" in caught.value.allowed and os.listdir(tmp_path / "x") == []


# where
def test_a_folder_is_relative_to_the_project(tmp_path):
    assert open_place("../shared", tmp_path / "p", "w").root == tmp_path / "p" / ".." / "shared"
    assert open_place("/srv/x", tmp_path, "w").root.as_posix() == "/srv/x"


@pytest.mark.parametrize("name", ["gs://bucket/x", "s3://", "s3:///", "https://example.org/x"])
def test_another_place_is_refused_in_words(tmp_path, name):
    with pytest.raises(UsageError) as caught:
        open_place(name, tmp_path, "notebooks/pipeline.yaml: records")
    assert "is no place for records" in str(caught.value) and "s3://BUCKET/PREFIX" in str(caught.value)


def test_a_bucket_needs_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "obstore", None)
    with pytest.raises(MissingExtra, match="records in a bucket") as caught:
        open_place("s3://records", tmp_path, "w")
    assert "pip install 'notemill[s3]'" in str(caught.value)


def test_a_bucket_that_is_not_there_is_told_in_words(bucket, tmp_path, monkeypatch):
    for name, value in bucket.items():
        monkeypatch.setenv(name, value)
    place = open_place("s3://nowhere/x", tmp_path, "w")
    for act in (lambda: place.create("a", b""), lambda: place.write("a", b""), lambda: place.names("a"),
                lambda: place.read("a")):
        with pytest.raises(NotemillError, match="s3://nowhere/x/a") as caught:
            act()
        assert "AWS_ENDPOINT_URL" in caught.value.hint and "\n" not in caught.value.got
