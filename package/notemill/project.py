"""A project on disk: its pipeline, its store, and what earlier runs left."""

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from notemill.errors import UsageError, did_you_mean
from notemill.files import read_json, write_json
from notemill.memory import Memory
from notemill.modules import Importer
from notemill.notebook import Notebook, read_notebook
from notemill.pipeline import Pipeline, Step, read_pipeline
from notemill.remote import Remote, open_remote
from notemill.store import Store

COMPARED = ("components", "cell_numbers", "cell_texts")  # of how a step stands: what changes are told from
PARTS = {"outputs", "executed", "metrics", "origin_run", "warnings", "stored_bytes"}  # of a result: what reuse takes


@dataclass(frozen=True)
class Project:
    """Everything that a plan or a run is made from."""

    root: Path
    pipeline: Pipeline
    store: Store
    memory: Memory
    importer: Importer
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)
    smoke: bool = False
    apart: bool = False  # reports, too, go into the folder of the cache

    @property
    def folder(self) -> Path:
        return self.store.root

    @property
    def remote(self) -> Remote | None:
        """The shared store."""
        return self.store.remote

    @property
    def reports(self) -> Path:
        return self.folder / "reports" if self.smoke or self.apart else self.root / "reports"

    def notebook(self, step: Step) -> Notebook:
        """What the step's notebook says of itself."""
        return read_notebook(step.notebook, self.memory, self.name_of(step.notebook))

    def name_of(self, path: Path) -> str:
        """A path as people write it: relative to the project where it lies within."""
        return path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else str(path)

    def save(self) -> None:
        """Write down what was learnt; a cache, so that losing it costs time alone."""
        with contextlib.suppress(OSError):  # a full disk, a folder that may only be read
            self.memory.save()
            self.store.save()

    # what a step's result is, by fingerprint; and what each step was the last time
    def result(self, fingerprint: str) -> dict | None:
        """The result with this fingerprint, if all its content is in the store undamaged."""
        result = self.noted_result(fingerprint)
        return result if result and not missing_content(self.store, result) else None

    def noted_result(self, fingerprint: str) -> dict | None:
        """The result with this fingerprint, whatever became of its content."""
        result = read_json(self.folder / "results" / f"{fingerprint}.json")
        return result if isinstance(result, dict) and PARTS <= result.keys() else None

    def shared_result(self, fingerprint: str, step: Step) -> dict | None:
        """The result with this fingerprint in the shared store; its content is fetched when it is needed."""
        return self.remote and self.remote.result(fingerprint, step.outputs)

    def keep_result(self, fingerprint: str, result: dict) -> None:
        write_json(self.folder / "results" / f"{fingerprint}.json", result)

    def latest(self, step: str) -> dict:
        """The components, status and run of the step when it was last looked at; {} if never."""
        latest = read_json(self.folder / "latest" / f"{step}.json")
        return latest if isinstance(latest, dict) else {}

    def keep_latest(self, step: str, facts: dict) -> None:
        """Write down how the step stands; while it has not ended well, also what it was when it last did."""
        old = self.latest(step)
        if facts["status"] != "done":
            done = {key: old[key] for key in COMPARED if key in old} if old.get("status") == "done" else \
                old.get("done")
            facts = {**facts, "done": done}
        if old != facts:
            write_json(self.folder / "latest" / f"{step}.json", facts, durable=False)

    # runs
    @property
    def runs(self) -> Path:
        return self.folder / "runs"

    def run_names(self) -> list[str]:
        """All recorded runs, oldest first."""
        return sorted(path.parent.name for path in self.runs.glob("*/run.json"))

    def record(self, run: str) -> dict | None:
        """A run's record, or None."""
        record = read_json(self.runs / run / "run.json") if run and "/" not in run else None
        return record if isinstance(record, dict) else None

    def origin(self, run: str | None) -> dict | None:
        """The record of the run that made what is here now; of one on another machine as far as the shared store told
        it."""
        if not run or "/" in run:
            return None
        elsewhere = read_json(self.elsewhere / f"{run}.json")
        return self.record(run) or (elsewhere if isinstance(elsewhere, dict) else None)

    @property
    def elsewhere(self) -> Path:
        """What is known of runs on other machines."""
        return self.folder / "elsewhere"

    def keep_elsewhere(self, facts: dict) -> None:
        write_json(self.elsewhere / f"{facts['run']}.json", facts)

    def find_run(self, run: str | None) -> dict:
        """The record of `run` (whole name, its end, or None for the latest). Raises UsageError."""
        names = self.run_names()
        if not names:
            raise UsageError(str(self.runs), "there is no run yet", hint="notemill run")
        found = [name for name in names if run in (name, None, "latest") or name.endswith(run)]
        exact = [name for name in found if name == run]
        if not found or (run not in (None, "latest") and len(found) > 1 and not exact):
            raise UsageError(f"run '{run}'", "is not recorded here" if not found else "could be several",
                             f"the last ones are: {', '.join((found or names)[-5:])}", did_you_mean(run, names))
        record = self.record((exact or found)[-1])
        if record is None:
            raise UsageError(f"run '{found[-1]}'", "its record cannot be read", hint="choose another run")
        return record


def missing_content(store: Store, result: Mapping) -> list[str]:
    """What a result refers to and the store no longer holds."""
    wanted = {name: output["sha256"] for name, output in result["outputs"].items()}
    wanted["the executed notebook"] = result["executed"]["sha256"]
    return [name for name, sha256 in wanted.items() if not store.has(sha256)]


def open_project(root: Path, environ: Mapping[str, str] | None = None, *, smoke: bool = False) -> Project:
    """Read the project at `root`; `smoke` keeps all that runs leave apart, in .notemill/smoke.

    Raises UsageError where pipeline.yaml is wrong.
    """
    root = root.resolve()
    pipeline, folder = read_pipeline(root), root / ".notemill" / ("smoke" if smoke else "")
    environ = dict(os.environ if environ is None else environ)
    remote = None if smoke else shared_store(pipeline, environ, folder / "memory" / "shared.json")
    store, memory = Store(folder, remote), Memory(folder / "memory" / "facts.json")
    return Project(root, pipeline, store, memory, Importer(root, memory, environ), environ, smoke)


def shared_store(pipeline: Pipeline, environ: Mapping[str, str], noted: Path) -> Remote | None:
    """The one that NOTEMILL_STORE names, or pipeline.yaml. Raises UsageError where it can be none."""
    named, where = pipeline.store, pipeline.where("store")
    if given := environ.get("NOTEMILL_STORE", "").strip():
        named, where = given, "NOTEMILL_STORE"
    return open_remote(named, pipeline.root, where, noted)
