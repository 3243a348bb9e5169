"""Lineage sent by a process that has imported MLflow while the steps ran."""

import os
import time

import pytest
from tiny import make_project

from notemill import lineage
from notemill.lineage.client import mlflow_client
from notemill.run.sending import Sender


@pytest.fixture
def project(tmp_path, run_here):
    """A project whose run waits for MLflow."""
    made = make_project(tmp_path, steps={"one": {"notebook": "one.ipynb"}}, notebooks={"one.ipynb": ["print(1)"]})
    assert run_here(made, "--offline").code == 0
    return made


def waiting(project):
    return lineage.pending_runs(project / ".notemill" / "runs")


def test_it_sends_when_it_is_told(project):
    (name,) = waiting(project)
    sender = Sender(project, os.environ)
    time.sleep(1)
    assert waiting(project) == [name]
    assert sender.send() == {"sent": [name], "error": None} and not waiting(project)
    sender.stop()
    with mlflow_client(lineage.tracking_uri(project, {})) as client:
        runs = client.search_runs([one.experiment_id for one in client.search_experiments()])
    assert {one.info.status for one in runs} == {"FINISHED"} and len(runs) == 2


def test_one_that_is_stopped_or_left_alone_sends_nothing(project):
    sender = Sender(project, os.environ)
    sender.stop()
    assert sender.process.poll() is not None and waiting(project)
    sender = Sender(project, os.environ)
    assert sender.process.communicate()[0] == b"" and sender.process.returncode == 0  # its standard input has ended
    assert waiting(project)


def test_who_gets_no_answer_sends_it_itself(project):
    sender = Sender(project, os.environ)
    sender.process.kill()
    assert sender.send() is None
