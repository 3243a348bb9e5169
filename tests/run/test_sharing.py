"""A store that two checkouts share: what one has made no other makes again, and nothing wrong is taken over."""

import json
import os
import shutil
import signal
import subprocess

import pytest
from processes import started, until
from s3_server import running_bucket
from shared_samples import (
    Team,
    actions,
    can_unshare,
    object_of,
    objects,
    overwrite,
    planned,
    read_only,
    reasons,
    result_of,
    taken,
)
from tiny import cli, command, last_record, make_project, notebook, write

from notemill.project import open_project

REUSED, RUN = dict.fromkeys("abc", "reuse"), dict.fromkeys("abc", "run")
SHARED = {step: ["from the shared store"] for step in "abc"}


@pytest.fixture
def team(tmp_path):
    return Team(tmp_path)


@pytest.fixture
def shared(tmp_path):
    return tmp_path / "shared"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A first checkout's run."""
    team = Team(tmp_path_factory.mktemp("made"))
    told = team.run(team.checkout("one"))
    assert (team.ran(), actions(told)) == ("abc", RUN)
    return team


@pytest.fixture
def filled(made, tmp_path):
    """A copy of what it left."""
    made.ran()
    shutil.copytree(made.base / "shared", tmp_path / "shared")
    return Team(tmp_path, ran_file=made.ran_file)


def test_what_one_has_made_the_other_takes_over(made, filled):
    two = filled.checkout("two", files={"README.md": "other words"})
    told = planned(two)
    assert (actions(told), reasons(told), told["warnings"]) == (REUSED, SHARED, [])
    assert not objects(two / ".notemill")  # a plan fetches no content
    told = filled.run(two)
    assert (actions(told), told["warnings"], filled.ran()) == (REUSED, [], "")
    assert reasons(told) == SHARED
    one, other = last_record(made.base / "one"), last_record(two)
    assert [step["origin_run"] for step in other["steps"]] == [one["run"]] * 3
    assert [step["outputs"] for step in other["steps"]] == [step["outputs"] for step in one["steps"]]
    assert (two / "reports" / "c.html").is_file()


def test_content_comes_when_somebody_needs_it(filled, tmp_path):
    two = filled.checkout("two")
    filled.run(two)
    outputs = {step["step"]: step["outputs"]["out"]["sha256"] for step in last_record(two)["steps"]}
    assert not any(object_of(two / ".notemill", sha256).exists() for sha256 in outputs.values())
    assert cli("get", "c.out", tmp_path / "got", project=two).code == 0
    assert (tmp_path / "got").read_text() == "cba"
    assert [object_of(two / ".notemill", outputs[step]).exists() for step in "abc"] == [False, False, True]
    filled.run(two, "-p", "c.name=z")
    assert filled.ran() == "z" and object_of(two / ".notemill", outputs["b"]).exists()
    assert not object_of(two / ".notemill", outputs["a"]).exists()


def test_what_the_gate_reads_comes_with_the_run(filled):
    two = filled.checkout("two", gate={"model": "b.out", "data": "c.out"})
    filled.run(two)
    outputs = [step["outputs"]["out"]["sha256"] for step in last_record(two)["steps"]]
    assert [object_of(two / ".notemill", sha256).exists() for sha256 in outputs] == [True, True, True]
    assert filled.ran() == ""


def test_a_store_may_be_named_by_the_environment(team, shared, tmp_path, monkeypatch):
    monkeypatch.setenv("NOTEMILL_STORE", str(tmp_path / "other"))
    team.run(team.checkout("one"))
    assert not shared.exists() and len(objects(tmp_path / "other")) >= 6
    two = team.checkout("two")
    assert actions(planned(two)) == REUSED
    monkeypatch.setenv("NOTEMILL_STORE", "none")
    assert actions(planned(two)) == RUN
    monkeypatch.setenv("NOTEMILL_STORE", "ftp://x/y")
    told = cli("plan", project=two)
    assert told.code == 2 and "NOTEMILL_STORE: 'ftp://x/y' is no place for a shared store" in told.err


