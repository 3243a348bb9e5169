"""What people see of a version in MLflow, where anybody with its artifacts can change a file."""

import tempfile
from collections.abc import Mapping
from pathlib import Path

from notemill.errors import NotemillError
from notemill.lineage.uri import told
from notemill.registry.tracked import in_mlflow, none_where_unknown

REMEDY = "the file may be there all the same: look at MLflow's server and where it keeps artifacts, then try again"


def shown_file(client, manifest: Mapping, name: str) -> bytes | None:
    """A version's artifact of this name; None where it is not there. Raises NotemillError where that cannot be told."""
    try:
        return look_up(client, manifest, name)
    except Exception as error:  # whatever MLflow, its server, or the library of the artifacts' place may raise
        where = f"{name} of version {manifest['version']} of '{manifest['name']}' in MLflow"
        raise NotemillError(where, f"cannot be read: {told(error, client.tracking_uri)[:300]}", hint=REMEDY) from error


def look_up(client, manifest: Mapping, name: str) -> bytes | None:
    version = in_mlflow(client, manifest["name"], manifest["version"])
    if version is None:
        return None
    folder, there = version.source.rpartition("/")[2], []
    with none_where_unknown():  # the run may have been deleted
        there = [one.path for one in client.list_artifacts(version.run_id, folder)]
    if f"{folder}/{name}" not in there:
        return None
    with tempfile.TemporaryDirectory(prefix="notemill-") as target:
        return Path(client.download_artifacts(version.run_id, f"{folder}/{name}", target)).read_bytes()
