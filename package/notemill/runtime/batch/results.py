"""From finished parts to outputs, and the record of the run."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from .failures import telling
from .job import parts_of
from .output import aside_file, put_together
from .tables import CsvFile, ParquetFile

NOTHING = "nothing was written"


def write_outputs(job: Mapping, files: list[CsvFile | ParquetFile], place: Path) -> list[dict]:
    """Make all outputs in the work folder, then put each in its place: what was scored, by output."""
    outputs: dict[str, dict] = {}
    for one, file in zip(job["files"], files, strict=True):
        parts = [part for section in range(len(one["sections"])) for part in parts_of(one, section)]
        output = outputs.setdefault(one["target"], {"target": one["target"], "kind": one["kind"], "inputs": []})
        output["inputs"].append({**one, "parts": parts, "file": file})
    moves = []
    for number, output in enumerate(outputs.values()):
        moves += make(output, job, place / f"output-{number}")
    for number, (made, target) in enumerate(moves):
        with telling(target, outcome_after(moves[:number])):
            move(made, target)
    return list(outputs.values())


def outcome_after(moves: Sequence[tuple[Path | None, Path]]) -> str:
    """What is to be said where the next move fails."""
    there = [str(target) for made, target in moves if made]
    return f"written before it: {', '.join(there)}; it and what follows is not" if there else NOTHING


def move(made: Path | None, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if made:
        os.replace(made, target)
    else:
        target.unlink(missing_ok=True)


def make(output: dict, job: Mapping, made: Path) -> list[tuple[Path | None, Path]]:
    """Put an output's files together: (file, where it belongs); no file: one of an earlier call goes."""
    first, target = output["inputs"][0], Path(output["target"])
    file, ending = first["file"], {"csv": "csv", "parquet": "arrow"}[output["kind"]]
    parts = [part["folder"] / name for one in output["inputs"] for part in one["parts"] for name in part["files"]]
    heading = [file.header[place] for place in first["places"]] + job["answers"]
    wanted = [part for part in parts if part.suffix == f".{ending}"]
    put_together(made.with_suffix(".out"), wanted, output["kind"], heading, file.separator)
    bad = [part for part in parts if part.suffix == ".aside"]
    if bad:
        told = [*(["file"] if first["named"] else []), file.place, "problem"]
        put_together(made.with_suffix(".bad"), bad, "csv", [*told, *file.header], file.separator)
    aside = [(made.with_suffix(".bad") if bad else None, aside_file(target))] if job["aside"] else []
    return [*aside, (made.with_suffix(".out"), target)]


def write_record(place: Path, record: Mapping) -> None:
    """Last of all: where it stands, all else does."""
    place.parent.mkdir(parents=True, exist_ok=True)
    made = place.with_name(f".{place.name}.{os.getpid()}")
    made.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(made, place)