def test_a_change_runs_what_depends_on_it_and_no_more(filled):
    two = filled.checkout("two")
    told = filled.run(two, "-p", "b.name=y")
    assert (actions(told), filled.ran()) == ({"a": "reuse", "b": "run", "c": "run"}, "yc")
    assert actions(planned(filled.checkout("three"), "-p", "b.name=y")) == REUSED


def test_trials_are_not_shared(team, shared):
    team.run(team.checkout("one", smoke={"a": {"name": "s"}}), "--smoke")
    assert team.ran() == "sbc" and not shared.exists()


# what is not as it should be
def test_damaged_content_is_made_again_and_mended(filled, shared):
    _, facts = result_of(shared, "b")
    damaged = object_of(shared, facts["executed"]["sha256"])
    whole = damaged.read_bytes()
    overwrite(damaged, whole[:-1] + b"x")
    two = filled.checkout("two")
    told = filled.run(two)
    assert (actions(told), filled.ran()) == ({"a": "reuse", "b": "run", "c": "reuse"}, "b")
    assert reasons(told)["b"][0] == "its content in the shared store is damaged or gone"
    assert len(told["warnings"]) == 1 and "is damaged or gone: the step runs again" in told["warnings"][0]
    assert taken(filled.checkout("three")) == (REUSED, SHARED, [])


@pytest.mark.parametrize("how", ["cut", "other", "gone"])
def test_content_that_a_step_needs_is_looked_at_before_any_runs(filled, shared, how):
    damaged = object_of(shared, result_of(shared, "a")[1]["outputs"]["out"]["sha256"])
    damaged.unlink() if how == "gone" else overwrite(damaged, b"" if how == "cut" else b"x")
    two = filled.checkout("two", gate={"model": "b.out", "data": "c.out"})
    told = taken(two)
    assert told[0] == {"a": "run", "b": "run", "c": "run"} and len(told[2]) == 1
    if how == "other":
        filled.run(two)
        assert filled.ran() == "a" and damaged.read_bytes() == b"a"


@pytest.mark.parametrize("text", [b"", b"{}", b"[1]", b"null", b"\xff\xfe", b"[" * 100_000, b"{\"format\": 1e999}",
                                  b" " * 4_000_001])
def test_facts_of_another_form_are_a_miss(filled, shared, text):
    overwrite(result_of(shared, "c")[0], text)
    steps, _, told = taken(two := filled.checkout("two"))
    assert steps == {"a": "reuse", "b": "reuse", "c": "run"}
    assert len(told) == 1 and "has not the form of what notemill writes" in told[0]
    if text == b"null":
        filled.run(two)
        assert taken(filled.checkout("three")) == (REUSED, SHARED, [])  # it was mended


@pytest.mark.parametrize(("key", "value"), [
    ("outputs", {"out": {"file": "../../x", "sha256": "0" * 64, "bytes": 1}}), ("outputs", {}),
    ("executed", {"sha256": "../" * 10, "bytes": 1}), ("metrics", {"auc": "<b>"}), ("metrics", {"auc": float("nan")}),
    ("origin_run", "../../run"), ("warnings", [{"a": 1}]), ("ended", "2026-02-31T00:00:00+00:00"), ("seconds", -1),
    ("stored_bytes", "many"), ("format", 2)])
def test_no_single_fact_of_another_form_gets_through(filled, shared, key, value):
    path, facts = result_of(shared, "c")
    overwrite(path, json.dumps({**facts, key: value}).encode())
    told = planned(filled.checkout("two"))
    assert actions(told) == {"a": "reuse", "b": "reuse", "c": "run"} and len(told["warnings"]) == 1


