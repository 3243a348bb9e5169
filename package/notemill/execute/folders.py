"""The folders of kernels, in the system's temporary one: short addresses, and nothing of killed runs left. And where
the processes that outlive a run have theirs."""

import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

SOCKET_PATH = 107  # bytes that the address of a local socket may have
OWN_PART = len("/notemill-12345678/socket")
KEY = 24  # characters of a warm process's folder's name
KEPT_PART = len("/") + KEY + len("/socket")
PREFIX = "notemill-"
LAST_PLACE = "/tmp"  # has a short name wherever temporary files go
RUNTIME = "/run/user/{}"  # XDG_RUNTIME_DIR of a terminal; a job of cron's has none
NEW = 60  # seconds in which a folder may stand unlocked because it is being made


def sweep_kernels() -> None:
    """Remove the folders of kernels whose run was killed: this user's, and nobody holds their lock."""
    from filelock import FileLock, Timeout

    for folder in Path(short_folder() or tempfile.gettempdir()).glob(f"{PREFIX}*"):
        lock = folder / "lock"
        with suppress(OSError, Timeout):  # another user's, or another program's, or in use
            ours = not hasattr(os, "getuid") or folder.lstat().st_uid == os.getuid()
            if ours and lock.is_file() and time.time() - lock.stat().st_mtime > NEW:
                with FileLock(lock, timeout=0):
                    shutil.rmtree(folder)


def short_folder() -> str | None:
    """Where temporary files go, unless a local socket's address would get too long there."""
    usual = tempfile.gettempdir()
    fits = len(os.fsencode(usual)) + OWN_PART <= SOCKET_PATH
    return None if fits or not os.path.isdir(LAST_PLACE) else LAST_PLACE


def own_folder() -> Path | None:
    """Where this user's lasting processes have their folders, 0700; None where there is no safe place."""
    return next((place for place in _places() if _made(place) and _is_safe(place)), None)


def own_folders() -> list[Path]:
    """All such places that are there, also those that a program with another environment would take."""
    runtime = [Path(RUNTIME.format(os.getuid()), "notemill")] if hasattr(os, "getuid") else []
    return [place for place in dict.fromkeys([*_places(), *runtime]) if _is_safe(place)]


def _places() -> Iterator[Path]:
    """Short enough for a socket's address, in the order in which they are tried."""
    if not hasattr(os, "getuid"):
        return
    own = f"{PREFIX}warm-{os.getuid()}"
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    usual = [Path(runtime, "notemill")] if runtime else []
    for place in [*usual, Path(tempfile.gettempdir(), own), Path(LAST_PLACE, own)]:
        if place.is_absolute() and len(os.fsencode(place)) + KEPT_PART <= SOCKET_PATH:
            yield place


def _made(folder: Path) -> bool:
    """Whether the folder is there or could be made."""
    try:
        if _is_above_safe(folder):
            folder.mkdir(mode=0o700, exist_ok=True)
    except OSError:
        return False
    return True


def _is_safe(folder: Path) -> bool:
    """Whether the folder is there, and nobody else may write to it or put another in its place."""
    try:
        facts = folder.lstat()
        return _is_above_safe(folder) and facts.st_uid == os.getuid() and facts.st_mode & 0o170777 == 0o040700
    except OSError:
        return False


def _is_above_safe(folder: Path) -> bool:
    above = folder.parent.stat()
    return above.st_uid in (0, os.getuid()) and (not above.st_mode & 0o022 or bool(above.st_mode & stat.S_ISVTX))
