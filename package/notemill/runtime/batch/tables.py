"""CSV and Parquet files, section by section and piece by piece: what they hold stays as it is.

A section is what one process reads from its beginning to its end: plain values, which go through JSON.
"""

import bz2
import contextlib
import csv
import gzip
import io
import itertools
import lzma
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from .blocks import BOM, Blocks, empty, quick
from .failures import named
from ..rows import MISSING_WORDS

PIECE, BYTES = 65_536, 32 << 20  # rows held in memory at once, and what they may take about
GROUP = 100_000  # rows that row groups of a Parquet file have together to be a section
LONGEST = 10_000_000  # characters in a cell of a CSV file; Python's own limit is 131,072
PACKED = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open, ".zst": None}  # zst: pyarrow reads it
TEXTS = (".csv", ".tsv")
READS = (*TEXTS, *(text + packed for packed in PACKED for text in TEXTS), ".parquet")


class ScoreError(ValueError):
    """A file that cannot be read or written as asked; nothing was written."""


@dataclass(frozen=True)
class CsvPiece:
    """Some rows of a CSV file: cells are the text that they are; `places` are their lines."""

    header: list[str]
    cells: list[list[str]]
    places: list[int]

    def __len__(self) -> int:
        return len(self.cells)

    def row(self, number: int) -> list[str]:
        return self.cells[number]

    def column(self, name: str):
        """One column, as Arrow has text."""
        import pyarrow as pa

        place = self.header.index(name)
        return pa.array([row[place] for row in self.cells], pa.string())

    def arrow(self, places: list[int]):
        """Columns by their places, as an Arrow table."""
        import pyarrow as pa

        columns = [pa.array([row[place] for row in self.cells], pa.string()) for place in places]
        return pa.Table.from_arrays(columns, [self.header[place] for place in places])


@dataclass(frozen=True)
class TextPiece:
    """The same, read by Arrow: a table of texts, its columns called by their places. `plain`: no cell needs quotes."""

    header: list[str]
    texts: Any
    places: Any
    plain: bool

    def __len__(self) -> int:
        return len(self.texts)

    def column(self, name: str):
        return whole(self.texts.column(self.header.index(name)))

    def arrow(self, places: list[int]):
        return self.texts.select(places).rename_columns([self.header[place] for place in places])

    def row(self, number: int) -> list[str]:
        return [column[number].as_py() for column in self.texts.columns]


@dataclass(frozen=True)
class ParquetPiece:
    """Some rows of a Parquet file in Arrow's own types, so that they go out as they came."""

    table: Any
    places: range

    @property
    def header(self) -> list[str]:
        return self.table.column_names

    def __len__(self) -> int:
        return len(self.table)

    def column(self, name: str):
        """One column, in one part."""
        return whole(self.table.column(name))

    def arrow(self, places: list[int]):
        return self.table.select(places)


def whole(column):
    """A column of an Arrow table in one part."""
    column = column.combine_chunks()
    return column.chunk(0) if hasattr(column, "chunk") else column


class CsvFile:
    """Rows of a CSV file, packed or not."""

    place, missing = "line", MISSING_WORDS

    def __init__(self, path: Path, columns: set[str], decimal: str):
        self.path, self.decimal = path, decimal
        csv.field_size_limit(max(LONGEST, csv.field_size_limit()))
        with self._reading():
            self.separator = self._best_separator(columns)

    def _best_separator(self, columns: set[str]) -> str:
        """The one that finds most of the model's columns in the header."""
        def found(separator: str) -> int:
            with self._text() as file, contextlib.suppress(csv.Error):
                return len(columns & set(next(csv.reader(file, delimiter=separator), ())))
            return 0

        return max("\t,;|" if ".tsv" in self.path.name.lower() else ",;\t|", key=found)

    @cached_property
    def header(self) -> list[str]:
        """The columns' names. Raises ScoreError where there are none."""
        with self._reading(), self._text() as file:
            found = next(csv.reader(file, delimiter=self.separator, strict=True), None)
        if not found:
            raise ScoreError(f"{self.path}: is empty")
        return found

    @property
    def packed(self) -> bool:
        return self.path.suffix.lower() in PACKED

    def _bytes(self):
        suffix = self.path.suffix.lower()
        if suffix == ".zst":
            import pyarrow as pa

            return pa.input_stream(str(self.path), compression="zstd")
        return PACKED.get(suffix, open)(self.path, "rb")

    def _text(self):
        return io.TextIOWrapper(self._bytes(), encoding="utf-8-sig", newline="")

    @contextlib.contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except UnicodeError:
            raise ScoreError(f"{self.path}: is not in UTF-8, as a CSV file has to be") from None
        except (csv.Error, EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile) as error:
            raise ScoreError(f"{self.path}: cannot be read as CSV: {error}") from None
        except OSError as error:
            if error.errno is not None or not self.packed:
                raise named(error, self.path) from None
            raise ScoreError(f"{self.path}: cannot be unpacked: {error}") from None  # bz2's and zstd's words

    def pieces(self, section: dict, skip: int = 0) -> Iterator["CsvPiece | TextPiece"]:
        """The rows of a section, but for the first `skip`; at least one piece, though it has no rows."""
        with self._reading(), self._stream(section) as stream:
            yield TextPiece(self.header, empty(len(self.header)), [], plain=True)
            blocks, lines, head = Blocks(stream), section["line"], not section["first"]
            for block in blocks:
                found = quick(block.removeprefix(BOM) if head else block, self.separator, len(self.header))
                if found is None or head and [str(cell[0]) for cell in found.table.columns] != self.header:
                    yield from self._slowly(blocks.rest(block), lines, skip, head)
                    return
                found, head = found.after(lines, int(head)), False
                lines += block.count(b"\n")
                skip, found = max(0, skip - len(found)), found.slice(skip, len(found))
                for first in range(0, len(found), PIECE):
                    yield TextPiece(self.header, *found.slice(first, PIECE).parts)

    def _slowly(self, stream, lines: int, skip: int, head: bool) -> Iterator[CsvPiece]:
        """Row by row, from a row's beginning; `head`: from the file's."""
        with io.TextIOWrapper(stream, encoding="utf-8-sig" if head else "utf-8", newline="") as text:
            reader = csv.reader(text, delimiter=self.separator, strict=True)
            if head:
                next(reader, None)
            records = itertools.islice(self._records(reader, lines), skip, None)
            while some := list(itertools.islice(records, PIECE)):
                yield CsvPiece(self.header, [cells for _, cells in some], [line for line, _ in some])

    def _stream(self, section: dict):
        return Range(self.path, section["first"], section["end"]) if section["end"] is not None or section["first"] \
            else self._bytes()

    def _records(self, reader, lines: int) -> Iterator[tuple[int, list[str]]]:
        """(line, cells) of each row; empty lines are none. `lines`: how many stand before."""
        width, line = len(self.header), lines + reader.line_num + 1
        for cells in reader:
            if len(cells) == width:
                yield line, cells
            elif "".join(cells).strip():
                raise ScoreError(f"{self.path}: line {line} has {len(cells)} cells, and the header has {width}")
            line = lines + reader.line_num + 1


