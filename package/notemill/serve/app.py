"""The service as an ASGI application: which address goes where, who is let in, and what every answer says."""

import asyncio
import itertools
import logging
import os
import time
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import msgspec

from notemill.serve import feedback, invocations, openapi, pages, predict, v2
from notemill.serve.bodies import CLOSE
from notemill.serve.keys import Keys
from notemill.serve.limits import Limits
from notemill.serve.loading import Loaded
from notemill.serve.metrics import Metrics
from notemill.serve.problems import CONTENT_TYPE, Problem
from notemill.serve.request import Answer, Request
from notemill.serve.scoring import Scorer

LOG = logging.getLogger("notemill.serve")
encode = msgspec.json.Encoder().encode
CYCLE = "notemill.cycle"  # in a request's scope: what `respond` takes


class Route(NamedTuple):
    """Where an address leads. `door`: it takes a turn, and its time is measured; `open`: needs no key."""

    handle: Callable[[Request], Awaitable[Answer]]
    door: str = ""
    open: bool = False


class App:
    """One worker's application. `log`: the prediction log, if one is kept."""

    def __init__(self, loaded: Loaded, limits: Limits, metrics: Metrics, keys: Keys | None = None, log: Any = None):
        self.loaded, self.limits, self.metrics, self.keys, self.log = loaded, limits, metrics, keys, log
        self.scorer = Scorer(loaded, limits, metrics, log and log.append)
        self.draining = False
        self.turns: dict[asyncio.Task, Request] = {}  # that are being read or scored
        self.ids = map(f"{os.urandom(6).hex()}-{{:x}}".format, itertools.count(1))
        self.about = ((b"x-model-version", line(loaded.version)), (b"x-model-digest", line(loaded.digest)))
        self.about_lines = b"".join(b"%b: %b\r\n" % pair for pair in self.about)
        self.respond: Callable[..., Awaitable] | None = None  # the server's shorter way, where it has one
        self.routes = self.all_routes()

    def all_routes(self) -> dict[str, dict[str, Route]]:
        """{path: {method: route}}."""
        found: dict[str, dict[str, Route]] = {}
        for part in (predict, v2, invocations, feedback, pages, openapi):
            for (method, path), route in part.routes(self, Route).items():
                found.setdefault(path, {})[method] = route
        return found

    async def __call__(self, scope: dict, receive, send) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope, receive, next(self.ids))
        try:
            answer = await self.answer(request)
        except Problem as problem:
            answer = self.refusal(problem, request)
        except Exception:
            LOG.exception("request %s: a fault of the service", request.id)
            answer = self.refusal(Problem("fault", "not yours: the service's log has it under the request's id"),
                                  request)
        if self.draining:
            answer = closing(answer)
        if self.respond and (cycle := scope.pop(CYCLE, None)):  # taken out: left in, only the collector could free it
            await self.respond(cycle, answer.status, self.head(answer, request), answer.body)
        else:
            await self.send(answer, request, send)

    def head(self, answer: Answer, request: Request) -> bytes:
        """The headers' lines."""
        more = b"".join([b"%b: %b\r\n" % pair for pair in answer.headers]) if answer.headers else b""
        return b"content-type: %b\r\ncontent-length: %d\r\nx-request-id: %b\r\n%b%b" % (
            answer.content_type, len(answer.body), request.id.encode(), self.about_lines, more)

    async def send(self, answer: Answer, request: Request, send) -> None:
        """As ASGI has it."""
        await send({"type": "http.response.start", "status": answer.status, "headers": [
            (b"content-type", answer.content_type), (b"content-length", b"%d" % len(answer.body)),
            (b"x-request-id", request.id.encode()), *self.about, *answer.headers]})
        await send({"type": "http.response.body", "body": answer.body})

    async def answer(self, request: Request) -> Answer:
        route = self.route(request.scope)
        if self.keys and not route.open and not self.keys.admits(request.header(b"authorization")):
            raise Problem("no-key", "send one as `Authorization: Bearer KEY`",
                          headers=((b"www-authenticate", b"Bearer"),))
        if not route.door:
            return await route.handle(request)
        answer = await self.in_turn(route, request)
        self.metrics.observe(route.door, time.perf_counter() - request.began)
        return answer

    def route(self, scope: dict) -> Route:
        methods = self.routes.get(scope["path"])
        if methods is None:
            raise Problem("not-found", "no address of this service; /docs lists them")
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        if method not in methods:
            allowed = ", ".join(sorted({*methods, *(["HEAD"] if "GET" in methods else [])}))
            raise Problem("wrong-method", f"allowed here: {allowed}", headers=((b"allow", allowed.encode()),))
        return methods[method]

    async def in_turn(self, route: Route, request: Request) -> Answer:
        """The answer, if it is neither one too many nor too late."""
        if len(self.turns) >= self.limits.at_once:
            raise Problem("busy", f"{self.limits.at_once} requests are being answered: come again in a second")
        task = asyncio.current_task()
        self.turns[task] = request
        self.tell_load()
        try:
            return await route.handle(request)
        except asyncio.CancelledError:
            if not request.late:
                raise
            task.uncancel()
            raise Problem("too-long" if request.whole else "too-slow", f"{self.limits.seconds:g} s were not enough",
                          headers=CLOSE) from None
        finally:
            del self.turns[task]
            self.tell_load()

    def end_late(self) -> None:
        """Called again and again (a timer for each request would cost more): end what takes too long."""
        before = time.perf_counter() - self.limits.seconds
        for task, request in list(self.turns.items()):
            if request.began < before:
                request.late = True
                task.cancel()

    def tell_load(self) -> None:
        self.metrics.set_load(len(self.turns), self.scorer.batcher.rows)

    def tell_log(self) -> None:
        if self.log:
            self.metrics.set_log(self.log.state())

    def refusal(self, problem: Problem, request: Request) -> Answer:
        self.metrics.count_refusal(problem.reason)
        said = problem.as_json(request.id)
        if request.scope["path"].startswith("/v2"):  # where that protocol's clients look
            said["error"] = v2.in_words(problem)
        return Answer(encode(said), problem.status, CONTENT_TYPE, problem.headers)

    def ready(self) -> bool:
        return not self.draining


def closing(answer: Answer) -> Answer:
    """It tells its client to ask elsewhere from now on."""
    return answer if CLOSE[0] in answer.headers else answer._replace(headers=(*answer.headers, *CLOSE))


def line(text: str) -> bytes:
    """A header's value, whatever the text."""
    return "".join(sign if " " < sign <= "~" else "?" for sign in text).encode()
