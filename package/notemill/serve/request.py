"""One request as the handlers see it, and the answer that they give."""

import time
from typing import NamedTuple
from urllib.parse import parse_qsl

from notemill.serve.problems import Problem

JSON = b"application/json"


class Answer(NamedTuple):
    """A status, a body, and what its headers say besides what all answers say."""

    body: bytes
    status: int = 200
    content_type: bytes = JSON
    headers: tuple = ()


class Request:
    """ASGI's scope, read when asked; `id` goes into the answer, the log, and later marks."""

    __slots__ = ("scope", "receive", "id", "began", "whole", "late")

    def __init__(self, scope: dict, receive, made_id: str):
        self.scope, self.receive, self.began = scope, receive, time.perf_counter()
        self.id = own_id(scope["headers"]) or made_id
        self.whole = False  # whether all of its body has come
        self.late = False

    def header(self, name: bytes) -> bytes:
        """The first of that name; empty where there is none."""
        for key, value in self.scope["headers"]:
            if key == name:
                return value
        return b""

    def query(self, allowed: tuple[str, ...]) -> dict[str, str]:
        """The query's fields. Raises Problem for one that is not among those."""
        if not (text := self.scope["query_string"]):
            return {}
        try:
            found = dict(parse_qsl(text.decode("ascii"), keep_blank_values=True, max_num_fields=20))
        except ValueError:
            raise Problem("bad-request", "the query cannot be read") from None
        for name in found:
            if name not in allowed:
                raise Problem("bad-request", f"the query has an unknown field '{name[:60]}'; allowed: "
                              f"{', '.join(allowed) or 'none'}")
        return found

    @property
    def milliseconds(self) -> float:
        """Since it came."""
        return round((time.perf_counter() - self.began) * 1000, 3)


def own_id(headers: list) -> str:
    """The request's id as the client gave it, where it is a plain word."""
    for key, value in headers:
        if key == b"x-request-id" and len(value) <= 64:
            text = value.decode("latin-1")
            return text if text.isascii() and text.replace("-", "").replace("_", "").isalnum() else ""
    return ""
