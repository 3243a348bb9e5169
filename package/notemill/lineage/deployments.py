"""Deployments in MLflow: a run for each, and a tag on the version. Each is kept here first and sent then: where no
server answers, none is lost."""

from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path

from notemill.files import read_json, write_json
from notemill.lineage.client import mlflow_client
from notemill.lineage.facts import TAG_LIMIT, key, milliseconds
from notemill.lineage.publish import COMPLETE, _experiment, fitting
from notemill.lineage.reach import check_reachable
from notemill.lineage.template import database_lock, ensure_embedded
from notemill.lineage.uri import artifact_root, embedded_path

FOLDER, TAG, CONTENT = "deployments", "notemill.deployment", "notemill.content"
DEPLOYED = "notemill.deployed."  # + the target: on the version that it serves


def keep_deployment(cache: Path, entry: Mapping) -> None:
    """Put an entry of the ledger of deployments into the outbox of the project's cache."""
    write_json(cache / FOLDER / f"{entry['number']:08}.json", {"format": 1, "entry": dict(entry)})


def waiting_deployments(cache: Path) -> list[str]:
    """Those that MLflow has not got yet, oldest first."""
    return sorted(path.stem for path in (cache / FOLDER).glob("*.json"))


def send_deployments(cache: Path, uri: str, root: Path) -> list[str]:
    """Those that were sent, of all that waited. Raises what `check_reachable` does, and what MLflow raises."""
    waiting, sent = waiting_deployments(cache), []
    if not waiting:
        return []
    check_reachable(uri)
    ensure_embedded(uri)
    path = embedded_path(uri)
    with database_lock(path) if path else nullcontext(), mlflow_client(uri) as client:
        for name in waiting:
            place = cache / FOLDER / f"{name}.json"
            kept = read_json(place)
            if isinstance(kept, dict):
                _send(client, kept["entry"], uri, root)
                sent.append(name)
            place.unlink(missing_ok=True)
    return sent


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