@pytest.mark.parametrize("content", [b"no json", b"[]", b"{}", b"{\"cells\": [1]}", b"{\"cells\": 5}"])
def test_an_executed_notebook_that_is_none_is_made_again(filled, shared, content):
    import hashlib

    path, facts = result_of(shared, "c")
    sha256 = hashlib.sha256(content).hexdigest()
    write(object_of(shared, sha256), content)
    overwrite(path, json.dumps({**facts, "executed": {"sha256": sha256, "bytes": len(content)}}).encode())
    assert taken(filled.checkout("two"))[0] == {"a": "reuse", "b": "reuse", "c": "run"}


def test_damage_that_shows_late_is_known_to_the_next_run(filled, shared, tmp_path):
    damaged = object_of(shared, result_of(shared, "a")[1]["outputs"]["out"]["sha256"])
    overwrite(damaged, b"x")
    two = filled.checkout("two")
    assert actions(filled.run(two)) == REUSED  # nobody needs what it gave
    told = cli("get", "a.out", tmp_path / "got", project=two)
    assert told.code == 2 and "is no longer in the store" in told.err and not (tmp_path / "got").exists()
    assert actions(filled.run(two))["a"] == "run" and damaged.read_bytes() == b"a"
    assert taken(filled.checkout("three")) == (REUSED, SHARED, [])
    assert taken(two)[0] == REUSED


def test_what_is_not_shared_is_not_called_damaged(filled, shared):
    opened = open_project(filled.checkout("two"))
    content = opened.store.add_bytes(b"later")
    opened.store.place(content).unlink()
    assert not opened.store.obtain(content)
    write(object_of(shared, content), b"later")
    assert open_project(opened.root).store.read_bytes(content) == b"later"


def test_an_origin_that_is_none_is_done_without(filled, shared):
    (path,) = (shared / "runs" / "tiny").iterdir()
    overwrite(path, json.dumps({**json.loads(path.read_text()), "git": {"commit": 5}}).encode())
    two = filled.checkout("two")
    steps, _, told = taken(two)
    assert steps == REUSED and "runs/tiny/" in told[0]
    assert not (two / ".notemill" / "elsewhere").exists()


def test_a_pipe_among_the_objects_lets_nobody_wait(filled, shared):
    damaged = object_of(shared, result_of(shared, "c")[1]["executed"]["sha256"])
    damaged.unlink()
    os.mkfifo(damaged)
    assert taken(filled.checkout("two"))[0] == {"a": "reuse", "b": "reuse", "c": "run"}


# who may do what
@pytest.mark.skipif(not can_unshare(), reason="this user may not mount")
def test_a_store_that_may_only_be_read_is_read(filled, shared):
    before = {path: path.stat().st_mtime_ns for path in shared.rglob("*")}
    code, out, err = read_only(shared, "run", "--offline", "--json", "-p", "c.name=z", project=filled.checkout("two"))
    assert code == 0, err
    told = json.loads(out)
    assert (actions(told), filled.ran()) == ({"a": "reuse", "b": "reuse", "c": "run"}, "z")
    assert told["warnings"] == ["the shared store ../shared may only be read here: what this run makes is not shared"]
    assert {path: path.stat().st_mtime_ns for path in shared.rglob("*")} == before
    assert not filled.run(filled.checkout("three"))["warnings"]  # nothing to share, nothing to say


@pytest.mark.parametrize("store", ["../not/there", "s3://nowhere/x"])
def test_a_store_that_is_away_is_told_once(tmp_path, monkeypatch, store):
    if store.startswith("s3"):
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    team = Team(tmp_path, store)
    one = team.checkout("one")
    told = planned(one)
    assert len(told["warnings"]) == 1 and f"the shared store {store} is not used:" in told["warnings"][0]
    told = team.run(one)
    assert team.ran() == "abc" and actions(team.run(one)) == REUSED
    assert len(told["warnings"]) == (0 if store.startswith("s3") else 1)  # offline no network is asked
    assert not (tmp_path / "not").exists()


