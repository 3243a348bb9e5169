"""Versions on the page: figures with n and interval; and MLflow that is away, or says nothing."""

import shutil
import socket
import threading
import time

import pytest
from model_samples import mixed_files, train
from tiny import cli
from version_samples import RUNS, registered_project

from notemill.errors import NotemillError
from notemill.overview import page, versions
from notemill.registry import registry


@pytest.fixture(scope="module")
def registered(tmp_path_factory):
    """Two versions, the first promoted."""
    folder = tmp_path_factory.mktemp("registered")
    root = registered_project(folder / "project", train(folder / "trained", **mixed_files(folder)))
    result = cli("promote", "1", "--by", "A Person <a@example.org>", "--reason", "looked <b>at</b>", project=root)
    assert result.code == 0, result.err
    return root


def test_versions_stand_with_figure_interval_n_and_verdict(registered, told):
    found = told(registered)["versions"]
    second, first = found["rows"]
    assert found["known"] and found["count"] == 2
    assert (second["version"], second["figure"], second["low"], second["high"], second["n"]) == (
        2, 0.963, 0.943, 0.983, 171)
    assert (first["aliases"], second["aliases"]) == (["champion"], ["challenger"]) and first["run"] == RUNS[0]
    assert second["paired"] == "0.013 better than version 1 (-0.004 to 0.03), paired, n = 171; " \
        "which of the two is better these rows cannot tell" and first["bytes"] > 1000
    text = (registered / "reports" / "project.html").read_text()
    assert "0.943 to 0.983" in text and second["paired"] in text and "roc_<wbr>auc, 95 % interval" in text


def test_of_many_versions_the_earlier_ones_are_folded_but_for_those_with_an_alias(registered, told):
    facts = told(registered)
    second, first = facts["versions"]["rows"]
    rows = [{**second, "version": 25 - n, "aliases": []} for n in range(24)]
    text = page.render({**facts, "versions": {**facts["versions"], "rows": [*rows, first], "count": 25}}, {})
    shown, _, folded = text.partition("14 earlier versions")
    assert [shown.count(f">version {n}<") for n in (25, 16, 15, 1)] == [1, 1, 0, 1]
    assert [folded.count(f">version {n}<") for n in (25, 16, 15, 2, 1)] == [0, 0, 1, 1, 0]


def test_the_ledgers_moves_are_shown(registered, told):
    (move,) = told(registered)["versions"]["moves"]
    assert (move["move"], move["version"], move["by"]) == ("promote", 1, "A Person <a@example.org>")
    text = (registered / "reports" / "project.html").read_text()
    assert "looked &lt;b&gt;at" in text and "promote version 1" in text


def test_a_verdict_that_is_gone_leaves_no_interval_and_no_n(registered, told, monkeypatch):
    monkeypatch.setattr(versions, "verdict_of", lambda records, files: None)
    rows = told(registered)["versions"]["rows"]
    assert [(row["figure"], row["low"], row["n"]) for row in rows] == [(0.963, None, None), (0.95, None, None)]
    text = (registered / "reports" / "project.html").read_text()
    assert "no interval is known here" in text and "not known" in text


def test_records_that_nobody_has_committed_are_named(registered, about):
    state, words = about(registered, "Records")
    assert state == "partly" and ".notemill-records on this machine" in words


def test_a_champion_that_mlflow_has_lost_is_there_by_the_records(registered, told, tmp_path):
    root = tmp_path / "project"
    shutil.copytree(registered, root)
    with registry(f"sqlite:///{root / 'mlflow.db'}") as client:
        client.delete_model_version("mixed", "1")
    second, first = told(root)["versions"]["rows"]
    assert (first["version"], first["gone"], first["low"], first["n"]) == (1, True, 0.93, 171) and not second["gone"]
    assert "MLflow does not have it any more" in (root / "reports" / "project.html").read_text()
    compared = cli("compare", "champion", "2", "--json", project=root).json
    assert compared["notes"][0] == "version 1: MLflow does not have it any more; the records do"
    assert compared["between"]["check"]["figure"] == 0.013


# MLflow that does not answer
def test_a_server_that_is_away_is_said_at_once(root, told, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://somebody:pass-word@127.0.0.1:9")  # pragma: allowlist secret
    began = time.perf_counter()
    facts = told(root)
    assert time.perf_counter() - began < 10
    assert not facts["versions"]["known"] and "cannot be reached" in facts["versions"]["words"]
    text = (root / "reports" / "project.html").read_text()
    assert "Not known:" in text and "cannot be reached" in text and "pass-word" not in text + str(facts)


@pytest.fixture
def silent():
    """The address of a server that takes a connection and says nothing."""
    server = socket.create_server(("127.0.0.1", 0))
    yield f"http://127.0.0.1:{server.getsockname()[1]}"
    server.close()


def test_a_server_that_says_nothing_is_not_waited_for_long(root, told, monkeypatch, silent):
    monkeypatch.setattr("notemill.lineage.reach.PATIENCE", 0.5)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", silent)
    began = time.perf_counter()
    facts = told(root)
    assert time.perf_counter() - began < 10 and "cannot be reached" in facts["versions"]["words"]


def test_what_hangs_later_is_left_after_a_while():
    gate = threading.Event()
    began = time.perf_counter()
    assert versions.in_time(lambda: gate.wait(20) and [], 0.1) is None
    assert time.perf_counter() - began < 5
    gate.set()


def test_what_goes_wrong_in_time_is_told():
    def refuse():
        raise NotemillError("there", "this")

    with pytest.raises(NotemillError, match="there: this"):
        versions.in_time(refuse, 5)
    with pytest.raises(NotemillError, match="MLflow: fails: ZeroDivisionError"):
        versions.in_time(lambda: 1 / 0, 5)
    assert versions.in_time(lambda: ["x"], 5) == ["x"]


def test_a_server_that_hangs_is_said_on_the_page(root, told, monkeypatch):
    monkeypatch.setattr(versions, "registered_names", lambda project, uri: None)
    monkeypatch.setattr(versions.lineage, "import_mlflow", lambda uri: None)
    monkeypatch.setattr(versions, "PATIENCE", 0.1)
    monkeypatch.setattr(versions, "ask", lambda project, uri: time.sleep(1))
    found = told(root)["versions"]
    assert not found["known"] and "did not answer within 0.1 s" in found["words"]
