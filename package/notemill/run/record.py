"""The record of a run: run.json, written anew whenever a step's state changes."""

import datetime
import secrets
import shutil
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import notemill
from notemill.files import canonical_json, read_json, sha256_text, write_json
from notemill.plan import PlannedStep, Ready
from notemill.project import Project
from notemill.run import facts

FORMAT = 1


def now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat()


def new_name() -> str:
    """As 20261120-231332-4f2a: UTC, and four random digits."""
    return f"{datetime.datetime.now(datetime.UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


class Record:
    """A run's facts while it runs. `facts` is the dictionary of run.json; changes go through here, from any thread."""

    def __init__(self, project: Project, ready: Mapping[str, Ready]):
        self.lock, self.began = threading.Lock(), time.monotonic()
        self.name = new_name()
        self.folder = project.runs / self.name
        environ = project.environ
        modules = {path: digest for one in ready.values() for path, digest in one.imports.modules.items()}
        self.facts = {
            "format": FORMAT, "notemill": notemill.__version__, "run": self.name, "project": project.pipeline.name,
            "status": "running", "reason": facts.reason(environ), "started": now(), "ended": None, "seconds": None,
            "git": facts.git(project.root, project.store), "environment": facts.environment(project),
            "machine": facts.machine(), "ci": facts.ci(environ),
            "pipeline": {"sha256": project.store.digest(project.pipeline.path)},
            "package": {"sha256": sha256_text(canonical_json(modules))}, "error": None, "warnings": [],
            "steps": [step_facts(project, one) for one in ready.values()]}

    def step(self, name: str) -> dict:
        return next(step for step in self.facts["steps"] if step["step"] == name)

    def update(self, step: str, **changes: object) -> None:
        """Change a step's facts and write the record."""
        with self.lock:
            self.step(step).update(changes)
            self._write()

    def warn(self, text: str) -> None:
        with self.lock:
            self.facts["warnings"].append(text)

    def end(self, status: str, error: dict | None) -> None:
        """Close the record."""
        with self.lock:
            self.facts.update(status=status, error=error, ended=now(),
                              seconds=round(time.monotonic() - self.began, 3))
            self._write()

    def write(self) -> None:
        with self.lock:
            self._write()

    def _write(self) -> None:
        write_json(self.folder / "run.json", self.facts)


def step_facts(project: Project, ready: Ready) -> dict:
    """A step before it is planned."""
    step, notebook = ready.step, ready.notebook
    return {"step": step.name, "notebook": project.name_of(step.notebook), "title": notebook.title,
            "purpose": notebook.purpose, "needs": list(step.needs), "action": None, "status": "pending", "reasons": [],
            "fingerprint": None, "components": None, "cell_numbers": [cell.number for cell in notebook.cells],
            "params": dict(ready.params), "inputs": {}, "outputs": {}, "notebook_sha256": notebook.sha256,
            "executed": None, "metrics": {}, "seconds": None, "cpu_seconds": None, "peak_mb": None, "started": None,
            "ended": None, "stored_bytes": 0, "report": None, "origin_run": None, "mlflow_run": None, "warnings": [],
            "error": None}


def planned_facts(planned: PlannedStep) -> dict:
    """What a plan adds to a step's facts."""
    return {"action": planned.action, "reasons": list(planned.reasons), "inputs": dict(planned.inputs),
            "components": planned.components, "fingerprint": planned.fingerprint}


@contextmanager
def active(project: Project, record: Record) -> Iterator[None]:
    """Hold a mark that this run is alive; first close the records of runs that were killed."""
    from filelock import FileLock

    folder = project.folder / "active"
    folder.mkdir(parents=True, exist_ok=True)
    close_dead_runs(project, folder)
    mark = folder / record.name
    with FileLock(mark):
        record.write()
        yield
    mark.unlink(missing_ok=True)


def close_dead_runs(project: Project, folder: Path) -> None:
    """A run whose mark nobody holds was killed: say so in its record and sweep its work away."""
    from filelock import FileLock, Timeout

    for mark in folder.iterdir():
        try:
            with FileLock(mark, timeout=0):
                _close(project.runs / mark.name)
                mark.unlink(missing_ok=True)
        except Timeout:
            continue


def _close(folder: Path) -> None:
    record = read_json(folder / "run.json")
    if isinstance(record, dict) and record["status"] == "running":
        for step in record["steps"]:
            if step["status"] in ("running", "pending"):
                step["status"] = "failed" if step["status"] == "running" else "skipped"
        write_json(folder / "run.json", {**record, "status": "interrupted", "ended": now(), "error": {
            "where": f"run {record['run']}", "got": "was killed", "allowed": None, "hint": "notemill run takes it up"}})
    for work in folder.glob("*/work"):
        shutil.rmtree(work, ignore_errors=True)
