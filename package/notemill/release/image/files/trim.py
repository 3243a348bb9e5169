"""Takes out of an environment what no model, service or demo ever loads: `trim.py FOLDER`."""

import hashlib
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

# Of every package: its tests, and what only compilers and debuggers read.
FOLDERS = {"tests", "__pycache__"}
SOURCES = {".pyx", ".pxd", ".pxi", ".c", ".cc", ".cpp", ".h", ".hpp", ".map"}
# Arrow's remote protocol, whose server or client nobody here is. (libarrow_substrait stays: pyarrow is linked to it.)
PATTERNS = ("pyarrow/include", "pyarrow/src", "pyarrow/*flight*", "pyarrow/*_tests.*", "pyarrow/*.cmake",
            "numpy/*/include", "numpy/*/lib/*.a", "numpy/**/*.pyi", "streamlit/**/*.pyi", "pydeck/nbextension")
BESIDE = ("share/jupyter", "share/man", "share/doc", "etc", "include", "lib/bin")
COMMANDS = ("python*", "notemill-model")
LARGE = 100_000  # bytes


def main(prefix: Path) -> None:
    packages = next(prefix.glob("lib/python3*/site-packages"), prefix / "lib")
    away = [*wanted(packages), *(prefix / name for name in BESIDE), *others(prefix / "bin")]
    for path in away:
        remove(path)
    link_twins(packages)
    if packages != prefix / "lib":  # where the model will be
        packages.joinpath("model.pth").write_text("/opt/model/lib\n", encoding="utf-8")


def wanted(packages: Path) -> Iterator[Path]:
    """What goes; nothing of the model."""
    own = {"notemill", *(path.parent.name for path in packages.glob("*/golden.json"))}
    for path in sorted(packages.rglob("*")):
        if path.relative_to(packages).parts[0] not in own and (
                path.name in FOLDERS and path.is_dir() or path.suffix in SOURCES and path.is_file()):
            yield path
    for pattern in PATTERNS:
        yield from packages.glob(pattern)


def others(folder: Path) -> list[Path]:
    """Commands that nobody calls."""
    return [path for path in folder.glob("*") if not any(map(path.match, COMMANDS))]


def remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def link_twins(packages: Path) -> None:
    """A library that is there more than once (a wheel knows no links, and shares nothing) is kept once."""
    known = {}
    for path in sorted(packages.rglob("*.so*")):
        if path.is_file() and not path.is_symlink() and path.stat().st_size > LARGE:
            first = known.setdefault(hashlib.sha256(path.read_bytes()).digest(), path)
            if first is not path:
                path.unlink()
                os.link(first, path)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
