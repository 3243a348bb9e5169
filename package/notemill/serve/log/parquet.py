"""Parquet files that appear whole."""

import os
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from .folder import sync

GROUP = 1 << 16     # rows of a row group


def one_thread() -> None:
    """For work that must not be noticed."""
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)


class Part:
    """A file that grows, and gets its name at the end; without that it is gone again."""

    def __init__(self, path: Path, schema: pa.Schema):
        self.path, self.part = path, path.with_name(f".{path.name}.part")
        path.parent.mkdir(exist_ok=True)
        self.file = parquet.ParquetWriter(self.part, schema, compression="zstd")
        self.waiting: list[pa.Table] = []

    def write(self, table: pa.Table) -> None:
        """Tables of any size; together they make row groups of GROUP rows or more."""
        self.waiting.append(table)
        if sum(map(len, self.waiting)) >= GROUP:
            self._flush()

    def _flush(self) -> None:
        if self.waiting:
            self.file.write_table(pa.concat_tables(self.waiting).combine_chunks())
        self.waiting = []

    def finish(self) -> None:
        """All is on the disk."""
        self._flush()
        self.file.close()
        handle = os.open(self.part, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def appear(self) -> None:
        self.finish()
        os.replace(self.part, self.path)
        sync(self.path.parent)

    def __enter__(self) -> "Part":
        return self

    def __exit__(self, *_: object) -> None:
        if self.file.is_open:
            self.file.close()
        self.part.unlink(missing_ok=True)
