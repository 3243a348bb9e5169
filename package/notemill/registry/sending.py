"""A version on its way into MLflow: whole or not at all."""

import logging
import tempfile
import warnings
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from notemill.files import canonical_json, write_atomic
from notemill.registry.fetching import MANIFEST
from notemill.registry.records import Records, named_files
from notemill.registry.tracked import COMPLETE, CONTENT, insist, number_of, tags_of

SHOWN = ("verdict.json", "verdict.html", "card.md", "card.html")  # by name, for whoever looks at the run in MLflow


def register(client, manifest: dict, records: Records, package: Mapping[str, bytes], mlflow_run: str,
             describe: Callable[[str], str] = lambda place: "") -> None:
    """Register a version, whole or not at all.

    `package` are the files of the model package by path, under a name of its own; `mlflow_run` is the run that trained
    the model: the files become its artifacts. `describe` gives the version's description by the folder of artifacts.
    """
    source = _send(client, manifest, records, package, mlflow_run)
    number = _create(client, manifest, source, mlflow_run, describe(source.rpartition("/")[2]))
    if number_of(client, manifest["name"], manifest["content"]) == number:
        records.keep_manifest(manifest)
    else:  # another machine registered the same at the same time, and was first
        client.delete_model_version(manifest["name"], str(number))


def _send(client, manifest: Mapping, records: Records, package: Mapping[str, bytes], run: str) -> str:
    """The model as MLflow loads it, and all that the version is made of, as artifacts of the run: its address."""
    place = f"notemill-{manifest['content'][:12]}"
    with tempfile.TemporaryDirectory(prefix="notemill-") as folder:
        _save_model(Path(folder, "model"), Path(folder, "package"), package, manifest)
        kept = Path(folder, "model", "notemill")
        (kept / "files").mkdir(parents=True)
        (kept / MANIFEST).write_text(canonical_json(manifest), encoding="utf-8")
        for sha256 in named_files(manifest):
            (kept / "files" / sha256).write_bytes(records.read(sha256))
        for name in SHOWN:
            if name in manifest["files"]:
                Path(folder, "model", name).write_bytes(records.read(manifest["files"][name]))
        client.log_artifacts(run, str(Path(folder, "model")), place)
    return f"runs:/{run}/{place}"


def _save_model(target: Path, folder: Path, package: Mapping[str, bytes], manifest: Mapping) -> None:
    """MLflow's pyfunc flavour, by a module that loads the model: nothing is pickled."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlflow.pyfunc
        from mlflow.models import ModelSignature
        from mlflow.types import ParamSchema, ParamSpec

        logging.getLogger("mlflow").setLevel(logging.ERROR)  # it misses pip in an environment that uv made
        for path, content in package.items():
            write_atomic(folder / path, content)
        name = next(iter(package)).partition("/")[0]
        asked = ParamSchema([ParamSpec("method", "string", "predict")])  # or predict_proba
        mlflow.pyfunc.save_model(str(target), loader_module=f"{name}.served", code_paths=[str(folder / name)],
                                 pip_requirements=manifest["requires"], signature=ModelSignature(params=asked),
                                 metadata={CONTENT: manifest["content"], "notemill.run": manifest["run"]})


def _create(client, manifest: Mapping, source: str, run: str, description: str) -> int:
    from mlflow.exceptions import MlflowException

    name = manifest["name"]
    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    tags = {**tags_of(manifest), COMPLETE: datetime.now(UTC).isoformat()}
    version = insist(client.create_model_version, name, source, run, tags=tags, description=description)
    return int(version.version)
