"""Which rows are in journals: looked for when somebody marks one, and each line read once only."""

import json
import re
import threading
from pathlib import Path
from zlib import crc32

from .folder import day_of, journals
from .index import hash_of

BLOCK = 1 << 18     # bytes at a time: others of this process get their turn in between
ROW = re.compile(rb'([0-9a-f]{8}) \["r",("(?:[^"\\]|\\.)*"),(\d+),(-?[0-9.e+-]+|null),')


class Recent:
    """The journals of all processes, as far as they have been read."""

    def __init__(self, folder: Path):
        self.folder, self._read, self._lock = folder, {}, threading.Lock()

    def day_of(self, request: str, row: int) -> str | None:
        """The day of a row that is in a journal; None where it is in none."""
        wanted = hash_of(request, row)
        with self._lock:
            found = journals(self.folder)
            self._read = {path: self._read.get(path) or Lines(path) for path in found}
            for lines in self._read.values():
                lines.read_on()
            return next((lines.days[wanted] for lines in self._read.values() if wanted in lines.days), None)


class Lines:
    """`days`: {hash of request and row: the day that it is filed under}, of one journal."""

    def __init__(self, path: Path):
        self.path, self.place, self.days = path, 0, {}

    def read_on(self) -> None:
        """What has been appended since; nothing of a journal that has just become a Parquet file."""
        try:
            with open(self.path, "rb") as file:
                file.seek(self.place)
                rest = b""
                while block := file.read(BLOCK):
                    whole, end, rest = (rest + block).rpartition(b"\n")
                    self.place += len(whole) + len(end)
                    for line in whole.split(b"\n"):
                        self._take(line)
        except FileNotFoundError:
            self.days.clear()

    def _take(self, line: bytes) -> None:
        found = ROW.match(line)
        if found and b"%08x" % crc32(line[9:]) == found[1]:
            request = json.loads(found[2]) if b"\\" in found[2] else found[2][1:-1].decode()
            at = None if found[4] == b"null" else float(found[4])
            self.days[hash_of(request, int(found[3]))] = day_of(at)
