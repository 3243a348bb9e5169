"""A request's body, read with limits, and decoded."""

import re

import msgspec

from notemill.serve.limits import Limits
from notemill.serve.problems import Problem
from notemill.serve.request import Request

SWALLOWED = 4  # times the limit: so much of a body too large is read, so that the client hears why it is refused
CLOSE = ((b"connection", b"close"),)
decode = msgspec.json.Decoder().decode
DEEP = (dict, list)
NAN = re.compile(rb'"(?:[^"\\]|\\.)*"|NaN')  # texts, so that none is changed


async def read(request: Request, limits: Limits) -> bytes:
    """All of it. Raises Problem where it is too large, packed, or never came."""
    if coding := request.header(b"content-encoding"):
        raise Problem("wrong-type", f"bodies packed with '{show(coding)}' are not taken: send it as it is",
                      headers=CLOSE)
    message = await request.receive()
    body = message.get("body", b"")
    if not message.get("more_body"):
        request.whole = message["type"] == "http.request"
    elif told(request) > limits.body * SWALLOWED:
        raise too_large(limits)
    else:
        body = await read_on(request, body, limits)
    if len(body) > limits.body:
        raise too_large(limits)
    return body


def told(request: Request) -> int:
    length = request.header(b"content-length")
    return int(length) if length.isdigit() and len(length) < 20 else 0


async def read_on(request: Request, first: bytes, limits: Limits) -> bytes:
    """What comes in pieces. Of a body that is too large no more is kept than it takes to know."""
    pieces, size = [first], len(first)
    while True:
        message = await request.receive()
        if message["type"] != "http.request":
            raise Problem("bad-request", "the body ended before its end", headers=CLOSE)
        size += len(message["body"])
        if size <= limits.body:
            pieces.append(message["body"])
        else:
            pieces.clear()
        if size > limits.body * SWALLOWED:
            raise too_large(limits)
        if not message.get("more_body"):
            request.whole = True
            if size > limits.body:
                raise too_large(limits)
            return b"".join(pieces)


def too_large(limits: Limits) -> Problem:
    return Problem("too-large", f"a body may have {limits.body:,} bytes; send fewer rows at once", headers=CLOSE)


def from_json(body: bytes):
    """Raises Problem."""
    try:
        return decode(body)
    except RecursionError:
        raise Problem("too-deep", "lists and objects stand in each other without end") from None
    except (msgspec.MsgspecError, ValueError) as error:
        raise Problem("bad-json", f"not JSON: {error}" if body else "the body is empty") from None


def from_lenient_json(body: bytes):
    """JSON, also as Python writes it, with NaN for a value: missing. Raises Problem."""
    try:
        return from_json(body)
    except Problem:
        if b"NaN" not in body:
            raise
    return from_json(NAN.sub(lambda found: b"null" if found[0] == b"NaN" else found[0], body))


def check_depth(value: object, most: int) -> None:
    """Raise Problem where lists and objects stand in each other deeper than that. Plain cells cost next to nothing."""
    level = [value]
    for _ in range(most):
        level = [inner for outer in level for inner in (outer.values() if type(outer) is dict else outer)
                 if type(inner) in DEEP]
        if not level:
            return
    raise Problem("too-deep", f"lists and objects stand in each other more than {most} deep")


def is_json(content_type: bytes) -> bool:
    kind = content_type.partition(b";")[0].strip().lower()
    return kind == b"application/json" or (kind.startswith(b"application/") and kind.endswith(b"+json"))


def show(value: bytes) -> str:
    """A header's value in an error's text."""
    return value[:60].decode("latin-1")


def cut(value: object) -> str:
    """A value in an error's text."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
