"""The files of a version: from the records, or from MLflow where these do not have them whole."""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path

from notemill.errors import NotemillError, UsageError
from notemill.registry.ledger import read_ledger
from notemill.registry.records import Records, content_of, digest_of, named_files
from notemill.registry.tracked import CONTENT, DIGEST, in_mlflow, number_of

MANIFEST = "manifest.json"


def fetch(client, name: str, number: int, records: Records) -> dict:
    """A version's manifest as it was registered; what these records do not hold comes from MLflow, and is checked.

    What the ledger names is there without MLflow, and is what the ledger says.
    """
    version, entry = in_mlflow(client, name, number), read_ledger(records, name).versions().get(number)
    if entry and (version is None or version.tags.get(CONTENT) == entry["content"]):
        return fetch_entry(client, entry, records)
    if version is None:
        raise UsageError(f"version {number} of '{name}'", "is not registered", hint="notemill versions")
    manifest = records.manifest(version.tags[CONTENT])
    if not (manifest and digest_of(manifest) == version.tags[DIGEST] and records.whole(manifest)):
        manifest = download(client, version, records)
        records.keep_manifest(manifest)
    return {**manifest, "version": number}


def fetch_entry(client, entry: Mapping, records: Records) -> dict:
    """The manifest of the version that an entry of the ledger names, its files in the records whole."""
    if manifest := kept_whole(entry, records):
        records.keep_for_good(manifest)
        return manifest
    number = number_of(client, entry["name"], entry["content"])
    if number is None:
        raise NotemillError(f"version {entry['version']} of '{entry['name']}'", "is damaged in the records "
                            f"({records.place_.shown()}), and MLflow does not have it any more",
                            hint="bring the records back from a backup")
    manifest = download(client, in_mlflow(client, entry["name"], number), records)
    if records.keep_for_good(manifest) != entry["manifest"]:
        raise NotemillError(f"version {number} of '{entry['name']}' in MLflow", "is not what the ledger says that it "
                            "was", f"entry {entry['number']}, manifest {entry['manifest']}",
                            "bring the records back from a backup")
    records.keep_manifest(manifest)
    return {**manifest, "version": entry["version"]}


def fetch_kept(entry: Mapping, records: Records) -> dict:
    """The same from the records alone, while MLflow is away."""
    if manifest := kept_whole(entry, records):
        return manifest
    raise NotemillError(f"version {entry['version']} of '{entry['name']}'", "is damaged in the records "
                        f"({records.place_.shown()}), and MLflow, which may have it whole, is away",
                        hint="say it again when MLflow answers, or bring the records back from a backup")


def kept_whole(entry: Mapping, records: Records) -> dict | None:
    """That manifest from the records alone; None where something is gone or damaged."""
    manifest = records.kept(entry["manifest"]) or in_second_place(entry, records)
    return {**manifest, "version": entry["version"]} if manifest and records.whole(manifest) else None


def in_second_place(entry: Mapping, records: Records) -> dict | None:
    """The manifest from the list of versions, if it is still that one."""
    manifest = records.manifest(entry["content"])
    return manifest if manifest and digest_of(manifest) == entry["manifest"] else None


def download(client, version, records: Records) -> dict:
    """The manifest and all files that it names, from MLflow. Raises NotemillError where they are not what they were."""
    from mlflow.exceptions import MlflowException

    with tempfile.TemporaryDirectory(prefix="notemill-") as folder:
        try:
            place = version.source.rpartition("/")[2]
            kept = Path(client.download_artifacts(version.run_id, f"{place}/notemill", folder))
            manifest = json.loads((kept / MANIFEST).read_bytes())
            if digest_of(manifest) != version.tags[DIGEST] or content_of(manifest) != version.tags[CONTENT]:
                raise ValueError("the manifest is another one")
            for sha256 in named_files(manifest):
                if records.add((kept / "files" / sha256).read_bytes()) != sha256:
                    raise ValueError(f"{sha256} has another content")
        except (MlflowException, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            where = f"version {version.version} of '{version.name}' in MLflow"
            raise NotemillError(where, f"its files are gone or damaged: {str(error)[:200]}",
                                hint="bring MLflow's artifacts back from a backup") from None
    return manifest
