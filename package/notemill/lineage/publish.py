"""Write a run's record to MLflow: a parent run and a child for each step. To do it twice, or half, is harmless."""

import json
import tempfile
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from notemill.lineage import artifacts, facts
from notemill.lineage.clean import clean_logged, clean_record
from notemill.lineage.client import mlflow_client
from notemill.lineage.datasets import input_datasets
from notemill.lineage.models import publish_models
from notemill.lineage.spool import PARENT, SpoolRun, spool_runs
from notemill.lineage.template import database_lock, ensure_embedded
from notemill.lineage.uri import artifact_root, embedded_path
from notemill.store import Store

RUN = ""        # the parent run's key among the steps
COMPLETE = "notemill.published"
PAGE = 1000
ONE_REQUEST = 600_000     # characters of names and values; the rest of a megabyte is for what stands around them
ELSEWHERE = ("mlflow.source.", "mlflow.user", "mlflow.runName", PARENT, "mlflow.log-model.history")


@dataclass
class Target:
    """One run on its way to one experiment; `found` are the runs that an earlier attempt has made, `tags` what MLflow
    already has of each run's tags."""

    client: object
    experiment: str
    record: Mapping
    store: Store
    run_folder: Path
    redact: Callable[[str], str]
    found: dict[tuple[str, str], object] = field(default_factory=dict)
    tags: dict[str, Mapping[str, str]] = field(default_factory=dict)


def fitting(values: Mapping[str, str], limit: int = facts.TAG_LIMIT) -> dict[str, str]:
    """Names and values as MLflow takes them; secrets are out already, so that none is cut in two and missed."""
    return {facts.key(name): str(value)[:limit] for name, value in values.items()}


def publish(record: Mapping, store: Store, uri: str, *, run_folder: Path,
            redact: Callable[[str], str] | None = None) -> dict[str, str]:
    """The ids of the MLflow runs by step (reused steps: the runs that made them); the parent's under "".

    May be called while the run is going on: steps that are done are written, and the rest by a later call.
    Raises what MLflow raises; calling it again takes up from there.
    """
    ensure_embedded(uri)
    path, redact = embedded_path(uri), redact or str
    with database_lock(path) if path else nullcontext(), mlflow_client(uri) as client:
        root = artifact_root(uri, run_folder.absolute().parents[2])
        experiment = _experiment(client, record["project"], root)
        target = Target(client, experiment, clean_record(record, redact), store, run_folder, redact)
        target.found = _earlier(client, experiment, record["run"])
        return _publish_run(target)


def _experiment(client, name: str, root: str | None) -> str:
    """The project's experiment, made or brought back if need be."""
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(name)
    if found is None:
        try:
            return client.create_experiment(name, artifact_location=f"{root}/{facts.key(name)}" if root else None)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
            found = client.get_experiment_by_name(name)
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    return found.experiment_id


def _earlier(client, experiment: str, run: str) -> dict[tuple[str, str], object]:
    """What has been made for this run, by step and spool run. A repeated request may have made one twice: the first
    stays."""
    found, runs, page = {}, [], None
    while page is None or page.token:
        page = client.search_runs([experiment], f"tags.`notemill.run` = '{run}'", max_results=PAGE,
                                  page_token=None if page is None else page.token)
        runs += page
    for one in sorted(runs, key=lambda one: (one.info.start_time, one.info.run_id)):
        key = one.data.tags.get("notemill.step", RUN), one.data.tags.get("notemill.spool_run", "")
        if found.setdefault(key, one) is not one:
            client.delete_run(one.info.run_id)
    return found


def _publish_run(target: Target) -> dict[str, str]:
    record = target.record
    origins = _origins(target)
    tags = facts.run_tags(record, origins)
    parent, complete = _open_run(target, (RUN, ""), record["run"], tags, facts.milliseconds(record["started"]))
    ids = {RUN: parent, **origins}
    for step in facts.ran(record):
        if step["status"] == "running" and record["status"] == "running":
            continue
        ids[step["step"]] = _publish_step(target, step, parent)
    if not complete and record["status"] != "running":
        _finish_run(target, parent, tags, ids)
    return ids


