"""One call of a server's HTTP API: with a time limit always, and errors in words that hold no token."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

import requests

from notemill.errors import NotemillError
from notemill.text import clip, printable

MOST_BYTES = 64_000_000
MOST_WORDS = 300
PAUSES = (0.2, 0.8)     # seconds before a question is asked again
SAID = {401: "does not accept the token", 402: "asks for a licence", 403: "does not allow it to this user",
        404: "has no such thing", 409: "has it already", 413: "finds it too large", 422: "does not take it"}
REMEDY = {401: "make a new token there; for the stack of this machine: notemill stack status",
          403: "ask an administrator of it for the right, or use the token of one who has it"}


@dataclass(frozen=True)
class Server:
    """A server as people know it (`name`), its address, and what a request says of who asks."""

    name: str
    url: str
    authorization: str = field(default="", repr=False)
    seconds: float = 30
    direct: bool = False    # on this machine: no proxy is asked


class Unreachable(NotemillError):
    """The server did not answer, or not in time."""


class Refused(NotemillError):
    """The server answered that it will not; `status` is HTTP's."""

    def __init__(self, where: str, status: int, message: str):
        said = SAID.get(status, "points elsewhere" if 300 <= status < 400 else f"answers with an error ({status})")
        super().__init__(where, f"{said}{': ' if message else ''}{message}", hint=REMEDY.get(status))
        self.status = status


def join(*parts: object) -> str:
    """A path of the API; no part can leave its place. Raises NotemillError for a part that would."""
    if {".", "..", ""} & {str(part) for part in parts}:
        raise NotemillError("a server's address", f"cannot be made of {list(map(str, parts))}")
    return "/" + "/".join(quote(str(part), safe="") for part in parts)


def call(server: Server, method: str, path: str, *, query: Mapping[str, object] | None = None,
         body: object = None) -> object:
    """The answer's JSON, None where it is empty. Raises Unreachable and Refused.

    A question (GET) that ends in a fault of the server is asked again: Gitea has them for a moment after a first push.
    """
    response = _send(server, method, path, query, body)
    for pause in PAUSES if method == "GET" else ():
        if response.status_code < 500:
            break
        time.sleep(pause)
        response = _send(server, method, path, query, body)
    where = f"{server.name} ({server.url}): {method} {path}"
    if not 200 <= response.status_code < 300:
        raise Refused(where, response.status_code, _message(server, response))
    if not response.content.strip():
        return None
    try:
        return response.json()
    except ValueError:
        raise NotemillError(where, "answers with something that is no JSON",
                            hint=f"is {server.url} the address of {server.name}?") from None


def find(server: Server, path: str, *, query: Mapping[str, object] | None = None) -> object:
    """As `call` with GET; None where the server has no such thing."""
    try:
        return call(server, "GET", path, query=query)
    except Refused as refused:
        if refused.status == 404:
            return None
        raise


def _send(server: Server, method: str, path: str, query, body) -> requests.Response:
    try:
        with requests.Session() as session:
            session.trust_env = not server.direct
            response = session.request(
                method, server.url.rstrip("/") + path, params=query, json=body, timeout=server.seconds, stream=True,
                allow_redirects=False, headers={"Accept": "application/json"}, auth=_Said(server.authorization))
            return _read(server, response)
    except requests.Timeout:
        raise Unreachable(f"{server.name} ({server.url})", f"did not answer within {server.seconds:g} s",
                          hint="try again; notemill stack status says how the stack of this machine is") from None
    except requests.RequestException as error:
        raise Unreachable(f"{server.name} ({server.url})", _unreachable(error),
                          hint="is it running, and is this its address? notemill stack status") from None


def _read(server: Server, response: requests.Response) -> requests.Response:
    """The whole answer, if it is no larger than anything that is asked for here."""
    content = response.raw.read(MOST_BYTES + 1, decode_content=True)
    if len(content) > MOST_BYTES:
        raise NotemillError(f"{server.name} ({server.url})", f"answers with more than {MOST_BYTES:,} bytes")
    response._content = content     # what .content and .json() read
    return response


class _Said(requests.auth.AuthBase):
    """Who asks, in a header: given this, requests takes no password from ~/.netrc."""

    def __init__(self, authorization: str):
        self.authorization = authorization

    def __call__(self, request):
        if self.authorization:
            request.headers["Authorization"] = self.authorization
        return request


def _unreachable(error: requests.RequestException) -> str:
    if isinstance(error, requests.exceptions.ProxyError):
        return "cannot be reached through the proxy (HTTP_PROXY, NO_PROXY)"
    if isinstance(error, requests.exceptions.SSLError):
        return "has a certificate that is not trusted here (REQUESTS_CA_BUNDLE)"
    if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema):
        return "is no address of a server"
    return "cannot be reached"


def _message(server: Server, response: requests.Response) -> str:
    """What the server says of it, in one line, without the token if it should hold that."""
    try:
        said = response.json()
    except ValueError:
        return ""
    text = said.get("message", "") if isinstance(said, dict) else ""
    secret = server.authorization.rpartition(" ")[2]
    shown = printable(text).replace(secret, "******") if secret else printable(text)
    return clip(shown.strip(), MOST_WORDS)


def origin(url: str) -> tuple[str, str, int] | None:
    """(scheme, host, port) of an http address; None where it is none."""
    try:
        parts = urlsplit(url.strip())
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return None
    return (parts.scheme, parts.hostname, port) if parts.hostname and port else None
