"""Models that a notebook logged, logged again where the step's run is."""

import tempfile
from collections.abc import Mapping
from pathlib import Path

from notemill.lineage.artifacts import copy
from notemill.lineage.clean import rename_ids
from notemill.lineage.facts import TAG_LIMIT, key
from notemill.lineage.spool import SpoolModel, files_below, spool_models

SPOOL_MODEL = "notemill.spool_model"
NAMING = (".yaml", ".yml", ".json", "MLmodel")      # the files of a model that name its id and its run


def publish_models(target, spool: Path, runs: Mapping[str, str], run: str) -> dict[str, str]:
    """The ids of the models in MLflow by their ids in the spool; `runs` likewise. A second call makes nothing new."""
    logged = spool_models(spool)
    if not logged:
        return {}
    found = {one.tags.get(SPOOL_MODEL): one for one in _earlier(target, logged)}
    return {model.id: _publish_model(target, model, found.get(model.id), runs, run) for model in logged}


def _earlier(target, logged: list[SpoolModel]) -> list:
    names = ", ".join(f"'{model.id}'" for model in logged)
    return list(target.client.search_logged_models([target.experiment], f"tags.`{SPOOL_MODEL}` IN ({names})"))


def _publish_model(target, model: SpoolModel, found, runs: Mapping[str, str], run: str) -> str:
    from mlflow.entities import LoggedModelOutput, LoggedModelStatus

    source = runs.get(model.run, run)
    if found is None:
        tags = {name: value for name, value in model.tags.items() if not name.startswith("mlflow.")}
        found = target.client.create_logged_model(
            target.experiment, name=target.redact(model.name), source_run_id=source, model_type=model.kind,
            tags={**_clean(target, tags), SPOOL_MODEL: model.id}, params=_clean(target, model.params))
        target.client.log_outputs(source, [LoggedModelOutput(found.model_id, 0)])
    if found.status != LoggedModelStatus.READY:
        _send_files(target, model, found.model_id, {model.id: found.model_id, **runs})
        target.client.finalize_logged_model(found.model_id, "READY" if model.ready else "FAILED")
    return found.model_id


def _clean(target, values: Mapping[str, str]) -> dict[str, str]:
    return {key(target.redact(name)): target.redact(value)[:TAG_LIMIT] for name, value in values.items()}


def _send_files(target, model: SpoolModel, new: str, names: Mapping[str, str]) -> None:
    """The model's files; those that name the spool's ids name the new ones instead."""
    def renamed(text: str) -> str:
        return rename_ids(text, names, target.redact)

    with tempfile.TemporaryDirectory(dir=target.run_folder, prefix=".mlflow-") as folder:
        for path in files_below(model.folder):
            copy(path, Path(folder) / path.relative_to(model.folder),
                 renamed if path.name.endswith(NAMING) else target.redact)
        if any(Path(folder).iterdir()):
            target.client.log_model_artifacts(new, folder)