def _finish_run(target: Target, parent: str, tags: Mapping[str, str], ids: Mapping[str, str]) -> None:
    record = target.record
    end = facts.milliseconds(record["ended"]) or facts.milliseconds(record["started"])
    figures = [(name, value, end, 0, None) for name, value in
               {**facts.run_figures(record), **facts.run_costs(record)}.items()]
    steps = [{**step, "mlflow_run": ids.get(step["step"], step.get("mlflow_run"))} for step in record["steps"]]
    _log(target, parent, figures, facts.run_params(record), tags)
    _log_files(target, parent, lambda folder: artifacts.stage_run(folder, {**record, "steps": steps}, target.store,
                                                                  target.redact))
    _close_run(target, parent, facts.STATUS[record["status"]], end)


def _publish_step(target: Target, step: Mapping, parent: str) -> str:
    """A step's run, with the runs that its notebook made: a single one becomes the step's own."""
    tags = {**facts.step_tags(target.record, step), PARENT: parent}
    start = facts.milliseconds(step["started"])
    run, complete = _open_run(target, (step["step"], ""), step["step"], tags, start)
    if complete:
        return run
    end = facts.milliseconds(step["ended"] or target.record["ended"]) or start
    status = facts.STATUS["interrupted" if target.record["status"] == "interrupted" and step["status"] != "done"
                          else step["status"]]
    spool = target.run_folder / step["step"] / "mlflow"
    logged = [clean_logged(one, target.redact) for one in spool_runs(spool)]
    tops = [one for one in logged if not one.parent]
    own = tops[0] if len(tops) == 1 else None
    runs, unfinished = _open_logged(target, step, [one for one in logged if one is not own],
                                    {own.id: run} if own else {}, run)
    models = publish_models(target, spool, runs, run)
    for one in unfinished:
        _fill_logged(target, runs[one.id], one, models, status)
    _log(target, run, _step_metrics(step, own, tops, end, models), facts.step_params(step, _merged(tops, "params")),
         {**_own_tags(tops), **tags, **_joined_note(own, tags)})
    _log_inputs(target, run, [*input_datasets(step, target.store, target.redact), *(own.datasets if own else ())])
    _log_files(target, run, lambda folder: _stage_step(folder, target, step, own))
    _close_run(target, run, status, end)
    return run


def _open_logged(target: Target, step: Mapping, logged: Iterable[SpoolRun], runs: dict[str, str],
                 own: str) -> tuple[dict[str, str], list[SpoolRun]]:
    """Runs that the notebook itself made become children of the step's, or of the run they were nested in: their ids by
    those in the spool, and those that are still to be filled."""
    unfinished = []
    for one in logged:
        tags = {**_kept(one.tags), **facts.common_tags(target.record), "notemill.step": step["step"],
                "notemill.spool_run": one.id, "mlflow.source.name": step["notebook"], PARENT: runs.get(one.parent, own)}
        runs[one.id], complete = _open_run(target, (step["step"], one.id), one.name, tags, one.start)
        if not complete:
            unfinished.append(one)
    return runs, unfinished


def _fill_logged(target: Target, run: str, logged: SpoolRun, models: Mapping[str, str], status: str) -> None:
    _log(target, run, _history(logged, models), logged.params, {})
    _log_inputs(target, run, logged.datasets)
    _log_files(target, run, lambda folder: artifacts.stage_spool(folder, logged, target.redact))
    _close_run(target, run, logged.status if logged.end else status, logged.end or logged.start)


def _history(logged: SpoolRun | None, models: Mapping[str, str]) -> list[tuple]:
    return [(*metric[:4], models.get(metric[4])) for metric in logged.metrics] if logged else []


def _stage_step(folder: Path, target: Target, step: Mapping, own: SpoolRun | None) -> None:
    if own:     # first: a name of the notebook's choice is kept
        artifacts.stage_spool(folder, own, target.redact)
    artifacts.stage_step(folder, target.record, step, target.store, target.run_folder, target.redact)


def _step_metrics(step: Mapping, own: SpoolRun | None, tops: Iterable[SpoolRun], end: int,
                  models: Mapping[str, str]) -> list[tuple]:
    """The history that the notebook logged, its key figures, and what the step cost."""
    history = _history(own, models)
    last = {metric[0]: metric[1] for metric in history}
    figures = {name: value for name, value in (step.get("metrics") or {}).items()
               if isinstance(value, int | float) and last.get(name) != value}
    later = {metric[0]: metric[3] for metric in history}
    taken = {*last, *figures}
    return [*history, *((name, float(value), end, later.get(name, 0), None) for name, value in
                        {**figures, **facts.costs(step, taken)}.items())]


