"""The files of an archive: the version's own, its way here, and what became of it; what is gone is named."""

import json
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from notemill import report
from notemill.files import canonical_json
from notemill.project import Project
from notemill.registry import Records
from notemill.registry.ledger import object_name, read_ledger
from notemill.release.complete import pretty
from notemill.run.redaction import redactor_for
from notemill.wheel.provenance import without_machine

WORK = re.compile(rb"/\.notemill/(?:runs|objects)/")  # where a step's files lay, within the project
PATH = re.compile(rb"(?:/[^/\s\"'<>&;:,\\]+)+$")
LONGEST = 1000  # bytes of a path: a picture's data in a page is full of slashes


@dataclass
class Contents:
    """{name: content}, and in words what could not be had any more."""

    files: dict[str, bytes] = field(default_factory=dict)
    absent: list[str] = field(default_factory=list)


def contents_of(project: Project, records: Records, manifest: Mapping) -> Contents:
    """All that is known of a registered version, but for its wheel."""
    registered = {name: value for name, value in manifest.items() if name != "version"}  # the number is MLflow's
    found = Contents({"manifest.json": canonical_json(registered).encode(), **version_files(manifest, records)})
    found.files |= ledger_files(records, manifest["name"])
    found.files |= attempts_of(records, manifest["content"])
    for run in runs_of(manifest, records):
        told = Contents()
        add_run(told, project, run)
        clean = cleaner(project, told.files.values())
        found.files |= {f"runs/{run}/{name}": clean(data) for name, data in told.files.items()}
        found.absent += [f"run {run}{line}" for line in told.absent]
    return found


def version_files(manifest: Mapping, records: Records) -> dict[str, bytes]:
    """What the version is made of, below version/."""
    parts = {"": manifest["files"], "code/": manifest["code"], "runtime/": manifest.get("runtime", {})}
    return {f"version/{folder}{name}": records.read(sha256)
            for folder, part in parts.items() for name, sha256 in part.items()}


def runs_of(manifest: Mapping, records: Records) -> list[str]:
    """The run that made the model, and the one that was judged, where it is another."""
    verdict = json.loads(records.read(manifest["files"]["verdict.json"]))
    return list(dict.fromkeys([manifest["run"], verdict.get("run") or manifest["run"]]))


# runs
def add_run(told: Contents, project: Project, run: str) -> None:
    """A run's record, its environment, its uncommitted changes, and the report of each of its steps."""
    record = project.record(run)
    if record is None:
        told.absent.append(": its record is no longer in .notemill/runs")
        return
    told.files["run.json"] = pretty(shared_record(record))
    add_kept(told, project, record)
    for step in record["steps"]:
        page = kept_page(project, record, step) or new_page(project, step)
        if page is None:
            told.absent.append(f", step {step['step']}: its executed notebook is no longer in the store")
        else:
            told.files[f"reports/{step['step']}.html"] = page


def add_kept(told: Contents, project: Project, record: Mapping) -> None:
    """What the record names by its sha256, and the store may still hold."""
    kept = {"distributions.json": ("the versions of what was installed", record["environment"].get("distributions")),
            "uncommitted.patch": ("the changes that no commit has", (record.get("git") or {}).get("diff"))}
    for name, (what, sha256) in kept.items():
        try:
            if sha256:
                told.files[name] = project.store.read_bytes(sha256)
        except KeyError:
            told.absent.append(f": {what}: no longer in the store")


def kept_page(project: Project, record: Mapping, step: Mapping) -> bytes | None:
    """The page of the run that executed the step."""
    with suppress(OSError):
        return (project.runs / (step.get("origin_run") or record["run"]) / "reports" / f"{step['step']}.html"
                ).read_bytes()


def new_page(project: Project, step: Mapping) -> bytes | None:
    """The page of the executed notebook in the store; None where it is gone."""
    try:
        notebook = json.loads(project.store.read_bytes(step["executed"]["sha256"]))
    except (KeyError, TypeError):
        return None
    with tempfile.TemporaryDirectory(prefix="notemill-") as folder:
        page = Path(folder, "page.html")
        report.write_step_report(notebook, page, step=step["step"],
                                 subtitle=f"{project.pipeline.name} · run {step.get('origin_run')}")
        return page.read_bytes()


def shared_record(record: Mapping) -> dict:
    """A run's record without what says something of this machine alone."""
    machine = {name: value for name, value in (record.get("machine") or {}).items() if name != "host"}
    steps = [{**step, **{name: without_machine(step[name]) for name in ("params", "inputs") if name in step}}
             for step in record["steps"]]
    return {**record, "machine": machine, "steps": steps}


def cleaner(project: Project, texts: Iterable[bytes]) -> Callable[[bytes], bytes]:
    """Takes secrets out of a text, and where the project, Python and the home lie on this machine; `texts` show where
    the project lay when it ran."""
    redact = redactor_for(project).bytes
    places = {**places_of(project), **{place: b"PROJECT" for text in texts for place in workplaces(text)}}
    longest = sorted(map(re.escape, places), key=len, reverse=True)
    found = re.compile(rb"(?<![\w.-])(?:" + b"|".join(longest) + rb")(?![\w.-])")
    return lambda data: found.sub(lambda one: places[one[0]], redact(data))


def workplaces(text: bytes) -> set[bytes]:
    """Where projects lay, by the paths of steps' files in a text."""
    before = (text[max(0, found.start() - LONGEST):found.start()] for found in WORK.finditer(text))
    return {path[0] for path in map(PATH.search, before) if path}


def places_of(project: Project) -> dict[bytes, bytes]:
    """{a folder of this machine: what stands for it}."""
    places = {str(project.root): b"PROJECT", project.environ.get("HOME", "").rstrip("/"): b"HOME",
              tempfile.gettempdir(): b"TEMPORARY"}
    if sys.prefix != sys.base_prefix:  # a system's own Python lies where it lies everywhere
        places[sys.prefix] = b"PYTHON"
    return {os.fsencode(place): shown for place, shown in places.items() if len(place) > 1}


# records
def ledger_files(records: Records, name: str) -> dict[str, bytes]:
    """The model's ledger, entry by entry. Raises NotemillError where it is not whole."""
    names = (object_name(name, number) for number in range(1, read_ledger(records, name).number + 1))
    return {entry: records.place_.read(entry) or b"" for entry in names}


def attempts_of(records: Records, content: str) -> dict[str, bytes]:
    """When this content was judged, and on which rows (by digest)."""
    return {name: records.place_.read(name) or b"" for name in records.place_.names("attempts")
            if name.endswith(f"/{content}.json")}
