"""What is deployed to production and passes its watch is the champion; the ledger and MLflow say what happened."""

import json
import os
from pathlib import Path

import pytest
from deploy_samples import deploy, make_versions, serves, state_of, targets
from ledger_samples import ADA, BOB
from mlflow import MlflowClient
from tiny import cli

from notemill.project import open_project
from notemill.registry import open_records
from notemill.registry.deployed import object_name, read_deployments


def champion(root):
    return [one["version"] for one in cli("versions", "--json", project=root).json["versions"]
            if "champion" in one["aliases"]]


def differs(root):
    """What `registry check` finds, but for the descriptions, which these versions were made without."""
    found = cli("registry", "check", "--json", project=root).json["findings"]
    return [one for one in found if "description" not in one["got"]]


def moves_of(root):
    return [(entry["move"], entry["version"]) for entry in cli("ledger", "--json", project=root).json["entries"]]


def test_a_healthy_deployment_is_promoted(project, row, numbers):
    port = targets(project, production=True, watch=4)["port"]
    assert deploy(project, 1, "--by", ADA, "--reason", "first").code == 0 and champion(project) == [1]
    failed = deploy(project, numbers["mortal"], "--by", ADA)
    assert failed.code == 4 and champion(project) == [1] and moves_of(project) == [("promote", 1)]
    assert deploy(project, 2, "--by", ADA).code == 0 and champion(project) == [2]
    again = deploy(project, "champion", "--by", ADA)
    assert (again.code, again.json["version"]) == (0, 2) and len(moves_of(project)) == 2  # it is the champion already
    assert deploy(project, "previous", "--by", ADA).json["version"] == 1 and champion(project) == [1]
    assert serves(port, row) == 1 and differs(project) == []


def test_production_demands_the_approval_that_promote_does(tmp_path_factory, tmp_path, monkeypatch):
    folder = tmp_path_factory.mktemp("high")
    root = make_versions(tmp_path / "project", folder, "good", facts={"risk": "high"}, risk="high")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    targets(root, production=True)
    refused = deploy(root, 1, "--by", ADA)
    assert refused.code == 1 and "nobody has approved it" in refused.json["error"]["got"]
    assert not list((tmp_path / "data").glob("notemill/targets/*/here/releases/*"))  # nothing was started
    assert cli("approve", "1", "--by", BOB, "--reason", "tried it", project=root).code == 0
    done = deploy(root, 1, "--by", ADA)
    cli("undeploy", "here", project=root)
    assert done.code == 0 and champion(root) == [1], done


def test_all_is_in_the_ledger_and_in_mlflow(project, numbers):
    targets(project)
    assert deploy(project, 1, "--by", BOB, "--reason", "to try it").code == 0
    assert deploy(project, numbers["silent"]).code == 4
    assert deploy(project, 2).code == 0
    assert cli("undeploy", "here", "--by", BOB, project=project).code == 0
    entries = read_deployments(open_records(open_project(project)), "plain").entries
    assert [(one["version"], one["status"], one["from"]) for one in entries] == [
        (1, "serving", None), (numbers["silent"], "rolled-back", 1), (2, "serving", 1), (2, "undeployed", 2)]
    assert entries[0]["by"] == BOB and entries[0]["reason"] == "to try it" and "out of paper" in entries[1]["reason"]
    client = MlflowClient(f"sqlite:///{project / 'mlflow.db'}")
    runs = client.search_runs([client.get_experiment_by_name("plain").experiment_id],
                              "tags.`notemill.kind` = 'deployment'", order_by=["attributes.start_time"])
    assert [run.data.tags["notemill.status"] for run in runs] == ["serving", "rolled-back", "serving", "undeployed"]
    assert [run.info.status for run in runs] == ["FINISHED", "FAILED", "FINISHED", "FINISHED"]
    tags = [version.tags for version in client.search_model_versions("name = 'plain'")]
    assert not [one for one in tags if "notemill.deployed.here" in one]  # it serves nothing any more
    assert not list(project.glob(".notemill/deployments/*"))


def test_the_version_in_mlflow_says_where_it_serves(project):
    targets(project)
    done = [deploy(project, number).json["deployment"] for number in (1, 2)]
    client = MlflowClient(f"sqlite:///{project / 'mlflow.db'}")
    tags = {int(version.version): version.tags.get("notemill.deployed.here")
            for version in client.search_model_versions("name = 'plain'")}
    assert tags[2] == done[1] and tags[1] is None and differs(project) == []


