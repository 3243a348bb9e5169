import pytest
from lineage_toy import SECRET, by_name, snapshot

from notemill import lineage
from notemill.errors import NotemillError

RUN = "20261120-231332-4f2a"


def comparable(snapshot: dict) -> dict:
    """MLflow's own servers add nothing that we did not send, but for the size of MLmodel, which names ids."""
    return {"runs": snapshot["runs"], "models": [model[:4] for model in snapshot["models"]]}


def test_a_server_that_dies_in_the_middle_loses_and_doubles_nothing(project, server, rich_spool, monkeypatch):
    from mlflow import MlflowClient

    project.make_run(RUN, rich_spool)
    here = lineage.tracking_uri(project.root, {})
    lineage.sync(project.runs, project.store, here)
    whole = comparable(snapshot(here))
    lineage.mark_pending(project.runs / RUN)

    def dies(client, run, folder, calls=[]):    # noqa: B006  a counter
        calls.append(run)
        if len(calls) == 3:
            server.kill()
        return send(client, run, folder)

    send = MlflowClient.log_artifacts
    monkeypatch.setattr(MlflowClient, "log_artifacts", dies)
    with pytest.raises(lineage.Away, match="--offline"):
        lineage.sync(project.runs, project.store, server.uri)
    assert lineage.pending_runs(project.runs) == [RUN]
    with pytest.raises(lineage.Away, match="cannot be reached"):
        lineage.sync(project.runs, project.store, server.uri)
    server.start()
    half = snapshot(server.uri)
    assert 0 < len(half["runs"]) and comparable(half) != whole
    assert lineage.sync(project.runs, project.store, server.uri) == [RUN]
    assert comparable(snapshot(server.uri)) == whole


def test_offline_runs_are_sent_in_order_by_the_next(project, server):
    names = ["20261122-000000-0002", "20261121-000000-0001"]
    for name in names:
        project.make_run(name, project="offline")
    assert lineage.pending_runs(project.runs) == sorted(names)
    assert lineage.sync(project.runs, project.store, server.uri) == sorted(names)
    assert lineage.pending_runs(project.runs) == [] and lineage.sync(project.runs, project.store, server.uri) == []
    assert set(names) <= set(by_name(snapshot(server.uri, "offline")))
    assert set(lineage.published(project.runs / names[0])) == {"", "prepare", "train", "evaluate"}


def test_a_record_comes_back_from_the_server_without_secrets(project, server, tmp_path):
    project.make_run("20261123-000000-0003", project="remote")
    lineage.sync(project.runs, project.store, server.uri, redact=lambda text: text.replace(SECRET, "******"))
    found = lineage.find_run("20261123-000000-0003", server.uri)
    assert found["project"] == "remote" and found["steps"][2]["params"]["token"] == "******"
    assert found["steps"][2]["mlflow_run"] == lineage.published(project.runs / "20261123-000000-0003")["train"]


def test_what_the_server_refuses_stays_and_the_others_go(project, server):
    project.make_run("20261124-000000-0004", project="")
    project.make_run("20261125-000000-0005", project="fine")
    (project.runs / "broken").mkdir()
    lineage.mark_pending(project.runs / "broken")
    with pytest.raises(NotemillError, match="20261124-000000-0004") as caught:
        lineage.sync(project.runs, project.store, server.uri)
    assert caught.value.details["runs"] == lineage.pending_runs(project.runs) == ["20261124-000000-0004", "broken"]
    assert "20261125-000000-0005" in by_name(snapshot(server.uri, "fine"))
