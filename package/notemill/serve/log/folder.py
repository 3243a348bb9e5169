"""A prediction log's folder: what lies where, and who may do what at one time.

    format.json  columns.json  salt       what the log is; names and types of its columns; the secret of the hashes
    journal/NAME.journal                  what the processes of a service append to; each is locked by its owner
    rows/day=2026-11-21/*.parquet         the dataset: hive partitions by day (UTC) of the answer
    marks/day=2026-11-21/*.parquet        labels and "this is wrong", by the day of the row that they speak of
    index/day=2026-11-21/*.ids            which rows there are: sorted hashes, 8 bytes each
    damaged/NAME                          lines of journals that are not what was written (a broken disk)
"""

import contextlib
import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path

from .errors import LogError

FORMAT = 1
JOURNALS, ROWS, MARKS, INDEX, DAMAGED = "journal", "rows", "marks", "index", "damaged"


def make(folder: Path) -> None:
    """Have the folder there, for its owner alone unless it was there before. Raises LogError for another's folder."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    kept = folder / "format.json"
    if not kept.exists() and any(not is_own(path.name) for path in folder.iterdir()):
        raise LogError(f"{folder}: holds other files: the prediction log wants a folder of its own")
    for name in (JOURNALS, ROWS, MARKS, INDEX):
        (folder / name).mkdir(exist_ok=True)
    if not kept.exists():
        write_whole(kept, json.dumps({"format": FORMAT, "what": "notemill prediction log"}).encode())
    check(folder)


def is_own(name: str) -> bool:
    return name in (JOURNALS, ROWS, MARKS, INDEX, DAMAGED, "columns.json", "salt") or name.startswith(".")


def check(folder: Path) -> None:
    """Raise LogError where this is no prediction log, or one of a later notemill."""
    try:
        found = json.loads((folder / "format.json").read_bytes())
    except FileNotFoundError:
        raise LogError(f"{folder}: is no prediction log: format.json is not there") from None
    except ValueError:
        raise LogError(f"{folder / 'format.json'}: cannot be read as JSON") from None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise LogError(f"{folder}: is not in format {FORMAT}, the one that this notemill reads")


def day_of(at: float) -> str:
    """The day (UTC) of a moment in seconds since 1970; the first day for what is no moment."""
    try:
        return _day(int(at // 86_400))
    except (TypeError, ValueError, OverflowError):
        return "1970-01-01"


@lru_cache(maxsize=64)
def _day(number: int) -> str:
    return (date(1970, 1, 1) + timedelta(days=number)).isoformat()


def days_in(part: Path) -> dict[str, Path]:
    """{day: its folder}, oldest first."""
    found = {}
    for path in sorted(part.glob("day=*")):
        with contextlib.suppress(ValueError):
            found[date.fromisoformat(path.name.removeprefix("day=")).isoformat()] = path
    return found


def journals(folder: Path) -> list[Path]:
    """All journals, in the order of their making."""
    return sorted((folder / JOURNALS).glob("*.journal"))


def data_files(part: Path, ending: str = ".parquet") -> list[Path]:
    """The files of all days; what is still being written begins with a dot."""
    return sorted(path for path in part.glob(f"day=*/*{ending}") if not path.name.startswith("."))


def size(folder: Path) -> int:
    """Bytes of all files."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):  # it has just gone
                total += os.lstat(os.path.join(place, name)).st_size
    return total


def write_whole(path: Path, content: bytes, mode: int = 0o644) -> None:
    """The file appears whole or not at all, and lasts."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    sync(path.parent)


def sync(folder: Path) -> None:
    """Make what was renamed or deleted in `folder` last through a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def alone(folder: Path, name: str, *, wait: bool) -> Iterator[bool]:
    """Hold the lock `name`; False where another process has it and we do not wait."""
    handle = os.open(folder / f".{name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            held = True
        except BlockingIOError:
            held = False
        yield held
    finally:
        os.close(handle)