def runs_of_deployments(project):
    client = MlflowClient(f"sqlite:///{project / 'mlflow.db'}")
    places = [one.experiment_id for one in client.search_experiments()]
    return client.search_runs(places, "tags.`notemill.kind` = 'deployment'")


def test_an_mlflow_that_is_away_is_a_warning(project, row, monkeypatch):
    port = targets(project)["port"]
    assert cli("promote", "1", "--by", ADA, project=project).code == 0
    assert deploy(project, 2).code == deploy(project, "champion").code == 0
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    done = deploy(project, "previous")
    assert (done.code, done.json["version"], serves(port, row)) == (0, 2, 2) and "not in MLflow yet" in done.err
    assert deploy(project, "champion").json["version"] == 1
    assert len(runs_of_deployments(project)) == 2
    assert not list(project.glob(".notemill/*"))  # a build's folder ends with it: what waits is in the ledger
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert deploy(project, 3).code == 0 and len(runs_of_deployments(project)) == 5
    assert deploy(project, 2).code == 0 and len(runs_of_deployments(project)) == 6


def test_previous_goes_back_further_each_time(project):
    targets(project, watch=0)
    assert deploy(project, "previous").json["error"]["got"] == "has served no other version before"
    for version in (1, 2, 3):
        assert deploy(project, version).code == 0
    assert [deploy(project, "previous").json["version"] for _ in range(2)] == [2, 1]
    assert deploy(project, "previous").code == 2
    assert cli("undeploy", "here", project=project).code == 0 and deploy(project, "previous").json["version"] == 1


@pytest.mark.parametrize("change, got", [
    (lambda path: path.unlink(), "is missing"),
    (lambda path: path.chmod(0o644) or path.write_text(path.read_text().replace("here", "elsewhere")), "was changed")])
def test_a_ledger_that_was_tampered_with(project, change, got):
    targets(project, watch=0)
    for version in (1, 2):
        assert deploy(project, version).code == 0
    change(project / ".notemill-records" / object_name("plain", 1))
    told = deploy(project, "previous")
    assert told.code == 1 and got in told.json["error"]["got"] and "entry 1 of the deployments" in str(told.json)
    found = cli("registry", "check", "--json", project=project)
    assert found.code == 1 and got in str(found.json["findings"])


def test_other_ports_than_those_that_are_served(project):
    port = targets(project, watch=0)["port"]
    assert deploy(project, 1).code == 0
    targets(project, watch=0)
    told = deploy(project, 2)
    assert told.code == 2 and f"serves at http://127.0.0.1:{port}" in told.json["error"]["got"]
    assert told.json["error"]["hint"] == "notemill undeploy here, then deploy again"


def test_a_state_that_was_changed(project):
    targets(project, watch=0)
    assert deploy(project, 1).code == 0
    [path] = (project.parent / "data").glob("notemill/targets/*/here/state.json")
    kept = path.read_text()
    for text in ("{", "[]", json.dumps({"format": 99}), json.dumps({"format": 1, "serving": {"x": 1}, "coming": None})):
        path.write_text(text)
        told = deploy(project, 2)
        assert told.code == 1 and str(path) in told.json["error"]["where"] and "Traceback" not in told.err
        assert cli("deployments", "--json", project=project).json["targets"][0]["status"] == "broken"
    path.write_text(kept)
    assert state_of(project)["serving"]["version"] == 1


def test_the_model_sees_no_secrets(project, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "not-for-models")  # pragma: allowlist secret
    monkeypatch.setenv("NOTEMILL_SIGNING_PASSWORD", "not-for-models")  # pragma: allowlist secret
    targets(project, watch=0)
    assert deploy(project, 1).code == 0
    from notemill.release.deploy import running

    place = project.parent / "data/notemill/targets/plain/here"
    [score] = place.glob("releases/*/score.lock")
    for one in (score.with_suffix(""), place / "haproxy"):
        environ = Path(f"/proc/{running.numbers(one)[0]}/environ").read_bytes()
        assert b"not-for-models" not in environ and b"PATH=" in environ
    assert oct(os.stat(place).st_mode & 0o777) == "0o700"
