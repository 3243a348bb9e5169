"""Which rows the Parquet files hold: sorted 8-byte hashes of request and row, a file beside each of them.

So a worker finds a row of any day in microseconds, and never loads pyarrow.
"""

import mmap
import os
import sys
from array import array
from bisect import bisect_left
from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path

from .folder import INDEX, data_files, write_whole


def hash_of(request: str, row: int) -> int:
    text = f"{request}\0{row}".encode("utf-8", "replace")
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "little")


def write(path: Path, hashes: Iterable[int]) -> None:
    """Sorted, little-endian."""
    found = array("Q", sorted(hashes))
    if sys.byteorder == "big":
        found.byteswap()
    path.parent.mkdir(exist_ok=True)
    write_whole(path, found.tobytes())


def read(path: Path) -> array:
    found = array("Q", path.read_bytes())
    if sys.byteorder == "big":
        found.byteswap()
    return found


def day_with(folder: Path, request: str, row: int) -> str | None:
    """The day whose files hold this row; the newest days are looked at first."""
    wanted = hash_of(request, row)
    for path in reversed(data_files(folder / INDEX, ".ids")):
        try:
            if _holds(path, wanted):
                return path.parent.name.removeprefix("day=")
        except FileNotFoundError:  # its rows are in another file by now, or dropped
            continue
    return None


def _holds(path: Path, wanted: int) -> bool:
    with open(path, "rb") as file:
        count = os.fstat(file.fileno()).st_size // 8
        if not count:
            return False
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            place = bisect_left(range(count), wanted, key=lambda i: _number(data, i))
            return place < count and _number(data, place) == wanted


def _number(data: mmap.mmap, place: int) -> int:
    return int.from_bytes(data[8 * place:8 * place + 8], "little")
