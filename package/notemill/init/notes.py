"""What is worth knowing about a table before the first run."""

from collections.abc import Iterable, Mapping

from notemill.init.columns import Column
from notemill.init.quote import comment

FEW_ROWS = 200          # below that the intervals are wide
STRAIGHT = 0.95         # R2 of a straight line from which nothing else is needed
SHOWN = 12


def notes(columns: Mapping[str, Column], target: str, leaks: Mapping[str, str], group: str | None,
          time: str | None) -> Iterable[str]:
    """What is worth knowing before the first run."""
    goal = columns[target]
    if goal.missing:
        yield f"{goal.missing:,} rows have no target: prepare leaves them out"
    if goal.filled < FEW_ROWS:
        yield f"{goal.filled:,} rows are few: the figures will have wide intervals, and the gate may refuse"
    rare = [comment(value) for value, count in goal.values if count < 10] if goal.values and not goal.numeric else []
    if rare:
        yield f"classes with fewer than 10 rows: {some(rare)}"
    for name, why in leaks.items():
        yield f"{comment(name)}: {why}, so it stands under `drop:` and the model does not see it"
    yield from _column_notes({n: c for n, c in columns.items() if n not in (target, group, time, *leaks)})


def _column_notes(columns: Mapping[str, Column]) -> Iterable[str]:
    kinds = {"name the rows (the model does not see them)": lambda c: c.identifies,
             "hold nothing (the model does not see them)": lambda c: not c.filled,
             "are always the same (the model does not see them)": lambda c: c.distinct == 1,
             "hold words between the numbers, which count as missing": lambda c: bool(c.strange),
             "hold dates that are not written as 2024-12-31, and count as words": lambda c: c.local_dates,
             "are missing in more than a third of the rows": lambda c: c.filled and c.missing > c.rows / 3}
    for words, holds in kinds.items():
        if found := [comment(name) for name, column in columns.items() if holds(column)]:
            yield f"{words}: {some(found)}"


def straight_note(straight: float, target: str) -> Iterable[str]:
    if straight >= STRAIGHT:
        yield (f"{straight:.1%} of {comment(target)} follows from a straight line through the other numbers: are they "
               "all known beforehand? What is not belongs under `drop:`")


def some(names: list[str]) -> str:
    return ", ".join(names[:SHOWN]) + (f", ... ({len(names)} in all)" if names[SHOWN:] else "")
