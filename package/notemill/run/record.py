"""The record of a run: run.json, written anew when a step's state changes, so often as it is cheap."""

import datetime
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import notemill
from notemill.files import canonical_json, read_json, sha256_text, write_atomic, write_json
from notemill.plan import PlannedStep, Ready
from notemill.project import Project
from notemill.redact import Redactor
from notemill.run import facts
from notemill.run.pictures import Pictures
from notemill.run.redaction import declared_secrets
from notemill.run.remains import clean_remains, remains_redactor
from notemill.run.shown import shown_record

FORMAT = 1
FEW = 40  # steps; with more, the record is not written at each change: a thousand would write all the time
SHARE = 20  # the pause between two writings is then so many times what one takes
RESERVE = 256 * 1024  # bytes, kept for the record and the evidence on a disk that gets full


def now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat()


def new_name() -> str:
    """As 20261120-231332-4f2a: UTC, and the second's 65,536th part, so that names stand in the order of the runs."""
    moment = datetime.datetime.now(datetime.UTC)
    return f"{moment:%Y%m%d-%H%M%S}-{moment.microsecond * 65536 // 1_000_000:04x}"


class Record:
    """A run's facts while it runs. `facts` is the dictionary of run.json; changes go through here, from any thread."""

    def __init__(self, project: Project, ready: Mapping[str, Ready], redactor: Redactor, *, works: bool = True):
        self.lock, self.began, self.redactor = threading.RLock(), time.monotonic(), redactor
        self.next_write, self.later = 0.0, None
        self.name = new_name()
        self.folder = project.runs / self.name
        environ = project.environ
        modules = {path: digest for one in ready.values() for path, digest in one.imports.modules.items()}
        self.facts = {
            "format": FORMAT, "notemill": notemill.__version__, "run": self.name, "project": project.pipeline.name,
            "status": "running", "reason": facts.reason(environ), "started": now(), "ended": None, "seconds": None,
            "git": facts.git(project.root, project.store, redactor) if works else None,
            "environment": facts.environment(project),
            "machine": facts.machine(), "ci": facts.ci(environ),
            "pipeline": {"sha256": project.store.digest(project.pipeline.path)},
            "contract": facts.contract(project),
            "package": {"sha256": sha256_text(canonical_json(modules))}, "error": None, "warnings": [],
            "secrets": [name for name in declared_secrets(project) if environ.get(name, "").strip()],
            "steps": [step_facts(project, one) for one in ready.values()]}
        self.steps = {step["step"]: step for step in self.facts["steps"]}
        self.pictures = Pictures(self.steps)

    def step(self, name: str) -> dict:
        """A step's facts, to look at: changes go through `set` and `update`."""
        return self.steps[name]

    def shown(self) -> dict:
        """The facts without secrets: what is written, and what others get."""
        with self.lock:
            return shown_record(self.facts, self.redactor)

    def set(self, step: str, **changes: object) -> None:
        """Change a step's facts; they are written with the next change that is."""
        with self.lock:
            self.step(step).update(changes)

    def update(self, step: str, **changes: object) -> None:
        """Change a step's facts and write the record: now, or soon."""
        with self.lock:
            self.step(step).update(changes)
            self._write_if_due()

    def warn(self, text: str) -> None:
        with self.lock:
            self.facts["warnings"].append(text)

    def end(self, status: str, error: dict | None) -> None:
        """Close the record."""
        with self.lock:
            self.facts.update(status=status, error=error, ended=now(),
                              seconds=round(time.monotonic() - self.began, 3))
            self.write()

    def write(self) -> None:
        """Write the record now. Raises OSError where even the reserve is used up."""
        with self.lock:
            self.with_room(self._write)

    def _write(self) -> None:
        if self.later:
            self.later.cancel()
        began, self.later = time.monotonic(), None
        self._write_whole()
        ended = time.monotonic()
        self.next_write = ended + SHARE * (ended - began) if len(self.steps) > FEW else ended

    def _write_whole(self) -> None:
        """While the run goes on in the form that is made in a tenth of the time, and is soon written again."""
        if self.facts["status"] == "running":
            write_atomic(self.folder / "run.json", canonical_json(self.shown()), durable=False)
        else:
            write_json(self.folder / "run.json", self.shown())

    def _write_if_due(self) -> None:
        """What cannot be written now is written with the next change, at the latest at the end."""
        wait = self.next_write - time.monotonic()
        if wait <= 0:
            with suppress(OSError):
                self.write()
        elif not self.later and self.facts["status"] == "running":
            self.later = threading.Timer(wait, self._write_later)
            self.later.daemon = True
            self.later.start()

    def _write_later(self) -> None:
        with self.lock, suppress(OSError):
            if self.later:  # else it has been written in the meantime
                self.write()

    def reserve(self) -> None:
        """Keep room for what must be written when the disk is full."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_atomic(self.folder / "reserve", os.urandom(RESERVE))

    def with_room(self, write: Callable[[], object]) -> object:
        """What `write` gives; if need be with the reserve's room. Raises OSError."""
        try:
            return write()
        except OSError:
            if not (self.folder / "reserve").exists():
                raise
            (self.folder / "reserve").unlink(missing_ok=True)
            return write()


