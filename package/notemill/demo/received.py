"""A table that somebody uploads, read with limits: of rows and columns, of their cells, of the text in them."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from notemill.demo import parquet
from notemill.demo.limits import BadFile, check_size

AT_ONCE = 2_000_000  # cells that are Python's at a time: they take ten times the room of a table's
MOST_SIGNS = 1_000_000  # separators in a line, before it is taken apart
LONGEST = 131_072  # characters in a cell: Python's own limit, which something else in this process may have lifted
MOST_MISFITS, MOST_FILLED = 1000, 1_000_000  # rows; cells in them
MARK = b"PAR1"  # how Parquet begins
LINE_END = re.compile(r"[\r\n]")


@dataclass(frozen=True)
class Received:
    """`frame`: a row for each of the file's, those of CSV as text; `misfits`: {row from 0: why it is none}."""

    frame: Any
    misfits: dict[int, str] = field(default_factory=dict)


def read(name: str, data: bytes) -> Received:
    """Raises BadFile, whatever is wrong."""
    try:
        found = read_any(name, data)
    except BadFile:
        raise
    except Exception as error:  # what libraries raise on bytes that somebody made up is in no list
        kind = "Parquet" if data[:4] == MARK else "CSV"
        raise BadFile(f"it cannot be read as {kind}: {type(error).__name__}: {str(error)[:200]}") from error
    if not len(found.frame):
        raise BadFile("it has no rows below its heading")
    return found


def read_any(name: str, data: bytes) -> Received:
    if not data.strip():
        raise BadFile("the file is empty")
    if data[:4] == MARK:
        return Received(parquet.read(data))
    if name.lower().endswith((".parquet", ".pq")):
        raise BadFile("the name says Parquet, the content is something else")
    return read_csv(data)


def read_csv(data: bytes) -> Received:
    text = decoded(data).lstrip("\r\n")
    separator = separator_of(text)
    reader = csv.reader(lines(text, separator), delimiter=separator, strict=True)
    records = short(reader)
    try:
        heading = named(next(records, []))
        return table(heading, rows(records, len(heading)), separator)
    except csv.Error as error:
        raise BadFile(f"it cannot be read as CSV: line {reader.line_num:,}: {str(error)[:200]}") from None


def short(reader: Any) -> Iterator[list[str]]:
    """Its records, as long as no cell of them is too long."""
    for cells in reader:
        if max(map(len, cells), default=0) > LONGEST:
            raise csv.Error(f"field larger than field limit ({LONGEST})")
        yield cells


def decoded(data: bytes) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadFile(f"it is not UTF-8 (byte {error.start + 1:,}): save it as CSV in UTF-8, or as Parquet") from None
    if "\0" in text:
        raise BadFile("it holds what no text holds: is it a CSV file?")
    return text


def separator_of(text: str) -> str:
    """The sign that the heading has most of."""
    heading = LINE_END.split(text, maxsplit=1)[0]
    return max(",;\t|", key=heading.count)


def lines(text: str, separator: str) -> Iterator[str]:
    """Whichever way they end, also within quotes."""
    for number, line in enumerate(io.StringIO(text, newline=""), start=1):
        if line.count(separator) > MOST_SIGNS:
            raise BadFile(f"line {number:,} has more than {MOST_SIGNS:,} cells")
        yield line


def named(heading: Sequence[str]) -> list[str]:
    """The columns' names; one that has none is called as pandas calls it, which the model may have been told, too."""
    names = [name or f"Unnamed: {place}" for place, name in enumerate(heading)]
    check_size(0, len(names))
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise BadFile(f"column '{twice[0]}' stands in the heading twice")
    return names


def rows(reader: Iterable[list[str]], columns: int) -> Iterator[list[str]]:
    """One for each line or record, empty ones too, less those at the end."""
    waiting = count = 0
    for cells in reader:
        if not cells:
            waiting += 1
            continue
        count += waiting + 1
        check_size(count, columns, more=True)
        yield from ([] for _ in range(waiting))
        yield cells
        waiting = 0


def table(heading: list[str], found: Iterable[list[str]], separator: str) -> Received:
    import pandas as pd

    most, some, parts, misfits = max(1, AT_ONCE // len(heading)), [], [pd.DataFrame(columns=heading, dtype="str")], {}
    for number, cells in enumerate(found):
        if len(cells) != len(heading) and (cells or len(heading) > 1):
            misfits[number] = misfit(cells, heading)
            check_misfits(misfits, len(heading))
        some.append(fitted(cells, len(heading), separator))
        if len(some) == most:
            parts.append(pd.DataFrame(some, columns=heading, dtype="str"))
            some = []
    parts.append(pd.DataFrame(some, columns=heading, dtype="str"))
    return Received(pd.concat(parts, ignore_index=True), misfits)


def misfit(cells: list[str], heading: list[str]) -> str:
    if not cells:
        return "it is empty"
    return f"it has {len(cells):,} cell{'s' * (len(cells) > 1)}, the heading {len(heading):,}"


def check_misfits(misfits: dict[int, str], columns: int) -> None:
    """Each is filled up to the heading's width: a small file must not become a large table."""
    if len(misfits) > MOST_MISFITS or len(misfits) * columns > MOST_FILLED:
        row, why = next(iter(misfits.items()))
        raise BadFile(f"at least {len(misfits):,} rows do not have the heading's number of cells: the first is row "
                      f"{row + 1:,}: {why}")


def fitted(cells: list[str], columns: int, separator: str) -> list[str]:
    """As many cells as the heading has, with nothing lost: what is too much is in the last one."""
    if len(cells) > columns:
        return [*cells[:columns - 1], separator.join(cells[columns - 1:])]
    return cells + [""] * (columns - len(cells))
