"""`notemill init`: from a table to a complete project, whole or not at all."""

import glob
import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from notemill.init.choices import Choices, choose
from notemill.init.columns import look_at
from notemill.init.contract import contract_text
from notemill.init.files import project_files
from notemill.init.laying import lay_out, start_repository
from notemill.init.names import bare, project_name
from notemill.init.pipeline import pipeline_text
from notemill.init.quote import comment
from notemill.init.reading import SMALL, Reading, Table
from notemill.init.table import read_table
from notemill.init.vendored import requirement
from notemill.text import size


@dataclass(frozen=True)
class Wish:
    """What was asked for on the command line."""

    data: str
    target: str
    name: str | None = None
    task: str | None = None
    group: str | None = None
    time: str | None = None
    positive: str | None = None
    owner: str | None = None
    purpose: str | None = None
    risk: str = "low"
    reading: Reading = Reading()


@dataclass(frozen=True)
class Place:
    """Where the table stands: `source` as pipeline.yaml names it; `kind`: copied, rewritten, referred or sklearn;
    `content`: what is to be written, by path in the project; `said` in words."""

    kind: str
    source: str
    said: str
    content: Mapping[str, bytes] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Made:
    """A new project, as init tells of it."""

    folder: Path
    name: str
    files: tuple[str, ...]
    place: Place
    table: Table
    rows: int
    choices: Choices
    requirement: str
    repository: str | None


def create(folder: Path, wish: Wish) -> Made:
    """Write the project. Raises UsageError, with nothing written, for what cannot be read, learnt or overwritten."""
    name = project_name(folder, wish.name)
    table = read_table(wish.data, wish.target, wish.reading)
    choices, columns = choose(table.frame, look_at(table.frame), target=wish.target, task=wish.task, group=wish.group,
                              time=wish.time, positive=wish.positive)
    place = find_place(folder, table, wish.reading.copy)
    needs, wheel = requirement()
    said = [place.said, *([f"read so: {', '.join(table.said)}"] if table.said else [])]
    files = {
        **project_files(name, needs, {"owner": wish.owner, "purpose": wish.purpose}, comment(place.said, 300)),
        **place.content, **wheel,
        "notebooks/pipeline.yaml": pipeline_text(name, wish.risk, choices, place.source, said).encode(),
        "notebooks/contract.yaml": contract_text(columns.values(), wish.target, choices.task,
                                                 len(table.frame)).encode()}
    lay_out(folder, files)
    return Made(folder, name, tuple(sorted(files)), place, table, len(table.frame), choices, needs,
                start_repository(folder))


def find_place(folder: Path, table: Table, copy: bool) -> Place:
    """Copied into data/ when small, asked for or rewritten; else referred to where it is."""
    if isinstance(table.source, str):
        return Place("sklearn", table.source, f"{table.source}, a table that comes with scikit-learn")
    root, path = folder.resolve(), table.source.resolve()
    inside = path.is_relative_to(root)
    if table.content is None and (inside or path.stat().st_size > SMALL and not copy):
        source = path.relative_to(root).as_posix() if inside else str(path)
        why = "it is in the project" if inside else f"{size(path.stat().st_size)} are too much to copy unasked: --copy"
        return Place("referred", glob.escape(source), f"{source}, where it is ({why})")
    name = f"data/{bare(table.name) or 'table'}{table.suffix}"
    if table.content is not None and (root / name).exists():
        name = f"data/{bare(table.name) or 'table'}-plain{table.suffix}"
    if table.content is not None:
        return Place("rewritten", name, f"{name}, a plain copy of {comment(table.source.name)}", {name: table.content})
    return Place("copied", name, f"{name}, a copy of {comment(table.source.name)} ({size(path.stat().st_size)})",
                 {name: path.read_bytes()})


def next_commands(folder: Path) -> list[str]:
    """What to type next."""
    here = folder.resolve() == Path(os.getcwd()).resolve()
    return [*([] if here else [f"cd {shlex.quote(str(folder))}"]), "nox -s train", "nox -s gate register package"]
