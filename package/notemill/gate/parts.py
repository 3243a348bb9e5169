"""A check that looks at several things: each is a part, and the worst of them is the check's own figure."""

from collections.abc import Mapping, Sequence

from notemill.gate.statistics import Interval
from notemill.gate.verdict import Check

ORDER = ("refused", "warned", "not assessed", "passed", "not asked for")  # the worst first


def part(name: str, outcome: str, found: Interval | None = None, n: int | None = None, limit: float | None = None,
         hint: str | None = None) -> dict:
    """What one part found, as `details` holds it."""
    figure, low, high = (found.figure, found.low, found.high) if found else (None, None, None)
    return {"name": name, "outcome": outcome, "figure": figure, "low": low, "high": high, "n": n,
            "limit": None if limit is None else float(limit), "hint": hint}


def together(name: str, parts: Sequence[Mapping], curves: Sequence[Mapping] = ()) -> Check:
    """The check of these parts: the outcome and the figures of the worst, of equally bad ones the first; the hints of
    all that did not pass, or of the first."""
    worst = min(parts, key=lambda one: ORDER.index(one["outcome"]))
    hints = [one["hint"] for one in parts if one["outcome"] in ORDER[:3] and one["hint"]] or [worst["hint"]]
    details: dict = {"parts": list(parts)}
    if curves:
        details["curve"] = curves[0] if len(curves) == 1 else list(curves)
    return Check(name, worst["outcome"], worst["figure"], worst["low"], worst["high"], worst["n"], worst["limit"],
                 ". ".join(hint for hint in hints if hint) or None, details)
