"""Many small files of a day become one: a note says which are being replaced, so that no reader counts a row twice."""

import json
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from . import index
from .folder import INDEX, MARKS, ROWS, days_in, journals, sync, write_whole
from .parquet import GROUP, Part

SMALL = 32 << 20    # bytes: larger files are left as they are
MANY = 16           # small files of a day that still grows
NOTE = ".merge.json"


def merge_all(folder: Path, today: str) -> int:
    """How many files are no longer there."""
    kept = {path.stem for path in journals(folder)}  # what they hold will be written again
    gone = 0
    for part in (ROWS, MARKS):
        for day, place in days_in(folder / part).items():
            small = [path for path in sorted(place.glob("*.parquet"))
                     if path.stem not in kept and path.stat().st_size < SMALL]
            if len(small) >= (2 if day < today else MANY):
                merge(folder, part, day, small)
                gone += len(small) - 1
    return gone


def merge(folder: Path, part: str, day: str, files: list[Path]) -> None:
    """One file of several; a kill at any moment leaves what finish() can finish, or undo."""
    name = f"{time.time_ns():020d}-{secrets.token_hex(6)}"
    place = folder / part / f"day={day}"
    schema = pa.unify_schemas([parquet.read_schema(path) for path in files])
    note = {"part": part, "day": day, "into": name, "from": [path.stem for path in files]}
    with Part(place / f"{name}.parquet", schema) as merged:
        for table in tables(files, schema):
            merged.write(table)
        merged.finish()
        write_whole(folder / NOTE, json.dumps(note).encode())
        if part == ROWS:
            ids = [folder / INDEX / f"day={day}" / f"{path.stem}.ids" for path in files]
            index.write(folder / INDEX / f"day={day}" / f"{name}.ids",
                        (one for path in ids if path.exists() for one in index.read(path)))
        merged.part.rename(merged.path)
        sync(place)
    finish(folder)


def tables(files: list[Path], schema: pa.Schema) -> Iterator[pa.Table]:
    """Their rows in pieces, each with all columns."""
    for path in files:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(GROUP, use_threads=False):
                yield widened(pa.Table.from_batches([batch]), schema)


def widened(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """With columns that it lacks, empty."""
    return pa.Table.from_arrays([table[field.name] if field.name in table.column_names
                                 else pa.nulls(len(table), field.type) for field in schema], schema=schema)


def noted(folder: Path) -> dict | None:
    """The merge that is under way, or was cut short."""
    try:
        return json.loads((folder / NOTE).read_bytes())
    except FileNotFoundError:
        return None


def finish(folder: Path) -> None:
    """Remove what was replaced; where the new file never appeared, only what belongs to it."""
    if (note := noted(folder)) is None:
        return
    place, ids = folder / note["part"] / f"day={note['day']}", folder / INDEX / f"day={note['day']}"
    appeared = (place / f"{note['into']}.parquet").exists()
    for name in note["from"] if appeared else [note["into"]]:
        (place / f"{name}.parquet").unlink(missing_ok=True)
        (ids / f"{name}.ids").unlink(missing_ok=True) if note["part"] == ROWS else None
    (folder / NOTE).unlink()
    sync(folder)
