"""A run's record out of MLflow, where this machine has none: by run, by MLflow run, or by registered version."""

import json
import re
import tempfile
from pathlib import Path

from notemill.errors import NotemillError, UsageError
from notemill.lineage.client import mlflow_client
from notemill.lineage.spool import PARENT
from notemill.lineage.reach import away, check_reachable
from notemill.lineage.uri import embedded_path, shown_uri, told

FORMS = ("it may be the name of a run (20261120-231332-4f2a), 'latest', an MLflow run, or a version of a registered "
         "model (NAME/N, or N)")


def find_run(run_or_version: str, uri: str, model: str | None = None) -> dict:
    """The record of a run, or of the run that made a version. `model`: whose versions a bare number means.

    Raises UsageError where there is no such run or version, Away where the server does not answer, or fails.
    """
    check_reachable(uri)
    path = embedded_path(uri)
    if path and not path.exists():
        raise _unknown(run_or_version, uri)
    try:
        return _look_up(run_or_version, uri, model)
    except NotemillError:
        raise
    except Exception as error:  # whatever mlflow, its database or its server may raise
        raise away(uri, f"fails: {told(error, uri)}", "look at the server's log, or try again later") from None


def _look_up(run_or_version: str, uri: str, model: str | None) -> dict:
    with mlflow_client(uri) as client:
        run = _find(client, run_or_version, uri, model)
        while run.data.tags.get(PARENT):
            run = client.get_run(run.data.tags[PARENT])
        return _record(client, run, run_or_version, uri)


def _unknown(name: str, uri: str, hint: str | None = None) -> UsageError:
    return UsageError(f"'{name}'", f"neither this project nor MLflow at {shown_uri(uri)} knows it", FORMS,
                      hint)


def _find(client, name: str, uri: str, model: str | None):
    from mlflow.exceptions import MlflowException

    try:
        if re.fullmatch(r"(.+/)?\d+", name):
            run = _run_of_version(client, name, uri, model)
        elif re.fullmatch(r"[0-9a-f]{32}", name):
            run = client.get_run(name)
        else:
            run = _run_by_name(client, name)
    except MlflowException as error:
        if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            raise
        run = None
    if run is None:
        raise _unknown(name, uri)
    return run


def _run_by_name(client, name: str):
    """The parent run with the tag notemill.run; a quote in the name cannot be asked for."""
    if not re.fullmatch(r"[\w.-]+", name):
        return None
    experiments = [one.experiment_id for one in client.search_experiments()]
    found = client.search_runs(experiments, f"tags.`notemill.run` = '{name}'")
    return next((one for one in found if PARENT not in one.data.tags), None)


def _run_of_version(client, name: str, uri: str, model: str | None):
    owner, _, number = name.rpartition("/")
    owner = owner or model or _only_model(client, name, uri)
    version = client.get_model_version(owner, number)
    if version.run_id:
        return client.get_run(version.run_id)
    return _run_by_name(client, version.tags.get("notemill.run", ""))


def _only_model(client, name: str, uri: str) -> str:
    names = [one.name for one in client.search_registered_models(max_results=50)]
    if len(names) != 1:
        raise _unknown(name, uri, f"registered models: {', '.join(names) or 'none'}; say NAME/{name}")
    return names[0]


def _record(client, run, name: str, uri: str) -> dict:
    with tempfile.TemporaryDirectory(prefix="notemill-") as folder:
        try:
            record = json.loads(Path(client.download_artifacts(run.info.run_id, "run.json", folder)).read_bytes())
        except Exception as error:  # each kind of artifact store has errors of its own
            raise UsageError(f"'{name}'", f"MLflow run {run.info.run_id} has no run.json: it was not made by notemill, "
                             f"or is not published whole ({type(error).__name__})", FORMS) from None
    return {**record, "mlflow_run": run.info.run_id}
