"""The service: a thread for each connection, and no more of them than its limits say."""

import contextlib
import socket
import socketserver
import sys
import threading
from http.server import ThreadingHTTPServer

from notemill.ci.drop.areas import Limits
from notemill.ci.drop.handler import Handler
from notemill.ci.drop.shelf import Shelf

BUSY = (b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 5\r\nContent-Type: text/plain\r\n"
        b"Content-Length: 22\r\n\r\ntoo many are here now\n")
EACH = 3600.0  # seconds from sweep to sweep


class Server(ThreadingHTTPServer):
    """Serves one shelf."""

    daemon_threads, allow_reuse_address, request_queue_size = True, True, 128

    def __init__(self, place: tuple[str, int], shelf: Shelf, limits: Limits):
        self.shelf, self.limits = shelf, limits
        self.connected = threading.BoundedSemaphore(limits.connections)
        self.receiving = threading.BoundedSemaphore(limits.bodies)
        self.address_family = socket.AF_INET6 if ":" in place[0] else socket.AF_INET
        super().__init__(place, Handler)

    def server_bind(self) -> None:
        """As HTTPServer's, which asks the name service who it is."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]

    def process_request(self, request, client_address) -> None:
        if self.connected.acquire(blocking=False):
            self.begin(request, client_address)
            return
        with contextlib.suppress(OSError):
            request.settimeout(0)
            request.send(BUSY)
        self.shutdown_request(request)

    def begin(self, request, client_address) -> None:
        try:
            super().process_request(request, client_address)
        except RuntimeError:  # no thread can be started
            self.connected.release()
            raise

    def process_request_thread(self, request, client_address) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.connected.release()

    def handle_error(self, request, client_address) -> None:
        """A connection that breaks or is too slow is no event; anything else is told in one line."""
        error = sys.exception()
        if not isinstance(error, ConnectionError | TimeoutError):
            print(f"{client_address[0]} failed: {type(error).__name__}: {error}", file=sys.stderr, flush=True)

    def health(self) -> dict:
        areas = {name: {"mb": round(held / 1e6, 1), "of_mb": round(self.shelf.areas[name].most / 1e6, 1)}
                 for name, held in self.shelf.held.items()}
        return {"status": "ok", "areas": areas}

    def sweep_for_ever(self, ended: threading.Event) -> None:
        while not ended.wait(EACH):
            gone = self.shelf.sweep()
            print(f"swept: {gone} files were too old", file=sys.stderr, flush=True)
