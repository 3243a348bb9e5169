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
