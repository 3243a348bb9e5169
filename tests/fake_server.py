"""A FAKE of Drone or the forge, for answers that real ones seldom give: it keeps requests, says what it is told."""

import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


@dataclass
class FakeServer:
    """`answers`: "METHOD /path" -> (status, body), bytes as they are; or a list of those, one for each request."""

    url: str = ""
    answers: dict = field(default_factory=dict)
    asked: list = field(default_factory=list)

    def words(self):
        """The requests as "METHOD /path"."""
        return [f"{one['method']} {one['path']}" for one in self.asked]

    def body(self, words):
        """What the last request of that kind said."""
        return next(one["body"] for one in reversed(self.asked) if f"{one['method']} {one['path']}" == words)


def handler_of(fake):
    class Handler(BaseHTTPRequestHandler):
        def answer(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            parts = urlsplit(self.path)
            fake.asked.append({"method": self.command, "path": parts.path, "query": parse_qs(parts.query),
                               "headers": dict(self.headers), "body": json.loads(body) if body else None})
            told = fake.answers.get(f"{self.command} {parts.path}", (404, {"message": "Not Found"}))
            status, said = told.pop(0) if isinstance(told, list) else told
            content = said if isinstance(said, bytes) else b"" if said is None else json.dumps(said).encode()
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", said.decode())
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

        def log_message(self, *args):
            pass

    return Handler


@contextmanager
def fake_server(answers=None):
    """One on a free port of this machine, for as long as the block lasts."""
    fake = FakeServer(answers=dict(answers or {}))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler_of(fake)) as server:
        fake.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield fake
        finally:
            server.shutdown()
            thread.join()
