"""Files into the drop, within a time for all of them."""

import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from notemill.ci.story.build import Build
from notemill.ci.story.offers import Offer

SECONDS = 60.0  # for all that one story sends
SILENCE = 10.0  # without a single byte
CHUNK = 256 * 1024
KEPT = (200, 201, 204)


@dataclass(frozen=True)
class Drop:
    """`area`: the address of this build's part of it."""

    area: str
    token: str = field(repr=False)


@dataclass(frozen=True)
class Sent:
    """{title: address} of what is there now; why the rest is not; whether another attempt is of no use."""

    kept: Mapping[str, str]
    trouble: str | None = None
    away: bool = False


class Away(Exception):
    """The drop takes nothing now; in words."""


class Refused(Exception):
    """The drop does not take this file; in words."""


def drop_of(environ: Mapping[str, str], build: Build) -> Drop | None:
    """The drop that the runner names; None where there is none."""
    url = environ.get("NOTEMILL_DROP", "").strip().rstrip("/")
    if not url.startswith(("http://", "https://")):
        return None
    return Drop(f"{url}/{build.area}", environ.get("NOTEMILL_DROP_TOKEN", "").strip())


def send(drop: Drop, offers: Sequence[Offer], seconds: float = SECONDS) -> Sent:
    until, kept, trouble = time.monotonic() + seconds, {}, None
    for offer in offers:
        try:
            kept[offer.title] = put(drop, offer, until)
        except Refused as refused:  # this one: the next may be taken
            trouble = trouble or str(refused)
        except Away as away:
            return Sent(kept, str(away), away=True)
    return Sent(kept, trouble)


def put(drop: Drop, offer: Offer, until: float) -> str:
    """Its address. Raises Refused or Away."""
    address = f"{drop.area}/{offer.path}"
    request = urllib.request.Request(address, method="PUT", data=chunks(offer.content, until), headers={
        "Authorization": f"Bearer {drop.token}", "Content-Length": str(len(offer.content)),
        "Content-Type": "application/octet-stream"})
    try:
        with urllib.request.urlopen(request, timeout=left(until)) as answer:
            if answer.status in KEPT:
                return address
            raise Refused(f"{offer.name}: it answers {answer.status}")
    except urllib.error.HTTPError as error:
        with error:
            raise Refused(f"{offer.name}: {error.code} {words_of(error)}") from None
    except OSError as error:  # URLError and TimeoutError are of this kind
        raise Away(f"{getattr(error, 'reason', None) or error or type(error).__name__}") from None


def words_of(error: urllib.error.HTTPError) -> str:
    """The first line of what it says."""
    try:
        return error.read(300).decode("utf-8", "replace").partition("\n")[0]
    except OSError:
        return ""


def chunks(content: bytes, until: float) -> Iterator[bytes]:
    for start in range(0, len(content), CHUNK):
        left(until)
        yield content[start:start + CHUNK]


def left(until: float) -> float:
    """Seconds that a single call may take. Raises TimeoutError."""
    seconds = until - time.monotonic()
    if seconds <= 0:
        raise TimeoutError("it is too slow")
    return min(seconds, SILENCE)
