"""What the package's verdict and provenance hold, read with care: they are text that others wrote."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

GROUPS = {
    "How good it is": ("metric", "floor", "dummy", "baseline", "champion", "agreement"),
    "For whom, and at what cost": ("slices", "value", "calibration.", "fairness"),
    "What small changes do": ("robustness.",),
    "Training and data": ("training.", "held_out", "leakage.", "skew", "rows"),
    "What it costs to run": ("budgets.",),
    "How it was judged": ("attempts", "settings", "reproducible")}
OTHERS = "The project's own checks"
UNASKED = "not asked for"
MOST = 1e300  # a figure beyond it is none: what is drawn is added up and taken from each other
ORDER = ("refused", "warned", "not assessed", "passed")


@dataclass(frozen=True)
class Check:
    """One check, or one part of it."""

    name: str
    outcome: str
    figure: float | None
    low: float | None
    high: float | None
    limit: float | None
    n: float | None
    hint: str
    parts: tuple["Check", ...] = ()


def read(folder: Path, name: str) -> Mapping:
    """A JSON object of the package; empty where there is none that can be read."""
    try:
        found = json.loads((folder / name).read_text(encoding="utf-8"))
        json.dumps(found, ensure_ascii=False).encode()  # half a character can be shown nowhere
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def given(verdict: Mapping) -> list[Mapping]:
    return objects(verdict.get("checks"))


def objects(found: Any) -> list[Mapping]:
    """Those of a list, if it is one."""
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def grouped(verdict: Mapping) -> Iterator[tuple[str, list[Check]]]:
    """(title, checks with their parts); those that nobody asked for are left out."""
    asked = [one for one in given(verdict) if one.get("outcome") != UNASKED]
    for title in [*GROUPS, OTHERS]:
        some = [whole(one) for one in asked if group_of(str(one.get("check"))) == title]
        if some:
            yield title, some


def group_of(name: str) -> str:
    return next((title for title, starts in GROUPS.items() for start in starts
                 if name == start or start.endswith(".") and name.startswith(start)), OTHERS)


def whole(one: Mapping) -> Check:
    """With its parts, if they say more than the check itself."""
    some = objects(part(one, "details").get("parts"))
    return check(one, str(one.get("check")), tuple(check(each, str(each.get("name"))) for each in some if some[1:]))


def check(one: Mapping, name: str, parts: tuple[Check, ...] = ()) -> Check:
    figures = (number(one.get(key)) for key in ("figure", "low", "high", "limit", "n"))
    return Check(name, str(one.get("outcome") or ""), *figures, str(one.get("hint") or ""), parts)


def number(value: Any) -> float | None:
    good = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= MOST
    return value if good else None


def unasked(verdict: Mapping) -> list[str]:
    return [str(one.get("check")) for one in given(verdict) if one.get("outcome") == UNASKED]


def named(verdict: Mapping, name: str) -> Check | None:
    return next((check(one, name) for one in given(verdict) if one.get("check") == name), None)


def parts(verdict: Mapping, name: str) -> list[Check]:
    """What a check looked at, each by itself."""
    for one in given(verdict):
        found = part(one, "details").get("parts")
        if one.get("check") == name and isinstance(found, list):
            return [check(some, str(some.get("name"))) for some in found if isinstance(some, dict)]
    return []


def outcomes(verdict: Mapping) -> list[str]:
    """Of the checks that somebody asked for."""
    return [str(one["outcome"]) for one in given(verdict) if one.get("outcome") not in (None, UNASKED)]


def counted(found: Sequence[str]) -> dict[str, int]:
    """How often each outcome is there, the worst first."""
    return {one: found.count(one) for one in [*ORDER, *sorted({*found} - {*ORDER})] if one in found}


def curve(verdict: Mapping) -> Mapping | None:
    """What probabilities said and what happened: x, y, low, high, n, each a list of numbers as long as the others."""
    return next(iter(curves(verdict, "calibration.error")), None)


def residuals(verdict: Mapping) -> tuple[Mapping, Mapping | None] | None:
    """Of a quantity: where nine tenths of the errors lie, by prediction, and their middle half."""
    found = curves(verdict, "calibration.residuals")
    return (found[0], found[1] if len(found) > 1 else None) if found else None


def around(verdict: Mapping, prediction: float) -> tuple[float, float, float] | None:
    """(low, high, rows): where nine tenths of the held-out rows were that had about this prediction."""
    for found in curves(verdict, "calibration.residuals"):
        place = min(range(len(found["x"])), key=lambda one: abs(found["x"][one] - prediction))
        return prediction + found["low"][place], prediction + found["high"][place], found["n"][place]
    return None


def curves(verdict: Mapping, name: str) -> list[Mapping]:
    for one in given(verdict):
        if one.get("check") == name and isinstance(one.get("details"), dict):
            found = one["details"].get("curve")
            return [some for some in (found if isinstance(found, list) else [found]) if is_curve(some)]
    return []


def is_curve(found: Any) -> bool:
    lists = [found.get(name) for name in ("x", "y", "low", "high", "n")] if isinstance(found, dict) else [None]
    return all(isinstance(one, list) and len(one) == len(lists[0]) and all(number(x) is not None for x in one)
               for one in lists) and len(lists[0]) > 1


# provenance
def origins(statement: Mapping) -> list[tuple[str, list[tuple[str, str]]]]:
    """From data to model: (what it is, [(name, digest)]) of an in-toto statement."""
    predicate = statement.get("predicate") if isinstance(statement.get("predicate"), dict) else {}
    definition, details = (part(predicate, name) for name in ("buildDefinition", "runDetails"))
    sources = [named_digest(one) for one in objects(definition.get("resolvedDependencies"))]
    run, about = part(details, "metadata"), part(definition, "internalParameters")
    notebooks = [one for one in sources if one[0].endswith((".ipynb", ".py"))]
    commit = [one for one in sources if one[0] == "source"]
    data = [one for one in sources if one not in notebooks and one not in commit]
    made = [named_digest(one) for one in objects(statement.get("subject"))]
    when = [("run", str(run.get("invocationId") or "")), ("began", minute(str(run.get("startedOn") or ""))),
            ("Python", str(about.get("python") or ""))]
    found = [("Data and contract", data), ("Commit", [("git", digest) for _, digest in commit]),
             ("Notebooks", notebooks), ("Run", [one for one in when if one[1]]), ("Made", made)]
    return [(title, some) for title, some in found if some]


def judged(verdict: Mapping) -> list[tuple[str, str]]:
    """When, on what, and with which outcome; empty where there is no verdict."""
    metric = named(verdict, "metric")
    rows = f"{metric.n:,.0f}" if metric and metric.n else ""
    found = [("verdict", verdict.get("verdict")), ("judged", minute(str(verdict.get("made") or ""))),
             ("held-out rows", rows), ("content of the held-out rows", verdict.get("data")),
             ("compared with", verdict.get("champion"))]
    return [(name, str(text)) for name, text in found if text]


def notebooks(statement: Mapping) -> list[str]:
    """Their names without folder and ending, in the order in which they ran."""
    found = dict(origins(statement)).get("Notebooks", [])
    return [Path(name).stem for name, _ in found]


def minute(moment: str) -> str:
    """2026-11-21T22:55:45.770206+00:00 -> 2026-11-21 22:55 UTC; what is none stays as it is."""
    try:
        return f"{datetime.fromisoformat(moment).astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    except (ValueError, OverflowError):
        return moment


def part(of: Mapping, name: str) -> Mapping:
    return of[name] if isinstance(of.get(name), dict) else {}


def named_digest(one: Mapping) -> tuple[str, str]:
    digest = part(one, "digest")
    return str(one.get("name") or ""), str(next(iter(digest.values()), ""))
