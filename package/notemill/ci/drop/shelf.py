"""The files: FOLDER/AREA/SHA256/NAME. Each appears whole or not at all, once, and stays until its days are over."""

import hashlib
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from notemill.ci.drop.address import Address
from notemill.ci.drop.areas import Area

BLOCK = 4096
FRESH = ".new"


class Full(Exception):
    """There is no room, and nobody else's file is removed early to make some."""


class OtherContent(Exception):
    """What came is not what its address says."""


class Shelf:
    """Files by their content; only one process may write."""

    def __init__(self, folder: Path, areas: dict[str, Area], spare: int = 0):
        self.folder, self.areas, self.spare = folder, areas, spare
        self.lock = threading.Lock()
        shutil.rmtree(folder / FRESH, ignore_errors=True)  # what a process that was killed had begun
        for name in (FRESH, *areas):
            (folder / name).mkdir(parents=True, exist_ok=True)
        self.held = {name: sum(cost(path.stat().st_size) for path in self.files(name)) for name in areas}

    def files(self, area: str) -> Iterator[Path]:
        return (self.folder / area).glob("*/*")

    def path(self, address: Address) -> Path:
        return self.folder / address.area / address.sha256 / address.name

    def has(self, address: Address) -> bool:
        return self.path(address).is_file()

    def renew(self, address: Address) -> bool:
        """Whether it is there; its days begin anew."""
        try:
            os.utime(self.path(address))
        except FileNotFoundError:
            return False
        return True

    @contextmanager
    def reserved(self, area: str, size: int) -> Iterator[None]:
        """Room for a file of `size` bytes, given back where none comes of it. Raises Full."""
        self.reserve(area, cost(size))
        try:
            yield
        except BaseException:
            self.give_back(area, cost(size))
            raise

    def reserve(self, area: str, room: int) -> None:
        with self.lock:
            most = self.areas[area].most
            if self.held[area] + room > most:
                raise Full(f"'{area}' is full: {self.held[area] / 1e6:.0f} of {most / 1e6:.0f} MB")
            if shutil.disk_usage(self.folder).free - room < self.spare:
                raise Full("the disk is full")
            self.held[area] += room

    def give_back(self, area: str, room: int) -> None:
        with self.lock:
            self.held[area] -= room

    def put(self, address: Address, size: int, chunks: Iterable[bytes]) -> bool:
        """Whether it is new. Raises Full, OtherContent, and what `chunks` raises; then nothing is left."""
        try:
            with self.reserved(address.area, size):
                self.write(address, size, chunks)
        except FileExistsError:  # of two who bring it at once
            self.renew(address)
            return False
        return True

    def write(self, address: Address, size: int, chunks: Iterable[bytes]) -> None:
        with tempfile.NamedTemporaryFile(dir=self.folder / FRESH) as fresh:
            digest, count = hashlib.sha256(), 0
            for chunk in chunks:
                digest.update(chunk)
                count += len(chunk)
                fresh.write(chunk)
            if count != size or digest.hexdigest() != address.sha256:
                raise OtherContent(f"{count} bytes came, with the sha256 {digest.hexdigest()}")
            fresh.flush()
            os.fchmod(fresh.fileno(), 0o640)
            os.fsync(fresh.fileno())
            self.link(fresh.name, self.path(address))

    def link(self, fresh: str, path: Path) -> None:
        """A name for the whole file. Raises FileExistsError: a name is never given twice."""
        with self.lock:  # a sweep takes empty folders away
            path.parent.mkdir(exist_ok=True)
            os.link(fresh, path)

    def sweep(self, now: float | None = None) -> int:
        """Take away what is too old; how many."""
        now = time.time() if now is None else now
        gone = 0
        for area in self.areas.values():
            for path in list(self.files(area.name)):
                gone += self.remove_old(area, path, now)
        return gone

    def remove_old(self, area: Area, path: Path, now: float) -> bool:
        with self.lock:
            facts = path.stat()
            if now - facts.st_mtime <= area.days * 86400:
                return False
            path.unlink()
            self.held[area.name] -= cost(facts.st_size)
            if not any(path.parent.iterdir()):
                path.parent.rmdir()
            return True


def cost(size: int) -> int:
    """What a file takes of a disk: whole blocks, and one for its folder, so that a million small files are not free."""
    return -(-size // BLOCK) * BLOCK + BLOCK
