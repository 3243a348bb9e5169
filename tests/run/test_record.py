"""The record of a run: which runs are alive, where and why they happened."""

import contextlib
import importlib
import json
import sqlite3
import subprocess
import threading
import time
from dataclasses import replace

import pytest
from processes import until
from tiny import cli, last_record, make_project, notebook, write

from notemill.execute import CellFailure
from notemill.plan import Options, get_ready
from notemill.project import open_project
from notemill.redact import Redactor
from notemill.run import facts
from notemill.run.record import Record, active, close_dead_runs, marking, marks
from notemill.run.step import failure_facts
from notemill.store import Store


@pytest.fixture
def project(tmp_path):
    steps = {"one": {"notebook": "one.ipynb"}, "two": {"notebook": "one.ipynb"}}
    return open_project(make_project(tmp_path, steps=steps, notebooks={"one.ipynb": ["1"]}))


def record_of(project, redactor=None):
    return Record(project, get_ready(project, Options()), redactor or Redactor({}))


def read(record):
    return json.loads((record.folder / "run.json").read_text())


def test_a_run_is_marked_while_it_lives_and_others_leave_it_alone(project):
    record = record_of(project)
    with active(project, record):
        close_dead_runs(project)
        assert read(record)["status"] == "running" and (marks(project) / record.name).exists()
    assert not (marks(project) / record.name).exists()


def test_a_run_that_broke_off_is_closed_later(project):
    record = record_of(project)
    with pytest.raises(OSError), active(project, record):
        record.update("one", status="running", action="run")
        write(record.folder / "one" / "work" / "outputs" / "out.txt", "half")
        raise OSError("disk")
    assert read(record)["status"] == "running"
    close_dead_runs(project)
    assert read(record)["status"] == "interrupted"
    assert [step["status"] for step in read(record)["steps"]] == ["failed", "skipped"]
    assert [step["action"] for step in read(record)["steps"]] == ["run", "run"]
    assert not list(record.folder.rglob("work")) and not list(marks(project).iterdir())


def test_a_mark_without_a_record_goes(project):
    write(marks(project) / "20260101-000000-0000", "")
    close_dead_runs(project)
    assert not list(marks(project).iterdir())


def test_a_mark_is_made_and_held_at_once(project):
    """Between the two, another run that looks for dead ones would take it for one of theirs."""
    record, ended = record_of(project), threading.Event()

    def hold():
        with active(project, record):
            ended.wait(60)

    with marking(project):
        thread = threading.Thread(target=hold)
        thread.start()
        assert not until((marks(project) / record.name).exists, 0.3)
    assert until((marks(project) / record.name).exists, 60)
    ended.set()
    thread.join()
    assert not (marks(project) / record.name).exists()


def test_a_record_is_written_without_secrets(project):
    record = record_of(project, Redactor({"TOKEN": "s3cret-value"}))
    record.warn("read s3cret-value")
    record.update("one", reasons=["parameter x 1 -> s3cret-value"])
    assert "s3cret-value" not in json.dumps(read(record)) and "s3cret-value" not in json.dumps(record.shown())
    assert record.step("one")["reasons"] == ["parameter x 1 -> s3cret-value"]


def killed(root, environ, names=("API_TOKEN",)):
    """A record whose run was killed while its step logged; what is left of the step, by name."""
    project = open_project(make_project(root, secrets=list(names), steps={"one": {"notebook": "one.ipynb"}}, notebooks={
        "one.ipynb": ["1"]}), {"API_TOKEN": "s3cret-value"})
    record = record_of(project)
    with pytest.raises(OSError), active(project, record):
        record.update("one", status="running", action="run", started=record.facts["started"])
        folder = record.folder / "one"
        with contextlib.closing(sqlite3.connect(write(folder / "mlflow" / "spool.db", ""))) as database, database:
            database.execute("create table params (key text, value text)")
            database.execute("insert into params values ('k', 's3cret-value')")
        write(folder / "executed.ipynb", json.dumps(notebook("print('s3cret-value')")))
        raise OSError("killed")
    close_dead_runs(replace(project, environ=environ))
    return project, record


def holding(project, text=b"s3cret"):
    return [path for path in project.folder.rglob("*") if path.is_file() and text in path.read_bytes()]


def test_what_a_killed_step_logged_is_redacted(tmp_path):
    project, record = killed(tmp_path, {"API_TOKEN": "s3cret-value"})
    assert read(record)["secrets"] == ["API_TOKEN"] and holding(project) == []
    assert b"******" in (record.folder / "one" / "mlflow" / "spool.db").read_bytes()
    step, = read(record)["steps"]
    assert step["warnings"] == [] and b"******" in project.store.read_bytes(step["executed"]["sha256"])


