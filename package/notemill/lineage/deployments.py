"""Deployments in MLflow: a run for each entry of their ledger, and a tag on the version."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from pathlib import Path

from notemill.lineage.client import mlflow_client
from notemill.lineage.facts import TAG_LIMIT, key, milliseconds
from notemill.lineage.publish import COMPLETE, _experiment, fitting
from notemill.lineage.reach import check_reachable
from notemill.lineage.template import database_lock, ensure_embedded
from notemill.lineage.uri import artifact_root, embedded_path

TAG, CONTENT = "notemill.deployment", "notemill.content"
DEPLOYED = "notemill.deployed."  # + the target: on the version that it serves


def send_deployments(entries: Iterable[Mapping], uri: str, root: Path, sent: Callable[[Mapping], None]) -> None:
    """Entries of the ledger, oldest first; `sent` is told of each that is there. Raises what `check_reachable` does,
    and what MLflow raises."""
    check_reachable(uri)
    ensure_embedded(uri)
    path = embedded_path(uri)
    with database_lock(path) if path else nullcontext(), mlflow_client(uri) as client:
        for entry in entries:
            _send(client, entry, uri, root)
            sent(entry)


def _send(client, entry: Mapping, uri: str, root: Path) -> None:
    """One entry: the run that an earlier attempt has made is left as it is."""
    experiment = _experiment(client, entry["name"], artifact_root(uri, root))
    own = f"{entry['deployment']}/{entry['status']}"
    found = client.search_runs([experiment], f"tags.`{TAG}` = '{own}'", max_results=1)
    run = found[0] if found else client.create_run(experiment, milliseconds(entry["at"]),
                                                   fitting(_tags(entry, own), TAG_LIMIT),
                                                   f"{entry['move']}-{entry['target']}-{entry['version']}")
    if COMPLETE not in run.data.tags:
        client.log_dict(run.info.run_id, dict(entry), "deployment.json")
        client.set_terminated(run.info.run_id, "FAILED" if entry["status"] == "rolled-back" else "FINISHED",
                              milliseconds(entry["at"]))
        client.set_tag(run.info.run_id, COMPLETE, "1")
    if entry["status"] != "rolled-back":
        _mark(client, entry)


def _tags(entry: Mapping, own: str) -> dict[str, str]:
    words = f"{entry['name']} version {entry['version']} to {entry['target']}: {entry['status']}"
    known = {name: entry[name] for name in ("target", "content", "status", "move", "by") if entry[name]}
    return {TAG: own, "notemill.kind": "deployment", "notemill.version_deployed": str(entry["version"]),
            "mlflow.note.content": words + (f"\n\n{entry['reason']}" if entry["reason"] else ""),
            **{f"notemill.{name}": str(value) for name, value in known.items()}}


def _mark(client, entry: Mapping) -> None:
    """The tag on the version that the target serves now, and on no other."""
    tag, token, found = key(f"{DEPLOYED}{entry['target']}"), None, []
    while token is None or token:
        page = client.search_model_versions(f"name = '{entry['name']}'", page_token=token or None)
        found, token = [*found, *page], page.token or ""
    for version in found:
        serves = entry["status"] == "serving" and version.tags.get(CONTENT) == entry["content"]
        if serves and version.tags.get(tag) != entry["deployment"]:
            client.set_model_version_tag(entry["name"], version.version, tag, entry["deployment"])
        elif not serves and tag in version.tags:
            client.delete_model_version_tag(entry["name"], version.version, tag)
