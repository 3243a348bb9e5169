"""Is anything registered under a name? Asked without importing MLflow where that can be told without."""

import contextlib
import sqlite3
from collections.abc import Sequence

from notemill.errors import NotemillError
from notemill.lineage.uri import embedded_path, read_only
from notemill.project import Project
from notemill.registry import open_records, read_ledger

VERSIONS = "SELECT CAST(version AS TEXT) FROM model_versions WHERE name = ? AND current_stage != 'Deleted_Internal'"
ALIASES = "SELECT alias FROM registered_model_aliases WHERE name = ?"


def registered_names(project: Project, uri: str) -> set[str] | None:
    """Numbers and aliases of the project's versions; None where MLflow has to be asked."""
    known = names_in_database(uri, project.pipeline.name)
    return known if known is None else known | names_in_ledger(project)


def names_in_ledger(project: Project) -> set[str]:
    """Those that the ledger names, though MLflow may have lost them; a ledger that is not whole is told of later."""
    try:
        ledger = read_ledger(open_records(project), project.pipeline.name)
    except NotemillError:
        return set()
    return {*map(str, ledger.versions()), *(["champion"] if ledger.champion else [])}


def names_in_database(uri: str, name: str) -> set[str] | None:
    """Numbers and aliases that the database embedded in a project has for a model; None where it has to be asked
    through MLflow."""
    path = embedded_path(uri)
    if path is None:
        return None
    if not path.exists():
        return set()
    try:
        with contextlib.closing(read_only(path, 1)) as database:
            return {str(found) for question in (VERSIONS, ALIASES) for found in column(database, question, name)}
    except sqlite3.Error:  # busy, or of another MLflow
        return None


def column(database: sqlite3.Connection, question: str, name: str) -> Sequence[str]:
    return [row[0] for row in database.execute(question, (name,))]
