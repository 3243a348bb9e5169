import http.server
import os
import socket
import threading
from base64 import b64encode

import pytest
from tiny import cli, make_project

from notemill import lineage
from notemill.errors import NotemillError, UsageError


@pytest.fixture
def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.fixture
def answer():
    """A server that answers every request alike; what it was asked is in `.asked`."""
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.server.asked.append(dict(self.headers))
            status, body = self.server.answer
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, *args):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    server.asked, server.answer, server.uri = [], (200, b"{}"), f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=[0.01])
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def refusal(uri: str, environ: dict | None = None, kind: type = UsageError) -> str:
    with pytest.raises(NotemillError) as caught:
        lineage.check_reachable(uri, environ or {})
    assert type(caught.value) is kind and caught.value.exit_code == (2 if kind is UsageError else 1)
    return str(caught.value)


def test_nobody_there_names_server_reason_and_remedies(free_port):
    text = refusal(f"http://me:pw@127.0.0.1:{free_port}", kind=lineage.Away)
    assert f"http://me:***@127.0.0.1:{free_port}" in text and "refused" in text
    assert "start it" in text and "unset MLFLOW_TRACKING_URI" in text and "--offline" in text


def test_a_host_that_does_not_exist():
    assert "cannot be reached" in refusal("http://no-such-host.invalid:5000", kind=lineage.Away)
    assert "cannot be reached" in refusal("http://no-such-host.invalid:99999", kind=lineage.Away)


def test_a_real_server_is_reachable(server):
    lineage.check_reachable(server.uri, {})


@pytest.mark.parametrize("status, body, expected", [
    (401, b"", "refuses the login (401"), (403, b"", "refuses the login (403"),
    (403, b"Invalid Host header - possible DNS rebinding attack detected", "--allowed-hosts"),
    (404, b"", "no MLflow server"), (200, b"<html>", "no MLflow server"), (503, b"", "fails: 503")])
def test_what_a_server_refuses_is_told_apart(answer, status, body, expected):
    answer.answer = status, body
    assert expected in refusal(answer.uri, kind=lineage.Away if status >= 500 else UsageError)


def test_the_login_is_sent_along(answer):
    login = {"MLFLOW_TRACKING_USERNAME": "me", "MLFLOW_TRACKING_PASSWORD": "pw"}  # pragma: allowlist secret
    lineage.check_reachable(answer.uri, login)
    lineage.check_reachable(answer.uri.replace("//", "//you:p%40w@"), {})
    lineage.check_reachable(answer.uri, {"MLFLOW_TRACKING_TOKEN": "t"})
    assert [asked.get("Authorization") for asked in answer.asked] == [
        f"Basic {b64encode(b'me:pw').decode()}", f"Basic {b64encode(b'you:p@w').decode()}", "Bearer t"]


def test_tls_that_fails_is_told(answer):
    assert "cannot be reached" in refusal(answer.uri.replace("http:", "https:"), {"MLFLOW_TRACKING_INSECURE_TLS": "1"},
                                          lineage.Away)
    assert "cannot be reached" in refusal(answer.uri.replace("http:", "https:"),
                                          {"MLFLOW_TRACKING_CLIENT_CERT_PATH": "/nowhere.pem"})


def test_a_database_file_needs_a_folder_that_can_be_written(tmp_path):
    lineage.check_reachable(f"sqlite:///{tmp_path}/new.db", {})
    assert "is not there" in refusal(f"sqlite:///{tmp_path}/no/new.db")
    assert "is a folder" in refusal(f"sqlite:///{tmp_path}")


def test_a_database_file_that_cannot_be_written(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda place, mode: place != tmp_path / "a.db")    # nothing is closed to root
    lineage.check_reachable(f"sqlite:///{tmp_path}/a.db", {})
    (tmp_path / "a.db").touch()
    assert "cannot be written" in refusal(f"sqlite:///{tmp_path}/a.db")