@pytest.mark.parametrize("environ", [{}, {"API_TOKEN": ""}, {"API_TOKEN": "abc"}])
def test_what_a_killed_step_logged_goes_where_its_secrets_are_not_known(tmp_path, environ):
    project, record = killed(tmp_path, environ)
    assert holding(project) == [] and not (record.folder / "one" / "mlflow").exists()
    step, = read(record)["steps"]
    assert step["executed"] is None and "not set any more" in step["warnings"][0]


def test_a_message_is_redacted_before_it_is_cut(project):
    ready = get_ready(project, Options())["one"]
    failure = CellFailure(name="E", message="x" * 1995 + "s3cret-value", cell=1, line=1)
    facts = failure_facts(failure, ready, Redactor({"TOKEN": "s3cret-value"}).text)
    assert facts["message"] == "x" * 1995 + "***** ..."


def many(root, count):
    return open_project(make_project(root, notebooks={"one.ipynb": ["1"]}, steps={
        f"s{n}": {"notebook": "one.ipynb"} for n in range(count)}))


def test_the_record_of_many_steps_is_not_written_all_the_time(tmp_path, monkeypatch):
    record, sizes = record_of(many(tmp_path, 60)), []

    def write_slowly():
        sizes.append(len(record.shown()["steps"]))
        time.sleep(0.01)

    monkeypatch.setattr(record, "_write_whole", write_slowly)
    for name in record.steps:
        record.update(name, status="running")
        record.update(name, status="done")
    assert 1 <= len(sizes) < 10
    assert until(lambda: not record.later, 60), "the last change was never written"
    before = len(sizes)
    record.end("done", None)
    assert len(sizes) == before + 1


def test_the_last_change_of_many_steps_is_written_soon(tmp_path):
    record = record_of(many(tmp_path, 60))
    for name in record.steps:
        record.update(name, status="done")
    assert until(lambda: {step["status"] for step in read(record)["steps"]} == {"done"}, 10)


@pytest.mark.parametrize("act", [
    lambda record: record.set("one", status="done"), lambda record: record.update("one", status="done"),
    lambda record: record.shown(), lambda record: record.warn("text"), lambda record: record.write(),
    lambda record: record.end("done", None)], ids=["set", "update", "shown", "warn", "write", "end"])
def test_facts_are_changed_and_looked_at_by_one_thread_at_a_time(project, act):
    """What one writes down is of one moment, though steps end at once."""
    record = record_of(project)
    thread = threading.Thread(target=act, args=[record])
    with record.lock:
        before = json.dumps(record.facts)
        thread.start()
        thread.join(0.3)
        assert thread.is_alive() and json.dumps(record.facts) == before
    thread.join(60)
    assert not thread.is_alive()


def test_a_step_changes_its_facts_under_the_lock(project, monkeypatch):
    """What `step` gives is looked at, by run_step also: while others write, nobody changes it."""
    from notemill.execute import Executed
    from notemill.run.step import keep_evidence

    record = record_of(project)
    monkeypatch.setattr(record, "set", lambda *args, **facts: None)
    before = json.dumps(record.step("one"))
    keep_evidence(project, record, get_ready(project, Options())["one"], Executed(notebook("1"), None, 1, 1, 1),
                  record.folder / "one")
    assert json.dumps(record.step("one")) == before


def test_a_full_disk_is_met_with_the_reserve(project, monkeypatch):
    record, real = record_of(project), importlib.import_module("notemill.run.record").write_json
    record.reserve()

    def full(path, value):
        if (record.folder / "reserve").exists():
            raise OSError(28, "No space left on device")  # a fake of it
        real(path, value)

    monkeypatch.setattr(importlib.import_module("notemill.run.record"), "write_json", full)
    record.end("failed", None)
    assert read(record)["status"] == "failed" and not (record.folder / "reserve").exists()


def test_a_run_with_nothing_to_do_asks_git_nothing(tmp_path, run_here, monkeypatch):
    project = make_project(tmp_path, steps={"one": {"notebook": "one.ipynb"}}, notebooks={"one.ipynb": ["1"]})
    asked = []
    monkeypatch.setattr(facts, "git", lambda *args: asked.append(args))
    assert run_here(project).code == 0 and len(asked) == 1
    assert run_here(project).code == 0 and len(asked) == 1


