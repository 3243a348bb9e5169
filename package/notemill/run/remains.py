"""What a killed step leaves: nobody took the secrets out of what it logged, so that is done before it is sent on."""

import json
import shutil
import sqlite3
from collections.abc import Iterable
from pathlib import Path

from notemill import lineage
from notemill.errors import UsageError
from notemill.files import write_atomic
from notemill.project import Project
from notemill.redact import Redactor
from notemill.run.redaction import redactor_for


def remains_redactor(project: Project, names: Iterable[str]) -> Redactor | None:
    """For a killed run that had these variables; None where one of them is not known any more."""
    names = list(names)
    if not all(project.environ.get(name, "").strip() for name in names):
        return None
    try:
        return redactor_for(project, names)
    except UsageError:      # too short by now: it is not the value that the run had
        return None


def clean_remains(folder: Path, redactor: Redactor | None) -> list[str]:
    """Take secrets out of a killed step's folder; what cannot be cleaned goes. The warnings that tell of it."""
    spool, saved = folder / "mlflow", folder / "executed.ipynb"
    if redactor and _redacted(spool, saved, redactor):
        return []
    there = [path for path in (spool, saved) if path.exists()]
    for path in there:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    why = "could not be read" if redactor else "may hold secrets that are not set any more"
    return [f"what it logged and its half executed notebook {why}, and were deleted"] if there else []


def _redacted(spool: Path, saved: Path, redactor: Redactor) -> bool:
    """Whether spool and notebook now are without the secrets."""
    try:
        lineage.redact_spool(spool, redactor.text)
        if saved.is_file():
            notebook = redactor.notebook(json.loads(saved.read_text("utf-8")))
            write_atomic(saved, json.dumps(notebook, ensure_ascii=False, sort_keys=True))
    except (sqlite3.Error, OSError, ValueError):    # it was killed in the middle of a write
        return False
    return True
