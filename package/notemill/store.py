"""Content-addressed files: whatever steps take and give, kept by its sha256. A cache: safe to delete."""

import contextlib
import hashlib
import os
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from notemill.errors import NotemillError
from notemill.files import BLOCK, sha256_file, sync_folder
from notemill.memory import Memory

FINE_TICK = 0.02  # seconds: Linux stamps files by the timer's tick, 1 to 10 ms
COARSE_TICK = 2.0  # FAT, HFS+ and some network shares count in seconds


class Store:
    """The folder `.notemill` of a project: content under objects/, and the digests of files seen before.

    `remote`: a store that is shared (notemill.remote); content that is not here is taken from there, and checked.
    """

    def __init__(self, root: Path, remote=None):
        self.root, self.objects, self.remote = root, root / "objects", remote
        self.digests = Memory(root / "memory" / "digests.json")

    def place(self, sha256: str) -> Path:
        """Where content with this digest stands, or would."""
        return self.objects / sha256[:2] / sha256[2:]

    def has(self, sha256: str) -> bool:
        """Whether the content is here and undamaged."""
        try:
            return self.digest(self.place(sha256)) == sha256
        except FileNotFoundError:
            return False

    def obtain(self, sha256: str) -> bool:
        """The same, after it was looked for in the shared store as well."""
        return self.has(sha256) or (self.remote is not None and self._fetch(sha256))

    def _fetch(self, sha256: str) -> bool:
        with self.incoming(sha256) as target:
            for block in self.remote.content(sha256):
                target.write(block)
        if target.sha256 != sha256 and target.size:  # else it was not there
            self.remote.note_damage(sha256)
        return target.sha256 == sha256

    def path(self, sha256: str) -> Path:
        """The file with this content, checked. Raises KeyError where it is absent or damaged."""
        if not self.obtain(sha256):
            raise KeyError(sha256)
        return self.place(sha256)

    def read_bytes(self, sha256: str) -> bytes:
        """The content, checked byte by byte. Raises KeyError where it is absent or damaged."""
        data = self._read(sha256)
        if data is None and self.remote is not None and self._fetch(sha256):
            data = self._read(sha256)
        if data is None:
            raise KeyError(sha256)
        return data

    def _read(self, sha256: str) -> bytes | None:
        with contextlib.suppress(FileNotFoundError):
            data = self.place(sha256).read_bytes()
            return data if hashlib.sha256(data).hexdigest() == sha256 else None
        return None

    def digest(self, path: Path) -> str:
        """sha256 of a file's whole content; not worked out again while its size, times and inode stay the same."""
        if known := self._known(path):
            return known
        _let_clock_tick(path)
        signature = _signature(path)
        sha256 = sha256_file(path)
        if _signature(path) == signature:
            self._remember(path, signature, sha256)
        return sha256

    def add_file(self, path: Path) -> tuple[str, int]:
        """Keep a copy of a file: (sha256, bytes). Read once, unless it was seen before and changed to the same size."""
        if self._was_seen(path) and self.has(sha256 := self.digest(path)):
            return sha256, path.stat().st_size
        _let_clock_tick(path)
        signature = _signature(path)
        with open(path, "rb") as source, self.incoming() as target:
            while block := source.read(BLOCK):
                target.write(block)
        if _signature(path) == signature:
            self._remember(path, signature, target.sha256)
        return target.sha256, target.size

    def add_bytes(self, data: bytes) -> str:
        """Keep `data`: its sha256."""
        sha256 = hashlib.sha256(data).hexdigest()
        if self.has(sha256):
            return sha256
        with self.incoming() as target:
            target.write(data)
        return target.sha256

    def take_file(self, path: Path) -> tuple[str, int]:
        """Move a finished file of our own into the store: (sha256, bytes). Its content is read once, not copied."""
        if path.is_symlink():
            return self.add_file(self._inside(path))
        sha256, size = sha256_file(path), path.stat().st_size
        path.chmod(0o444)
        with open(path, "rb") as file:
            os.fsync(file.fileno())
        self._settle(Incoming(path, None, sha256, size))
        return sha256, size

    def _inside(self, link: Path) -> Path:
        """Where a link leads: no further than its own folder, or to content that was given. Raises NotemillError."""
        target = link.resolve()
        if not any(target.is_relative_to(folder.resolve()) for folder in (link.parent, self.objects)):
            raise NotemillError(link.name, f"is a link to {target}, outside the step's own folder",
                                "an output is a file of its own", "copy the file, or declare it as an input")
        return target

    @contextlib.contextmanager
    def incoming(self, wanted: str | None = None) -> Iterator["Incoming"]:
        """A file to write new content into; it appears in the store at the end, whole, or not at all: nor where it is
        not what is `wanted`."""
        self.objects.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self.objects, prefix="incoming-")
        target = Incoming(Path(name), os.fdopen(handle, "wb"))
        try:
            with target.file:
                yield target
                target.file.flush()
                os.fchmod(target.file.fileno(), 0o444)
                os.fsync(target.file.fileno())
            target.sha256 = target.hash.hexdigest()
            if wanted in (None, target.sha256):
                self._settle(target)
        finally:
            target.path.unlink(missing_ok=True)

    def _settle(self, target: "Incoming") -> None:
        final = self.place(target.sha256)
        if self.has(target.sha256):
            return
        final.parent.mkdir(parents=True, exist_ok=True)
        os.replace(target.path, final)
        sync_folder(final.parent)
        self._remember(final, _signature(final), target.sha256)

    def _known(self, path: Path) -> str | None:
        """The digest that the file had when it was last read, if nothing was written to it since."""
        known = self.digests.get(os.fspath(path.absolute()))
        return known[-1] if isinstance(known, list) and known[:-1] == _signature(path) else None

    def _was_seen(self, path: Path) -> bool:
        """Whether it may well be what it was, touched or not: then its digest spares writing a copy."""
        known = self.digests.get(os.fspath(path.absolute()))
        return isinstance(known, list) and known[:1] == [path.stat().st_size]

    def _remember(self, path: Path, signature: list, sha256: str) -> None:
        self.digests.set(os.fspath(path.absolute()), [*signature, sha256])

    def contents(self) -> Iterator[Path]:
        """All content, and what was left of content on its way."""
        return (path for path in self.objects.rglob("*") if path.is_file())

    def forget_absent(self) -> None:
        """Drop the digests of files that are no longer there."""
        for key in [key for key in self.digests.values if not os.path.exists(key)]:
            self.digests.remove(key)

    def save(self) -> None:
        """Write down which digests are known."""
        self.digests.save()


