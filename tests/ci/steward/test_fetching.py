"""What is fetched from the drop: whole, small, quick, and what its address says."""

import hashlib
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from notemill.ci.steward import fetching
from notemill.ci.steward.fetching import Away, fetch
from notemill.ci.steward.summary import NoSummary


@contextmanager
def answering(status=200, content=b"one", headers=(), pause=0.0):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.end_headers()
            for start in range(0, len(content), 65536):
                try:
                    self.wfile.write(content[start:start + 65536])
                except OSError:
                    return
                time.sleep(pause)

        def log_message(self, *words):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def sha(content):
    return hashlib.sha256(content).hexdigest()


def test_the_content_is_given():
    with answering() as url:
        assert fetch(url, sha(b"one")) == b"one"


@pytest.mark.parametrize("how, error", [
    ({"content": b"two"}, NoSummary), ({"status": 404}, NoSummary), ({"status": 500}, Away),
    ({"status": 302, "headers": [("Location", "http://127.0.0.1:1/")]}, NoSummary),
    ({"content": b"x" * 600_000}, NoSummary), ({"headers": [("Content-Encoding", "gzip")]}, Away)])
def test_all_else_is_refused(how, error):
    with answering(**how) as url, pytest.raises(error):
        fetch(url, sha(b"one"))


def test_what_comes_too_slowly_is_refused(monkeypatch):
    monkeypatch.setattr(fetching, "SECONDS", 0.3)
    with answering(content=b"x" * 400_000, pause=0.1) as url, pytest.raises(NoSummary, match="slowly"):
        fetch(url, sha(b"x" * 400_000))


def test_a_server_that_is_away_is_told():
    with pytest.raises(Away):
        fetch("http://127.0.0.1:1/", sha(b""))
