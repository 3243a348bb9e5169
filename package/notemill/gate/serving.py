"""The model package, or the model's own files, at work in a process of its own, asked through a pipe: `Served`."""

import contextlib
import json
import os
import re
import selectors
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from notemill.gate.asking import ModelFailed, check_classes, ended, last_words, need_shape, with_modules
from notemill.gate.metrics import Answers

if TYPE_CHECKING:
    from notemill.gate.evidence import Evidence

SCRIPT = Path(__file__).with_name("door.py")
ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")} | {"LOKY_MAX_CPU_COUNT": "1"}
MOST_REPLY = 100_000_000  # bytes


class Served:
    """Ask with `ask`; end with `with`. One thread each for BLAS and OpenMP, so that figures can be compared."""

    def __init__(self, job: Mapping, folder: Path):
        self.folder, self.seconds, self.left = folder, job["seconds"], b""
        folder.mkdir(parents=True)
        package = job.get("package")
        words = [package["folder"], package["name"]] if package else [job["bundle"]]
        environ = {**os.environ, **ONE_THREAD}
        # a package brings its own code; nothing else of the project is there
        environ = {**environ, "PYTHONPATH": package["folder"]} if package else with_modules(environ, job["code"])
        with open(folder / "log", "wb") as log:
            self.process = subprocess.Popen([sys.executable, "-P", SCRIPT, *words], cwd=folder, env=environ, stderr=log,
                                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        self.looks = selectors.DefaultSelector()
        self.looks.register(self.process.stdout, selectors.EVENT_READ)

    def __enter__(self) -> "Served":
        return self

    def __exit__(self, *reason) -> None:
        self.looks.close()
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            with contextlib.suppress(OSError):
                pipe.close()

    def ask(self, **request) -> dict:
        """The reply. Raises ModelFailed."""
        with contextlib.suppress(BrokenPipeError):  # why it ended is told below
            self.process.stdin.write(json.dumps(request).encode() + b"\n")
        reply = self._line()
        try:
            said = json.loads(reply)
        except ValueError:
            said = None
        if not isinstance(said, dict):
            raise ModelFailed("what answers for the model gave no reply that can be read")
        if "error" in said:
            raise ModelFailed(str(said["error"])[:2000])
        return said

    def _line(self) -> bytes:
        until = time.monotonic() + self.seconds
        while b"\n" not in self.left:
            if not self.looks.select(max(0.0, until - time.monotonic())):
                raise ModelFailed(f"the model gave no answer within {self.seconds:g} s")
            more = os.read(self.process.stdout.fileno(), 1 << 20)
            if not more or len(self.left) > MOST_REPLY:
                self.process.kill()
                raise ModelFailed(f"the process that uses the model {ended(self.process.wait())}"
                                  f"{last_words(self.folder)}")
            self.left += more
        line, _, self.left = self.left.partition(b"\n")
        return line

    def answers(self, how: str, path: Path) -> dict:
        return self.ask(**{"ask": how, "from": str(path)})

    def peak_mb(self) -> float:
        """The most memory that the process ever had (resident), seen from outside where the system shows it."""
        try:
            found = re.search(r"VmHWM:\s*(\d+) kB", Path(f"/proc/{self.process.pid}/status").read_text("ascii"))
        except OSError:
            found = None
        return int(found[1]) * 1024 / 1e6 if found else float(self.ask(ask="memory")["mb"])


def as_answers(evidence: "Evidence", said: Mapping, rows: int) -> Answers:
    """A reply's predictions in the codes of the model's classes. Raises ModelFailed where they are none."""
    predictions = said.get("predictions")
    if not isinstance(predictions, list) or len(predictions) != rows:
        raise ModelFailed(f"{rows:,} predictions are wanted")
    if evidence.is_regression:
        labels = numbers("predictions", predictions)
        need_shape("predictions", labels, (rows,))
        return evidence.in_order({"classes": [], "labels": labels})
    classes = said.get("classes") or []
    known = {label: code for code, label in enumerate(classes)}
    arrays = {"labels": np.array([known.get(label, -1) for label in predictions], dtype="int64")}
    if "probabilities" in said:
        arrays["probabilities"] = numbers("probabilities", said["probabilities"])
    check_classes(arrays, rows, len(classes))
    return evidence.in_order({"classes": classes, **arrays})


def numbers(what: str, values: object) -> np.ndarray:
    try:
        return np.array(values, dtype="float64")
    except (TypeError, ValueError):
        raise ModelFailed(f"the model's {what} are no numbers") from None
