"""Runs of batch scoring in MLflow. Each is kept here first and sent then: where no server answers, none is lost."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path

from notemill.files import read_json, write_json
from notemill.lineage.client import mlflow_client
from notemill.lineage.facts import PARAM_LIMIT, TAG_LIMIT, milliseconds
from notemill.lineage.publish import COMPLETE, _experiment, fitting
from notemill.lineage.reach import check_reachable
from notemill.lineage.template import database_lock, ensure_embedded
from notemill.lineage.uri import artifact_root, embedded_path

FOLDER, TAG = "scores", "notemill.score"


def keep_score(cache: Path, name: str, record: Mapping) -> str:
    """Put a run's record into the outbox of the project's cache: its name."""
    own = f"{datetime.fromisoformat(record['started']):%Y%m%d-%H%M%S}-{os.urandom(2).hex()}"
    write_json(cache / FOLDER / f"{own}.json", {"format": 1, "project": name, "record": dict(record)})
    return own


def waiting_scores(cache: Path) -> list[str]:
    """Those that MLflow has not got yet, oldest first."""
    return sorted(path.stem for path in (cache / FOLDER).glob("*.json"))


def send_scores(cache: Path, uri: str, root: Path) -> dict[str, str]:
    """{name: MLflow run} of all that waited. Raises what `check_reachable` does, and what MLflow raises."""
    waiting = waiting_scores(cache)
    if not waiting:
        return {}
    check_reachable(uri)
    ensure_embedded(uri)
    path = embedded_path(uri)
    with database_lock(path) if path else nullcontext(), mlflow_client(uri) as client:
        return dict(_send_all(client, cache, uri, root, waiting))


def _send_all(client, cache: Path, uri: str, root: Path, waiting: list[str]) -> Iterator[tuple[str, str]]:
    for name in waiting:
        place = cache / FOLDER / f"{name}.json"
        kept = read_json(place)
        if isinstance(kept, dict):
            experiment = _experiment(client, kept["project"], artifact_root(uri, root))
            yield name, _send(client, experiment, name, kept["record"])
        place.unlink(missing_ok=True)


def _send(client, experiment: str, name: str, record: Mapping) -> str:
    """The MLflow run of one; the one that an earlier attempt has made is filled."""
    found = client.search_runs([experiment], f"tags.`{TAG}` = '{name}'", max_results=1)
    run = found[0] if found else client.create_run(experiment, milliseconds(record["started"]),
                                                   fitting(tags_of(name, record), TAG_LIMIT), f"score-{name}")
    if COMPLETE in run.data.tags:
        return run.info.run_id
    _fill(client, run.info.run_id, record)
    client.set_terminated(run.info.run_id, "FINISHED", milliseconds(record["ended"]))
    client.set_tag(run.info.run_id, COMPLETE, "1")
    return run.info.run_id


def _fill(client, run: str, record: Mapping) -> None:
    from mlflow.entities import Metric, Param

    end = milliseconds(record["ended"])
    client.log_batch(run, [Metric(name, float(value), end, 0) for name, value in figures_of(record).items()],
                     [Param(*item) for item in fitting(params_of(record), PARAM_LIMIT).items()])
    client.log_dict(run, dict(record), "run.json")


def tags_of(name: str, record: Mapping) -> dict[str, str]:
    """What tells it from runs that train, and by what it was scored."""
    model = record["model"]
    known = {"notemill.version_scored": model.get("registry_version"), "notemill.content": model.get("content"),
             "notemill.distribution_version": model.get("version")}
    rows = f"{record['rows']:,} rows scored, {record['set_aside']:,} set aside, by {model.get('name')} " \
           f"{model.get('version')}, in {record['seconds']:.1f} s"
    lines = [rows, "", *(f"- {one['output']}: from {', '.join(part['file'] for part in one['inputs'][:20])}"
                         for one in record["outputs"][:100])]
    return {TAG: name, "notemill.kind": "score", "mlflow.note.content": "\n".join(lines),
            **{key: str(value) for key, value in known.items() if value is not None}}


def params_of(record: Mapping) -> dict[str, str]:
    inputs = [one for output in record["outputs"] for one in output["inputs"]]
    return {"on_error": record["on_error"], "inputs": json.dumps([one["file"] for one in inputs[:50]]),
            "inputs_sha256": json.dumps([one["sha256"] for one in inputs[:50]]),
            "outputs": json.dumps([output["output"] for output in record["outputs"][:50]])}


def figures_of(record: Mapping) -> dict[str, float]:
    seconds = max(record["seconds"], 1e-3)
    return {"rows": record["rows"], "set_aside": record["set_aside"], "seconds": record["seconds"],
            "cpu_seconds": record["cpu_seconds"], "rows_per_second": record["rows"] / seconds}
