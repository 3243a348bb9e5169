"""The version in production: the one that MLflow's alias `champion` names."""

import contextlib
import sqlite3

from notemill.errors import NotemillError
from notemill.lineage.uri import embedded_path
from notemill.registry.records import Records
from notemill.registry.versions import TAGS, aliases_of, fetch

CHAMPION = "champion"
QUESTION = "SELECT 1 FROM registered_model_aliases WHERE name = ? AND alias = ?"


def may_have_champion(uri: str, name: str) -> bool:
    """False where the database embedded in the project surely has none: that spares the seconds of importing MLflow."""
    path = embedded_path(uri)
    if path is None:
        return True
    if not path.exists():
        return False
    try:
        with contextlib.closing(sqlite3.connect(f"file:{path.as_posix()}?mode=ro", uri=True, timeout=1)) as database:
            return database.execute(QUESTION, (name, CHAMPION)).fetchone() is not None
    except sqlite3.Error:  # busy, or of another MLflow: it has to be asked
        return True


def current_champion(client, name: str, records: Records) -> dict | None:
    """The champion's manifest, its files in the records; None where there is none yet.

    Raises NotemillError where the alias names what Notemill did not register, or its files are gone.
    """
    number = aliases_of(client, name).get(CHAMPION)
    if number is None:
        return None
    if not client.get_model_version(name, str(number)).tags.keys() >= TAGS:
        raise NotemillError(f"version {number} of '{name}', the champion", "was not registered by notemill",
                            hint="give the alias `champion` to a version that was, or take it away")
    return fetch(client, name, number, records)
