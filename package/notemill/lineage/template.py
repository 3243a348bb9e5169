"""MLflow's empty database, migrated once per MLflow version and copied ever after: 4 ms instead of 7 s of CPU."""

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from notemill.errors import NotemillError, UsageError
from notemill.files import cache_folder, sync_folder
from notemill.lineage.uri import ARTIFACTS, embedded_path, read_only, shown_uri

# What MLflow says and sends by itself: progress bars, addresses on standard output, log lines, telemetry.
QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
         "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true", "MLFLOW_PRINT_MODEL_URLS_ON_CREATION": "false",
         "MLFLOW_DISABLE_AGENT_HINT": "true", "MLFLOW_LOGGING_LEVEL": "WARNING", "GIT_PYTHON_REFRESH": "quiet"}
MIGRATE = ("import sys; from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore; "
           "SqlAlchemyStore(sys.argv[1], sys.argv[2])")


def ensure_embedded(uri: str, environ: Mapping[str, str] | None = None) -> None:
    """Make the SQLite database of `uri` if it is not there; any number of processes may call this at once.

    Raises UsageError where the database is of another version of MLflow. Other addresses are left alone.
    """
    path = embedded_path(uri)
    if path is None:
        return
    template = template_file(environ)
    with database_lock(path):
        if not path.exists() or path.stat().st_size == 0:
            path.unlink(missing_ok=True)
            copy_template(template, path, path.parent / ARTIFACTS)
    _check_revision(path, template, uri)


def database_lock(path: Path):
    """Held while a database is made or published to."""
    from filelock import FileLock

    return FileLock(f"{path}.lock")


def copy_template(template: Path, target: Path, artifacts: Path) -> None:
    """A new database whose artifacts go to `artifacts`; it appears whole."""
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    os.close(handle)
    try:
        shutil.copyfile(template, name)
        with closing(sqlite3.connect(name)) as database, database:
            database.execute("update experiments set artifact_location = ? || '/' || experiment_id", (str(artifacts),))
        os.chmod(name, 0o644)
        os.replace(name, target)
    finally:
        Path(name).unlink(missing_ok=True)
    sync_folder(target.parent)


def _version() -> str:
    from importlib.metadata import version

    return version("mlflow")


def template_file(environ: Mapping[str, str] | None = None) -> Path:
    """The migrated empty database of the installed MLflow, made under a lock if it is not there yet."""
    from filelock import FileLock

    folder = cache_folder(os.environ if environ is None else environ)
    template = folder / f"mlflow-{_version()}.db"
    if not template.exists():
        with FileLock(f"{template}.lock"):
            if not template.exists():
                _migrate(template)
    return template


def _migrate(template: Path) -> None:
    """In a process of its own: this one may not need mlflow at all, and migrations change logging."""
    work = Path(tempfile.mkdtemp(dir=template.parent, prefix=".mlflow-"))
    try:
        _run_migration(work / "new.db", work)
        os.replace(work / "new.db", template)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _run_migration(path: Path, work: Path) -> None:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    done = subprocess.run([sys.executable, "-c", MIGRATE, f"sqlite:///{path}", str(work)], capture_output=True,
                          text=True, env=environ | QUIET, cwd=work)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise NotemillError("MLflow", f"cannot make its database: {last[0]}",
                            hint="is the installation of mlflow whole?")


def _check_revision(path: Path, template: Path, uri: str) -> None:
    found, expected = _revision(path), _revision(template)
    if found != expected:
        raise UsageError(f"MLflow at {shown_uri(uri)}",
                         f"the database has schema {found}, MLflow {_version()} needs {expected}",
                         hint=f"back it up, then: mlflow db upgrade {shown_uri(uri)}"
                              " (or install the MLflow that made it)")


def _revision(path: Path) -> str | None:
    try:
        with closing(read_only(path)) as database:
            return (database.execute("select version_num from alembic_version").fetchone() or (None,))[0]
    except sqlite3.DatabaseError:
        return None
