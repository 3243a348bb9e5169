"""A wheel (the binary distribution format of PyPA), the same bytes whenever and wherever it is made."""

import base64
import csv
import hashlib
import io
import re
import zipfile
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

from notemill.files import write_atomic

EARLIEST = (1980, 1, 1, 0, 0, 0)  # of a zip archive


def write_wheel(folder: Path, files: Mapping[str, bytes], *, name: str, version: str, summary: str, text: str,
                requires: Iterable[str], python: str, when: datetime, generator: str) -> Path:
    """Write NAME-VERSION-py3-none-any.whl into `folder`, whole or not at all: its path.

    `text` is its description in Markdown, `when` the time that all its files carry, `generator` what it says made it.
    Files are stored and not compressed: what compression gives depends on the machine's library.
    """
    stem = f"{re.sub('[-_.]+', '_', name)}-{version}"
    info = f"{stem}.dist-info"
    content = dict(files)
    content[f"{info}/METADATA"] = _metadata(name, version, summary, text, requires, python)
    path = folder / f"{stem}-py3-none-any.whl"
    write_atomic(path, wheel_bytes(content, info, generator, when))
    return path


def wheel_bytes(files: Mapping[str, bytes], info: str, generator: str, when: datetime, *,
                compressed: bool = False) -> bytes:
    """A wheel of `files`, less WHEEL and RECORD in its .dist-info folder `info`, which are made here."""
    told = f"Wheel-Version: 1.0\nGenerator: {generator}\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    content = {**files, f"{info}/WHEEL": told.encode()}
    content[f"{info}/RECORD"] = _record(content, f"{info}/RECORD")
    return zip_bytes(_ordered(content), when, compressed=compressed)


def zip_bytes(files: Iterable[tuple[str, bytes]], when: datetime, *, compressed: bool = False) -> bytes:
    """A zip archive of (name, content), in this order; all carry the one time."""
    method = zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method, compresslevel=9) as archive:
        for name, data in files:
            archive.writestr(_entry(name, when), data, method)
    return packed.getvalue()


def _metadata(name: str, version: str, summary: str, text: str, requires: Iterable[str], python: str) -> bytes:
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", f"Summary: {summary}",
             f"Requires-Python: {python}", *(f"Requires-Dist: {one}" for one in requires),
             "Description-Content-Type: text/markdown", "", text]
    return "\n".join(lines).encode()


def _record(content: Mapping[str, bytes], own: str) -> bytes:
    lines = io.StringIO(newline="")
    writer = csv.writer(lines, lineterminator="\n")
    for name, data in sorted(content.items()):
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        writer.writerow([name, f"sha256={digest}", len(data)])
    writer.writerow([own, "", ""])
    return lines.getvalue().encode()


def _ordered(content: Mapping[str, bytes]) -> list[tuple[str, bytes]]:
    """The wheel's own description at the end, as the format advises."""
    return sorted(content.items(), key=lambda item: (".dist-info/" in item[0], item[0]))


def _entry(name: str, when: datetime) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, max(EARLIEST, when.timetuple()[:6]))
    entry.external_attr = 0o100644 << 16
    entry.create_system = 3  # Unix, wherever it is made
    return entry
