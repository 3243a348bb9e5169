import http.server
import os
import socket
import threading
from base64 import b64encode

import pytest

from notemill import lineage
from notemill.errors import UsageError


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


def refusal(uri: str, environ: dict | None = None) -> str:
    with pytest.raises(UsageError) as caught:
        lineage.check_reachable(uri, environ or {})
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_nobody_there_names_server_reason_and_remedies(free_port):
    text = refusal(f"http://me:pw@127.0.0.1:{free_port}")
    assert f"http://me:***@127.0.0.1:{free_port}" in text and "refused" in text
    assert "start it" in text and "unset MLFLOW_TRACKING_URI" in text and "--offline" in text


def test_a_host_that_does_not_exist():
    assert "cannot be reached" in refusal("http://no-such-host.invalid:5000")


def test_a_real_server_is_reachable(server):
    lineage.check_reachable(server.uri, {})


@pytest.mark.parametrize("status, body, expected", [
    (401, b"", "refuses the login (401"), (403, b"", "refuses the login (403"),
    (403, b"Invalid Host header - possible DNS rebinding attack detected", "--allowed-hosts"),
    (404, b"", "no MLflow server"), (200, b"<html>", "no MLflow server"), (503, b"", "fails: 503")])
def test_what_a_server_refuses_is_told_apart(answer, status, body, expected):
    answer.answer = status, body
    assert expected in refusal(answer.uri)


def test_the_login_is_sent_along(answer):
    login = {"MLFLOW_TRACKING_USERNAME": "me", "MLFLOW_TRACKING_PASSWORD": "pw"}  # pragma: allowlist secret
    lineage.check_reachable(answer.uri, login)
    lineage.check_reachable(answer.uri.replace("//", "//you:p%40w@"), {})
    lineage.check_reachable(answer.uri, {"MLFLOW_TRACKING_TOKEN": "t"})
    assert [asked.get("Authorization") for asked in answer.asked] == [
        f"Basic {b64encode(b'me:pw').decode()}", f"Basic {b64encode(b'you:p@w').decode()}", "Bearer t"]


def test_tls_that_fails_is_told(answer):
    assert "cannot be reached" in refusal(answer.uri.replace("http:", "https:"), {"MLFLOW_TRACKING_INSECURE_TLS": "1"})
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
    assert "cannot be reached" in refusal(f"mysql+pymysql://me:pw@127.0.0.1:{free_port}/x")  # pragma: allowlist secret


def test_a_folder_is_no_store_any_more(tmp_path):
    assert "sqlite:///FILE" in refusal(str(tmp_path))
    assert "sqlite:///FILE" in refusal(tmp_path.as_uri())
    lineage.check_reachable("databricks", {})
