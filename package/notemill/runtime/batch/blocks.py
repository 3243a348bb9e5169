"""A CSV file by blocks of whole rows: Arrow reads what is written as the format says, Python's csv module the rest.

Arrow takes text behind a closing quote for a part of the cell, which Python's module, told to be strict, refuses; so
a block goes to Arrow only where every quote stands as it should. Then both read the same.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

BLOCK, MOST = 4 << 20, 32 << 20  # bytes of a block; of one whose rows do not end
TRIES = 200  # lines
BOM = b"\xef\xbb\xbf"
QUOTE, LINE, RETURN = b'"\n\r'


@dataclass(frozen=True)
class Quick:
    """Cells as an Arrow table of text; `lines`: where each row begins, counted from 1."""

    table: Any
    lines: Any
    plain: bool

    def __len__(self) -> int:
        return len(self.table)

    @property
    def parts(self) -> tuple:
        return self.table, self.lines, self.plain

    def after(self, lines: int, less: int) -> "Quick":
        """Counted from the file's beginning; `less`: rows that are left out."""
        return Quick(self.table.slice(less), self.lines[less:] + lines, self.plain)

    def slice(self, first: int, count: int) -> "Quick":
        return Quick(self.table.slice(first, count), self.lines[first:first + count], self.plain)


class Blocks:
    """Blocks of whole rows of a stream that begins with a row; the last may lack its line's end."""

    def __init__(self, stream):
        self.stream, self.left, self.ended = stream, b"", False

    def __iter__(self) -> Iterator[bytes]:
        while data := self._more():
            end = len(data) if self.ended else row_end(data)
            if not end and len(data) < MOST:
                self.left = data
                continue
            block, self.left = data[:end or None], data[end or len(data):]
            yield block

    def _more(self) -> bytes:
        data = b"" if self.ended else self.stream.read(BLOCK)
        self.ended = not data
        data, self.left = self.left + data, b""
        return data

    def rest(self, block: bytes):
        """All from a block on, as one stream."""
        return io.BufferedReader(Rest(block + self.left, self.stream), 1 << 18)


class Rest(io.RawIOBase):
    """Some bytes, then a stream."""

    def __init__(self, begun: bytes, stream):
        self.begun, self.stream = memoryview(begun), stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        data = self.begun[:len(buffer)] if self.begun else self.stream.read(len(buffer))
        self.begun = self.begun[len(buffer):]
        buffer[:len(data)] = data
        return len(data)


def row_end(data: bytes) -> int:
    """Behind the last row that ends in it, by its quotes; 0 where none of the last lines ends one."""
    end = len(data)
    for _ in range(TRIES):
        end = data.rfind(b"\n", 0, end)
        if end < 0 or data.count(b'"', 0, end) % 2 == 0:
            return end + 1
    return 0


def quick(data: bytes, separator: str, width: int) -> Quick | None:
    """A block's cells, just as csv.reader has them; None where it is not sure that Arrow sees the same."""
    import pyarrow as pa
    from pyarrow import csv

    rows = data.count(b"\n") + (not data.endswith(b"\n"))
    quotes = quotes_stand_right(data, separator)
    if quotes is None or data.count(b"\r") != data.count(b"\r\n") or has_empty_lines(data):
        return None
    names = [str(place) for place in range(width)]
    try:
        table = csv.read_csv(
            pa.py_buffer(data), csv.ReadOptions(use_threads=False, block_size=len(data) + 1, column_names=names),
            csv.ParseOptions(delimiter=separator, newlines_in_values=True, quote_char='"' if quotes else False),
            csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False))
    except pa.ArrowException:
        return None
    lines = line_numbers(table, rows)
    plain = quotes == "around" and len(table) == rows and data.count(separator.encode()) == rows * (width - 1)
    return None if lines is None else Quick(table, lines, plain or not quotes)


def quotes_stand_right(data: bytes, separator: str) -> str | None:
    """"" where there are none, "around" where they are around cells alone, "within" where some are doubled within;
    None where one stands elsewhere."""
    import numpy as np

    if b'"' not in data:
        return ""
    signs = np.frombuffer(b"\n" + data + b"\n", dtype="uint8")
    at = np.flatnonzero(signs == QUOTE)
    if len(at) % 2:
        return None
    before, after = signs[at[::2] - 1], signs[at[1::2] + 1]
    sep = ord(separator)
    right = ((before == sep) | (before == LINE) | (before == QUOTE)).all() and \
        ((after == sep) | (after == LINE) | (after == RETURN) | (after == QUOTE)).all()
    return (("within" if (before == QUOTE).any() else "around") if right else None)


def has_empty_lines(data: bytes) -> bool:
    return data.startswith((b"\n", b"\r\n")) or b"\n\n" in data or b"\n\r\n" in data


def line_numbers(table, rows: int):
    """The line in which each row begins; None where they do not add up."""
    import numpy as np
    from pyarrow import compute

    if len(table) == rows:
        return np.arange(1, rows + 1)
    more = sum(compute.count_substring(column, "\n").to_numpy() for column in table.columns)
    if len(table) + int(more.sum()) != rows:
        return None
    return np.arange(1, len(table) + 1) + np.concatenate([[0], np.cumsum(more)[:-1]])


def empty(width: int):
    """No rows."""
    import pyarrow as pa

    return pa.table({str(place): pa.array([], pa.string()) for place in range(width)})
