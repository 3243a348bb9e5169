"""The names of a CSV file's columns: from its first row, unless that looks like data."""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass

from notemill.errors import UsageError
from notemill.init.quote import comment

NUMBER = re.compile(r"\s*[-+]?(\d+([.,]\d+)*|[.,]\d+)([eE][-+]?\d+)?\s*")
FIRST = "first"     # --header first: the first row holds the names, whatever it looks like
LONGEST = 500       # characters of a name: YAML takes no key of more than 1,024
MOSTLY = 0.9


@dataclass(frozen=True)
class Heading:
    """The columns' names as the file has them ("" where it has none), and how many rows stand above the data."""

    names: tuple[str, ...]
    rows: int


def find_heading(where: str, rows: Sequence[Sequence[str]], header: str | None, no_header: bool,
                 target: str) -> Heading:
    """Names from the first rows, or from what was given. Raises UsageError where there seem to be none."""
    first, rest = list(rows[0]), rows[1:]
    if header not in (None, FIRST) or no_header:
        names = _split(header) if header else [f"column_{n}" for n in range(1, len(first) + 1)]
        if len(names) != len(first):
            raise UsageError("--header", f"names {len(names)} columns, and {where} has {len(first)}",
                             f"its first row: {comment(', '.join(first), 100)}")
        return Heading(tuple(names), 0)
    told = target in first and not NUMBER.fullmatch(target)
    if header != FIRST and not told and looks_like_data(first, rest):
        raise no_names(where, first)
    if rest and all(len(row) == len(first) + 1 for row in rest):     # as R writes row names
        first.insert(0, "")
    return Heading(tuple(first), 1)


def no_names(where: str, first: Sequence[str]) -> UsageError:
    shown = ", ".join(comment(cell, 20) for cell in first[:6])
    return UsageError(where, f"its first row looks like data, not like names: {shown}{', ...' if first[6:] else ''}",
                      f"it has {len(first)} columns",
                      "name them: --header a,b,c; or --no-header (column_1, column_2, ...); or --header first, "
                      "if these are the names after all")


def _split(header: str) -> list[str]:
    return [name.strip() for name in next(csv.reader(io.StringIO(header), skipinitialspace=True), [])]


def looks_like_data(first: Sequence[str], rest: Sequence[Sequence[str]]) -> bool:
    """Whether some cells of the first row are like those below them, and none is unlike them."""
    found = [_votes(name, [row[n] for row in rest if n < len(row) and row[n].strip()])
             for n, name in enumerate(first) if name.strip()]
    return any(vote < 0 for vote in found) and not any(vote > 0 for vote in found)


def _votes(name: str, cells: list[str]) -> int:
    """1: the cell is a name (it is none of the column's numbers); -1: it is one of its values; 0: who knows."""
    if not cells:
        return 0
    numeric = sum(bool(NUMBER.fullmatch(cell)) for cell in cells) / len(cells) >= MOSTLY
    if numeric:
        return -1 if NUMBER.fullmatch(name) else 1
    return -1 if name in cells else 0


def distinct_names(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Names that stand once each, as pandas makes them (a, a.1), and what was changed, in words."""
    result: list[str] = []
    for number, name in enumerate(names, 1):
        name, count = name if name.strip() else f"column_{number}", 0
        chosen = name
        while chosen in result or (chosen != name and chosen in names):
            count += 1
            chosen = f"{name}.{count}"
        result.append(chosen)
    changed = [f"column {n}, '{comment(old)}', is called '{comment(new)}'" if old else f"column {n} is called '{new}'"
               for n, (old, new) in enumerate(zip(names, result, strict=True), 1) if old != new]
    return result, changed


def check_names(where: str, names: Sequence[str]) -> None:
    for name in names:
        if len(name) > LONGEST:
            raise UsageError(where, f"a column's name has {len(name)} characters: {comment(name, 40)}",
                             f"at most {LONGEST}", "is the separator right? --separator names another one")
