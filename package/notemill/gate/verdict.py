"""A check's outcome, and the verdict that they make together."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

NAMES = ("metric", "floor", "dummy", "baseline", "champion", "agreement", "slices", "value", "calibration.loss",
         "calibration.error", "calibration.residuals", "fairness", "robustness.columns", "robustness.rows",
         "robustness.float32", "robustness.noise", "robustness.unseen", "robustness.missing", "training.inputs",
         "training.gap", "training.loss", "held_out", "leakage.target", "leakage.duplicates", "leakage.groups",
         "leakage.time", "leakage.identifiers", "skew", "rows", "budgets.latency", "budgets.throughput", "budgets.size",
         "budgets.memory", "attempts", "settings")  # in the order in which they are shown
CUSTOM = "custom."  # before the name of a project's own check
RERUN = "reproducible"  # only where it is asked for
FIRM = ("metric", "held_out", "rows")  # never a mere warning: without them the other figures mean nothing
NOT_ASKED = "not asked for"
FIGURES = ("figure", "low", "high", "n", "limit")
OUTCOMES = ("passed", "refused", "warned", "not assessed", NOT_ASKED)


@dataclass(frozen=True)
class Check:
    """What one check found: a figure with its 95 % interval, n rows, the limit it is held against, and what to do.

    `details`: what the verdict's page draws, as JSON.
    """

    check: str
    outcome: str
    figure: float | None = None
    low: float | None = None
    high: float | None = None
    n: int | None = None
    limit: float | None = None
    hint: str | None = None
    details: Mapping | None = None

    def as_json(self) -> dict:
        return asdict(self)


def from_json(value: object) -> Check:
    """A check that another process wrote down. Raises ValueError where it is none."""
    if not isinstance(value, dict) or set(value) != set(Check.__dataclass_fields__):
        raise ValueError("not a check")
    numbers = [value[name] for name in ("figure", "low", "high", "limit") if value[name] is not None]
    if not all(isinstance(number, int | float) and math.isfinite(number) for number in numbers):
        raise ValueError(f"the check '{value['check']}' has a figure that is no number")
    if not is_name(value["check"]) or value["outcome"] not in OUTCOMES:
        raise ValueError(f"unknown check or outcome: {value['check']}, {value['outcome']}")
    json.dumps(value["details"], allow_nan=False)
    return Check(**value)


def is_name(name: object) -> bool:
    return name in NAMES or name == RERUN or (isinstance(name, str) and name.startswith(CUSTOM))


def names_for(config: Mapping) -> list[str]:
    """All checks that a verdict by this gate section has, in their order."""
    return [*NAMES, *(CUSTOM + name for name in config.get("custom", ()))]


def refused(name: str, hint: str) -> Check:
    return Check(name, "refused", hint=hint)


def not_asked(name: str, why: str) -> Check:
    """A check that the gate section does not ask for, or that has nothing to look at in this kind of model."""
    return Check(name, NOT_ASKED, hint=why)


def complete(checks: Sequence[Check], config: Mapping) -> list[Check]:
    """All checks in their order: one that is absent is a refusal, and those in `warn` that gave a figure only
    warn."""
    found = {check.check: check for check in checks}
    every = [found.get(name) or refused(name, "the check gave no result") for name in names_for(config)]
    more = [found[RERUN]] if RERUN in found else []
    return [soften(check, config.get("warn", ())) for check in [*every, *more]]


def soften(check: Check, warn: Sequence[str]) -> Check:
    """What could not be computed stays a refusal."""
    if check.outcome == "refused" and check.check in warn and check.check not in FIRM and check.figure is not None:
        return Check(**{**check.as_json(), "outcome": "warned"})
    return check


def decide(checks: Sequence[Check]) -> str:
    """Refused by any refusal."""
    return "refused" if any(check.outcome == "refused" for check in checks) else "passed"


def parts_of(check: Mapping) -> list[dict]:
    """What a check's details tell of its slices, groups or variants; whatever is no part, or no number, is left out,
    and so is an only part that says what the check itself says."""
    details = check.get("details")
    given = details.get("parts") if isinstance(details, Mapping) else None
    parts = [as_part(part) for part in given if isinstance(part, Mapping)] if isinstance(given, list) else []
    return [] if len(parts) == 1 and parts[0]["figure"] == check.get("figure") is not None else parts


def as_part(given: Mapping) -> dict:
    numbers = {key: given.get(key) if is_number(given.get(key)) else None for key in FIGURES}
    outcome, hint = given.get("outcome"), given.get("hint")
    return {"name": str(given.get("name", "")), "outcome": outcome if outcome in OUTCOMES else None, **numbers,
            "hint": None if hint is None else str(hint)}


def is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