def test_a_store_that_says_nothing_is_not_waited_for(tmp_path, monkeypatch):
    import socket
    import time

    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
        monkeypatch.setattr("notemill.remote.remote.PATIENCE", 0.5)
        began = time.monotonic()
        told = planned(Team(tmp_path, "s3://b/x").checkout("one"))
    assert "no answer within 0.5 s" in told["warnings"][0] and time.monotonic() - began < 10


# at once, and cut short
def test_two_at_once_leave_one_whole_store(team, shared):
    projects = [team.checkout(name) for name in ("one", "two")]
    running = [started("run", "--offline", "--json", project=project) for project in projects]
    processes = [one.__enter__() for one in running]
    ended = [process.communicate(timeout=120) for process in processes]
    for one in running:
        one.__exit__(None, None, None)
    assert [process.returncode for process in processes] == [0, 0], ended
    assert len(list((shared / "results").iterdir())) == 3 and not list((shared / ".incoming").iterdir())
    assert taken(team.checkout("three")) == (REUSED, SHARED, [])


def test_who_is_killed_leaves_nothing_half_done(team, shared):
    cell = "import os\nopen(out, 'wb').write(os.urandom(60_000_000))"

    def checkout(name):
        return make_project(team.base / name, store="../shared", steps={
            "a": {"notebook": "a.ipynb", "outputs": {"out": "a.bin"}}},
            notebooks={"a.ipynb": notebook(cell, parameters="out = ''")})

    with started("run", "--offline", project=checkout("one")) as process:
        assert until(lambda: any((shared / ".incoming").glob("*")), 60)
        process.send_signal(signal.SIGKILL)
        process.wait()
    left = list((shared / ".incoming").iterdir())
    assert left and not (shared / "results").exists()
    os.utime(left[0], (1, 1))
    team.run(checkout("two"))
    assert not list((shared / ".incoming").iterdir())
    assert taken(checkout("three"))[0] == {"a": "reuse"}


def test_a_forced_result_counts_from_now_on(filled, shared):
    before = result_of(shared, "c")[1]["origin_run"]
    filled.run(filled.checkout("two"), "c", "--force=c")
    assert filled.ran() == "c" and result_of(shared, "c")[1]["origin_run"] != before


def test_gc_leaves_the_shared_store_alone(filled, shared):
    two = filled.checkout("two")
    filled.run(two)
    before = sorted(shared.rglob("*"))
    for path in [*(two / ".notemill").rglob("*")]:
        if path.is_file():
            os.utime(path, (1, 1))
    assert cli("gc", "--keep-days", "0", project=two).code == 0
    assert sorted(shared.rglob("*")) == before
    assert len(list((two / ".notemill" / "elsewhere").iterdir())) == 1  # what the last run refers to
    shutil.rmtree(two / ".notemill" / "runs")
    filled.run(two, "-p", "a.name=q", "-p", "b.name=r", "-p", "c.name=s")
    os.utime(next((two / ".notemill" / "elsewhere").iterdir()), (1, 1))
    assert cli("gc", "--keep-days", "0", project=two).code == 0
    assert not list((two / ".notemill" / "elsewhere").iterdir())


# in a bucket
@pytest.fixture(scope="module")
def bucket(tmp_path_factory):
    with running_bucket(tmp_path_factory.mktemp("s3")) as variables:
        yield variables


@pytest.mark.timeout(900)  # two processes that import MLflow, where the machine is busy
def test_a_bucket_does_as_well(bucket, tmp_path, monkeypatch):
    for name, value in bucket.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    team = Team(tmp_path, f"s3://records/{tmp_path.name}/store")

    def online(project, *args):
        done = subprocess.run(command("run", "--json", *args, project=project), capture_output=True, text=True,
                              timeout=400)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    online(team.checkout("one"))
    assert team.ran() == "abc"
    two = team.checkout("two")
    assert reasons(planned(two)) == SHARED and actions(planned(two, "--offline")) == RUN
    told = online(two, "-p", "c.name=z")
    assert (actions(told), told["warnings"], team.ran()) == ({"a": "reuse", "b": "reuse", "c": "run"}, [], "z")
