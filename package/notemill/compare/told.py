"""A comparison as text that fits a terminal, and as a plain object for `--json`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict

from notemill.compare import brief
from notemill.compare.check_lines import check_lines
from notemill.compare.lines import INDENT, cells_of, one_line, table, wrapped
from notemill.compare.rows import Comparison, Row
from notemill.compare.versions import VersionComparison
from notemill.text import clip, number, printable

WIDTH = 80
MOST_LINES = 40     # of a difference between two texts; the page has them all


def as_text(comparison: Comparison, width: int = WIDTH) -> str:
    """Aligned plain text, a block for each section; what is too long for a line goes on in its column. In few lines,
    unless the comparison is of all that there is."""
    if isinstance(comparison, VersionComparison):
        return "\n\n".join(version_blocks(comparison, width))
    head = f"{comparison.left} (left), {comparison.right} (right): {comparison.headline.lower()}"
    return "\n\n".join(["\n".join(wrapped(head, width)), *section_blocks(comparison, width)])


def section_blocks(comparison: Comparison, width: int) -> Iterator[str]:
    if not comparison.all:
        yield from brief.section_blocks(comparison, width)
        yield from brief.rest_block(comparison, width)
        return
    for section in comparison.sections:
        yield "\n".join([section.name, *table(list(map(cells_of, section.rows)), width)])


# two versions
def version_blocks(comparison: VersionComparison, width: int) -> Iterator[str]:
    """Head, figures, what the gate found between the two, checks, and all else that differs."""
    yield "\n".join(wrapped(f"{comparison.project}: {comparison.left} on the left, {comparison.right} on the right; "
                            f"{comparison.headline.lower()}", width))
    yield "\n".join(["figures", *figure_lines(comparison, width), *wrapped(comparison.between.words, width, "  ")])
    if comparison.notes:
        yield "\n".join(["to know", *(line for note in comparison.notes for line in wrapped(note, width, "  "))])
    yield from check_blocks(comparison, width)
    yield from section_blocks(comparison, width)
    for diff in comparison.diffs if comparison.all else ():
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


def check_blocks(comparison: VersionComparison, width: int) -> Iterator[str]:
    versions = [str(figure["version"]) for figure in comparison.figures]
    if not comparison.all:
        yield from brief.check_block(comparison.checks, versions, width)
    elif comparison.checks:
        shown = [pair for pair in comparison.checks if pair.asked or pair.differs]
        unasked = [pair.name for pair in comparison.checks if pair not in shown]
        last = wrapped(f"not asked for in either: {', '.join(unasked)}", width, "  ") if unasked else []
        yield "\n".join(["checks", *check_lines(shown, versions, width, lambda part: part.differs), *last])


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
