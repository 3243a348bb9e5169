"""summary.json as plain values, if it is what it has to be, field by field: a stranger may have written it."""

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

MOST_BYTES = 512_000
MOST_ITEMS = 200
MOST_TEXT = 500
SHA = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?", re.ASCII)
DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)
LARGEST = 1e300


class NoSummary(Exception):
    """It is none; in words."""


@dataclass(frozen=True)
class Check:
    """One check of the gate."""

    name: str
    passed: bool
    warning: bool
    figure: float | None
    low: float | None
    high: float | None
    limit: str
    words: str


@dataclass(frozen=True)
class Metric:
    """A figure, with the ends of its interval."""

    name: str
    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Trouble:
    """Where a build broke."""

    step: str
    cell: int | None
    words: str
    report: str


@dataclass(frozen=True)
class Summary:
    """What a build says it did. `passed`: what the gate said, None where it was not asked."""

    commit: str
    event: str
    steps: tuple[tuple[str, str], ...]
    passed: bool | None
    checks: tuple[Check, ...]
    metrics: tuple[Metric, ...]
    data: Mapping[str, str]
    params: Mapping[str, str]
    coverage: float | None
    links: tuple[tuple[str, str], ...]
    error: Trouble | None


def read_summary(content: bytes) -> Summary:
    """Raises NoSummary."""
    try:
        return summary_of(json.loads(content.decode(), parse_constant=refuse))
    except NoSummary:
        raise
    except (ValueError, RecursionError) as error:
        raise NoSummary(f"it is no JSON ({type(error).__name__})") from None


def refuse(word: str) -> None:
    raise NoSummary(f"it holds {word}, which is no number")


def summary_of(raw: object) -> Summary:
    """Raises NoSummary."""
    body = mapping(raw, "it")
    if body.get("format") != 1 or isinstance(body["format"], bool):
        raise NoSummary("its format is not 1")
    verdict = optional(body, "verdict", mapping)
    return Summary(
        commit=matching(body, "commit", SHA), event=text(body.get("event"), "event"),
        steps=tuple((text(one.get("step"), "step"), text(one.get("action"), "action"))
                    for one in objects(body, "steps")),
        passed=None if verdict is None else boolean(verdict.get("passed"), "passed"),
        checks=() if verdict is None else tuple(map(check_of, objects(verdict, "checks"))),
        metrics=tuple(map(metric_of, objects(body, "metrics"))),
        data={text(key, "data"): matching({key: value}, key, DIGEST) for key, value in entries(body, "data")},
        params={text(key, "params"): value_of(value) for key, value in entries(body, "params")},
        coverage=optional(body, "coverage", number),
        links=tuple((text(one.get("title"), "title"), text(one.get("url"), "url")) for one in objects(body, "links")),
        error=optional(body, "error", trouble_of))


def check_of(raw: Mapping) -> Check:
    low, high = interval(raw.get("interval"))
    return Check(text(raw.get("check"), "check"), boolean(raw.get("passed"), "passed"),
                 boolean(raw.get("warning"), "warning"), optional(raw, "figure", number), low, high,
                 optional(raw, "limit", text) or "", optional(raw, "words", text) or "")


def interval(raw: object) -> tuple[float | None, float | None]:
    if raw is None:
        return None, None
    if not isinstance(raw, list) or len(raw) != 2:
        raise NoSummary("an interval has not two ends")
    return number(raw[0], "interval"), number(raw[1], "interval")


def metric_of(raw: Mapping) -> Metric:
    return Metric(text(raw.get("name"), "name"), number(raw.get("value"), "value"), optional(raw, "low", number),
                  optional(raw, "high", number))


def trouble_of(raw: object, name: str) -> Trouble:
    body = mapping(raw, name)
    cell = optional(body, "cell", number)
    return Trouble(text(body.get("step"), "step"), None if cell is None else int(cell),
                   text(body.get("words"), "words"), optional(body, "report", text) or "")


def value_of(value: object) -> str:
    """A parameter as it is shown: its JSON. Raises NoSummary for what is neither text nor number."""
    if value is None or isinstance(value, bool | str):
        return json.dumps(value if not isinstance(value, str) else text(value, "params"), ensure_ascii=False)
    return json.dumps(number(value, "params"))


def optional(raw: Mapping, name: str, read: Callable) -> object:
    return None if raw.get(name) is None else read(raw[name], name)


def mapping(raw: object, name: str) -> Mapping:
    if not isinstance(raw, dict) or len(raw) > MOST_ITEMS:
        raise NoSummary(f"{name} is no object, or too large")
    return raw


def entries(raw: Mapping, name: str) -> list[tuple[str, object]]:
    return list(mapping(raw.get(name, {}), name).items())


def objects(raw: Mapping, name: str) -> list[Mapping]:
    found = raw.get(name, [])
    if not isinstance(found, list) or len(found) > MOST_ITEMS:
        raise NoSummary(f"{name} is no list, or too long")
    return [mapping(one, name) for one in found]


def text(raw: object, name: str) -> str:
    if not isinstance(raw, str) or len(raw) > MOST_TEXT:
        raise NoSummary(f"{name} is no text, or too long")
    return raw


def matching(raw: Mapping, name: str, form: re.Pattern) -> str:
    found = text(raw.get(name), name)
    if not form.fullmatch(found):
        raise NoSummary(f"{name} is not of its form")
    return found


def boolean(raw: object, name: str) -> bool:
    if not isinstance(raw, bool):
        raise NoSummary(f"{name} is neither true nor false")
    return raw


def number(raw: object, name: str) -> float:
    if not isinstance(raw, int | float) or isinstance(raw, bool) or abs(raw) > LARGEST or not math.isfinite(raw):
        raise NoSummary(f"{name} is no number, or too large")
    return raw
