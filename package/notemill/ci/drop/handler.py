"""One request: GET, HEAD and PUT of /AREA/SHA256/NAME, and GET /healthz. Each connection holds one request."""

import errno
import hmac
import io
import json
import re
import socket
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

from notemill.ci.drop import address, kinds
from notemill.ci.drop.address import Address
from notemill.ci.drop.reading import Timed
from notemill.ci.drop.shelf import Full, OtherContent

CHUNK = 256 * 1024
LINGER = 5.0  # seconds in which what is still on its way is read, so that the sender hears the answer
SAFE = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Connection": "close"}
LENGTH = re.compile(r"[0-9]{1,12}", re.ASCII)
FULL = (errno.ENOSPC, errno.EDQUOT)


class Refused(Exception):
    """An answer other than the one that was asked for: a status, and words for a person."""

    def __init__(self, status: int, words: str, **headers: str):
        super().__init__(words)
        self.status, self.words, self.headers = status, words, headers


class Handler(BaseHTTPRequestHandler):
    """`self.server` has shelf, limits and receiving (a semaphore)."""

    protocol_version = "HTTP/1.1"
    server_version, sys_version = "drop", ""
    unread = 0

    def setup(self) -> None:
        self.connection = self.request
        self.timed = Timed(self.connection, self.server.limits.idle)
        self.timed.give(self.server.limits.head)
        self.rfile = io.BufferedReader(self.timed, 64 * 1024)
        self.wfile = self.connection.makefile("wb", 0)

    def finish(self) -> None:
        try:
            self.linger()
        except OSError:
            pass    # whoever asked is gone: there is nobody to tell
        self.wfile.close()
        self.rfile.close()

    def linger(self) -> None:
        """Read on for a while: a connection that is closed over unread bytes takes the answer with it."""
        if not self.unread:
            return
        self.connection.shutdown(socket.SHUT_WR)
        self.timed.give(LINGER)
        while self.rfile.read1(CHUNK):
            pass

    def do_GET(self) -> None:
        self.guarded(self.give)

    do_HEAD = do_GET

    def do_PUT(self) -> None:
        self.guarded(self.take)

    def guarded(self, act) -> None:
        """Every answer is a sentence, and every request ends the connection."""
        self.close_connection = True
        try:
            act()
        except Refused as refused:
            self.answer(refused.status, f"{refused.words}\n".encode(), refused.headers)

    def give(self) -> None:
        if self.path == "/healthz":
            self.answer(200, json.dumps(self.server.health()).encode() + b"\n", {"Content-Type": "application/json"})
            return
        found = address.read(self.path)
        try:
            file = open(self.server.shelf.path(found), "rb") if found else None
        except FileNotFoundError:
            file = None
        if file is None:
            raise Refused(404, "there is no such file; it may have been too old to keep")
        with file:
            self.send_file(found, file)

    def send_file(self, found: Address, file) -> None:
        size = file.seek(0, io.SEEK_END)
        file.seek(0)
        self.head(200, size, kinds.headers(found.name) | {"ETag": f'"{found.sha256}"',
                                                          "Cache-Control": "public, max-age=86400, immutable"})
        until = time.monotonic() + self.server.limits.whole
        while self.command == "GET" and (chunk := file.read(CHUNK)):
            left = until - time.monotonic()
            if left <= 0:
                raise TimeoutError("the reader is too slow")
            self.connection.settimeout(min(left, self.server.limits.idle))
            self.connection.sendall(chunk)

    def take(self) -> None:
        self.unread = 1  # until its body has been read
        found, size = self.allowed(), self.size()
        if not self.server.receiving.acquire(blocking=False):
            raise Refused(503, "too many files come in at once: again in a few seconds", **{"Retry-After": "5"})
        try:
            new = self.keep(found, size)
        finally:
            self.server.receiving.release()
        self.answer(201 if new else 200, b"kept\n" if new else b"was here already\n", {})

    def keep(self, found: Address, size: int) -> bool:
        """Whether it is new. Raises Refused."""
        try:
            if self.server.shelf.renew(found):
                return any(False for _ in self.body(size))
            return self.server.shelf.put(found, size, self.body(size))
        except Full as full:
            raise Refused(507, f"{full}; what is there goes when its days are over") from None
        except OtherContent as other:
            raise Refused(422, f"{other}: not what the address says") from None
        except TimeoutError:
            raise Refused(408, "the file came too slowly") from None
        except OSError as error:
            raise (Refused(507, "the disk is full") if error.errno in FULL else error) from None

    def allowed(self) -> Address:
        """Where it is to go, if its sender may. Raises Refused."""
        area = self.server.shelf.areas.get(self.path.partition("/")[2].partition("/")[0])
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        known = area.token if area else "-"
        # compared in any case, and whole: how long it takes tells nothing
        right = hmac.compare_digest(token.strip().encode("utf-8", "replace"), known.encode())
        if area is None or scheme.lower() != "bearer" or not right:
            raise Refused(401, "PUT /AREA/SHA256/NAME needs the token of its area", **{"WWW-Authenticate": "Bearer"})
        found = address.read(self.path)
        if found is None:
            raise Refused(400, f"the address is not /{area.name}/SHA256/NAME, where NAME has letters, digits and ._+- "
                               f"and ends in one of: {', '.join(kinds.KINDS)}")
        return found

    def size(self) -> int:
        """The length that is announced. Raises Refused."""
        lengths = self.headers.get_all("Content-Length", [])
        if self.headers.get_all("Transfer-Encoding") or not lengths:
            raise Refused(411, "a file comes with its Content-Length, in one piece")
        if len(lengths) > 1 or not LENGTH.fullmatch(lengths[0]):
            raise Refused(400, "Content-Length is no number")
        if int(lengths[0]) > self.server.limits.file:
            raise Refused(413, f"a file has at most {self.server.limits.file // 1024 // 1024} MB")
        return int(lengths[0])

    def body(self, size: int) -> Iterator[bytes]:
        if self.headers.get("Expect", "").lower() == "100-continue":
            self.send_response_only(100)
            super().end_headers()
        self.timed.give(self.server.limits.whole)
        while size and (chunk := self.rfile.read1(min(size, CHUNK))):
            size -= len(chunk)
            yield chunk
        self.unread = size

    def answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.head(status, len(body), {"Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store",
                                      "Content-Security-Policy": kinds.NOTHING} | headers)
        if self.command != "HEAD":
            self.wfile.write(body)

    def head(self, status: int, size: int, headers: dict[str, str]) -> None:
        self.connection.settimeout(self.server.limits.idle)
        self.request_version = self.protocol_version  # to HTTP/0.9 an answer would have no head to hold it back
        self.send_response(status)
        for name, value in {**SAFE, "Content-Length": str(size), **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def handle_expect_100(self) -> bool:
        """Not before it is known whether the file is wanted."""
        return True

    def send_error(self, code, message=None, explain=None) -> None:
        """Of what is no request at all: as the other answers are."""
        self.close_connection = True
        self.unread = 1
        self.command = self.command or "GET"
        self.answer(int(code), b"not a request that is answered here\n", {})

    def log_message(self, form: str, *values: object) -> None:
        """One line a request, without its headers."""
        line = "".join(c if c.isprintable() else "?" for c in form % values)
        print(f"{self.address_string()} {line[:300]}", file=sys.stderr, flush=True)