def commit(root):
    for words in (["init", "-q", "-b", "main"], ["add", "."],
                  ["-c", "user.name=Ada", "-c", "user.email=ada@example.org", "commit", "-qm", "first"]):
        subprocess.run(["git", "-C", str(root), *words], check=True)


def test_commit_branch_author_and_unsaved_changes(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))  # the tests may run within a repository
    store = Store(tmp_path / ".notemill")
    write(tmp_path / "a.txt", "one\n")
    assert facts.git(tmp_path, store, Redactor({})) is None
    write(tmp_path / ".gitignore", ".notemill/\n")
    commit(tmp_path)
    clean = facts.git(tmp_path, store, Redactor({}))
    assert len(clean["commit"]) == 40 and (clean["branch"], clean["author"]) == ("main", "Ada <ada@example.org>")
    assert (clean["dirty"], clean["diff"]) == (False, None)
    write(tmp_path / "a.txt", "two s3cret-value\n")
    dirty = facts.git(tmp_path, store, Redactor({"TOKEN": "s3cret-value"}))
    assert dirty["dirty"] and b"+two ******" in store.read_bytes(dirty["diff"])


def test_a_machine_without_git(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert facts.git(tmp_path, Store(tmp_path / ".notemill"), Redactor({})) is None


@pytest.mark.parametrize(("environ", "reason"), [
    ({}, "by hand"), ({"DRONE_BUILD_EVENT": "push"}, "push"), ({"DRONE_BUILD_EVENT": "pull_request"}, "pull request"),
    ({"DRONE_BUILD_EVENT": "cron"}, "schedule"), ({"DRONE_BUILD_EVENT": "promote"}, "promote"),
    ({"DRONE_BUILD_EVENT": "cron", "NOTEMILL_REASON": "drift"}, "drift"),
    ({"DRONE_BUILD_EVENT": "new kind"}, "by hand")])
def test_why_a_run_happens(environ, reason):
    assert facts.reason(environ) == reason


def test_the_build_that_a_run_is_part_of():
    assert facts.ci({}) is None
    assert facts.ci({"DRONE_BUILD_NUMBER": "12", "DRONE_BUILD_LINK": "http://drone/12"}) == {
        "build": "12", "link": "http://drone/12"}


def test_the_record_is_complete(tmp_path, run_here):
    project = make_project(tmp_path, steps={
        "one": {"notebook": "one.ipynb", "inputs": {"source": "data.csv", "many": "part-*.csv"}, "params": {"x": 2},
                "outputs": {"out": "metrics.json"}},
        "two": {"notebook": "two.ipynb", "inputs": {"data": "one.out"}}}, files={
        "data.csv": "a\n", "part-1.csv": "1", "part-2.csv": "2", "package/features.py": "x = 1\n"}, notebooks={
        "one.ipynb": notebook("import features, json",
                              "json.dump({'score': 0.5, 'name': 'n', 'bad': float('nan')}, open(out, 'w'))",
                              parameters="source = ''\nmany = []\nx: int = 1\nout = ''"),
        "two.ipynb": notebook("1", parameters="data = ''")})
    assert run_here(project).code == 0
    record = last_record(project)
    assert record["format"] == 1 and record["status"] == "done"
    assert record["seconds"] > 0 and record["ended"] > record["started"]
    assert record["machine"]["cpus"] >= 1 and record["machine"]["memory_mb"] > 100 and record["environment"]["python"]
    one, two = record["steps"]
    assert one["inputs"]["source"]["sha256"] and [file["name"] for file in one["inputs"]["many"]["files"]] == [
        "part-1.csv", "part-2.csv"]
    assert one["params"] == {"x": 2} and one["metrics"] == {"score": 0.5} and one["origin_run"] == record["run"]
    assert one["outputs"]["out"]["file"] == "metrics.json" and one["outputs"]["out"]["bytes"] > 10
    assert two["inputs"]["data"]["sha256"] == one["outputs"]["out"]["sha256"] and two["needs"] == ["one"]
    for step in record["steps"]:
        assert step["seconds"] > 0 and step["cpu_seconds"] > 0 and step["peak_mb"] > 1 and step["stored_bytes"] > 100
        assert step["started"] < step["ended"] and step["executed"]["bytes"] and step["error"] is None
    told = cli("run", "--offline", "--json", project=project).json["steps"][0]
    assert told == {"step": "one", "action": "reuse", "status": "reused", "reasons": [], "seconds": 0.0,
                    "cpu_seconds": 0.0, "peak_mb": told["peak_mb"], "report": "reports/one.html", "warnings": []}
