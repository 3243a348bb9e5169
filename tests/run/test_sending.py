"""Lineage sent by another process while the run goes on."""

import json
import os
import subprocess
import sys
import time

import pytest
from tiny import make_project

from notemill import lineage
from notemill.errors import NotemillError
from notemill.lineage.client import mlflow_client
from notemill.run import sending

PATIENCE = 120  # seconds


@pytest.fixture
def going_on(tmp_path, run_here):
    """The folder of a run whose record says that it goes on: `one` is done, `two` still runs."""
    names = ("one", "two")
    project = make_project(tmp_path, steps={name: {"notebook": f"{name}.ipynb"} for name in names},
                           notebooks={f"{name}.ipynb": [f"print('{name}')"] for name in names})
    folder = project / ".notemill" / "runs" / run_here(project).json["run"]
    change(folder, status="running", two="running")
    return folder


def change(folder, status, **steps):
    record = json.loads((folder / "run.json").read_text())
    record["status"] = status
    for step in record["steps"]:
        step["status"] = steps.get(step["step"], step["status"])
    (folder / "run.json").write_text(json.dumps(record))


def follow(folder):
    """The process that sends what ends of this run."""
    return subprocess.Popen([sys.executable, "-m", sending.MODULE, folder.parents[2], folder.name], text=True,
                            stdout=subprocess.PIPE, env=os.environ)


def in_mlflow(folder):
    """The status of the run's parts that MLflow has; the parent's under ""."""
    with mlflow_client(lineage.tracking_uri(folder.parents[2], {})) as client:
        found = client.search_runs([one.experiment_id for one in client.search_experiments()],
                                   f"tags.`notemill.run` = '{folder.name}'")
        return {one.data.tags.get("notemill.step", ""): one.info.status for one in found}


def test_what_is_done_is_sent_while_the_rest_runs_and_the_rest_at_the_end(going_on):
    (going_on / "reports" / "two.html").unlink()
    process, end = follow(going_on), time.monotonic() + PATIENCE
    while in_mlflow(going_on).get("one") != "FINISHED" and time.monotonic() < end:
        time.sleep(0.1)
    assert in_mlflow(going_on) == {"": "RUNNING", "one": "FINISHED"} and process.poll() is None
    change(going_on, status="done", two="done")
    assert json.loads(process.communicate(timeout=PATIENCE)[0]) == {"sent": [going_on.name], "error": None}
    assert in_mlflow(going_on) == {"": "FINISHED", "one": "FINISHED", "two": "FINISHED"}


def test_a_step_whose_report_is_still_to_come_waits(going_on):
    assert lineage.done_steps(going_on, lineage.read_record(going_on)) == ["one"]
    (going_on / "reports" / "one.html").unlink()
    assert lineage.done_steps(going_on, lineage.read_record(going_on)) == []


def test_an_interrupted_run_waits_for_the_next_one(going_on):
    change(going_on, status="interrupted")
    assert json.loads(follow(going_on).communicate(timeout=PATIENCE)[0]) == {"sent": [], "error": None}
    assert lineage.pending_runs(going_on.parent) == [going_on.name]


def test_who_gets_no_process_sends_it_itself(tmp_path, monkeypatch):
    def fail(*args):
        raise NotemillError("the warm process", "has gone")

    monkeypatch.setattr("notemill.execute.warm.call.call", fail)
    sender = sending.Sender(tmp_path, "run", {}, [], type("Pool", (), {"processes": {}})())
    sender.start()
    assert sender.result() is None


def test_without_a_warm_process_one_of_its_own_sends(going_on):
    sender = sending.Sender(going_on.parents[2], going_on.name, os.environ, [], None)
    sender.start()
    change(going_on, status="done", two="done")
    assert sender.result() == {"sent": [going_on.name], "error": None}


def test_a_process_that_is_stopped_sends_nothing_more(going_on):
    sender, end = sending.Sender(going_on.parents[2], going_on.name, os.environ, [], None), time.monotonic() + PATIENCE
    sender.start()
    while not sender.process and time.monotonic() < end:
        time.sleep(0.01)
    sender.stop()
    assert sender.process.poll() is not None and sender.told is None
