"""CSV and Parquet files, piece by piece: what they hold stays as it is."""

import contextlib
import csv
import gzip
import itertools
import os
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .rows import MISSING_WORDS

PIECE = 20_000  # rows held in memory at once
READS = (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".parquet")
WRITES = (".csv", ".parquet")


class ScoreError(ValueError):
    """A file that cannot be read or written as asked; nothing was written."""


@dataclass(frozen=True)
class Piece:
    """Some rows as a DataFrame; `places` says where each stands in the file (its line, or its number)."""

    rows: Any
    places: list[int]


class CsvFile:
    """Rows of a CSV file. Cells stay the text that they are, so that nothing is lost on the way out."""

    place, missing = "line", MISSING_WORDS

    def __init__(self, path: Path, columns: set[str], decimal: str):
        self.path, self.decimal = path, decimal
        with self._reading():
            self.separator = self._best_separator(columns)

    def _best_separator(self, columns: set[str]) -> str:
        """The one that finds most of the model's columns in the header."""
        def found(separator: str) -> int:
            with self._open() as file, contextlib.suppress(csv.Error):
                return len(columns & set(next(csv.reader(file, delimiter=separator), ())))
            return 0

        return max("\t,;|" if ".tsv" in self.path.name.lower() else ",;\t|", key=found)

    def _open(self):
        opened = gzip.open if self.path.suffix.lower() == ".gz" else open
        return opened(self.path, "rt", encoding="utf-8-sig", newline="")

    @contextlib.contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except UnicodeError:
            raise ScoreError(f"{self.path}: is not in UTF-8, as a CSV file has to be") from None
        except (csv.Error, EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ScoreError(f"{self.path}: cannot be read as CSV: {error}") from None

    def pieces(self) -> Iterator[Piece]:
        """At least one piece, though it has no rows."""
        import pandas as pd

        with self._reading(), self._open() as file:
            reader = csv.reader(file, delimiter=self.separator, strict=True)
            header = next(reader, None)
            if not header:
                raise ScoreError(f"{self.path}: is empty")
            records = self._records(reader, len(header))
            some = list(itertools.islice(records, PIECE))
            while True:
                yield Piece(pd.DataFrame([cells for _, cells in some], columns=header, dtype="str"),
                            [line for line, _ in some])
                some = list(itertools.islice(records, PIECE))
                if not some:
                    return

    def _records(self, reader, width: int) -> Iterator[tuple[int, list[str]]]:
        """(line, cells) of each row; empty lines are none."""
        line = reader.line_num + 1
        for cells in reader:
            if len(cells) == width:
                yield line, cells
            elif "".join(cells).strip():
                raise ScoreError(f"{self.path}: line {line} has {len(cells)} cells, and the header has {width}")
            line = reader.line_num + 1


class ParquetFile:
    """Rows of a Parquet file, in Arrow's own types, so that they go out as they came."""

    place, missing, separator, decimal = "row", (), ",", "."

    def __init__(self, path: Path):
        self.path = path

    def pieces(self) -> Iterator[Piece]:
        """At least one piece, though it has no rows."""
        import pandas as pd
        import pyarrow as pa
        from pyarrow import parquet

        done = 0
        try:
            with parquet.ParquetFile(self.path) as file:
                batches = file.iter_batches(PIECE) if file.metadata.num_rows else [file.schema_arrow.empty_table()]
                for batch in batches:
                    rows = batch.to_pandas(types_mapper=pd.ArrowDtype, ignore_metadata=True)
                    yield Piece(rows, list(range(done + 1, done + len(rows) + 1)))
                    done += len(rows)
        except pa.ArrowException as error:
            raise ScoreError(f"{self.path}: cannot be read as Parquet: {str(error)[:200]}") from None


def open_table(path: Path, columns: set[str], decimal: str) -> CsvFile | ParquetFile:
    """The file's rows; `columns` are those that the model needs. Raises ScoreError."""
    if not path.is_file():
        raise ScoreError(f"{path}: there is no such file")
    if not path.name.lower().endswith(READS):
        raise ScoreError(f"{path}: the name must end in one of {', '.join(READS)}")
    return ParquetFile(path) if path.suffix.lower() == ".parquet" else CsvFile(path, columns, decimal)


# what is written
@contextlib.contextmanager
def writer(target: Path, **form: str) -> Iterator[Callable]:
    """A function that appends a DataFrame; the file appears at the end, whole, if anything was written.

    `form`: `sep` and `decimal` of a CSV file.
    """
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    file = ParquetPart(part) if target.suffix.lower() == ".parquet" else CsvPart(part, form)
    try:
        try:
            yield file.write
        finally:
            file.close()
        if part.exists():
            os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)


class CsvPart:
    """A CSV file that grows."""

    def __init__(self, path: Path, form: Mapping[str, str]):
        self.path, self.form, self.file = path, form, None

    def write(self, rows) -> None:
        first, self.file = self.file is None, self.file or open(self.path, "w", encoding="utf-8", newline="")
        rows.to_csv(self.file, index=False, header=first, lineterminator="\n", **self.form)

    def close(self) -> None:
        if self.file:
            with self.file:
                self.file.flush()
                os.fsync(self.file.fileno())


class ParquetPart:
    """A Parquet file that grows; later pieces take the types of the first."""

    def __init__(self, path: Path):
        self.path, self.file = path, None

    def write(self, rows) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        if len(twice := rows.columns[rows.columns.duplicated()]):
            raise ScoreError(f"two columns are called '{twice[0]}': a Parquet file cannot have that, a CSV file can")
        table = pa.Table.from_pandas(rows, preserve_index=False)
        self.file = self.file or parquet.ParquetWriter(self.path, table.schema)
        self.file.write_table(table.cast(self.file.schema))

    def close(self) -> None:
        if self.file:
            self.file.close()
