"""Turn closed journals into Parquet files, drop days that are too old, merge small files: a process that ends soon.

    python -m notemill.serve.log.compact FOLDER --days N [--today DAY] [--wait]
"""

import argparse
import json
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from . import index
from .folder import (DAMAGED, INDEX, JOURNALS, MARKS, ROWS, alone, check, days_in, journals, sync)
from .journal import bodies, is_closed

PIECE = 2 << 20     # bytes of lines that are in memory at one time
STALE = 60.0        # seconds: a journal that is being made gets its name within this time
PLACES = {"r": ROWS, "m": MARKS}


def main(words: list[str] | None = None) -> int:
    """Print what was done as JSON; 1 where something could not be done."""
    parser = argparse.ArgumentParser(prog="python -m notemill.serve.log.compact")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--days", type=int, required=True)
    parser.add_argument("--today", type=date.fromisoformat, default=datetime.now(UTC).date())
    parser.add_argument("--wait", action="store_true")
    asked = parser.parse_args(words)
    os.nice(19)
    with alone(asked.folder, "compact", wait=asked.wait) as free:
        done = compact(asked.folder, asked.days, asked.today) if free else {"error": None, "damaged": 0}
    print(json.dumps(done))
    return 1 if done["error"] else 0


def compact(folder: Path, days: int, today: date) -> dict:
    """All steps; the caller holds the lock `compact`. A journal that fails stays, and the others go on."""
    from .merge import finish, merge_all
    from .parquet import one_thread

    one_thread()
    check(folder)
    finish(folder)
    sweep(folder)
    done = {"journals": 0, "damaged": 0, "dropped": [], "merged": 0, "error": None}
    for path in journals(folder):
        try:
            found = take(folder, path)
            done["journals"], done["damaged"] = done["journals"] + (found >= 0), done["damaged"] + max(found, 0)
        except Exception as error:  # told, and tried again: its rows are safe where they are
            done["error"] = f"{path.name}: {type(error).__name__}: {error}"
    done["dropped"] = drop(folder, (today - timedelta(days=days)).isoformat())
    done["merged"] = merge_all(folder, today.isoformat())
    return done


def sweep(folder: Path) -> None:
    """Remove what killed processes left half done: names that begin with a dot."""
    for part in (ROWS, MARKS, INDEX):
        for path in [*(folder / part).glob(".dropped-*"), *(folder / part).glob("day=*/.*.part")]:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    for path in [*folder.glob(".*.part"), *(folder / JOURNALS).glob(".*.new")]:
        with suppress(FileNotFoundError):  # a service that starts may be making it, and will be done soon
            if time.time() - path.stat().st_mtime > STALE:
                path.unlink()


def take(folder: Path, path: Path) -> int:
    """One journal: lines that were damaged, or -1 where its owner still writes to it. Its Parquet files have its name:
    done twice, because the first time was cut short, it gives the same files."""
    damaged: list[bytes] = []
    with open(path, "rb") as file:
        if not is_closed(file.fileno()):
            return -1
        lines = bodies(file, damaged)
        header = next(lines, None)
        if header is not None:
            write(folder, path.stem, json.loads(header), lines)
    if damaged:
        (folder / DAMAGED).mkdir(exist_ok=True)
        (folder / DAMAGED / path.stem).write_bytes(b"".join(damaged))
    path.unlink()
    sync(path.parent)
    return len(damaged)


def write(folder: Path, name: str, header: dict, lines: Iterator[bytes]) -> None:
    """A journal's lines as Parquet files, and the index of its rows; all of them last before this returns."""
    from .parquet import Part
    from .tables import by_day, columns_of, marks_table, rows_table

    columns = columns_of(header)
    parts: dict[tuple[str, str], Part] = {}
    hashes: dict[str, list[int]] = {}
    with ExitStack() as stack:
        for piece in pieces(lines):
            for (kind, day), some in by_day(piece).items():
                table = rows_table(some, columns) if kind == "r" else marks_table(some)
                if (kind, day) not in parts:
                    place = folder / PLACES[kind] / f"day={day}"
                    parts[kind, day] = stack.enter_context(Part(place / f"{name}.parquet", table.schema))
                parts[kind, day].write(table)
                if kind == "r":
                    hashes.setdefault(day, []).extend(index.hash_of(line[1], line[2]) for line in some)
        for day, found in hashes.items():
            index.write(folder / INDEX / f"day={day}" / f"{name}.ids", found)
        for part in parts.values():
            part.appear()


def pieces(lines: Iterator[bytes]) -> Iterator[list[bytes]]:
    """Some at a time."""
    piece, size = [], 0
    for line in lines:
        piece.append(line)
        size += len(line)
        if size > PIECE:
            yield piece
            piece, size = [], 0
    if piece:
        yield piece


def drop(folder: Path, oldest: str) -> list[str]:
    """Remove the days before `oldest`: their index first, so that nobody marks what is about to go."""
    gone = set()
    for part in (INDEX, MARKS, ROWS):
        for day, path in days_in(folder / part).items():
            if day < oldest:
                aside = path.with_name(f".dropped-{day}")
                path.rename(aside)
                shutil.rmtree(aside)
                gone.add(day)
    return sorted(gone)


if __name__ == "__main__":
    sys.exit(main())
