"""The head of model_card.md: YAML between two lines of `---`, that says whose words follow, and when they were read."""

import re
from collections.abc import Mapping
from datetime import date, datetime

import yaml

from notemill.card.markup import BREAK
from notemill.errors import UsageError, did_you_mean

FRONT = ("author", "owner", "reviewed", "review_months", "license")
MONTHS = 12


def split_front(text: str) -> tuple[str, str]:
    """(the YAML between two lines of `---` at the very beginning, or ""; the rest)."""
    lines = BREAK.split(text.removeprefix("\ufeff"))
    if lines[0].rstrip() == "---":
        for at, line in enumerate(lines[1:], start=1):
            if line.rstrip() == "---":
                return "\n".join(lines[1:at]), "\n".join(lines[at + 1:])
    return "", "\n".join(lines)


def read_front(front: str, where: str) -> dict:
    if not front.strip():
        return {}
    try:
        facts = yaml.safe_load(front)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 2}" if mark else ""
        raise UsageError(f"{where}{line}", "its head is not YAML", "lines such as `author: Ada Lovelace`",
                         "quote a value that holds a colon") from None
    except RecursionError:
        raise UsageError(where, "its head is nested too deep", "lines such as `author: Ada Lovelace`") from None
    except ValueError as error:  # a date such as 2026-02-31
        raise UsageError(where, f"its head cannot be read: {error}", "a date such as 2026-11-20") from None
    if facts is None:
        return {}
    if not isinstance(facts, dict):
        raise UsageError(where, "its head is no list of names and values", "lines such as `author: Ada Lovelace`")
    return checked_front(facts, where)


def checked_front(facts: Mapping, where: str) -> dict:
    for name in facts:
        if name not in FRONT:
            raise UsageError(where, f"unknown key '{name}' in its head", f"keys: {', '.join(FRONT)}",
                             did_you_mean(str(name), FRONT))
    for name in ("author", "owner", "license"):
        if not isinstance(facts.get(name), str | None):
            raise UsageError(f"{where}: {name}", f"got {facts[name]!r}", "text")
    months = MONTHS if facts.get("review_months") is None else facts["review_months"]
    if type(months) is not int or not 1 <= months <= 120:
        raise UsageError(f"{where}: review_months", f"got {months!r}", "a whole number of months, 1 to 120")
    named = {name: " ".join((facts.get(name) or "").split()) or None for name in ("author", "owner", "license")}
    reviewed = facts.get("reviewed")
    return {**named, "months": months,
            "reviewed": None if reviewed is None else read_date(reviewed, f"{where}: reviewed")}


def read_date(value: object, where: str) -> date:
    """Raises UsageError for what is no day."""
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d\d-\d\d", value.strip()):
            raise ValueError
        return date.fromisoformat(value.strip())
    except ValueError:
        raise UsageError(where, f"got {value!r}", "a date such as 2026-11-20") from None