def _merged(runs: Iterable[SpoolRun], what: str) -> dict[str, str]:
    """Of several runs, what they do not contradict each other in."""
    values: dict[str, set] = {}
    for run in runs:
        for name, value in getattr(run, what).items():
            values.setdefault(name, set()).add(value)
    return {name: next(iter(found)) for name, found in values.items() if len(found) == 1}


def _own_tags(tops: Iterable[SpoolRun]) -> dict[str, str]:
    return _kept(_merged(tops, "tags"))


def _kept(tags: Mapping[str, str]) -> dict[str, str]:
    """Tags but for those that name the spool, its process, or other runs."""
    return {name: value for name, value in tags.items() if not name.startswith(ELSEWHERE)}


def _joined_note(own: SpoolRun | None, tags: Mapping[str, str]) -> dict[str, str]:
    """The notebook's description of its run, and below it ours."""
    note = own.tags.get("mlflow.note.content") if own else None
    return {"mlflow.note.content": f"{note}\n\n{tags['mlflow.note.content']}"} if note else {}


def _origins(target: Target) -> dict[str, str]:
    """The MLflow runs that made what this run reused, where MLflow knows them."""
    wanted = {(step.get("origin_run"), step["step"]): step for step in facts.reused(target.record)}
    known = {}
    for origin in sorted({run for run, _ in wanted if run}):
        for key, one in _earlier(target.client, target.experiment, origin).items():
            if key[0] and not key[1] and (origin, key[0]) in wanted:
                known[key[0]] = one.info.run_id
    return known


def _open_run(target: Target, key: tuple[str, str], name: str, tags: Mapping[str, str],
              start: int | None) -> tuple[str, bool]:
    """The run of an earlier attempt, or a new one that bears its identity from the first moment: (id, is it whole?)"""
    if key in target.found:
        found = target.found[key]
        target.tags[found.info.run_id] = found.data.tags
        return found.info.run_id, COMPLETE in found.data.tags
    given = fitting(tags)
    made = target.client.create_run(target.experiment, start_time=start, tags=given, run_name=name)
    target.tags[made.info.run_id] = given
    return made.info.run_id, False


def _close_run(target: Target, run: str, status: str, end: int) -> None:
    target.client.set_terminated(run, status=status, end_time=end)
    target.client.set_tag(run, COMPLETE, "1")      # last of all: what bears it is not looked at again


def _log(target: Target, run: str, metrics: Iterable[tuple], params: Mapping[str, str],
         tags: Mapping[str, str]) -> None:
    """In one request, if a server takes it; MLflow's client makes batches of what is more than one may hold."""
    from mlflow.entities import Metric, Param, RunTag

    known = target.tags.get(run, {})
    figures = [Metric(facts.key(key), value, time, step, model_id=model) for key, value, time, step, model in metrics]
    given = [Param(*item) for item in fitting(params, facts.PARAM_LIMIT).items()]
    new = [RunTag(name, value) for name, value in fitting(tags).items() if known.get(name) != value]
    if _is_small([*figures[:PAGE], *given, *new]):
        target.client.log_batch(run, figures, given, new)
    else:
        target.client.log_batch(run, figures, given)
        target.client.log_batch(run, tags=new)


def _is_small(entries: list) -> bool:
    """A server refuses a request of more than a megabyte, however few its entries are."""
    return len(json.dumps([[one.key, str(one.value)] for one in entries])) < ONE_REQUEST


def _log_inputs(target: Target, run: str, datasets: Iterable[Mapping]) -> None:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    inputs = []
    for one in datasets:
        tags = [InputTag(name, value[:500]) for name, value in one["tags"].items()]
        inputs.append(DatasetInput(Dataset(**{name: value for name, value in one.items() if name != "tags"}), tags))
    if inputs:
        target.client.log_inputs(run, inputs)


def _log_files(target: Target, run: str, stage: Callable[[Path], None]) -> None:
    """Lay the files out, and send the folder."""
    with tempfile.TemporaryDirectory(dir=target.run_folder, prefix=".mlflow-") as folder:
        stage(Path(folder))
        if any(Path(folder).iterdir()):
            target.client.log_artifacts(run, folder)


def read_record(run_folder: Path) -> dict | None:
    """run.json of a run folder; None where it cannot be read."""
    try:
        return json.loads((run_folder / "run.json").read_bytes())
    except (OSError, ValueError):
        return None
