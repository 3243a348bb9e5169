"""One look at a whole file before work begins: its digest, and where a CSV file may be cut into sections."""

import hashlib
from pathlib import Path

from .tables import CsvFile, ParquetFile

SECTION = 32 << 20  # bytes of a CSV file
BLOCK = 1 << 20
TRIES = 50  # lines


def scan(table: CsvFile | ParquetFile, *, cut: bool = True) -> tuple[str, list[dict]]:
    """(sha256 of the file, its sections). `cut`: whether a CSV file may have several."""
    if isinstance(table, ParquetFile):
        with open(table.path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest(), list(table.sections())
    return _scan_csv(table.path, cuttable=cut and not table.packed)


def _scan_csv(path: Path, *, cuttable: bool) -> tuple[str, list[dict]]:
    """Cut where a line ends outside of quotes, if the file is written as the format says. That a row ends there shows
    when it is read: each section but the last has to end with a row, else the file is read anew, as one."""
    digest, cuts, lines, before, quotes, returns = hashlib.sha256(), [], 0, 0, 0, 0
    with open(path, "rb") as file:
        while data := file.read(BLOCK):
            if data.endswith(b"\r"):
                data += file.read(1)
            digest.update(data)
            last = cuts[-1][0] if cuts else 0
            if before + len(data) - last >= SECTION and (end := _line_end(data, quotes)):
                cuts.append((before + end, lines + data.count(b"\n", 0, end)))
            lines, before = lines + data.count(b"\n"), before + len(data)
            quotes, returns = quotes + data.count(b'"'), returns + data.count(b"\r") - data.count(b"\r\n")
    cuts = [cut for cut in cuts if cut[0] < before] if cuttable and not returns else []
    starts, ends = [(0, 0), *cuts], [end for end, _ in cuts]
    return digest.hexdigest(), [{"first": first, "line": line, "end": end}
                                for (first, line), end in zip(starts, [*ends, None], strict=True)]


def _line_end(data: bytes, quotes: int) -> int:
    """Behind the last line that ends after an even number of quotes; 0 where none of the last ones does."""
    end = len(data)
    for _ in range(TRIES):
        end = data.rfind(b"\n", 0, end)
        if end < 0 or (quotes + data.count(b'"', 0, end)) % 2 == 0:
            return end + 1
    return 0
