"""A new version asked through its own door: is it ready, does it answer its golden rows rightly, what went wrong in it?
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from notemill.errors import NotemillError
from notemill.runtime.golden import same

FAULTS = ("fault", "too-long", "log-full", "unscorable", "not-ready")  # the service's own, not its client's
COUNTER = re.compile(r'^notemill_refusals_total\{reason="([a-z-]+)"\} (\d+)$', re.M)
WORKERS = re.compile(r"^notemill_workers (\d+)$", re.M)
SHOWN = 3


class Failed(NotemillError):
    """The new version is not taken; why, in words."""

    def __init__(self, why: str):
        super().__init__("deployment", why)

    def __str__(self) -> str:
        return self.got


@dataclass(frozen=True)
class Counters:
    """Of a service. `faults`: the requests that it could not answer; `workers`: its processes that serve now."""

    faults: int
    workers: int


class Door(Protocol):
    """The service of one release, itself: no proxy between."""

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, bytes]:
        """(status, body). Raises OSError where nobody answers."""


def is_ready(door: Door, path: str) -> bool:
    try:
        return door.ask("GET", path)[0] == 200
    except (OSError, NotemillError):  # the engine's own word on a container that ended just now
        return False


def check_golden(door: Door, golden: Mapping) -> None:
    """Ask the golden rows, all at once and the first alone. Raises Failed where an answer is another one."""
    if not golden.get("rows"):
        raise Failed("there are no golden rows to know it by")
    wrong = [*differences(golden, asked(door, golden["rows"])),
             *differences(first(golden), alone(asked(door, golden["rows"][0])))]
    if wrong:
        more = f" (and {len(wrong) - SHOWN} more)" if len(wrong) > SHOWN else ""
        raise Failed(f"it answers its golden rows otherwise than when it was judged: {'; '.join(wrong[:SHOWN])}{more}")


def asked(door: Door, rows: object) -> dict:
    try:
        status, body = door.ask("POST", "/predict", rows)
    except OSError as error:
        raise Failed(f"it does not answer its golden rows: {error}") from None
    if status != 200:
        raise Failed(f"it answers its golden rows with {status}: {body[:300].decode('utf-8', 'replace')}")
    try:
        value = json.loads(body)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise Failed("it answers its golden rows with what is no JSON object")
    return value


def first(golden: Mapping) -> dict:
    return {name: golden[name][:1] for name in ("predictions", "probabilities") if name in golden}


def alone(answer: Mapping) -> dict:
    """The answer to one row, as one to a list."""
    chances = answer.get("probabilities")
    return {"predictions": [answer.get("prediction")],
            **({"probabilities": [list(chances.values())]} if isinstance(chances, dict) else {})}


def differences(golden: Mapping, now: Mapping) -> Iterator[str]:
    """In words."""
    for what in ("predictions", "probabilities"):
        known, given = golden.get(what, []), now.get(what) or []
        if len(known) != len(given):
            yield f"{len(known)} {what} are recorded, it gives {len(given)}"
            continue
        for row, (before, after) in enumerate(zip(known, given, strict=True), 1):
            if not same(before, after):
                yield f"row {row}: {what[:-1]} was {before}, is {after}"


def faults(door: Door) -> int:
    """How many requests it could not answer, so far, by its own counters. Raises Failed, where it gives none."""
    return counters(door).faults


def workers(door: Door) -> int:
    """How many of its processes serve now."""
    return counters(door).workers


def counters(door: Door) -> "Counters":
    """Raises Failed, where it gives none."""
    try:
        status, body = door.ask("GET", "/metrics")
    except OSError as error:
        raise Failed(f"it does not tell its counters: {error}") from None
    text = body.decode("utf-8", "replace") if status == 200 else ""
    found, serving = dict(COUNTER.findall(text)), WORKERS.search(text)
    if not found:
        raise Failed(f"it does not tell its counters: it answers {status}")
    return Counters(sum(int(found.get(reason, 0)) for reason in FAULTS), int(serving[1]) if serving else 1)
