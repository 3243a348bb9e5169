"""`notemill gc` removes what nothing refers to, and never what a kept run, a record or a running run refers to."""

import contextlib
import datetime
import json
import os

import pytest
from filelock import FileLock
from ledger_samples import bare, project_of
from s3_server import running_bucket
from tiny import cli, make_project, write

from notemill.project import open_project
from notemill.store import Store


class Cache:
    """A project's .notemill, filled by hand."""

    def __init__(self, root):
        self.root = make_project(root, steps={"a": {"notebook": "a.ipynb"}}, notebooks={"a.ipynb": []})
        self.project = open_project(self.root)

    def content(self, text):
        return self.project.store.add_bytes(text.encode())

    def run(self, name, *, days=100, status="done", content=(), fingerprint=None, origin=None, pending=False):
        started = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=days)
        outputs = {f"out{n}": {"file": "f", "sha256": self.content(text), "bytes": 1} for n, text in enumerate(content)}
        write(self.root / f".notemill/runs/{name}/run.json", json.dumps({
            "run": name, "status": status, "started": started.isoformat(), "steps": [
                {"step": "a", "status": status, "fingerprint": fingerprint, "origin_run": origin or name,
                 "outputs": outputs}]}))
        if pending:
            write(self.root / f".notemill/runs/{name}/mlflow.pending", "{}")

    def result(self, fingerprint, text):
        self.project.keep_result(fingerprint, {"outputs": {"out": {"sha256": self.content(text)}}})

    def age(self, hours=2):
        """All that is there is old."""
        for path in (self.root / ".notemill").rglob("*"):
            if path.is_file():
                os.utime(path, (path.stat().st_mtime - 3600 * hours,) * 2)

    def gc(self, *words):
        self.project.save()
        result = cli("gc", "--json", *words, project=self.root)
        assert result.code == 0, result.err
        return result.json

    @property
    def texts(self):
        return {path.read_text() for path in self.project.store.contents()}

    @property
    def runs(self):
        return set(self.project.run_names())

    @property
    def results(self):
        return {path.stem for path in (self.root / ".notemill/results").glob("*.json")}


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path)


def test_what_nothing_refers_to_goes(cache):
    cache.content("loose")
    write(cache.root / ".notemill/objects/incoming-abc", "left by a killed process")
    cache.result("f1", "of a result")
    cache.run("r1", content=["of an old run"])
    cache.run("r2", content=["of the latest run"])
    cache.age()
    assert cache.gc() == {"removed": 6, "bytes": pytest.approx(600, abs=300), "dry_run": False, "error": None}
    assert (cache.texts, cache.runs, cache.results) == ({"of the latest run"}, {"r2"}, set())


def test_a_dry_run_removes_nothing(cache):
    cache.content("loose")
    cache.run("r1", content=["old"])
    cache.run("r2")
    cache.age()
    told = cache.gc("--dry-run")
    assert told["removed"] == 3 and told["dry_run"] and cache.texts == {"loose", "old"} and cache.runs == {"r1", "r2"}
    assert cache.gc()["bytes"] == told["bytes"] and cache.texts == set()


def test_locks_and_checks_of_the_contract_do_not_pile_up(cache):
    write(cache.root / ".notemill/locks/f1", "")
    write(cache.root / ".notemill/memory/contract/used.json", "{}")
    cache.run("r1", days=0)
    assert cache.gc()["removed"] == 0  # they are young
    cache.age(24)
    write(cache.root / ".notemill/memory/contract/old.json", "{}")
    os.utime(cache.root / ".notemill/memory/contract/old.json", (1e9, 1e9))
    assert cache.gc()["removed"] == 2
    assert not (cache.root / ".notemill/locks/f1").exists()
    assert [path.name for path in (cache.root / ".notemill/memory/contract").iterdir()] == ["used.json"]


def test_locks_stay_while_a_run_goes_on(cache):
    write(cache.root / ".notemill/locks/f1", "")
    cache.run("r1", status="running")
    cache.age()
    (cache.root / ".notemill/active").mkdir()
    with FileLock(cache.root / ".notemill/active/r1"):
        assert cache.gc()["removed"] == 0
    assert cache.gc()["removed"] == 1


def test_runs_of_the_last_days_are_kept(cache):
    cache.run("r1", days=10, content=["ten"])
    cache.run("r2", days=3, content=["three"])
    cache.run("r3", days=0, content=["now"])
    cache.age()
    cache.gc("--keep-days", "5")
    assert (cache.texts, cache.runs) == ({"three", "now"}, {"r2", "r3"})
    cache.gc("--keep-days", "0")
    assert (cache.texts, cache.runs) == ({"now"}, {"r3"})


def test_thirty_days_where_nothing_is_said(cache):
    for name, days in (("r1", 31), ("r2", 29), ("r3", 0)):
        cache.run(name, days=days)
    cache.gc()
    assert cache.runs == {"r2", "r3"}


