"""What MLflow's registry holds of a model, as far as notemill has put it there."""

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Mapping

from notemill.errors import NotemillError
from notemill.lineage import check_reachable, ensure_embedded, shown_uri
from notemill.lineage.client import mlflow_client
from notemill.lineage.template import database_lock
from notemill.lineage.uri import embedded_path
from notemill.registry.records import digest_of

CONTENT, COMPLETE, DIGEST = "notemill.content", "notemill.complete", "notemill.manifest"
FACTS = ("run", "created", "verdict", "metric", "figure", "commit")
PASSING, GAVE_UP = ("BAD_REQUEST", "TEMPORARILY_UNAVAILABLE"), "Giving up after"  # MLflow's words for lost races
PAUSES = (0.05, 0.2, 0.5, 1.0, None)  # seconds before the next try
TAGS = {CONTENT, COMPLETE, DIGEST}  # that a version of ours has; what else its tags say, its manifest says, too


@contextlib.contextmanager
def registry(uri: str) -> Iterator:
    """MLflow's client, where its server answers or its database is there. What MLflow refuses is a NotemillError."""
    check_reachable(uri)
    ensure_embedded(uri)
    path = embedded_path(uri)
    with database_lock(path) if path else contextlib.nullcontext(), mlflow_client(uri) as client:
        from mlflow.exceptions import MlflowException

        try:
            yield client
        except MlflowException as error:
            raise NotemillError(f"MLflow at {shown_uri(uri)}", str(error).splitlines()[0][:300]) from error


def tags_of(manifest: Mapping) -> dict[str, str]:
    """What is written on a version, but for the time of it."""
    return {CONTENT: manifest["content"], "notemill.run": manifest["run"], "notemill.verdict": manifest["verdict"],
            "notemill.commit": manifest["commit"] or "", "notemill.created": manifest["created"],
            "notemill.metric": manifest["metric"], "notemill.figure": json.dumps(manifest["figure"]),
            DIGEST: digest_of(manifest)}


@contextlib.contextmanager
def none_where_unknown() -> Iterator[None]:
    """Pass over MLflow's word for what it does not have."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise


def insist(act: Callable, *args, **more):
    """Call MLflow, and once more where somebody wrote the same row at the same moment: it then fails one of the two."""
    from mlflow.exceptions import MlflowException

    for pause in PAUSES:
        try:
            return act(*args, **more)
        except MlflowException as error:
            if pause is None or (error.error_code not in PASSING and GAVE_UP not in str(error)):
                raise
        time.sleep(pause)


def has_run(client, run: str) -> bool:
    """Whether MLflow has this run, not deleted."""
    with none_where_unknown():
        return client.get_run(run).info.lifecycle_stage == "active"
    return False


def in_mlflow(client, name: str, number: int):
    """The version of that number as MLflow has it; None where it is not there, or deleted."""
    with none_where_unknown():
        return client.get_model_version(name, str(number))
    return None


def number_of(client, name: str, content: str) -> int | None:
    """The version that has this content, and all its files."""
    return min((int(one.version) for one in whole_versions(client, name) if one.tags[CONTENT] == content), default=None)


def whole_versions(client, name: str) -> list:
    """The versions that `register` made; anybody may have made others, or changed their tags."""
    return [one for one in _all(client, name) if one.tags.keys() >= TAGS]


def facts_of(tags: Mapping[str, str]) -> dict:
    """What a version's tags say of it; nothing where they cannot be read."""
    facts = {fact: tags.get(f"notemill.{fact}", "") for fact in FACTS}
    try:
        figure = json.loads(facts["figure"])
    except ValueError:
        figure = None
    return {**facts, "figure": figure if type(figure) in (int, float) else None}


def _all(client, name: str) -> list:
    """All versions of a model."""
    found, token = [], None
    while token is None or token:
        page = client.search_model_versions(f"name = '{name}'", page_token=token or None)
        found += page
        token = page.token or ""
    return found
