"""A job: what was asked, as plain values that other processes and a later call understand."""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

from .asked import Asked, result_of
from .chunks import finished
from ..model import Model
from .output import kind_in_folder, kind_of
from .scan import scan
from .section import answer_names
from .tables import CsvFile, ParquetFile, ScoreError

FORMAT = 2  # of jobs and their parts


def job_of(model: Model, asked: Asked, files: list[CsvFile | ParquetFile], place: Path, *, cut: bool = True) -> dict:
    """Of the files of `open_files`; `place`: the folder for finished parts, `cut`: whether CSV files may be cut."""
    job = {"format": FORMAT, "folder": str(model.folder.absolute()), "aside": asked.aside, "decimal": asked.decimal,
           "answers": answer_names(model), "files": []}
    for file in files:
        one = file_of(asked, file, files, cut)
        job["files"].append({**one, "work": str(place / identity(model, job, one))})
    return job


def file_of(asked: Asked, file: CsvFile | ParquetFile, files: list[CsvFile | ParquetFile], cut: bool) -> dict:
    """One file: its content, its sections, and which of its columns go where. `places`: of the columns that are kept,
    `every`: of all, as the first file has them; `named`: what its rows are called by, besides their number."""
    kind = kind_of(asked.target)
    facts, (sha256, sections) = os.stat(file.path), scan(file, cut=cut)
    kept = list(asked.keys) if asked.keys is not None else files[0].header if kind else file.header
    every = places_of(files[0].header if kind else file.header, file)
    return {"path": str(file.path.absolute()), "sha256": sha256, "bytes": facts.st_size, "changed": facts.st_mtime_ns,
            "target": str(result_of(asked, kind, file.path).absolute()), "kind": kind or kind_in_folder(file.path),
            "places": places_of(kept, file), "every": every,
            "named": [file.path.name] if kind and files[1:] else [], "sections": sections}


def places_of(names: list[str], file: CsvFile | ParquetFile) -> list[int]:
    """Where these columns stand in a file."""
    return list(range(len(names))) if names == file.header else [file.header.index(name) for name in names]


def identity(model: Model, job: Mapping, one: Mapping) -> str:
    """What parts of an earlier call must agree in to be taken up: the model, its code, the rows, what is wanted."""
    folder = Path(__file__).parents[1]  # with the model's own reading and answering
    code = [hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.rglob("*.py"))]
    wanted = [one[key] for key in ("path", "sha256", "kind", "places", "every", "named", "sections")]
    facts = [model.facts.get("content") or job["folder"], code, wanted, job["format"], job["aside"], job["decimal"]]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:24]


def is_cut(job: Mapping, files: list[CsvFile | ParquetFile]) -> bool:
    """Whether a CSV file has several sections."""
    return any(len(one["sections"]) > 1 and isinstance(file, CsvFile)
               for one, file in zip(job["files"], files, strict=True))


def tasks_of(job: Mapping) -> list[tuple[int, int]]:
    """(file, section), in order."""
    return [(file, section) for file, one in enumerate(job["files"]) for section in range(len(one["sections"]))]


def parts_of(one: Mapping, section: int) -> list[dict]:
    """The facts of a section's finished parts, each with its folder."""
    folder = Path(one["work"], f"{section:06}")
    return [{**facts, "folder": folder, "section": section} for facts in finished(folder)]


def check_unchanged(job: Mapping) -> None:
    """Raise ScoreError where a file was written while it was read."""
    for one in job["files"]:
        facts = os.stat(one["path"])
        if (facts.st_size, facts.st_mtime_ns) != (one["bytes"], one["changed"]):
            raise ScoreError(f"{one['path']}: was changed while it was scored; nothing was written")
