"""What people see of a version in MLflow, where anybody with its artifacts can change a file."""

import tempfile
from collections.abc import Mapping
from pathlib import Path


def shown_file(client, manifest: Mapping, name: str) -> bytes | None:
    """A version's artifact of this name; None where it is not there."""
    from mlflow.exceptions import MlflowException

    with tempfile.TemporaryDirectory(prefix="notemill-") as folder:
        try:
            version = client.get_model_version(manifest["name"], str(manifest["version"]))
            place = f"{version.source.rpartition('/')[2]}/{name}"
            return Path(client.download_artifacts(version.run_id, place, folder)).read_bytes()
        except (MlflowException, OSError):
            return None
