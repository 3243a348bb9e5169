"""Streamlit under uvicorn, in one process: its pages, our own addresses, and headers that keep text from acting."""

import asyncio
import hashlib
import re
import signal
import socket
from base64 import b64encode
from collections.abc import Callable, Iterable
from pathlib import Path

import streamlit
import uvicorn
from starlette.middleware import Middleware
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from streamlit import net_util
from streamlit.web.bootstrap import load_config_options

from notemill.demo.settings import settings
from notemill.demo.state import Demo
from notemill.demo.words import quoted, safe

SCRIPT = Path(__file__).parent / "script" / "app.py"
CLOSED = "/_stcore/metrics"  # tells strangers what runs here
# what people wrote, or a notebook put out, is shown in a frame of its own that can reach nothing
CARD_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"
REPORT_POLICY = ("sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
                 "img-src data:; font-src data:")
# a report that sends itself elsewhere: only what frames it can hold it back
ALONE_POLICY = "default-src 'none'; frame-src 'self'; style-src 'unsafe-inline'"
ALONE = ("<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title>"
         "<style>html, body, iframe {{ margin: 0; border: 0; width: 100%; height: 100%; display: block }}</style>"
         "<iframe sandbox=allow-scripts src='{src}' title='{title}'></iframe></html>")
NO_WAY_BACK = b"<style>a[href='./index.html'] { display: none }</style>"  # the page of the run is not among them


def policy(index: Path | None = None) -> str:
    """For the pages themselves: nothing from elsewhere. Streamlit's page has scripts of its own in it: by their hash.
    """
    page = (index or Path(streamlit.__file__).parent / "static" / "index.html").read_text(encoding="utf-8")
    hashes = " ".join(f"'{hashed(script)}'" for script in re.findall(r"<script>(.*?)</script>", page, re.S))
    return (f"default-src 'none'; script-src 'self' {hashes} 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; "
            "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; frame-src 'self'; "
            "worker-src 'self' blob:; manifest-src 'self'; base-uri 'self'; form-action 'self'; "
            "frame-ancestors 'self'; object-src 'none'")


def hashed(text: str) -> str:
    return f"sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


class Guard:
    """Headers for all that has none of its own, no door to Streamlit's metrics, and no visitor from another page."""

    def __init__(self, app, headers: dict[bytes, bytes], base: str, origin: str | None):
        self.app, self.headers, self.closed, self.origin = app, headers, base + CLOSED, origin

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] == "websocket" and not is_own(scope["headers"], self.origin):
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if scope["path"].startswith(self.closed):
            await PlainTextResponse("not here\n", 404)(scope, receive, send)
            return

        async def headed(message) -> None:
            if message["type"] == "http.response.start":
                there = {name.lower() for name, _ in message["headers"]}
                more = [pair for pair in self.headers.items() if pair[0] not in there]
                message = {**message, "headers": [*message["headers"], *more]}
            await send(message)
        await self.app(scope, receive, headed)


def is_own(headers: Iterable[tuple[bytes, bytes]], origin: str | None) -> bool:
    """Whether a page of this very address asks, or of `origin`. (Streamlit itself looks at names, and not at ports.)"""
    found = {name: value.decode("latin-1").lower() for name, value in headers if name in (b"origin", b"host")}
    asking = found.get(b"origin")
    return asking is None or asking == (origin or "").lower() or asking.partition("://")[2] == found.get(b"host")


def application(demo: Demo) -> streamlit.App:
    """The app, with everything that is no page of Streamlit's."""
    headers = {b"content-security-policy": policy().encode(), b"x-content-type-options": b"nosniff",
               b"referrer-policy": b"no-referrer", b"x-frame-options": b"SAMEORIGIN"}
    return streamlit.App(SCRIPT, routes=routes(demo),
                         middleware=[Middleware(Guard, headers=headers, base=demo.base, origin=demo.origin)])


def routes(demo: Demo) -> list[Route]:
    folder = demo.model.folder

    async def health(request) -> JSONResponse:
        return JSONResponse({"ready": True})

    async def card(request) -> HTMLResponse:
        return framed(folder / "card.html", CARD_POLICY)

    async def report(request) -> Response:
        if request.headers.get("sec-fetch-dest") == "document":
            return RedirectResponse(f"../alone/{quoted(request.path_params['name'])}")
        return framed(report_file(demo.reports, request.path_params["name"]), REPORT_POLICY, NO_WAY_BACK)

    async def report_alone(request) -> HTMLResponse:
        return alone(report_file(demo.reports, request.path_params["name"]))

    own = {"/healthz": health, "/readyz": health, "/own/card": card, "/own/reports/{name}": report,
           "/own/alone/{name}": report_alone}
    return [Route(demo.base + path, handler) for path, handler in own.items()]


def report_file(folder: Path | None, name: str) -> Path | None:
    """The report of that name, if it is one."""
    known = {path.name: path for path in folder.glob("*.html")} if folder else {}
    return known.get(name)


def framed(path: Path | None, rules: str, more: bytes = b"") -> HTMLResponse:
    if path is None or not path.is_file():
        return nothing()
    return HTMLResponse(path.read_bytes() + more, 200, {"content-security-policy": rules})


def alone(path: Path | None) -> HTMLResponse:
    """A page with nothing but the report's frame."""
    if path is None:
        return nothing()
    page = ALONE.format(title=safe(path.stem), src=f"../reports/{quoted(path.name)}")
    return HTMLResponse(page, 200, {"content-security-policy": ALONE_POLICY})


def nothing() -> HTMLResponse:
    return HTMLResponse("<p>There is nothing here.</p>", 404, {"content-security-policy": CARD_POLICY})


class Server(uvicorn.Server):
    """Tells when it listens; ends with code 0 when told to end."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]):
        super().__init__(config)
        self.ready, self.told = ready, 0

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready()

    def handle_exit(self, sig: int, frame) -> None:
        self.told = sig
        super().handle_exit(sig, frame)
        self._captured_signals.clear()  # raised again at the end: ending in order is no failure


def stay_at_home() -> None:
    """Streamlit would ask a server elsewhere for this machine's address, to compare a visitor's origin with it."""
    net_util.get_external_ip = lambda: None


def run(demo: Demo, listening: socket.socket, ready: Callable[[], None]) -> bool:
    """Serve until told to end; whether it was by Ctrl-C."""
    load_config_options({name.replace(".", "_"): value for name, value in
                         settings(demo.base, listening.getsockname()[1], demo.origin).items()})
    stay_at_home()
    config = uvicorn.Config(application(demo), log_level="error", access_log=False, server_header=False,
                            ws="websockets-sansio", timeout_graceful_shutdown=3, proxy_headers=False)
    server = Server(config, ready)
    asyncio.run(server.serve([listening]))
    return server.told == signal.SIGINT
