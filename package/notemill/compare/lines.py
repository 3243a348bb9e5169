"""How comparisons are laid out in a terminal: columns that line up, and lines that fit."""

import textwrap
from collections.abc import Iterator, Sequence

from notemill.compare.rows import Row
from notemill.text import printable

INDENT, GAP = 2, 2
NARROWEST = 8       # a column that gives way


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
