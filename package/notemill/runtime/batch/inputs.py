"""Which files are meant: a file, a folder, or a pattern."""

import glob
from collections.abc import Iterable
from pathlib import Path

from .tables import READS, ScoreError

PATTERN = "*?["


def find_inputs(asked: str, target: Path) -> list[Path]:
    """The files, by name. Hidden ones, and what an earlier call has written, are not meant by a folder or pattern.

    Raises ScoreError where there is none.
    """
    path = Path(asked)
    if path.is_file() or not path.is_dir() and not any(sign in asked for sign in PATTERN):
        return [path]
    there = path.rglob("*") if path.is_dir() else map(Path, glob.glob(asked, recursive=True))
    every, target = tables(there, path), target.absolute()
    found = [one for one in every if target not in (one.absolute(), *one.absolute().parents)]
    if not every:
        raise ScoreError(f"{asked}: there is no table in it: names that end in one of {', '.join(READS)}")
    if not found:
        raise ScoreError(f"{asked}: its tables are in the output itself, {target}, and what stands there is not read: "
                         "name another output")
    return found


def tables(paths: Iterable[Path], within: Path) -> list[Path]:
    """Those that are tables, sorted."""
    return sorted(path for path in paths if path.is_file() and path.name.lower().endswith(READS)
                  and not path.name.endswith(".aside.csv") and not _is_hidden(path, within))


def _is_hidden(path: Path, within: Path) -> bool:
    inner = path.relative_to(within) if path.is_relative_to(within) else Path(path.name)
    return any(part.startswith((".", "_")) for part in inner.parts)
