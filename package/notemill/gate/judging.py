"""A run's record -> its verdict. What is heavy, and the model itself, run in processes of their own."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import notemill
from notemill import code
from notemill.errors import NotemillError, UsageError, did_you_mean
from notemill.execute.kernel import kernel_environment
from notemill.files import read_json, write_atomic, write_json
from notemill.gate import verdict
from notemill.gate.attempts import check_attempts
from notemill.gate.held_out import check_held_out, inputs_of, may_be_table, upstream
from notemill.gate.known import Known
from notemill.gate.settings import check_settings
from notemill.gate.verdict import from_json, refused
from notemill.pipeline import FILE
from notemill.project import Project

SECONDS = 600.0  # for the model to answer, where its step has no limit of its own
MORE = 300.0  # for all else
TOLD = ("held_out", "attempts", "settings")  # by this process, not by the worker
READABLE = (".csv", ".parquet")


def judge(project: Project, record: Mapping, known: Known, *, seconds: float | None, rerun: bool) -> dict:
    """See `notemill.gate.judge`."""
    config, files = ready(project, record)
    with tempfile.TemporaryDirectory(prefix="notemill-gate-") as folder:
        found = carry_out(project, record, config, files, Path(folder), known, seconds)
    if "usage" in found:
        raise UsageError(project.pipeline.where("gate"), *found["usage"])
    told = [check_held_out(record, config, files), check_attempts(known, config),
            check_settings(known, config, files["data"]["sha256"])]
    if rerun:
        from notemill.gate.rerun import check_rerun  # late: the few who ask for it pay for the engine

        told.append(check_rerun(project, record))
    checks = verdict.complete([*found["checks"], *told], config)
    made = {
        "format": 1, "verdict": verdict.decide(checks), "run": record["run"], "project": project.pipeline.name,
        "content": known.content, "champion": known.champion and known.champion.name,
        **{key: digest(files.get(key)) for key in ("model", "data", "schema", "metrics")},
        "metric": found["metric"], "config": dict(config), "n": found["n"],
        "checks": [check.as_json() for check in checks], "made": datetime.now(UTC).isoformat(),
        "notemill": notemill.__version__}
    write(project.runs / record["run"], made)
    return made


def write(folder: Path, made: Mapping) -> None:
    """The verdict, and its page, beside the run's record."""
    from notemill.gate.page import render  # late: the template engine

    write_json(folder / "verdict.json", made)
    write_atomic(folder / "verdict.html", render(made).encode("utf-8", "replace"))


def digest(file: Mapping | None) -> str | None:
    return file["sha256"] if file else None


# what is judged
def ready(project: Project, record: Mapping) -> tuple[Mapping, dict]:
    """(the gate section, the files that it names). Raises UsageError where there is nothing to judge."""
    config = configured(project)
    return config, named_files(project, record, config)


def configured(project: Project) -> Mapping:
    """The gate section. Raises UsageError."""
    pipeline = project.pipeline
    if not pipeline.gate:
        raise UsageError(FILE, "has no gate section: there is nothing to judge by",
                         hint="as gate: {model: train.model, data: prepare.test, schema: prepare.schema}")
    if "schema" not in pipeline.gate:
        raise UsageError(pipeline.where("gate"), "the key 'schema' is missing",
                         "it says what the target and the columns are", "as schema: prepare.schema")
    check_warn(pipeline.gate, pipeline.where("gate", "warn"))
    return pipeline.gate


def check_warn(gate: Mapping, place: str) -> None:
    """Raise UsageError where a check may not be made a warning, or is none."""
    allowed = [name for name in verdict.names_for(gate) if name not in verdict.FIRM]
    for name in gate.get("warn", ()):
        if name in verdict.FIRM:
            raise UsageError(place, f"'{name}' cannot be made a warning: without it no figure means anything",
                             f"those that can: {', '.join(allowed)}", f"take '{name}' out of warn")
        if name not in allowed:
            raise UsageError(place, f"unknown check '{name}'", f"the checks that can be made warnings are: "
                             f"{', '.join(allowed)}", did_you_mean(name, allowed))


