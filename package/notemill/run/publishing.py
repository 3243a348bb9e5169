"""Send to MLflow what waits, from a process of its own: python -m notemill.run.publishing PROJECT_ROOT [RUN].

The one line that it prints tells what was sent. With RUN, a run that goes on, its steps are sent as they end, and the
rest when the run has ended.
"""

import json
import os
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from notemill import lineage
from notemill.errors import NotemillError
from notemill.project import Project, open_project
from notemill.redact import Redactor
from notemill.run.redaction import redactor_for

NICENESS = 5  # the steps go first
LOOK = 0.02  # seconds between looks at a run that goes on
SHARE = 3  # the pause between two sendings is at least so many times what one takes


def send(root: str, environ: Mapping[str, str] | None = None, run: str = "") -> dict:
    """{"sent": names of the runs that MLflow has now, "error": why others still wait, or null}, without secrets.

    `environ` is the run's environment (default: this process's); MLflow's client looks into os.environ, which must be
    the same then. Raises UsageError where the project or its secrets are wrong.
    """
    project = open_project(Path(root), os.environ if environ is None else environ)
    redactor = redactor_for(project)
    uri = lineage.tracking_uri(project.root, project.environ)
    if run and not follow(project, redactor, uri, run):
        return {"sent": [], "error": None}
    try:
        return {"sent": lineage.sync(project.runs, project.store, uri, redact=redactor.text), "error": None}
    except Exception as error:  # whatever becomes of the tracking server: what is not sent waits for the next time
        return {"sent": [], "error": redactor.text(str(error) or type(error).__name__)}


def follow(project: Project, redactor: Redactor, uri: str, run: str) -> bool:
    """Send the run's steps as they end; whether it ended in such a way that the rest is to be sent."""
    folder, parent, sent, due = project.runs / run, os.getppid(), 0, 0.0
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    with suppress(Exception):  # whoever needs it for work meets the same error, and tells it
        lineage.import_mlflow(uri)
    while (record := lineage.read_record(folder)) and record["status"] == "running" and os.getppid() == parent:
        done, began = len(lineage.done_steps(folder, record)), time.monotonic()
        if done > sent and began >= due:
            with suppress(Exception):  # the last sending tells what is wrong
                lineage.sync_done(folder, project.store, uri, redact=redactor.text)
            sent, due = done, time.monotonic() + SHARE * (time.monotonic() - began)
        time.sleep(LOOK)
    return bool(record) and record["status"] not in ("running", "interrupted")


def main(arguments: list[str]) -> int:
    """0 when nothing waits any more, 1 else."""
    try:
        told = send(arguments[0], run="".join(arguments[1:]))
    except NotemillError as error:
        told = {"sent": [], "error": str(error)}
    print(json.dumps(told), flush=True)
    return 1 if told["error"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
