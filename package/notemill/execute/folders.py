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
    return None if len(os.fsencode(usual)) + OWN_PART <= SOCKET_PATH or not os.path.isdir("/tmp") else "/tmp"


def own_folder() -> Path | None:
    """Where this user's lasting processes have their folders, 0700; None where there is no safe place."""
    return next(filter(_is_safe, _places()), None)


def _places() -> Iterator[Path]:
    """Short enough for a socket's address, in the order in which they are tried."""
    if not hasattr(os, "getuid"):
        return
    own = f"{PREFIX}warm-{os.getuid()}"
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    usual = [Path(runtime, "notemill")] if runtime else []
    for place in [*usual, Path(tempfile.gettempdir(), own), Path("/tmp", own)]:
        if place.is_absolute() and len(os.fsencode(place)) + KEPT_PART <= SOCKET_PATH:
            yield place


def _is_safe(folder: Path) -> bool:
    """Whether the folder is there, or could be made, and nobody else may write to it or put another in its place."""
    try:
        above = folder.parent.stat()
        ours = above.st_uid in (0, os.getuid()) and (not above.st_mode & 0o022 or above.st_mode & stat.S_ISVTX)
        if ours:
            folder.mkdir(mode=0o700, exist_ok=True)
        facts = folder.lstat()
    except OSError:
        return False
    return bool(ours and facts.st_uid == os.getuid() and facts.st_mode & 0o170777 == 0o040700)
