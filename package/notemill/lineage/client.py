"""The only door to mlflow: imported late, told to be quiet and to give up on a dead server within seconds."""

import contextlib
import logging
import os
import warnings
from collections.abc import Iterator

from notemill.late import import_whole
from notemill.lineage.template import QUIET

# MLflow's own patience with a dead server is seven tries with pauses that double: four minutes.
BRIEF = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
         "MLFLOW_HTTP_REQUEST_BACKOFF_JITTER": "0", "MLFLOW_HTTP_REQUEST_TIMEOUT": "60"}
MISLEADING = ("MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID", "MLFLOW_EXPERIMENT_NAME", "MLFLOW_REGISTRY_URI")


def import_mlflow(uri: str = "") -> None:
    """Take the seconds that importing MLflow costs now, in a thread, and not at the end of a run: all that a client of
    the store at `uri` needs; by default that of the database embedded in the project."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import_whole(*modules(uri))


def modules(uri: str) -> list[str]:
    """What a client of the store at `uri` imports."""
    web = uri.startswith(("http://", "https://", "databricks"))
    return ["mlflow", f"mlflow.store.tracking.{'rest_store' if web else 'sqlalchemy_store'}"]


@contextlib.contextmanager
def mlflow_client(uri: str) -> Iterator:
    """An MlflowClient of this store. What the user has set in the environment goes before our own settings."""
    before = dict(os.environ)
    changes = {name: value for name, value in (QUIET | BRIEF).items() if name not in before}
    os.environ.update(changes)
    for name in MISLEADING:
        os.environ.pop(name, None)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")     # other people's deprecations
            import_whole("mlflow")  # another thread may be half-way through it
            from mlflow import MlflowClient

            logging.getLogger("alembic").setLevel(logging.WARNING)
            yield MlflowClient(uri, registry_uri=uri)
    finally:
        for name in changes:
            os.environ.pop(name, None)
        os.environ.update({name: before[name] for name in MISLEADING if name in before})
