"""What sends a run's lineage while its steps still run: a process of its own, for to import MLflow takes longer than
most runs, and would keep their threads waiting."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

import notemill
from notemill.errors import NotemillError
from notemill.execute import Pool
from notemill.lineage.template import QUIET

MODULE = "notemill.run.publishing"
LOOK = 0.05  # seconds between looks whether the first kernel has been asked for


class Sender(threading.Thread):
    """Starts the process, and waits for it. `told` is what it told; None where it told nothing.

    It is forked from the warm process of `pool` where that is kept, for it has MLflow loaded, or will have it for the
    next run.
    """

    told: dict | None = None
    process: subprocess.Popen | None = None

    def __init__(self, root: Path, run: str, environ: Mapping[str, str], modules: list[str], pool: Pool | None):
        super().__init__(name="sender", daemon=True)
        self.arguments, self.environ, self.modules, self.pool = [str(root), run], environ, modules, pool
        self.over = threading.Event()

    def run(self) -> None:
        try:
            printed = self._forked() if self.pool else self._spawned()
            self.told = json.loads(printed.splitlines()[-1])
        except (NotemillError, OSError, ValueError, LookupError):
            pass  # this process sends it

    def _forked(self) -> str:
        from notemill.execute.warm.call import call

        while not (self.pool.processes or self.over.wait(LOOK)):
            pass
        return call(self.pool, MODULE, self.arguments, self.environ, self.modules)

    def _spawned(self) -> str:
        paths = [str(Path(notemill.__file__).parents[1]), self.environ.get("PYTHONPATH")]
        self.process = subprocess.Popen(
            [sys.executable, "-m", MODULE, *self.arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**QUIET, **self.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))})
        return self.process.communicate()[0].decode("utf-8", "replace")

    def result(self) -> dict | None:
        """What was told, once all is sent that can be."""
        self.over.set()
        self.join()
        return self.told

    def stop(self) -> None:
        """Nothing more is to be sent."""
        self.over.set()
        if self.process:
            self.process.kill()
            self.join()
