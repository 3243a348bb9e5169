"""One worker: uvicorn with the application, until it is told to end."""

import asyncio
import contextlib
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec

import uvicorn

from notemill.serve.app import App

GRACE = 1.0  # seconds in which those who hold a connection can still ask, and hear that it closes
KEEP_ALIVE = 75  # seconds that an idle connection stays: longer than those of proxies
LOOK = 0.02
SWITCH = 0.001  # seconds that a thread with many rows may keep the event loop waiting
ENDS = (signal.SIGTERM, signal.SIGINT)


class Server(uvicorn.Server):
    """Ends in order: what was begun is answered. `drain`: seconds in which it says that it ends, before it does."""

    def __init__(self, config: uvicorn.Config, app: App, drain: float, ready: Callable[[], None]):
        super().__init__(config)
        self.app, self.drain, self.ready, self.told = app, drain, ready, 0

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.watching = [asyncio.ensure_future(one) for one in (
            watch(self.app), look(self.server_state.connections, self.app.limits))]
        self.ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's, which closes idle connections at once, and with them what is on its way."""
        for one in (*self.servers, *(sockets or ())):
            one.close()
        until = time.monotonic() + GRACE
        while self.server_state.connections and not self.force_exit and time.monotonic() < until:
            await asyncio.sleep(LOOK)
        await super().shutdown(sockets)
        for one in self.watching:
            one.cancel()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """As uvicorn's, which raises the signal again at the end: here an end in order is exit code 0."""
        before = {one: signal.signal(one, self.handle_exit) for one in ENDS}
        try:
            yield
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)

    def handle_exit(self, sig: int, frame) -> None:
        self.app.draining = True
        if self.told and sig == signal.SIGINT:  # pressed again: at once
            self.should_exit = self.force_exit = True
        elif self.drain and sig == signal.SIGTERM:
            asyncio.get_event_loop().call_soon_threadsafe(self.end_later)
        else:
            self.should_exit = True
        self.told = self.told or sig

    def end_later(self) -> None:
        asyncio.get_running_loop().call_later(self.drain, setattr, self, "should_exit", True)


async def watch(app: App) -> None:
    """Requests that take too long; and what the log's state is, for whichever worker is asked for the metrics."""
    while True:
        await asyncio.sleep(min(0.5, app.limits.seconds / 4))
        app.end_late()
        app.tell_log()


async def look(connections: set, limits) -> None:
    """With httptools: heads that do not come. h11 has limits of its own."""
    if find_spec("httptools"):
        from notemill.serve import guarded

        await guarded.look(connections, limits)


def config(app: App) -> uvicorn.Config:
    """uvicorn's settings: the fastest parts that are installed."""
    if find_spec("httptools"):
        from notemill.serve.guarded import guarded, respond

        http, app.respond = guarded(app.limits), respond
    else:
        http = "h11"
    return uvicorn.Config(
        app, http=http, loop="uvloop" if find_spec("uvloop") else "asyncio", ws="none", lifespan="off",
        interface="asgi3", access_log=False, log_level="error", server_header=False, proxy_headers=False,
        h11_max_incomplete_event_size=app.limits.head, timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=int(app.limits.seconds) + 1)


def run(app: App, listening: socket.socket, drain: float, ready: Callable[[], None]) -> int:
    """Serve until told to end: the signal that told it."""
    sys.setswitchinterval(SWITCH)
    server = Server(config(app), app, drain, ready)
    server.run([listening])
    return server.told
