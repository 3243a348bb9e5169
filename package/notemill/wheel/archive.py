"""A wheel (the binary distribution format of PyPA), the same bytes whenever and wherever it is made."""

import base64
import hashlib
import os
import re
import tempfile
import zipfile
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

import notemill

EARLIEST = (1980, 1, 1, 0, 0, 0)  # of a zip archive


def write_wheel(folder: Path, files: Mapping[str, bytes], *, name: str, version: str, summary: str, text: str,
                requires: Iterable[str], python: str, when: datetime) -> Path:
    """Write NAME-VERSION-py3-none-any.whl into `folder`, whole or not at all: its path.

    `text` is its description in Markdown, `when` the time that all its files carry. Files are stored and not
    compressed: what compression gives depends on the machine's library.
    """
    stem = f"{re.sub('[-_.]+', '_', name)}-{version}"
    info = f"{stem}.dist-info"
    content = dict(files)
    content[f"{info}/METADATA"] = _metadata(name, version, summary, text, requires, python)
    content[f"{info}/WHEEL"] = (f"Wheel-Version: 1.0\nGenerator: notemill {notemill.__version__}\n"
                                "Root-Is-Purelib: true\nTag: py3-none-any\n").encode()
    content[f"{info}/RECORD"] = _record(content, f"{info}/RECORD")
    folder.mkdir(parents=True, exist_ok=True)
    return _write(folder / f"{stem}-py3-none-any.whl", content, when)


def _metadata(name: str, version: str, summary: str, text: str, requires: Iterable[str], python: str) -> bytes:
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", f"Summary: {summary}",
             f"Requires-Python: {python}", *(f"Requires-Dist: {one}" for one in requires),
             "Description-Content-Type: text/markdown", "", text]
    return "\n".join(lines).encode()


def _record(content: Mapping[str, bytes], own: str) -> bytes:
    def digest(data: bytes) -> str:
        return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()

    lines = [f"{name},sha256={digest(data)},{len(data)}" for name, data in sorted(content.items())]
    return "\n".join([*lines, f"{own},,", ""]).encode()


def _write(path: Path, content: Mapping[str, bytes], when: datetime) -> Path:
    handle, part = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
                for name, data in _ordered(content):
                    archive.writestr(_entry(name, when), data)
            file.flush()
            os.fchmod(file.fileno(), 0o644)
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        Path(part).unlink(missing_ok=True)
    return path


def _ordered(content: Mapping[str, bytes]) -> list[tuple[str, bytes]]:
    """The wheel's own description at the end, as the format advises."""
    return sorted(content.items(), key=lambda item: (".dist-info/" in item[0], item[0]))


def _entry(name: str, when: datetime) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, max(EARLIEST, when.timetuple()[:6]))
    entry.external_attr = 0o100644 << 16
    entry.create_system = 3  # Unix, wherever it is made
    return entry
