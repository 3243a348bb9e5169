"""Lineage sent from a process of its own."""

import json
import os
import subprocess
import sys

import pytest
from tiny import make_project

from notemill import lineage
from notemill.run import publishing

SECRET = "not-for-the-logs"  # pragma: allowlist secret


@pytest.fixture
def project(tmp_path, run_here):
    """With a run that waits, in whose record a secret has got by an accident."""
    project = make_project(tmp_path, steps={"one": {"notebook": "one.ipynb", "secrets": ["LOGIN"]}},
                           notebooks={"one.ipynb": ["print('shown')"]})
    run = run_here(project).json["run"]
    file = project / ".notemill" / "runs" / run / "run.json"
    record = json.loads(file.read_text())
    record["steps"][0]["warnings"] = [f"said {SECRET}"]
    file.write_text(json.dumps(record))
    return project


def sent(project, **environ):
    done = subprocess.run([sys.executable, "-m", "notemill.run.publishing", project], capture_output=True, text=True,
                          env=os.environ | environ)
    assert done.stdout.count("\n") == 1, done
    return done.returncode, json.loads(done.stdout)


def test_what_waits_is_sent_without_secrets(project):
    from notemill.lineage.client import mlflow_client

    run, = lineage.pending_runs(project / ".notemill" / "runs")
    assert sent(project, LOGIN=SECRET) == (0, {"sent": [run], "error": None})
    ids = lineage.published(project / ".notemill" / "runs" / run)
    with mlflow_client(lineage.tracking_uri(project, {})) as client:
        assert client.get_run(ids["one"]).data.tags["notemill.warnings"] == "said ******"
    assert sent(project) == (0, {"sent": [], "error": None})


def test_what_cannot_be_sent_is_told_and_waits(project):
    code, told = sent(project, LOGIN=SECRET, MLFLOW_TRACKING_URI=f"http://u:{SECRET}@127.0.0.1:9")
    assert code == 1 and told["sent"] == [] and "1 run waits here to be sent" in told["error"]
    assert SECRET not in told["error"] and len(lineage.pending_runs(project / ".notemill" / "runs")) == 1


def test_a_project_that_is_none_is_told_of(tmp_path, capsys):
    assert publishing.main([str(tmp_path)]) == 1
    assert "pipeline.yaml" in json.loads(capsys.readouterr().out)["error"]
