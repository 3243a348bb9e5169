import pytest
from tiny import cli_process, make_project

from notemill import lineage

RUN = "20261120-231332-4f2a"


def test_a_run_that_goes_on_stays_in_the_outbox(project):
    project.make_run(RUN, status="running")
    assert lineage.sync(project.runs, project.store, lineage.tracking_uri(project.root, {})) == []
    assert lineage.pending_runs(project.runs) == [RUN]


def test_what_another_process_has_sent_is_not_sent_again(project, monkeypatch):
    project.make_run(RUN)
    monkeypatch.setattr("notemill.lineage.outbox.pending_runs", lambda folder: [RUN])
    (project.runs / RUN / "mlflow.pending").unlink()
    assert lineage.sync(project.runs, project.store, lineage.tracking_uri(project.root, {})) == []


def test_an_empty_outbox_asks_nobody(project):
    assert lineage.sync(project.runs, project.store, "http://127.0.0.1:9") == []
    assert lineage.published(project.runs / RUN) == {}


def test_who_cannot_send_says_how_many_wait_and_what_sends_them(project):
    names = ["20261121-000000-0001", "20261122-000000-0002"]
    for count, name in enumerate(names, 1):
        project.make_run(name)
        with pytest.raises(lineage.Away) as caught:
            lineage.sync(project.runs, project.store, "http://127.0.0.1:9")
        told = ["1 run waits here to be sent", "2 runs wait here to be sent"][count - 1]
        assert str(caught.value).count("\n") == 1 and told in str(caught.value), caught.value
        assert "next notemill run without --offline" in caught.value.hint
    assert lineage.pending_runs(project.runs) == names


def test_a_run_with_nothing_to_do_tells_of_the_runs_that_wait(tmp_path):
    project = make_project(tmp_path, steps={"one": {"notebook": "one.ipynb"}}, notebooks={"one.ipynb": ["1"]})
    assert cli_process("run", "--offline", project=project).code == 0
    told = cli_process("run", project=project, MLFLOW_TRACKING_URI="http://127.0.0.1:9")
    assert told.code == 0 and "Nothing to run" in told.out and "1 run waits here to be sent" in told.out, told
    assert "offline" in cli_process("run", "--offline", project=project).out
    assert len(lineage.pending_runs(project / ".notemill" / "runs")) == 1
    assert cli_process("run", project=project).code == 0
    assert lineage.pending_runs(project / ".notemill" / "runs") == []


def test_what_was_sent_late_is_told():
    assert lineage.sent_text(["b"], "b") is None and lineage.sent_text([], "b") is None
    assert lineage.sent_text(["a", "b"], "b") == "sent to MLflow, late: the lineage of 1 earlier run"
    assert lineage.sent_text(["a", "b"], "c").endswith("2 earlier runs")
