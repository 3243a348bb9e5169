"""The checks of two verdicts as a table that fits a terminal."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from notemill.compare.checks import CheckPair
from notemill.compare.lines import GAP, INDENT, NARROWEST, in_columns, one_line, wrapped
from notemill.text import number

MOST_PARTS = 20     # of one check that have lines
HEAD = ("check", "version", "outcome", "figure", "95 % interval", "limit", "n")
Told = Callable[[CheckPair], bool]


def check_lines(pairs: Sequence[CheckPair], versions: Sequence[str], width: int, told: Told) -> Iterator[str]:
    """Two lines for each check, or one where both say the same; of its parts those that are `told`."""
    rows = [HEAD, *(row for pair in pairs for row in check_rows(pair, versions, " to ", told))]
    if wide(rows) > width:
        rows = [HEAD, *(row for pair in pairs for row in check_rows(pair, versions, "..", told))]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    widths[0] -= min(max(wide(rows) - width, 0), widths[0] - NARROWEST)
    for name, *rest in rows:
        yield from wrapped(name, width, " " * INDENT) if len(name) > widths[0] else []  # on a line of its own
        yield from in_columns([name if len(name) <= widths[0] else "", *rest], widths)


def wide(rows: Sequence[Sequence[str]]) -> int:
    """The columns that a line of all of them would take."""
    return INDENT + sum(max(map(len, column)) for column in zip(*rows, strict=True)) + GAP * (len(rows[0]) - 1)


def check_rows(pair: CheckPair, versions: Sequence[str], between: str, told: Told, before: str = "",
               ) -> Iterator[list[str]]:
    """Its lines, and those of its parts."""
    if pair.differs:
        yield check_row(named(before + pair.name, pair.of[0]), versions[0], pair.left, between)
        yield check_row(named("", pair.of[1]), versions[1], pair.right, between)
    else:
        yield check_row(before + pair.name, "both", pair.left, between)
    for part in list(filter(told, pair.parts))[:MOST_PARTS]:
        yield from check_rows(part, versions, between, told, "- ")


def named(name: str, figure: str) -> str:
    """With what its figure is of, where the two versions' are of different things."""
    return f"{name} ({figure})".strip() if figure else name


def check_row(name: str, version: str, check: Mapping | None, between: str) -> list[str]:
    if check is None:
        return [one_line(name), version, "absent", "", "", "", ""]
    low, high = check.get("low"), check.get("high")
    interval = "" if low is None or high is None else f"{number(low)}{between}{number(high)}"
    return [one_line(name), version, str(check.get("outcome") or ""), number(check.get("figure")), interval,
            number(check.get("limit")), number(check.get("n"))]
