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
from notemill.errors import NotemillError, UsageError
from notemill.execute.kernel import kernel_environment
from notemill.files import read_json, write_atomic, write_json
from notemill.gate import verdict
from notemill.gate.attempts import check_attempts
from notemill.gate.held_out import check_held_out
from notemill.gate.known import Known
from notemill.gate.ready import ready
from notemill.gate.settings import check_settings
from notemill.gate.verdict import Check, from_json, refused
from notemill.project import Project

SECONDS = 600.0  # for the model to answer, where its step has no limit of its own
MORE = 300.0  # for all else
TOLD = ("held_out", "attempts", "settings")  # by this process, not by the worker


def judge(project: Project, record: Mapping, known: Known, *, seconds: float | None, rerun: bool) -> dict:
    """See `notemill.gate.judge`."""
    config, files = ready(project, record)
    with tempfile.TemporaryDirectory(prefix="notemill-gate-") as folder:
        found = carry_out(project, record, config, files, Path(folder), known, seconds)
    if "usage" in found:
        keys, *words = found["usage"]
        raise UsageError(project.pipeline.where("gate", *keys), *words)
    functions = code_of_functions(project, config)
    told = [check_held_out(record, config, files), check_attempts(known, config),
            check_settings(known, config, files["data"]["sha256"], functions),
            *(run_again(project, record) if rerun else ())]
    checks = verdict.complete([*found["checks"], *told], config)
    made = {**facts_of(project, record, files, known), "metric": found["metric"], "n": found["n"],
            "verdict": verdict.decide(checks), "config": dict(config), "functions": functions,
            "checks": [check.as_json() for check in checks]}
    write(project.runs / record["run"], made)
    return made


def run_again(project: Project, record: Mapping) -> Iterator[Check]:
    from notemill.gate.rerun import check_rerun  # late: the few who ask for it pay for the engine

    yield check_rerun(project, record)


def facts_of(project: Project, record: Mapping, files: Mapping, known: Known) -> dict:
    """What the verdict is about, by digests, and when and by what it was made."""
    return {"format": 1, "run": record["run"], "project": project.pipeline.name, "content": known.content,
            "champion": known.champion and known.champion.name,
            "champion_content": known.champion and known.champion.content,
            **{key: digest(files.get(key)) for key in ("model", "data", "schema", "metrics")},
            "made": datetime.now(UTC).isoformat(), "notemill": notemill.__version__}


def code_of_functions(project: Project, config: Mapping) -> dict[str, dict[str, str]]:
    """{name: {file: digest of its code}} of the project's own checks: the module of each, and what it imports of the
    project."""
    notebook = project.pipeline.step(config["model"].partition(".")[0]).notebook
    return {name: dict(project.importer.follow([dotted.rpartition(".")[0]], notebook).modules)
            for name, dotted in config.get("custom", {}).items()}


def write(folder: Path, made: Mapping) -> None:
    """The verdict, and its page, beside the run's record."""
    from notemill.gate.page import render  # late: the template engine

    write_json(folder / "verdict.json", made)
    write_atomic(folder / "verdict.html", render(made).encode("utf-8", "replace"))


def digest(file: Mapping | None) -> str | None:
    return file["sha256"] if file else None


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
    write_json(folder / "job.json", {**job_of(config, files, known), "folder": str(folder), "seconds": limit,
                                     "bundle": str(folder / "bundle"), "code": [str(folder / "code")],
                                     "own": str(project.root / "package")})
    environ = kernel_environment(project.environ, (), os.cpu_count() or 1)
    failure = run_worker(folder, with_notemill(environ), limit + MORE)
    return all_refused(config, failure) if failure else read_result(folder / "result.json", config)


def job_of(config: Mapping, files: Mapping, known: Known) -> dict:
    """What the worker's `Evidence` is to look at."""
    return {"config": dict(config), "held_out": files["data"], "train": files["train"], "others": files["others"],
            "schema": files["schema"], **{key: files.get(key) for key in ("metrics", "history", "predictions")},
            "champion": known.champion and known.champion.as_job(), "unknown": known.unknown,
            "package": known.package and {"folder": str(known.package), "name": known.import_name}}


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
        keys, got, allowed, hint = found["usage"]
        return {"usage": [keys, got, allowed, hint]}
    except (TypeError, KeyError, ValueError) as error:
        return all_refused(config, f"the gate's process left no result that can be read: {error}")


def all_refused(config: Mapping, why: str) -> dict:
    return {"metric": config.get("metric"), "n": None,
            "checks": [refused(name, why) for name in verdict.names_for(config) if name not in TOLD]}
