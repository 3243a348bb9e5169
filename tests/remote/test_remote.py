"""The shared store alone: what is asked of its place, what is told, and what is taken for what."""

import errno
import hashlib
import json

import pytest
from s3_server import running_bucket

from notemill.errors import NotemillError, UsageError
from notemill.memory import Memory
from notemill.place import Denied, Folder, open_place
from notemill.remote import Remote, open_remote
from notemill.store import Store

OUTPUTS = {"out": "o.txt"}
KEY = "f" * 64


def content(data=b"data"):
    return {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}


def result(**more):
    return {"format": 1, "step": "a", "text": "t", "outputs": {"out": {"file": "o.txt", **content()}},
            "executed": content(b"{}"), "metrics": {"auc": 0.5}, "origin_run": "20260101-000000-aaaa", "seconds": 1.5,
            "cpu_seconds": None, "peak_mb": 3, "started": "2026-01-01T00:00:00+00:00",
            "ended": "2026-01-01T00:00:01.000001+00:00", "warnings": [], "stored_bytes": 6, **more}


@pytest.fixture(scope="module")
def bucket(tmp_path_factory):
    with running_bucket(tmp_path_factory.mktemp("s3")) as variables:
        yield variables


@pytest.fixture(params=["folder", "bucket"])
def named(request, tmp_path, monkeypatch):
    if request.param == "folder":
        return str(tmp_path / "shared")
    for name, value in request.getfixturevalue("bucket").items():
        monkeypatch.setenv(name, value)
    return f"s3://records/{tmp_path.name}/shared"


@pytest.fixture
def opened(named, tmp_path):
    """A store of that name as another machine sees it, each time."""
    return lambda machine="one": open_remote(named, tmp_path, "here", tmp_path / machine)


def fill(remote):
    for data in (b"data", b"{}"):
        assert remote.put_content(content(data)["sha256"], len(data), lambda data=data: iter([data]))
    assert remote.put_result(KEY, result())


def test_what_one_has_put_there_another_finds(opened, tmp_path):
    assert opened().result(KEY, OUTPUTS) is None
    fill(opened())
    other = opened("two")
    assert other.result(KEY, OUTPUTS) == result() and other.told == []
    store = Store(tmp_path / "store", other)
    assert store.read_bytes(content()["sha256"]) == b"data" and store.path(content(b"{}")["sha256"]).is_file()
    with pytest.raises(KeyError):
        store.path("0" * 64)
    assert other.result(KEY, {"out": "other.txt"}) == result()  # asked once
    assert opened().result(KEY, {"out": "other.txt"}) is None


def test_the_first_result_stays_unless_it_is_made_anew(opened):
    fill(opened())
    opened().put_result(KEY, result(seconds=9))
    assert opened().result(KEY, OUTPUTS)["seconds"] == 1.5
    opened().put_result(KEY, result(seconds=9), anew=True)
    assert opened().result(KEY, OUTPUTS)["seconds"] == 9


def test_damage_is_found_when_it_is_read_and_mended_by_who_has_it(named, opened, tmp_path):
    fill(opened())
    sha256 = content()["sha256"]
    place = open_place(named, tmp_path, "here")
    place.write(f"objects/{sha256[:2]}/{sha256[2:]}", b"date")
    remote = opened()
    assert remote.result(KEY, OUTPUTS) and not Store(tmp_path / "store", remote).obtain(sha256)
    assert not [path for path in (tmp_path / "store" / "objects").rglob("*") if path.is_file()]
    later = opened()
    assert later.result(KEY, OUTPUTS) is None and "is damaged or gone: the step runs again" in later.told[0]
    assert later.put_content(sha256, 4, lambda: iter([b"data"]))
    assert opened().result(KEY, OUTPUTS) and Store(tmp_path / "store", opened()).obtain(sha256)


def test_a_bucket_that_is_not_there_is_told_once(bucket, tmp_path, monkeypatch):
    for name, value in bucket.items():
        monkeypatch.setenv(name, value)
    remote = open_remote("s3://nowhere/x", tmp_path, "here", tmp_path / "noted")
    assert not remote.put_content("0" * 64, 1, lambda: iter([b"x"])) and not remote.put_result(KEY, result())
    assert len(remote.told) == 1 and "takes nothing: s3://nowhere/x/" in remote.told[0]
    assert remote.result(KEY, OUTPUTS) is None


