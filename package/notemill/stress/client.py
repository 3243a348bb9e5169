"""The client: `python -m notemill.stress.client` takes a job on standard input, and says what came of it as JSON.

A closed loop: each of its connections sends the next request when the answer to the last one is there. Plain sockets
and no library, so that what is measured is the service. A job: {"host", "port", "tls": name or null, "requests": [text,
each a whole HTTP request], "clients", "seconds", "patience"}.
"""

import json
import selectors
import socket
import ssl
import sys
import time
from array import array
from collections import Counter
from collections.abc import Mapping

from notemill.stress.answer import Answer, NoHttp

TICK = 0.05  # seconds between looks at who is late, or waits to connect again
PAUSE = 0.1  # seconds before a connection that failed is tried again
CONNECTS = 5.0  # seconds that a connection may take
PIECE = 1 << 18


class Tally:
    """What has been counted: times in seconds of good answers, others by status or in words."""

    def __init__(self):
        self.times, self.errors, self.last = array("d"), Counter(), 0.0

    def answered(self, status: int, seconds: float, now: float) -> None:
        if status == 200:
            self.times.append(seconds)
        else:
            self.errors[str(status)] += 1
        self.last = now

    def lost(self, words: str) -> None:
        self.errors[words] += 1


class Client:
    """One connection that asks one question after the other."""

    def __init__(self, number: int, job: Mapping, requests: list[bytes], tally: Tally, waiting: selectors.BaseSelector):
        self.job, self.requests, self.tally, self.waiting = job, requests, tally, waiting
        self.next = number * 7  # each begins elsewhere
        self.socket, self.answer, self.sent, self.resume = None, None, 0.0, 0.0

    @property
    def busy(self) -> bool:
        return self.answer is not None

    def connect(self) -> None:
        try:
            self.socket = connected(self.job)
        except OSError as error:
            self.tally.lost("not connected: " + (error.strerror or type(error).__name__).lower())
            self.resume = time.perf_counter() + PAUSE
            return
        self.waiting.register(self.socket, selectors.EVENT_READ, self)

    def ask(self) -> None:
        """Send the next request; connect first where there is no connection."""
        if self.socket is None:
            self.connect()
            if self.socket is None:
                return
        request, self.next = self.requests[self.next % len(self.requests)], self.next + 1
        self.answer, self.sent = Answer(), time.perf_counter()
        try:
            self.socket.sendall(request)
        except OSError:
            self.fail("connection lost")

    def receive(self) -> bool:
        """Take what has come: whether the next request may go."""
        try:
            data = self.socket.recv(PIECE)
            while isinstance(self.socket, ssl.SSLSocket) and self.socket.pending():
                data += self.socket.recv(PIECE)
        except (BlockingIOError, ssl.SSLWantReadError):
            return False
        except OSError:
            return self.fail("connection lost")
        if not self.busy:  # closed while it was idle
            return self.close()
        try:
            whole = self.answer.feed(data) if data else self.answer.ended()
        except NoHttp:
            return self.fail("no HTTP")
        if not data and not whole:
            return self.fail("connection lost")
        return whole and self.done(not data)

    def done(self, ended: bool) -> bool:
        now, answer = time.perf_counter(), self.answer
        self.tally.answered(answer.status, now - self.sent, now)
        self.answer = None
        if ended or answer.closes:
            self.close()
        return True

    def fail(self, words: str) -> bool:
        self.tally.lost(words)
        self.answer, self.resume = None, time.perf_counter() + PAUSE
        return self.close()

    def close(self) -> bool:
        if self.socket is not None:
            self.waiting.unregister(self.socket)
            self.socket.close()
            self.socket = None
        return False


def connected(job: Mapping) -> socket.socket:
    """Raises OSError."""
    plain = socket.create_connection((job["host"], job["port"]), timeout=min(CONNECTS, job["patience"]))
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if not job["tls"]:
        return plain
    try:
        return ssl.create_default_context().wrap_socket(plain, server_hostname=job["tls"])
    except OSError:
        plain.close()
        raise


def run(job: Mapping) -> dict:
    """Ask for so many seconds; then wait for the answers that are still to come."""
    tally, requests = Tally(), [one.encode() for one in job["requests"]]
    with selectors.DefaultSelector() as waiting:
        clients = [Client(number, job, requests, tally, waiting) for number in range(job["clients"])]
        for client in clients:
            client.connect()
        began, cpu = time.perf_counter(), time.process_time()
        ask_until(began + job["seconds"], clients, waiting, job["patience"])
        ask_until(0.0, clients, waiting, job["patience"])
        cpu = time.process_time() - cpu
        for client in clients:
            client.close()
    seconds = max(tally.last - began, job["seconds"])
    return {"seconds": seconds, "answered": len(tally.times), "errors": dict(tally.errors), "busy": cpu / seconds,
            "ms": quantiles(tally.times)}


def ask_until(end: float, clients: list[Client], waiting: selectors.BaseSelector, patience: float) -> None:
    """Each client asks whenever it is free; once `end` is over, only those are heard who have asked."""
    look = 0.0
    while (now := time.perf_counter()) < end or any(client.busy for client in clients):
        if now >= look:
            look = now + TICK
            for client in clients:
                if client.busy and now - client.sent > patience:
                    client.fail(f"no answer within {patience:g} s")
                elif not client.busy and client.resume <= now < end:
                    client.ask()
        for key, _ in waiting.select(TICK):
            if key.data.receive() and time.perf_counter() < end:
                key.data.ask()


def quantiles(times: array) -> dict[str, float] | None:
    """In milliseconds, by nearest rank; None of nothing."""
    if not times:
        return None
    found = sorted(times)
    at = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "highest": 1.0}
    return {name: 1000 * found[max(0, -int(-share * len(found) // 1) - 1)] for name, share in at.items()}


if __name__ == "__main__":
    json.dump(run(json.load(sys.stdin)), sys.stdout)