def test_the_origin_of_what_is_reused_is_kept_and_its_origin(cache):
    cache.run("r0", content=["other"])
    cache.run("r1", content=["first"])
    cache.run("r2", content=["second"], origin="r1")
    cache.run("r3", content=["third"], origin="r2", days=0)
    cache.age()
    cache.gc("--keep-days", "1")
    assert (cache.texts, cache.runs) == ({"first", "second", "third"}, {"r1", "r2", "r3"})


def test_what_has_yet_to_reach_mlflow_is_kept(cache):
    cache.run("r1", content=["waits"], pending=True)
    cache.run("r2")
    cache.age()
    cache.gc()
    assert (cache.texts, cache.runs) == ({"waits"}, {"r1", "r2"})


def test_results_of_kept_runs_and_of_the_present_state_are_kept(cache):
    cache.result("f1", "of a run")
    cache.result("f2", "present")
    cache.result("f3", "gone by")
    cache.run("r1", fingerprint="f1", days=0)
    cache.project.keep_latest("a", {"fingerprint": "f2", "status": "done"})
    write(cache.root / ".notemill/latest/b.json", "[]")
    cache.age()
    cache.gc()
    assert (cache.texts, cache.results) == ({"of a run", "present"}, {"f1", "f2"})


@pytest.mark.parametrize(("place", "text"), [
    (".notemill-records/0001.json", '{"a": [{"model": "DIGEST"}]}'),
    (".notemill-records/verdicts/v.jsonl", '{"a": 1}\n{"sha256:": "sha256:DIGEST"}\n'),
    (".notemill-records/card.md", "the model (DIGEST)\n"),
    (".notemill-records/wheel.bin", "\0\1DIGEST\0"),
    (".notemill/memory/sources/http-1.json", '{"sha256": "DIGEST"}'),
])
def test_what_a_record_refers_to_is_kept(cache, place, text):
    write(cache.root / place, text.replace("DIGEST", cache.content("recorded")))
    write(cache.root / ".notemill-records/empty", "")
    cache.content("loose")
    cache.age()
    cache.gc("--keep-days", "0")
    assert cache.texts == {"recorded"}


def test_nothing_under_records_is_ever_removed(cache):
    for name in ("a.json", "objects/b", "c/d.whl"):
        write(cache.root / ".notemill-records" / name, "x")
    cache.age(9999)
    cache.gc("--keep-days", "0")
    assert len([path for path in (cache.root / ".notemill-records").rglob("*") if path.is_file()]) == 3


def test_while_a_run_goes_on_content_is_left_alone(cache):
    """It will read inputs that its record does not mention yet."""
    cache.content("an input of a step that waits")
    cache.result("f1", "to be reused")
    cache.run("r1", content=["old"])
    cache.run("r2", status="running")
    cache.run("r3", days=0)
    cache.age()
    (cache.root / ".notemill/active").mkdir()
    with FileLock(cache.root / ".notemill/active/r2"):
        assert cache.gc("--keep-days", "0")["removed"] == 1
        assert cache.runs == {"r2", "r3"} and cache.results == {"f1"}
        assert cache.texts == {"an input of a step that waits", "to be reused", "old"}
        assert "while a run goes on" in cli("gc", project=cache.root).out
    cache.gc("--keep-days", "0")  # nobody holds its mark any more: it was killed
    assert (cache.texts, cache.runs, cache.results) == (set(), {"r3"}, set())


def test_what_is_young_may_belong_to_a_run_that_has_yet_to_say_so(cache):
    cache.content("old")
    cache.result("f1", "old too")
    cache.age()
    cache.content("young")
    cache.result("f2", "young too")
    cache.gc("--keep-days", "0")
    assert (cache.texts, cache.results) == ({"young", "young too"}, {"f2"})


def test_a_record_that_cannot_be_read_goes(cache):
    cache.run("r1", days=0)
    write(cache.root / ".notemill/runs/r2/run.json", "{")
    cache.gc()
    assert cache.runs == {"r1"}


def test_an_empty_project(cache):
    assert cache.gc()["removed"] == 0
    assert cli("gc", project=cache.root).out == "removed 0 files and runs, 0 B; kept 0 runs\n"


def test_digests_of_what_is_gone_are_forgotten(cache):
    cache.content("loose")
    cache.age()
    cache.gc()
    assert open_project(cache.root).store.digests.values == {}


@pytest.mark.parametrize("shared", ["../shared", "s3://records/gc"])
def test_records_elsewhere_are_asked_too(tmp_path, monkeypatch, shared):
    """What a version was made from is kept, though it is in the cache alone."""
    with running_bucket(tmp_path) if shared.startswith("s3:") else contextlib.nullcontext({}) as variables:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        records, _ = project_of(tmp_path / "project", records=shared)
        store = Store(tmp_path / "project" / ".notemill")
        data, other = (store.add_bytes(text) for text in (b"training rows", b"nobody's"))
        manifest = bare(records, "toy", "a")
        manifest["files"]["provenance.json"] = records.add(json.dumps({"data": data}).encode())
        records.keep_manifest(manifest)
        for sha256 in (data, other):
            os.utime(store.place(sha256), (0, 0))
        before = records.place_.names("")
        assert cli("gc", "--keep-days", "0", project=tmp_path / "project").code == 0
        assert store.has(data) and not store.has(other) and records.place_.names("") == before
