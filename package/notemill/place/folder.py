"""Objects as the files of a folder: of this machine, or one that several share."""

import contextlib
import os
import re
import stat
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from notemill.errors import NotemillError
from notemill.files import BLOCK, sync_folder, write_atomic
from notemill.place.refused import denied_in_words

LEFTOVER, STALE = re.compile(r"\..+\.json\.[a-z0-9_]{8}"), 3600  # seconds
INCOMING, FORGOTTEN = ".incoming", 86400  # seconds: what takes a day to write was given up
NO_LINKS = "the file system has no hard links: it cannot promise that of two who write an entry only one comes through"


class Folder:
    """Names are paths in it."""

    def __init__(self, root: Path):
        self.root = root

    def path(self, name: str) -> Path:
        return self.root / name

    def create(self, name: str, data: bytes) -> bool:
        """By a hard link to a file that is already whole: the one call that makes a name and fails where it is there.
        """
        path = self.path(name)
        with denied_in_words(str(path)):
            make_folder(path.parent)
            sweep(path.parent)
            handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            finish(handle, [data])
            return self._link(temporary, path)
        finally:
            Path(temporary).unlink(missing_ok=True)

    def _link(self, temporary: str, path: Path) -> bool:
        try:
            os.link(temporary, path)
        except FileExistsError:
            return False
        except OSError as error:
            raise NotemillError(str(path), f"cannot be made: {error.strerror}", NO_LINKS,
                                "keep the records elsewhere: `records:` in pipeline.yaml") from None
        sync_folder(path.parent)
        return True

    def write(self, name: str, data: bytes) -> None:
        with denied_in_words(self.shown(name)):
            make_folder(self.path(name).parent)
            write_atomic(self.path(name), data, mode=0o444)

    def put(self, name: str, blocks: Iterable[bytes]) -> None:
        """Written beside the objects, then moved to its name."""
        path, incoming = self.path(name), self.root / INCOMING
        with denied_in_words(str(path)):
            make_folder(incoming)
            sweep_incoming(incoming)
            make_folder(path.parent)
            handle, temporary = tempfile.mkstemp(dir=incoming)
        try:
            finish(handle, blocks)
            os.replace(temporary, path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        sync_folder(path.parent)

    def read(self, name: str) -> bytes | None:
        try:
            return self.path(name).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def blocks(self, name: str) -> Iterator[bytes] | None:
        """Of a file and nothing else: a pipe that somebody has put there would never end."""
        if self.size(name) is None:
            return None
        try:
            return blocks_of(open(self.path(name), "rb", opener=open_file))
        except FileNotFoundError:
            return None

    def size(self, name: str) -> int | None:
        try:
            facts = self.path(name).lstat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return facts.st_size if stat.S_ISREG(facts.st_mode) else None

    def names(self, prefix: str) -> list[str]:
        """Without the files that a killed process left unfinished: their names begin with a dot."""
        found = (path.relative_to(self.root) for path in self.path(prefix).rglob("*") if path.is_file())
        return sorted(path.as_posix() for path in found if not path.name.startswith("."))

    def shown(self, name: str = "") -> str:
        return str(self.path(name))


def finish(handle: int, blocks: Iterable[bytes]) -> None:
    """Write a file whole and for good, to be read by everybody and changed by nobody."""
    with os.fdopen(handle, "wb") as file:
        for block in blocks:
            file.write(block)
        file.flush()
        os.fchmod(file.fileno(), 0o444)
        os.fsync(file.fileno())


def open_file(path: str, flags: int) -> int:
    """For `open`: neither waits for what is no file, nor follows a link."""
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOFOLLOW)


def blocks_of(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while block := file.read(BLOCK):
            yield block


def sweep(folder: Path) -> None:
    """Take away what somebody who was killed has left unfinished; what is still being written is younger."""
    for path in folder.glob(".*"):
        with contextlib.suppress(OSError):
            if LEFTOVER.fullmatch(path.name) and path.stat().st_mtime < time.time() - STALE:
                path.unlink()


def sweep_incoming(folder: Path) -> None:
    """The same of large objects."""
    for path in folder.iterdir():
        with contextlib.suppress(OSError):
            if path.stat().st_mtime < time.time() - FORGOTTEN:
                path.unlink()


def make_folder(folder: Path) -> None:
    """Make it, with those above it, so that it lasts through a power cut."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)
