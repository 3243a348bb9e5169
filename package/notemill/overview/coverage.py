"""The share of the project's code that its tests run, as coverage.py wrote it down; nothing is run for it."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from xml.etree import ElementTree

from notemill.overview.files import Files
from notemill.project import Project

MOST_BYTES = 20_000_000
HINT = "nox -s test"


def coverage_of(project: Project, files: Files) -> dict:
    """{"measured", "words", "file", "share", "lines", "covered", "files", "older"}: of the code in package/.

    `older`: a module that changed after it was measured.
    """
    for name, read in FORMATS.items():
        path = project.root / name
        found = read_safely(path, read)
        if found is not None:
            return summed(project, files, name, path, found)
    return {"measured": False, "words": not_measured(project, files), "file": None, "files": []}


def not_measured(project: Project, files: Files) -> str:
    if not files.code:
        return "There is no code in package/ that tests could run. Cells tagged export become modules there: " \
               "notemill export."
    if (project.root / ".coverage").is_file():
        return "Measured, but not written out: coverage json writes what this page reads."
    return f"Not measured: {HINT}."


def read_safely(path: Path, read: Callable[[bytes], dict]) -> dict | None:
    """{file: (lines, of them run)}; None where the file is not there, or is not what its name says."""
    try:
        return read(path.read_bytes()) if path.stat().st_size <= MOST_BYTES else None
    except (OSError, ValueError, TypeError, KeyError, AttributeError, ElementTree.ParseError):
        return None


def from_json(raw: bytes) -> dict:
    return {name: (int(one["summary"]["num_statements"]), int(one["summary"]["covered_lines"]))
            for name, one in json.loads(raw)["files"].items()}


def from_xml(raw: bytes) -> dict:
    tree = ElementTree.fromstring(raw)
    sources = [one.text or "" for one in tree.iter("source")]
    found = {}
    for one in tree.iter("class"):
        hits = [int(line.get("hits", 0)) for line in one.iter("line")]
        name = one.get("filename", "")
        found[f"{sources[0]}/{name}" if sources and not name.startswith("package/") else name] = (
            len(hits), sum(hit > 0 for hit in hits))
    return found


def from_html(raw: bytes) -> dict:
    every = (one["index"] for one in json.loads(raw)["files"].values())
    return {one.get("file") or one["relative_filename"]: (
        int(one["nums"]["n_statements"]), int(one["nums"]["n_statements"]) - int(one["nums"]["n_missing"]))
        for one in every}


FORMATS = {"coverage.json": from_json, "coverage.xml": from_xml, "htmlcov/status.json": from_html}


def summed(project: Project, files: Files, name: str, path: Path, found: Mapping[str, tuple[int, int]]) -> dict:
    rows = {}
    for file, counts in found.items():
        own = own_name(project, file, files)
        if own:
            rows[own] = counts
    lines, run = (sum(counts[n] for counts in rows.values()) for n in (0, 1))
    return {"measured": bool(rows), "file": name, "lines": lines, "covered": run,
            "share": run / lines if lines else None, "older": changed_since(project, path, files),
            "unmeasured": [one for one in files.code if one not in rows and not is_blank(project.root / one)],
            "files": [{"file": own, "lines": counts[0], "covered": counts[1]} for own, counts in sorted(rows.items())],
            "words": "" if rows else f"{name} says nothing of the code in package/."}


def own_name(project: Project, file: str, files: Files) -> str | None:
    """The file's path in the project, where it is code in package/: measured there, or as it was installed."""
    plain = file.replace("\\", "/")
    if plain.startswith(f"{project.root.as_posix()}/"):
        plain = plain[len(project.root.as_posix()) + 1:]
    if plain in files.code:
        return plain
    installed = plain.rpartition("site-packages/")[2]
    return f"package/{installed}" if f"package/{installed}" in files.code else None


def changed_since(project: Project, path: Path, files: Files) -> list[str]:
    measured = path.stat().st_mtime
    return [name for name in files.code if (project.root / name).stat().st_mtime > measured]


def is_blank(path: Path) -> bool:
    return not path.read_bytes().strip()