class Refusing(Folder):
    """A place that does not take anything, or does not even say what it has."""

    def __init__(self, root, error, *, reads=True):
        super().__init__(root)
        self.error, self.reads, self.asked = error, reads, 0

    def put(self, name, blocks):
        self.asked += 1
        raise self.error

    def size(self, name):
        self.asked += 1
        if not self.reads:
            raise self.error
        return super().size(name)


@pytest.mark.parametrize(("error", "told"), [
    (Denied("s3://b/x", "403 Forbidden"), "may only be read here: what this run makes is not shared"),
    (OSError(errno.ENOSPC, "No space left on device"), "takes nothing: [Errno 28] No space left on device"),
    (NotemillError("s3://b/x", "500 Internal\nServer Error"), "takes nothing: s3://b/x: 500 Internal")])
def test_what_it_does_not_take_is_told_once(tmp_path, error, told):
    place = Refusing(tmp_path, error)
    remote = Remote("there", lambda: place, Memory(tmp_path / "noted"))
    assert not any(remote.put_content(str(n) * 64, 1, lambda: iter([b"x"])) for n in range(3))
    assert remote.told == [f"the shared store there {told}"] and remote.result(KEY, OUTPUTS) is None
    assert not remote.away


def test_who_is_away_is_asked_once(tmp_path):
    place = Refusing(tmp_path, OSError(errno.EIO, "Input/output error"), reads=False)
    remote = Remote("there", lambda: place, Memory(tmp_path / "noted"))
    assert [remote.result(str(n) * 64, OUTPUTS) for n in range(3)] == [None] * 3
    assert not remote.put_content(KEY, 1, lambda: iter([b"x"])) and list(remote.content(KEY)) == []
    assert place.asked == 1 and remote.told == ["the shared store there is not used: [Errno 5] Input/output error"]


def test_content_that_breaks_off_is_not_called_damaged(tmp_path):
    class Breaking(Folder):
        def blocks(self, name):
            yield b"da"
            raise OSError(errno.EIO, "Input/output error")

    remote = Remote("there", lambda: Breaking(tmp_path / "x"), Memory(tmp_path / "noted"))
    assert not Store(tmp_path / "store", remote).obtain(content()["sha256"])
    assert remote.away and not remote.is_damaged(content()["sha256"]) and not (tmp_path / "noted").exists()


def test_a_bucket_without_the_extra_is_done_without(tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "obstore", None)
    remote = open_remote("s3://b/x", tmp_path, "here", tmp_path / "noted")
    assert remote.result(KEY, OUTPUTS) is None and "pip install 'notemill[s3]'" in remote.told[0]


@pytest.mark.parametrize("name", ["gs://b/x", "s3://", "http://x"])
def test_what_is_no_name_is_refused(tmp_path, name):
    with pytest.raises(UsageError, match="is no place for a shared store"):
        open_remote(name, tmp_path, "NOTEMILL_STORE", tmp_path / "noted")
    assert open_remote("none", tmp_path, "x", tmp_path) is None and open_remote(None, tmp_path, "x", tmp_path) is None


def test_what_is_said_of_a_run_names_no_machine(tmp_path):
    from notemill.remote import run_facts

    record = {"format": 1, "notemill": "0.1.0", "run": "20260101-000000-aaaa", "project": "p", "reason": "push",
              "started": "2026-01-01T00:00:00+00:00", "ended": "2026-01-01T00:00:01+00:00", "secrets": ["TOKEN"],
              "git": {"commit": "c", "branch": None, "author": "A <a@b>", "dirty": True, "diff": "0" * 64,
                      "left_out": ["secret.pem"]},
              "environment": {"python": "3.11", "implementation": "cpython", "distributions": "1" * 64},
              "machine": {"host": "desk", "system": "Linux", "cpus": 2, "memory_mb": 5}, "contract": None,
              "pipeline": {"sha256": "2" * 64}, "package": {"sha256": "3" * 64}, "warnings": ["w"], "steps": [
                  {"step": "a", "notebook": "notebooks/a.ipynb", "notebook_sha256": "4" * 64, "params": {"n": 1},
                   "inputs": {"d": {"from": "data/x.csv", "files": [{"name": "data/x.csv", "sha256": "5" * 64}]}},
                   "seconds": 1.0, "cpu_seconds": None, "peak_mb": None, "components": {"env": {}}}]}
    told = json.dumps(run_facts(record))
    assert not any(word in told for word in ("desk", "TOKEN", "secret.pem", "diff", "components"))
    remote = Remote("there", lambda: Folder(tmp_path), Memory(tmp_path / "noted"))
    assert remote.put_run(record) and remote.run("p", record["run"]) == run_facts(record)
    assert remote.run("p", "20260101-000000-bbbb") is None