def step_facts(project: Project, ready: Ready) -> dict:
    """A step before it is planned."""
    step, notebook = ready.step, ready.notebook
    return {"step": step.name, "notebook": project.name_of(step.notebook), "title": notebook.title,
            "purpose": notebook.purpose, "needs": list(step.needs), "action": None, "status": "pending", "reasons": [],
            "fingerprint": None, "components": None, "cell_numbers": [cell.number for cell in notebook.cells],
            "params": ready.effective, "inputs": {}, "outputs": {}, "notebook_sha256": notebook.sha256,
            "executed": None, "metrics": {}, "seconds": None, "cpu_seconds": None, "peak_mb": None, "started": None,
            "ended": None, "stored_bytes": 0, "report": None, "origin_run": None, "mlflow_run": None, "warnings": [],
            "error": None}


def planned_facts(planned: PlannedStep) -> dict:
    """What a plan adds to a step's facts."""
    return {"action": planned.action, "reasons": list(planned.reasons), "inputs": dict(planned.inputs),
            "components": planned.components, "fingerprint": planned.fingerprint}


@contextmanager
def active(project: Project, record: Record) -> Iterator[None]:
    """Hold a mark that this run is alive: who finds it unheld knows that the run was killed."""
    from filelock import FileLock

    mark = marks(project) / record.name
    lock = FileLock(mark)
    with marking(project):
        lock.acquire()
        record.reserve()
        record.write()
    try:
        yield
        mark.unlink(missing_ok=True)
    finally:
        (record.folder / "reserve").unlink(missing_ok=True)
        lock.release()


def marks(project: Project) -> Path:
    return project.folder / "active"


def marking(project: Project):
    """Held while marks are made or looked at, so that a new one is not taken for a dead run's."""
    from filelock import FileLock

    marks(project).mkdir(parents=True, exist_ok=True)
    return FileLock(project.folder / "active.lock")


def close_dead_runs(project: Project) -> None:
    """A run whose mark nobody holds was killed: say so in its record and sweep its work away."""
    from filelock import FileLock, Timeout

    if not marks(project).is_dir() or not any(marks(project).iterdir()):
        return
    with marking(project):
        for mark in list(marks(project).iterdir()):
            with suppress(Timeout), FileLock(mark, timeout=0):
                _close(project, project.runs / mark.name)
                mark.unlink(missing_ok=True)


def _close(project: Project, folder: Path) -> None:
    record = read_json(folder / "run.json")
    if isinstance(record, dict) and record["status"] == "running":
        redactor = remains_redactor(project, record.get("secrets", declared_secrets(project)))
        for step in record["steps"]:
            if step["status"] in ("running", "pending"):
                warnings = clean_remains(folder / step["step"], redactor)
                step.update(_closed(project, folder / step["step"] / "executed.ipynb", step),
                            warnings=[*step.get("warnings", []), *warnings])
        write_json(folder / "run.json", {**record, "status": "interrupted", "ended": now(), "error": {
            "where": f"run {record['run']}", "got": "was killed", "allowed": None, "hint": "notemill run takes it up"}})
    (folder / "reserve").unlink(missing_ok=True)
    for work in folder.glob("*/work"):
        shutil.rmtree(work, ignore_errors=True)


def close_steps(project: Project, record: Record) -> None:
    """Let no step of a run that breaks off here and now stand as running."""
    for step in record.facts["steps"]:
        if step["status"] in ("running", "pending"):
            record.set(step["step"], **_closed(project, record.folder / step["step"] / "executed.ipynb", step))


def _closed(project: Project, saved: Path, step: Mapping) -> dict:
    """How a killed run's step stands; what was saved of its notebook is kept as evidence. A record may be a little
    older than that."""
    if step["status"] == "pending" and not saved.is_file():
        return {"status": "skipped", "action": step["action"] or "run"}
    if not saved.is_file():
        return {"status": "failed"}
    sha256, size = project.store.take_file(saved)
    return {"status": "failed", "action": "run", "executed": {"sha256": sha256, "bytes": size}}