def test_a_database_server_is_asked_for_its_port(answer, free_port):
    lineage.check_reachable(f"postgresql://me:pw@127.0.0.1:{answer.server_port}/x", {})  # pragma: allowlist secret
    uri = f"mysql+pymysql://me:pw@127.0.0.1:{free_port}/x"  # pragma: allowlist secret
    assert "cannot be reached" in refusal(uri, kind=lineage.Away)


def test_a_folder_is_no_store_any_more(tmp_path):
    assert "sqlite:///FILE" in refusal(str(tmp_path))
    assert "sqlite:///FILE" in refusal(tmp_path.as_uri())


@pytest.mark.parametrize("uri", ["nonsense://x", "ftp://host/x", "databricks", "databricks://profile", "http://[::1",
                                 "http://", "https://host:port", "postgresql://[::1", "redis:6379",
                                 "sqlite:////proc/mlflow.db", "sqlite:////no/such/folder/mlflow.db",
                                 "sqlite:////dev/null/mlflow.db", "http://a b", "mssql://host:1x/db"])
def test_what_cannot_take_records_is_refused_with_what_is_allowed(uri, tmp_path):
    with pytest.raises(UsageError) as caught:
        lineage.check_reachable(uri, {"HOME": str(tmp_path)})
    error = caught.value
    assert error.where.startswith("MLflow at ") and error.got and error.allowed and error.hint
    assert "allowed:" not in str(error)


@pytest.mark.parametrize("uri", ["nonsense://x", "http://[::1", "databricks", "sqlite:////no/such/folder/mlflow.db"])
def test_a_run_is_refused_before_any_step_starts(uri, tmp_path, monkeypatch):
    project = make_project(tmp_path / "p", steps={"one": {"notebook": "one.ipynb"}}, notebooks={"one.ipynb": ["1"]})
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv("HOME", str(tmp_path))
    told = cli("run", "--json", project=project)
    assert told.code == 2 and told.json["error"]["got"] and "Traceback" not in told.err, told
    assert told.json["error"]["allowed"] and told.json["error"]["hint"] and not list(project.glob(".notemill/runs/*"))


def test_a_server_that_is_away_ends_a_command_with_1_and_one_that_is_misnamed_with_2(tmp_path, free_port, monkeypatch):
    project = make_project(tmp_path / "p", steps={"one": {"notebook": "one.ipynb"}}, notebooks={"one.ipynb": ["1"]})
    for uri, code in ((f"http://127.0.0.1:{free_port}", 1), ("nonsense://x", 2)):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        for words in (["run"], ["versions"], ["promote"], ["registry", "check"], ["card"], ["package"],
                      ["lineage", "1"]):
            told = cli(*words, "--json", project=project)
            assert told.code == code and told.json["error"]["where"].startswith("MLflow at "), (words, told)
    assert not list(project.glob(".notemill/runs/*"))


def test_databricks_with_a_login_is_left_to_mlflow(tmp_path):
    lineage.check_reachable("databricks", {"DATABRICKS_HOST": "https://x", "HOME": str(tmp_path)})
    (tmp_path / ".databrickscfg").touch()
    lineage.check_reachable("databricks://profile", {"HOME": str(tmp_path)})


def test_a_plugins_store_is_left_to_mlflow(monkeypatch):
    from importlib import metadata

    point = metadata.EntryPoint("file-plugin", "somewhere:Store", "mlflow.tracking_store")
    monkeypatch.setattr(metadata, "entry_points", lambda group: [point] if group == point.group else [])
    lineage.check_reachable("file-plugin://x", {})


def test_a_server_that_fails_after_all_is_told_of(project, answer, monkeypatch):
    """The probe gets an answer, the search does not."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setattr("notemill.lineage.find.check_reachable", lambda uri: None)
    answer.answer = 500, b"out of order"
    for name in ("20261120-231332-4f2a", "f" * 32, "toy/1", "1"):
        with pytest.raises(lineage.Away) as caught:
            lineage.find_run(name, answer.uri)
        assert caught.value.where == f"MLflow at {answer.uri}" and "500" in caught.value.got, name
        assert caught.value.allowed and caught.value.hint and "\n" not in caught.value.got
