"""What the risk asks of people's words: that they are there, whose they are, and that a review has not expired."""

from collections.abc import Iterator
from datetime import date, timedelta

from notemill.card.human import TITLES, Human
from notemill.errors import UsageError

STRICT = ("medium", "high")
CLOCKS = timedelta(days=1)  # time zones differ: so far ahead is no mistake
REMEDY = "write below the headings of model_card.md, with `author:` and `reviewed:` (the day of the review) at its head"


def demand(human: Human, risk: str, today: date, where: str = "model_card.md") -> None:
    """Raise UsageError for a review in the future; with a risk of medium or high, also for what is not written, not
    reviewed, or has to be reviewed anew."""
    ahead = list(future(human, today))
    if ahead:
        raise UsageError(where, "; ".join(ahead), f"a day up to today, {today.isoformat()}")
    if risk not in STRICT:
        return
    problems = [f"section '{title}' is not written" for title in unwritten(human)]
    problems += list(unreviewed(human, today))
    if problems:
        lines = [f"with `risk: {risk}` nothing is registered or promoted before people have said what facts cannot",
                 *problems]
        raise UsageError(where, "\n  ".join(lines), hint=REMEDY)


def warning(human: Human, today: date) -> str | None:
    """What a low risk lets pass, in one line; None where there is nothing to say."""
    missing = unwritten(human)
    said = [f"not stated: {', '.join(missing)}"] if missing else []
    expired = [title for title, due in expiries(human) if due < today]
    if expired:
        said.append(f"to be reviewed anew: {', '.join(expired)}")
    return f"model card: {'; '.join(said)} (model_card.md)" if said else None


def unwritten(human: Human) -> list[str]:
    """The titles of the sections that nobody has written."""
    return [title for key, title in TITLES.items() if not human.section(key).is_written]


def unreviewed(human: Human, today: date) -> Iterator[str]:
    """What is written, but by nobody, or not reviewed, or too long ago."""
    for key, title in TITLES.items():
        section = human.section(key)
        if not section.is_written:
            continue
        if section.reviewed is None:
            yield f"section '{title}' was never reviewed"
        elif section.reviewer is None:
            yield f"section '{title}' says nobody's name: `author:`"
        elif human.due(section.reviewed) < today:
            yield (f"section '{title}' was reviewed on {section.reviewed.isoformat()} and had to be again by "
                   f"{human.due(section.reviewed).isoformat()}")


def expiries(human: Human) -> Iterator[tuple[str, date]]:
    """(title, the day by which it has to be reviewed anew) of what is written and reviewed."""
    for key, title in TITLES.items():
        section = human.section(key)
        if section.is_written and section.reviewed:
            yield title, human.due(section.reviewed)


def future(human: Human, today: date) -> Iterator[str]:
    if human.reviewed and human.reviewed > today + CLOCKS:
        yield f"`reviewed: {human.reviewed.isoformat()}` lies in the future"
    for section in human.sections:
        if section.reviewed and section.reviewed > today + CLOCKS:
            yield f"section '{section.title}': the review of {section.reviewed.isoformat()} lies in the future"