def named_files(project: Project, record: Mapping, config: Mapping) -> dict:
    """{"model", "data", "schema", "metrics", "train": [...]} as {"name", "file", "path", "sha256"}; from the store."""
    if record.get("status") != "done":
        raise UsageError(f"run '{record.get('run')}'", f"is '{record.get('status')}'",
                         "only a run that is done is judged", "notemill run")
    steps = {step["step"]: step for step in record["steps"]}
    files: dict = {key: output_file(project, steps, config[key])
                   for key in ("model", "data", "schema", "metrics", "predictions") if key in config}
    if history := config.get("training", {}).get("history"):
        files["history"] = output_file(project, steps, history)
    names = [config["train"]] if "train" in config else list(tables_for(steps, config["model"].partition(".")[0]))
    files["train"] = [output_file(project, steps, name) for name in names]
    check_learnt(project, record, config, files["train"])
    files["others"] = list(other_tables(project, steps[config["model"].partition(".")[0]], files["train"]))
    executed = steps[config["model"].partition(".")[0]]["executed"]  # it holds the exported cells
    files["notebook"] = kept(project, "the executed notebook", {"file": "", **executed})
    return files


def check_learnt(project: Project, record: Mapping, config: Mapping, train: Sequence[Mapping]) -> None:
    """Raise UsageError where `train` names rows that never reached the model's step: nothing follows from these."""
    goal, steps = config["model"].partition(".")[0], record["steps"]
    if "train" not in config or not any(tables_for({step["step"]: step for step in steps}, goal)):
        return  # of a step that takes no table it is not known what it learnt from
    taken = {one.sha256 for one in upstream(steps, goal, set())}
    held_out = {one.get("sha256") for step in steps for name, one in (step.get("outputs") or {}).items()
                if f"{step['step']}.{name}" == config["data"]}  # refused in its own words
    if train[0]["sha256"] not in taken | held_out:
        raise UsageError(project.pipeline.where("gate", "train"), f"'{config['train']}' is nothing that step '{goal}' "
                         "has learnt from", hint="name the table that it took, or one that this was made of")


def output_file(project: Project, steps: Mapping, name: str) -> dict:
    """A recorded output ("step.name") as a file of the store. Raises UsageError."""
    step, _, output = name.partition(".")
    facts = steps.get(step, {}).get("outputs", {}).get(output)
    if not facts:
        raise UsageError(f"'{name}'", "is not among the run's outputs", hint="notemill run, for all steps")
    return kept(project, f"'{name}'", facts) | {"name": name}


def kept(project: Project, what: str, facts: Mapping) -> dict:
    """Recorded content as a file of the store. Raises UsageError where it is gone."""
    try:
        path = project.store.path(facts["sha256"])
    except KeyError:
        raise UsageError(what, f"its content {facts['sha256'][:12]} is no longer in the store",
                         hint="notemill run") from None
    return {"name": what, "file": facts["file"], "path": str(path), "sha256": facts["sha256"]}


def tables_for(steps: Mapping, model_step: str) -> Iterator[str]:
    """Outputs of other steps that the model's step took and that may be tables."""
    for facts in steps.get(model_step, {}).get("inputs", {}).values():
        step, _, output = str(facts.get("from")).partition(".")
        file = steps.get(step, {}).get("outputs", {}).get(output, {}).get("file", "")
        if file and may_be_table(file):
            yield facts["from"]


def other_tables(project: Project, facts: Mapping, train: Sequence[Mapping]) -> Iterator[dict]:
    """What else the model's step took that can be read as a table, from outside as well, as files of the store."""
    for name, sha256, file in inputs_of(facts):
        file = file or name
        known = any(sha256 == one["sha256"] for one in train)
        if sha256 and not known and Path(file).suffix.lower() in READABLE and project.store.has(sha256):
            yield kept(project, f"'{name}'", {"sha256": sha256, "file": file})


