"""Send to MLflow what waits, from a process of its own: python -m notemill.run.publishing PROJECT_ROOT [--when-told].

What a run does at its end, for a process that has mlflow already: the one line that it prints tells what was sent.
`--when-told`: import mlflow at once, and send when a line comes on standard input; nothing where that ends before.
"""

import json
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from notemill import lineage
from notemill.errors import NotemillError
from notemill.project import open_project
from notemill.run.redaction import redactor_for

WHEN_TOLD = "--when-told"
NICENESS = 10


def send(root: str, environ: Mapping[str, str] | None = None) -> dict:
    """{"sent": names of the runs that MLflow has now, "error": why others still wait, or null}, without secrets.

    `environ` is the run's environment (default: this process's); MLflow's client looks into os.environ, which must be
    the same then. Raises UsageError where the project or its secrets are wrong.
    """
    project = open_project(Path(root), os.environ if environ is None else environ)
    redactor = redactor_for(project)
    uri = lineage.tracking_uri(project.root, project.environ)
    try:
        return {"sent": lineage.sync(project.runs, project.store, uri, redact=redactor.text), "error": None}
    except Exception as error:  # whatever becomes of the tracking server: what is not sent waits for the next time
        return {"sent": [], "error": redactor.text(str(error) or type(error).__name__)}


def is_told(root: str) -> bool:
    """Wait for the line, with MLflow loaded; the steps go first."""
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    with suppress(Exception):  # whoever needs it for work meets the same error, and tells it
        lineage.import_mlflow(lineage.tracking_uri(Path(root), os.environ))
    return bool(sys.stdin.readline())


def main(arguments: list[str]) -> int:
    """0 when nothing waits any more, 1 else."""
    if WHEN_TOLD in arguments and not is_told(arguments[0]):
        return 0
    try:
        told = send(arguments[0])
    except NotemillError as error:
        told = {"sent": [], "error": str(error)}
    print(json.dumps(told), flush=True)
    return 1 if told["error"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
