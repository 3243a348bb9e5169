"""A journal: lines that one process appends, each with its checksum; what was appended survives the process.

It is locked for as long as its owner lives and writes to it: one that is not locked is closed, however its owner ended.
"""

import fcntl
import json
import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from zlib import crc32

from .folder import JOURNALS, sync

sync_data = getattr(os, "fdatasync", os.fsync)  # macOS has none


def framed(body: bytes) -> bytes:
    """One line: the checksum, the JSON text (which has no line end of its own)."""
    return b"%08x %b\n" % (crc32(body), body)


class Journal:
    """An open journal; `header` is its first line: what a reader has to know of the others."""

    def __init__(self, folder: Path, header: dict):
        stamp = f"{time.time_ns():020d}-{secrets.token_hex(6)}"  # ordered, and no two alike on several machines
        self.path = folder / JOURNALS / f"{stamp}.journal"
        self.size, self.rows, self.synced, self.torn, self.opened = 0, 0, 0, False, time.monotonic()
        hidden = self.path.with_name(f".{stamp}.new")
        self.handle = os.open(hidden, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self.handle, fcntl.LOCK_EX)
            self.append(framed(json.dumps(header).encode()), 0)
            os.rename(hidden, self.path)  # seen by others only now that it is locked
        except BaseException:
            os.close(self.handle)
            hidden.unlink(missing_ok=True)
            raise

    def append(self, lines: bytes, rows: int) -> None:
        """One write(). Raises OSError, and then nothing of `lines` is in the journal."""
        data = b"\n" + lines if self.torn else lines
        try:
            done = os.write(self.handle, data)
            while done < len(data):  # a disk that fills up takes a part, and refuses the next
                done += os.write(self.handle, data[done:])
        except BaseException:
            self._take_back()
            raise
        self.torn = False
        self.size, self.rows = self.size + len(data), self.rows + rows

    def _take_back(self) -> None:
        """Leave no part of what was refused; where even that fails, the next line begins on a line of its own."""
        try:
            os.ftruncate(self.handle, self.size)
        except OSError:
            self.torn = True

    def sync(self) -> None:
        """Make what is appended last through a power cut, too: milliseconds, during which others may append."""
        if self.synced < (size := self.size):
            sync_data(self.handle)
            if not self.synced:
                sync(self.path.parent)
            self.synced = size

    def is_there(self) -> bool:
        """Whether the file is still in its place: nobody has deleted it."""
        try:
            return os.path.samestat(os.fstat(self.handle), os.stat(self.path))
        except OSError:
            return False

    def close(self) -> None:
        """Give it up: whoever turns journals into Parquet files may have it."""
        os.close(self.handle)


def is_closed(handle: int) -> bool:
    """Whether no process writes to this opened journal any more; it is locked from now on until it is closed."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def bodies(file, damaged: list[bytes]) -> Iterator[bytes]:
    """The JSON texts of a journal that is open for reading; lines that are not as they were written go to `damaged`.

    A last line without its end was never acknowledged: its writer was killed, or is still at it.
    """
    for line in file:
        if not line.endswith(b"\n"):
            return
        if line == b"\n":
            continue
        body = line[9:-1]
        if line[8:9] == b" " and line[:8] == b"%08x" % crc32(body):
            yield body
        else:
            damaged.append(line)