# judging
def carry_out(project: Project, record: Mapping, config: Mapping, files: Mapping, folder: Path, known: Known,
              seconds: float | None) -> dict:
    """{"metric", "n", "checks"} or {"usage"} from the gate's process; refusals where it fails."""
    model_step = config["model"].partition(".")[0]
    limit = seconds or project.pipeline.step(model_step).limits.seconds or SECONDS
    try:
        modules = code.code_of_run(project, record, model_step)
    except NotemillError as error:
        return all_refused(config, f"the project's code cannot be had as it was: {error}")
    code.stage(modules, folder / "code")
    bundle(files, [*config.get("types", ()), *code.defined_names(modules)], folder / "bundle")
    job = {"folder": str(folder), "bundle": str(folder / "bundle"), "code": [str(folder / "code")], "seconds": limit,
           "config": dict(config), "held_out": files["data"], "train": files["train"],
           "others": files["others"], "schema": files["schema"], "metrics": files.get("metrics"),
           "history": files.get("history"), "predictions": files.get("predictions"),
           "own": str(project.root / "package"),
           "champion": known.champion and known.champion.as_job(), "unknown": known.unknown,
           "package": known.package and {"folder": str(known.package), "name": known.import_name}}
    write_json(folder / "job.json", job)
    environ = kernel_environment(project.environ, (), os.cpu_count() or 1)
    failure = run_worker(folder, with_notemill(environ), limit + MORE)
    return all_refused(config, failure) if failure else read_result(folder / "result.json", config)


def bundle(files: Mapping, types: Sequence[str], folder: Path) -> None:
    """What of a model package its model needs, in a folder."""
    folder.mkdir(parents=True)
    shutil.copyfile(files["model"]["path"], folder / "model.skops")
    shutil.copyfile(files["schema"]["path"], folder / "schema.json")
    write_json(folder / "types.json", sorted(types))


def with_notemill(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment in which a process of this interpreter finds the notemill that runs here, installed or not."""
    place = Path(notemill.__file__).parents[1]
    needed = {} if place.name == "site-packages" else {"PYTHONPATH": str(place)}
    return {**environ, **needed, "PYTHONDONTWRITEBYTECODE": "1"}


def run_worker(folder: Path, environ: Mapping[str, str], seconds: float) -> str | None:
    """Run the gate's process; why it failed, or None. Nothing that it started is left."""
    words = [sys.executable, "-P", "-m", "notemill.gate.worker", str(folder / "job.json"), str(folder / "result.json")]
    with open(folder / "log", "w+b") as log:
        process = subprocess.Popen(words, cwd=folder, env=dict(environ), stdin=subprocess.DEVNULL, stdout=log,
                                   stderr=log, start_new_session=True)
        try:
            ended = process.wait(seconds)
        except subprocess.TimeoutExpired:
            return f"the gate's process was still at work after {seconds:g} s"
        finally:
            end(process)
        log.seek(0)
        lines = log.read().decode(errors="replace").strip().splitlines()
    return f"the gate's process ended with exit code {ended}: {lines[-1] if lines else ''}" if ended else None


def end(process: subprocess.Popen) -> None:
    """Kill what is left of the process's group: the model's process is one of it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def read_result(path: Path, config: Mapping) -> dict:
    """The worker's result, checked for form."""
    found = read_json(path)
    try:
        if "usage" not in found:
            found["checks"] = [from_json(check) for check in found["checks"]]
            return {key: found[key] for key in ("metric", "n", "checks")}
        got, allowed, hint = found["usage"]
        return {"usage": [got, allowed, hint]}
    except (TypeError, KeyError, ValueError) as error:
        return all_refused(config, f"the gate's process left no result that can be read: {error}")


def all_refused(config: Mapping, why: str) -> dict:
    return {"metric": config.get("metric"), "n": None,
            "checks": [refused(name, why) for name in verdict.names_for(config) if name not in TOLD]}
