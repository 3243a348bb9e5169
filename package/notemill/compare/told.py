"""A comparison as text that fits a terminal, and as a plain object for `--json`."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict

from notemill.compare.checks import CheckPair
from notemill.compare.rows import Comparison, Row
from notemill.compare.versions import VersionComparison
from notemill.text import clip, number, printable

WIDTH = 80
INDENT, GAP = 2, 2
NARROWEST = 8       # a column that gives way
MOST_PARTS = 20     # of one check that have lines
MOST_LINES = 40     # of a difference between two texts; the page has them all
CHECK_HEAD = ("check", "version", "outcome", "figure", "95 % interval", "limit", "n")


def as_text(comparison: Comparison, width: int = WIDTH) -> str:
    """Aligned plain text, a block for each section; what is too long for a line goes on in its column."""
    if isinstance(comparison, VersionComparison):
        return "\n\n".join(version_blocks(comparison, width))
    head = f"{comparison.left} (left), {comparison.right} (right): {comparison.headline.lower()}"
    return "\n\n".join(["\n".join(wrapped(head, width)), *section_blocks(comparison, width)])


def section_blocks(comparison: Comparison, width: int) -> Iterator[str]:
    for section in comparison.sections:
        yield "\n".join([section.name, *table(list(map(cells_of, section.rows)), width)])


def cells_of(row: Row) -> list[str]:
    return [one_line(cell) for cell in (f"{row.step} {row.name}", *row.texts, row.note)]


def one_line(text: object) -> str:
    return " ".join(printable(text).split())


def table(lines: Sequence[Sequence[str]], width: int) -> Iterator[str]:
    """Columns that line up; the widest give way, and their cells take several lines."""
    widths = [max(len(line[n]) for line in lines) for n in range(len(lines[0]))]
    while sum(widths) + GAP * (sum(map(bool, widths)) - 1) + INDENT > width and max(widths) > NARROWEST:
        widths[widths.index(max(widths))] -= 1
    for line in lines:
        yield from in_columns(line, widths)


def in_columns(line: Sequence[str], widths: Sequence[int]) -> Iterator[str]:
    cells = [textwrap.wrap(cell, max(size, 1), break_on_hyphens=False) or [""]
             for cell, size in zip(line, widths, strict=True)]
    for n in range(max(map(len, cells))):
        parts = [(cell[n] if n < len(cell) else "").ljust(size) for cell, size in zip(cells, widths, strict=True)]
        yield (" " * INDENT + (" " * GAP).join(parts)).rstrip()


def wrapped(words: object, width: int, indent: str = "") -> list[str]:
    return textwrap.wrap(one_line(words), width=width, initial_indent=indent, subsequent_indent=indent,
                         break_on_hyphens=False)


# two versions
def version_blocks(comparison: VersionComparison, width: int) -> Iterator[str]:
    """Head, figures, what the gate found between the two, checks, and all else that differs."""
    yield "\n".join(wrapped(f"{comparison.project}: {comparison.left} on the left, {comparison.right} on the right; "
                            f"{comparison.headline.lower()}", width))
    yield "\n".join(["figures", *figure_lines(comparison, width), *wrapped(comparison.between.words, width, "  ")])
    if comparison.notes:
        yield "\n".join(["to know", *(line for note in comparison.notes for line in wrapped(note, width, "  "))])
    if comparison.checks:
        yield "\n".join(["checks", *check_lines(comparison, width)])
    yield from section_blocks(comparison, width)
    for diff in comparison.diffs:
        yield "\n".join([f"{one_line(diff.name)}: {diff.words}"[:width], *diff_lines(diff.lines, width)])


def figure_lines(comparison: VersionComparison, width: int) -> Iterator[str]:
    """Each version's figure with its interval and n."""
    for figure in comparison.figures:
        words = figure_words(figure) if figure["figure"] is not None else "no figure is known"
        yield from wrapped(f"version {figure['version']}: {figure['metric']} {words}", width, " " * INDENT)


