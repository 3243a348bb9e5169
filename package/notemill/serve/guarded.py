"""uvicorn's HTTP protocol with limits that it lacks, on the size of a request's head and on the time that it takes; and
with answers in one piece: uvicorn's own way, a write for the head and one for the body, costs as much again as a row.
"""

import asyncio
import time

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from notemill.serve.app import CYCLE
from notemill.serve.limits import Limits

LATE = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
CLOSE = b"connection: close\r\n"
HEADERS = 100
PIECE = 256 * 1024  # what may come at once, of which the head is the first part
LOOKS = 1.0  # seconds between looks at all connections


class Guarded(HttpToolsProtocol):
    """Knows since when it waits for the end of a request's head, and how much has come meanwhile."""

    limits: Limits
    since, received, piece, refused = 0.0, 0, 0, False  # since: 0 while no head is awaited

    def connection_made(self, transport) -> None:
        super().connection_made(transport)
        self.since = time.monotonic()

    def data_received(self, data: bytes) -> None:
        if self.refused:
            return
        self.piece = len(data)
        super().data_received(data)
        if self.since:
            self.received += len(data)
            if self.received > self.limits.head + PIECE:
                self.refuse(LARGE)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.since, self.received = time.monotonic(), 0

    def on_headers_complete(self) -> None:
        self.since = 0.0
        if len(self.headers) > HEADERS or self.received + self.piece > self.limits.head and self.too_long():
            self.refuse(LARGE)
        else:
            super().on_headers_complete()
            self.scope[CYCLE] = self.cycle

    def too_long(self) -> bool:
        return len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > self.limits.head

    def on_body(self, body: bytes) -> None:
        if not self.refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        if not self.refused:
            super().on_message_complete()

    def refuse(self, answer: bytes) -> None:
        if not self.refused and not self.transport.is_closing():
            self.transport.write(answer)
            self.transport.close()
        self.refused, self.since = True, 0.0


async def respond(cycle: RequestResponseCycle, status: int, head: bytes, body: bytes) -> None:
    """What `cycle.send` does with a whole answer, in one write. `head`: the headers' lines."""
    if cycle.flow.write_paused and not cycle.disconnected:
        await cycle.flow.drain()  # the client does not read: it gets no more to keep
    if cycle.disconnected:
        return
    cycle.response_started = cycle.response_complete = True
    cycle.keep_alive = cycle.keep_alive and CLOSE not in head
    own = b"".join(b"%b: %b\r\n" % pair for pair in cycle.default_headers)
    close = b"" if cycle.keep_alive or CLOSE in head else CLOSE
    cycle.transport.write(b"".join((STATUS_LINE[status], own, head, close, b"\r\n",
                                    b"" if cycle.scope["method"] == "HEAD" else body)))
    cycle.message_event.set()
    if not cycle.keep_alive:
        cycle.transport.close()
    cycle.on_response()


def guarded(limits: Limits) -> type[HttpToolsProtocol]:
    """The protocol class with these limits."""
    return type("Guarded", (Guarded,), {"limits": limits})


async def look(connections: set, limits: Limits) -> None:
    """Close those whose head does not come, again and again."""
    while True:
        await asyncio.sleep(LOOKS)
        before = time.monotonic() - limits.head_seconds
        for connection in [one for one in connections if 0 < getattr(one, "since", 0) < before]:
            connection.refuse(LATE)