class Incoming:
    """Content on its way into the store: `write` it; `sha256` and `size` are there afterwards."""

    def __init__(self, path: Path, file, sha256: str = "", size: int = 0):
        self.path, self.file, self.hash = path, file, hashlib.sha256()
        self.size, self.sha256 = size, sha256

    def write(self, block: bytes) -> None:
        self.file.write(block)
        self.hash.update(block)
        self.size += len(block)


def what_it_is(path: Path) -> str | None:
    """Why a path is no file that can be kept, in words; None where it is one."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return "is a link that leads nowhere" if path.is_symlink() else "was not written"
    kinds = {stat.S_IFDIR: "is a folder", stat.S_IFIFO: "is a pipe", stat.S_IFSOCK: "is a socket"}
    return None if stat.S_ISREG(mode) else kinds.get(stat.S_IFMT(mode), "is a device")


def _signature(path: Path) -> list[int]:
    """What changes when a file is written or replaced; ctime cannot be set back as mtime can."""
    status = path.stat()
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]


def _let_clock_tick(path: Path) -> None:
    """Wait until a later write must show in the file's time: within one tick of its clock two writes look the same."""
    status = path.stat()
    newest = max(status.st_mtime_ns, status.st_ctime_ns)
    tick = FINE_TICK if newest % 1_000_000_000 else COARSE_TICK
    time.sleep(min(max(0.0, newest / 1e9 + tick - time.time()), tick))