class Range(io.BufferedReader):
    """The bytes of a file from `first` to `end`."""

    def __init__(self, path: Path, first: int, end: int | None):
        super().__init__(_Range(path, first, end), 1 << 18)


class _Range(io.RawIOBase):
    def __init__(self, path: Path, first: int, end: int | None):
        self.file, self.end = open(path, "rb", buffering=0), end
        self.file.seek(first)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        left = len(buffer) if self.end is None else max(0, self.end - self.file.tell())
        return self.file.readinto(memoryview(buffer)[:left])

    def close(self) -> None:
        self.file.close()
        super().close()


class ParquetFile:
    """Rows of a Parquet file."""

    place, missing, separator, decimal = "row", (), ",", "."

    def __init__(self, path: Path):
        self.path = path

    @contextlib.contextmanager
    def _opened(self):
        import pyarrow as pa
        from pyarrow import parquet

        try:
            with parquet.ParquetFile(self.path, buffer_size=1 << 20, pre_buffer=False) as file:
                yield file
        except pa.ArrowException as error:
            raise ScoreError(f"{self.path}: cannot be read as Parquet: {str(error)[:200]}") from None
        except OSError as error:
            raise named(error, self.path) from None

    @cached_property
    def schema(self):
        """Names and types, in Arrow's words."""
        with self._opened() as file:
            return file.schema_arrow.remove_metadata()

    @property
    def header(self) -> list[str]:
        return self.schema.names

    def sections(self) -> Iterator[dict]:
        """Row groups, so many together that they are worth a start."""
        with self._opened() as file:
            counts = [file.metadata.row_group(number).num_rows for number in range(file.num_row_groups)]
        first = done = rows = 0
        for number, count in enumerate(counts, 1):
            rows += count
            if rows >= GROUP or number == len(counts):
                yield {"groups": [first, number], "row": done, "rows": rows}
                first, done, rows = number, done + rows, 0
        if not counts:
            yield {"groups": [0, 0], "row": 0, "rows": 0}

    def pieces(self, section: dict, skip: int = 0) -> Iterator[ParquetPiece]:
        """The rows of a section, but for the first `skip`; at least one piece, though it has no rows."""
        import pyarrow as pa

        done, started = section["row"], False
        with self._opened() as file:
            groups = range(*section["groups"])
            count = rows_at_once(file.metadata, groups)
            for batch in file.iter_batches(count, row_groups=groups, use_threads=False) if section["rows"] else ():
                left = min(skip, len(batch))
                skip, done = skip - left, done + left
                if len(batch) > left:
                    table = pa.Table.from_batches([batch.slice(left)]).replace_schema_metadata(None)
                    yield ParquetPiece(table, range(done + 1, done + len(table) + 1))
                    done, started = done + len(table), True
        if not started:
            yield ParquetPiece(self.schema.empty_table(), range(0))


def rows_at_once(metadata, groups: range) -> int:
    """Fewer of large ones."""
    found = [metadata.row_group(number) for number in groups]
    rows, size = sum(group.num_rows for group in found), sum(group.total_byte_size for group in found)
    return max(1, min(PIECE, BYTES * rows // max(size, 1)))


def open_table(path: Path, columns: set[str], decimal: str) -> CsvFile | ParquetFile:
    """The file's rows; `columns` are those that the model needs. Raises ScoreError."""
    if not path.is_file():
        raise ScoreError(f"{path}: there is no such file")
    if not path.name.lower().endswith(READS):
        raise ScoreError(f"{path}: the name must end in one of {', '.join(READS)}")
    return ParquetFile(path) if path.suffix.lower() == ".parquet" else CsvFile(path, columns, decimal)
