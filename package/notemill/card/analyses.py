"""Every check of the gate, with each slice and group."""

from collections.abc import Iterator, Mapping

from notemill.card.blocks import Checks, Heading, Say
from notemill.card.words import cut, left_out
from notemill.gate.meaning import grouped
from notemill.gate.verdict import NOT_ASKED

WITH_PARTS = ("slices", "fairness")  # whom the model serves, one by one
MOST_PARTS = 500


def analyses(facts: Mapping) -> Iterator[object]:
    asked = [one for one in facts["verdict"]["checks"] if one["outcome"] != NOT_ASKED]
    for heading, checks in grouped(asked):
        yield Heading(heading)
        yield Checks(tuple(line for one in checks for line in check_rows(one)))
        for one in checks:
            yield from left_out(len(one["parts"]) - MOST_PARTS if one["check"] in WITH_PARTS else 0, "card.json")
    unasked = [one["check"] for one in facts["verdict"]["checks"] if one["outcome"] == NOT_ASKED]
    if unasked:
        yield Say(f"Not asked for: {', '.join(unasked)}.")


def check_rows(one: Mapping) -> Iterator[tuple[str, Mapping]]:
    """A check, and below it each slice or group that was looked at."""
    yield one["check"], one
    for part in one["parts"][:MOST_PARTS] if one["check"] in WITH_PARTS else ():
        yield f"{one['check']}, {cut(part['name'])}", part
