"""GET /healthz: whether the last round ended a short while ago."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

PATIENCE = 120.0  # seconds that a round may take


class Pulse:
    """When the last whole round ended."""

    def __init__(self, every: float):
        self.every, self.rounds, self.pulls, self.last = every, 0, 0, time.monotonic()

    def beat(self, pulls: int) -> None:
        self.rounds, self.pulls, self.last = self.rounds + 1, pulls, time.monotonic()

    def health(self) -> dict:
        ago = time.monotonic() - self.last
        return {"status": "ok" if ago < self.every + PATIENCE else "stuck", "rounds": self.rounds,
                "pull_requests": self.pulls, "seconds_ago": round(ago, 1)}


def serve_health(pulse: Pulse, host: str, port: int) -> HTTPServer:
    """In a thread of its own. Raises OSError."""
    class Handler(BaseHTTPRequestHandler):
        timeout = 5

        def do_GET(self) -> None:
            health = pulse.health()
            body = json.dumps(health).encode() + b"\n" if self.path == "/healthz" else b""
            self.send_response((200 if health["status"] == "ok" else 503) if body else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words: object) -> None:
            """Nobody wants to read that."""

    server = HTTPServer((host, port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