def figure_words(figure: Mapping) -> str:
    """0.9921 (95 % interval 0.959 to 1), n = 171; what is not known is said."""
    low, high, n = figure["low"], figure["high"], figure["n"]
    interval = f" (95 % interval {number(low)} to {number(high)})" if None not in (low, high) else " (no interval)"
    return f"{number(figure['figure'])}{interval}, " + (f"n = {number(n)}" if n is not None else "n is not known")


def check_lines(comparison: VersionComparison, width: int) -> Iterator[str]:
    """Two lines for each check, or one where both say the same."""
    shown = [pair for pair in comparison.checks if pair.asked or pair.differs]
    rows = [CHECK_HEAD, *(row for pair in shown for row in check_rows(pair, comparison, " to "))]
    if wide(rows) > width:
        rows = [CHECK_HEAD, *(row for pair in shown for row in check_rows(pair, comparison, ".."))]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    widths[0] -= min(max(wide(rows) - width, 0), widths[0] - NARROWEST)
    for name, *rest in rows:
        yield from wrapped(name, width, " " * INDENT) if len(name) > widths[0] else []  # on a line of its own
        yield from in_columns([name if len(name) <= widths[0] else "", *rest], widths)
    unasked = [pair.name for pair in comparison.checks if pair not in shown]
    yield from wrapped(f"not asked for in either: {', '.join(unasked)}", width, "  ") if unasked else []


def wide(rows: Sequence[Sequence[str]]) -> int:
    """The columns that a line of all of them would take."""
    return INDENT + sum(max(map(len, column)) for column in zip(*rows, strict=True)) + GAP * (len(rows[0]) - 1)


def check_rows(pair: CheckPair, comparison: VersionComparison, between: str, before: str = "") -> Iterator[list[str]]:
    """Its lines, and those of its parts that differ."""
    versions = [str(figure["version"]) for figure in comparison.figures]
    if pair.differs:
        yield check_row(before + pair.name, versions[0], pair.left, between)
        yield check_row("", versions[1], pair.right, between)
    else:
        yield check_row(before + pair.name, "both", pair.left, between)
    for part in [part for part in pair.parts if part.differs][:MOST_PARTS]:
        yield from check_rows(part, comparison, between, "- ")


def check_row(name: str, version: str, check: Mapping | None, between: str) -> list[str]:
    if check is None:
        return [one_line(name), version, "absent", "", "", "", ""]
    low, high = check.get("low"), check.get("high")
    interval = "" if low is None or high is None else f"{number(low)}{between}{number(high)}"
    return [one_line(name), version, str(check.get("outcome") or ""), number(check.get("figure")), interval,
            number(check.get("limit")), number(check.get("n"))]


def diff_lines(lines: Sequence[str], width: int) -> Iterator[str]:
    for line in lines[:MOST_LINES]:
        yield clip(f"  {printable(line)}", width)
    if len(lines) > MOST_LINES:
        yield f"  and {len(lines) - MOST_LINES} lines more: --output FILE.html has them"


# as a plain object
def as_json(comparison: Comparison) -> dict:
    """A plain object for `--json`; what is not a number in JSON stands as text."""
    sections = {section.name: [plain_row(row) for row in section.rows] for section in comparison.sections}
    told = {"left": comparison.left, "right": comparison.right, "differences": comparison.differences,
            "sections": sections}
    if not isinstance(comparison, VersionComparison):
        return told
    return {**told, "project": comparison.project, "figures": list(comparison.figures),
            "between": asdict(comparison.between), "notes": list(comparison.notes),
            "checks": [{**asdict(pair), "differs": pair.differs} for pair in comparison.checks],
            "diffs": [asdict(diff) for diff in comparison.diffs]}


def plain_row(row: Row) -> dict:
    return {key: str(value) if isinstance(value, float) and value - value != 0 else value
            for key, value in asdict(row).items() if key not in ("section", "shown")}
