"""A comparison in few lines: what differs and matters; all else is counted."""

from collections.abc import Iterator

from notemill.compare.check_lines import check_lines
from notemill.compare.checks import CheckPair
from notemill.compare.lines import cells_of, one_line, table, wrapped
from notemill.compare.rows import Comparison, Row, Section

SHOWN = ("gate", "data", "columns", "parameters", "code", "metrics")
STATE = {"status", "commit", "uncommitted changes"}     # of a run
MOST = 15           # rows of a section
NAMES = 3           # that a count gives as examples


def section_blocks(comparison: Comparison, width: int) -> Iterator[str]:
    """The sections that may have made the difference, and what came of it."""
    for section in comparison.sections:
        if rows := shown_rows(section):
            more = len(rows) - MOST
            yield "\n".join([section.name, *table(list(map(cells_of, rows[:MOST])), width),
                             *([f"  and {more} more"] if more > 0 else [])])


def shown_rows(section: Section) -> list[Row]:
    """The rows that are told: a file that one step hands to others is told once."""
    if section.name == "run":
        return [row for row in section.rows if row.name in STATE]
    made = {(row.left, row.right) for row in section.rows if row.name.startswith("output ")}
    passed = section.name == "data" and made
    return [row for row in section.rows if not (passed and row.name.startswith("input ")
            and (row.left, row.right) in made)] if section.name in SHOWN else []


def check_block(checks: tuple[CheckPair, ...], versions: list[str], width: int) -> Iterator[str]:
    """The checks that came out otherwise, or were held against another limit."""
    changed = [pair for pair in checks if pair.changed]
    if changed:
        yield "\n".join(["checks that changed", *check_lines(changed, versions, width, lambda part: part.changed)])


def rest_block(comparison: Comparison, width: int) -> Iterator[str]:
    """What else differs, counted, and how to see it."""
    found = [counted(section) for section in comparison.sections if not shown_rows(section)]
    moved = [pair.name for pair in getattr(comparison, "checks", ()) if pair.differs and not pair.changed]
    found += [f"figures of checks that came out the same {examples(moved)}"] if moved else []
    found += [f"lines of {one_line(diff.name)} ({diff.words})" for diff in getattr(comparison, "diffs", ())]
    if found:
        yield "\n".join(wrapped(f"more that differs (--all shows it): {'; '.join(found)}", width))


def counted(section: Section) -> str:
    return f"{section.name} {examples([f'{row.step} {row.name}'.strip() for row in section.rows])}"


def examples(names: list[str]) -> str:
    """3 (a, b, c), 12 (a, b, c, ...)"""
    return one_line(f"{len(names)} ({', '.join(names[:NAMES])}{', ...' if len(names) > NAMES else ''})")
