"""A process that imports MLflow while the steps run, and sends the run's lineage when it is told to: the import takes
longer than most runs."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import notemill
from notemill.lineage.template import QUIET

MODULE, TOLD = "notemill.run.publishing", b"send\n"


class Sender:
    """The process; it ends by itself where this one does."""

    def __init__(self, root: Path, environ: Mapping[str, str]):
        paths = [str(Path(notemill.__file__).parents[1]), environ.get("PYTHONPATH")]
        self.process = subprocess.Popen(
            [sys.executable, "-m", MODULE, str(root), "--when-told"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**QUIET, **environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))})

    def send(self) -> dict | None:
        """What it told: {"sent", "error"}; None where it told nothing."""
        try:
            printed = self.process.communicate(TOLD)[0].decode("utf-8", "replace")
            return json.loads(printed.splitlines()[-1])
        except (OSError, ValueError, LookupError):
            return None  # whoever asked sends it itself

    def stop(self) -> None:
        """Nothing is to be sent."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()
