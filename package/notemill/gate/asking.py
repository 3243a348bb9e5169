"""Asking a model, in a process of its own: it sees no target, and can hand back nothing but its answers."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import notemill

ORDER = "tables.json"  # the names of the tables, in the order in which they are asked about
STEP = 0.02  # seconds between two looks
DIRECT, TURNED = "direct", "turned"  # asked of the pipeline itself, as a notebook does; with its columns turned round


class ModelFailed(RuntimeError):
    """The model gave no usable answer."""


@dataclass(frozen=True)
class Asked:
    """A model's process at work. `rows`: how many each table has, by its name."""

    process: subprocess.Popen
    folder: Path
    rows: Mapping[str, int]
    is_regression: bool
    seconds: float

    def wait(self, name: str) -> dict:
        """Its answers to a table: {"classes", "labels", "probabilities", "decision", "history"}. Raises ModelFailed."""
        until = time.monotonic() + self.seconds
        while not words_of(self.folder, name).exists():
            code = self.process.poll()
            if code is not None and not words_of(self.folder, name).exists():
                raise ModelFailed(f"the model's process {ended(code)}{last_words(self.folder)}")
            if time.monotonic() > until:
                self.end()
                raise ModelFailed(f"the model gave no answer within {self.seconds:g} s")
            time.sleep(STEP)
        said = read_words(words_of(self.folder, name))
        if "error" in said:
            raise ModelFailed(str(said["error"])[:2000])
        return checked(said, answers_of(self.folder, name), self.rows[name], self.is_regression)

    def end(self) -> None:
        """Kill it; whatever it started ends with the gate's process, of whose group it is."""
        self.process.kill()
        self.process.wait()


def words_of(folder: Path, name: str) -> Path:
    return folder / f"{name}.json"


def answers_of(folder: Path, name: str) -> Path:
    return folder / f"{name}.npz"


def ask(bundle: Path, folder: Path, code: Sequence[str], tables: Mapping, is_regression: bool, *,
        seconds: float) -> Asked:
    """Start a process that asks the model of `bundle` about `tables`, one after the other; `code` are folders with the
    project's modules."""
    folder.mkdir(parents=True)
    lay(folder, tables)
    words = [sys.executable, "-P", "-m", "notemill.gate.predictor", str(bundle), str(folder), *code]
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(words, cwd=folder, env=with_modules(os.environ, code), stdin=subprocess.DEVNULL,
                                   stdout=log, stderr=log)
    return Asked(process, folder, {name: len(table) for name, table in tables.items()}, is_regression, seconds)


def lay(folder: Path, tables: Mapping) -> None:
    """Write down what is asked."""
    for name, table in tables.items():
        table.to_parquet(folder / f"{name}.parquet", index=False)
    (folder / ORDER).write_text(json.dumps(list(tables)), encoding="utf-8")


def with_modules(environ: Mapping[str, str], code: Sequence[str]) -> dict[str, str]:
    """The environment in which the project's modules can be imported, and this very notemill, installed or not."""
    place = Path(notemill.__file__).resolve().parents[1]
    paths = [*code, environ.get("PYTHONPATH"), None if place.name == "site-packages" else str(place)]
    return {**environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}


def ended(code: int) -> str:
    if not code:
        return "left no answers"
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"


def last_words(folder: Path) -> str:
    lines = (folder / "log").read_text(encoding="utf-8", errors="replace")[-2000:].split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return f": {last}" if last else ""


def read_words(path: Path) -> dict:
    try:
        said = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}


def checked(said: dict, path: Path, rows: int, is_regression: bool) -> dict:
    """The answers, with the right shapes and finite. Raises ModelFailed."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            answers = {name: arrays[name] for name in ("labels", "probabilities", "decision") if name in arrays}
    except (OSError, ValueError, EOFError) as error:
        raise ModelFailed(f"the model's process left no answers that can be read: {error}") from None
    classes = said.get("classes")
    if is_regression:
        need_shape("predictions", answers.get("labels"), (rows,))
        return {"classes": [], "labels": answers["labels"].astype("float64"), "history": said.get("history")}
    if not isinstance(classes, list) or len(classes) < 2 or len(set(map(repr, classes))) < len(classes):
        raise ModelFailed(f"the model's classes are {classes!r}: two or more are wanted")
    check_classes(answers, rows, len(classes))
    return {"classes": classes, **answers, "labels": answers["labels"].astype("int64"), "history": said.get("history")}


def check_classes(answers: dict, rows: int, classes: int) -> None:
    need_shape("predictions", answers.get("labels"), (rows,))
    if not ((answers["labels"] >= 0) & (answers["labels"] < classes)).all():
        raise ModelFailed("the model predicts labels that are not among its classes")
    if "decision" in answers:
        need_shape("decision values", answers["decision"], (rows,) if classes == 2 else (rows, classes))
    if "probabilities" in answers:
        p = answers["probabilities"]
        need_shape("probabilities", p, (rows, classes))
        if (p < -1e-9).any() or (np.abs(p.sum(axis=1) - 1) > 1e-3).any():
            raise ModelFailed("the model's probabilities are not between 0 and 1, or do not add up to 1")


def need_shape(what: str, values: np.ndarray | None, shape: tuple) -> None:
    if values is None or values.shape != shape or values.dtype.kind not in "iuf":
        raise ModelFailed(f"the model's {what} are not numbers of the shape {shape}")
    bad = ~np.isfinite(values.reshape(len(values), -1)).all(axis=1)
    if bad.any():
        raise ModelFailed(f"the model's {what} are no numbers (NaN or infinite) in {int(bad.sum()):,} of "
                          f"{len(values):,} rows, first in row {int(bad.argmax()) + 1}")
