"""One step, from its planned state to a kept result."""

import contextlib
import json
import math
import os
import re
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from notemill import code, lineage
from notemill.errors import NotemillError, StepError
from notemill.execute import CellFailure, Executed, Job, execute
from notemill.execute.kernel import kernel_environment
from notemill.notebook import TEST, load_cells, tags_of
from notemill.plan import PlannedStep, Ready
from notemill.project import Project
from notemill.redact import Redactor
from notemill.run.record import Record, now
from notemill.store import what_it_is

FORMAT = 1
MOST = 10  # warnings of one kind that are told one by one
KEPT = ("outputs", "metrics", "origin_run", "executed", "seconds", "cpu_seconds", "peak_mb", "started", "ended",
        "warnings", "stored_bytes")  # of a step's facts, in its result
FULL = re.compile(r"No space left on device|Disk quota exceeded|database or disk is full")
NEARLY_FULL = 20_000_000  # bytes
LONGEST = 2000  # characters of an error's message; the report has all of it
TRACKING = ("mlflow", "mlflow-skinny", "mlflow-tracing")


def run_step(project: Project, record: Record, ready: Ready, planned: PlannedStep, *, threads: int,
             stop: threading.Event, pool: object, on_cell: Callable[[int, int], None]) -> dict:
    """Execute the step and keep what came of it; the result. Raises StepError after the evidence is kept."""
    folder = record.folder / ready.step.name
    work, name = folder / "work", ready.step.name
    shutil.rmtree(work, ignore_errors=True)
    (work / "outputs").mkdir(parents=True)
    try:
        job = make_job(project, ready, planned, work, folder, threads, record.redactor, stop, pool,
                       on_cell)
        executed = with_full_disk(execute(job), project.folder)
        if executed.failure:
            shutil.rmtree(work, ignore_errors=True)  # on a full disk the evidence needs the room
        try:
            keep_evidence(project, record, ready, executed, folder)
        except OSError:
            shutil.rmtree(work, ignore_errors=True)
            keep_evidence(project, record, ready, executed, folder)
            raise
        check_kept(project, record, ready, planned, executed, work / "outputs")
        outputs = keep_outputs(project, ready, work / "outputs")
        size = sum(output["bytes"] for output in outputs.values()) + record.step(name)["stored_bytes"]
        record.set(name, outputs=outputs, metrics=figures(project, folder, outputs), stored_bytes=size)
        return {"format": FORMAT, "step": name, "text": ready.notebook.text,
                **{key: record.step(name)[key] for key in KEPT}}
    finally:
        shutil.rmtree(work, ignore_errors=True)


def with_full_disk(executed: Executed, folder: Path) -> Executed:
    """Where a cell met a full disk, and it is the one that holds `folder`, its error says so: Python's does not."""
    failure = executed.failure
    if not failure or not FULL.search(failure.message) or shutil.disk_usage(folder).free > NEARLY_FULL:
        return executed
    message = f"{failure.message}\n{full_disk(folder)}"
    return replace(executed, failure=replace(failure, message=message))


def full_disk(folder: Path) -> str:
    """What to do about the disk."""
    return f"the disk that holds {folder} is full: make room (notemill gc removes what nothing refers to)"


def make_job(project: Project, ready: Ready, planned: PlannedStep, work: Path, folder: Path, threads: int,
             redactor: Redactor, stop: threading.Event, pool: object, on_cell: Callable) -> Job:
    """All that the engine needs; inputs laid out under their own names."""
    step = ready.step
    inputs = {name: lay_out(project, name, facts, work / "inputs") for name, facts in planned.inputs.items()}
    outputs = {name: str(work / "outputs" / file) for name, file in step.outputs.items()}
    env = kernel_environment(project.environ, (*step.env, *step.secrets), threads)
    env["IPYTHONDIR"] = str(work / "ipython")
    if any(name in ready.imports.distributions for name in TRACKING):
        env |= lineage.open_spool(folder / "mlflow", project.pipeline.name,
                                  registry=lineage.tracking_uri(project.root, project.environ))
    path = step.notebook
    return Job(step.name, source_of(project, path), {**ready.params, **inputs, **outputs},
               saved=folder / "executed.ipynb", cwd=path.parent,
               exported=code.module_name(project.pipeline.name, path), script=str(path) if path.suffix == ".py" else "",
               root=project.root, env=env, kernel=step.kernel, limits=step.limits, threads=threads,
               declared=declared_files(project, ready), redact=redactor.notebook, stop=stop, on_cell=on_cell,
               pool=pool, imports=ready.notebook.imports, private=frozenset(step.secrets))


def source_of(project: Project, path: Path) -> dict:
    """The notebook to run; its cells tagged `test` are left out, but on the smoke set."""
    notebook = load_cells(path, path.read_bytes(), project.name_of(path))
    for cell in notebook["cells"] if not project.smoke else ():
        if TEST in tags_of(cell):
            cell["metadata"] = {**cell["metadata"], "tags": [*tags_of(cell), "skip-execution"]}
    return notebook


def declared_files(project: Project, ready: Ready) -> frozenset[str]:
    """The project's files whose change the step's fingerprint notices."""
    inputs = (name for fetched in ready.fetched.values() for name, *_ in fetched.files)
    return frozenset(os.path.abspath(project.root / name)
                     for name in (*ready.imports.modules, *inputs, ready.step.notebook))


def lay_out(project: Project, name: str, facts: Mapping, folder: Path) -> str | list[str]:
    """Links with the files' own names to the checked content: the path, or the list of paths, for the notebook."""
    if "files" in facts:
        return [link(project, file["sha256"], folder / name / inside(file["name"])) for file in facts["files"]]
    file = facts.get("file") or Path(facts.get("name") or facts["from"]).name
    return link(project, facts["sha256"], folder / name / inside(file))


def inside(name: str) -> str:
    """A file's name as a path that stays within the folder it is laid out in."""
    return "/".join(part for part in Path(name).parts if part not in ("..", "/", ".")) or "input"


def link(project: Project, sha256: str, path: Path) -> str:
    """A link at `path` to the content; a copy where the system has no links."""
    try:
        content = project.store.path(sha256)
    except KeyError:
        raise NotemillError(path.name, f"its content {sha256[:12]} is damaged or gone from the store",
                            hint="notemill run makes or fetches it again") from None
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        path.symlink_to(content)
    except FileExistsError:
        raise
    except OSError:
        shutil.copyfile(content, path)
    return str(path)


def keep_evidence(project: Project, record: Record, ready: Ready, executed: Executed, folder: Path) -> None:
    """Keep the executed notebook and what it cost, before any error is raised; first what needs no room."""
    name = ready.step.name
    record.set(name, seconds=executed.seconds, cpu_seconds=executed.cpu_seconds, peak_mb=executed.peak_mb, ended=now(),
               origin_run=record.name, warnings=[*undeclared(project, executed), *cut_short(executed), *executed.notes],
               error=failure_facts(executed.failure, ready, record.redactor.text))
    for text in executed.slower:  # of this run, and not of what the step gave
        record.warn(f"{name} {text}")
    with contextlib.suppress(OSError):
        (folder / "executed.ipynb").unlink()
    text = json.dumps(executed.notebook, ensure_ascii=False, sort_keys=True).encode("utf-8", "surrogatepass")
    sha256 = record.with_room(lambda: project.store.add_bytes(text))
    record.set(name, executed={"sha256": sha256, "bytes": len(text)}, stored_bytes=len(text))
    redact_log(folder / "mlflow", record.redactor)


def redact_log(spool: Path, redactor: Redactor) -> None:
    """What cannot be redacted goes, and the error with it is the step's."""
    try:
        lineage.redact_spool(spool, redactor.text)
    except BaseException:
        shutil.rmtree(spool, ignore_errors=True)
        raise


def check_kept(project: Project, record: Record, ready: Ready, planned: PlannedStep, executed: Executed,
               folder: Path) -> None:
    """Raises StepError where the notebook failed, wrote to its inputs, or left an output out."""
    error = record.step(ready.step.name)["error"] or changed_inputs(project, ready, planned) or \
        missing_output(ready, executed, folder)
    if error:
        record.set(ready.step.name, error=error)
        raise step_error(project, ready, error)


def undeclared(project: Project, executed: Executed) -> list[str]:
    """Warnings for files of the project that were read and that no fingerprint knows of; a folder full is one."""
    names = [project.name_of(Path(path)) for path in executed.undeclared]
    texts = [f"reads {name}, which is not among its inputs: a change of it is not noticed" for name in names[:MOST]]
    more = len(names) - MOST
    return [*texts, f"reads {more} more files that are not among its inputs"] if more > 0 else texts


def cut_short(executed: Executed) -> list[str]:
    left = executed.cells_left
    return [f"ended itself before its last {left} cell{'s' if left > 1 else ''}"] if left else []


def failure_facts(failure: CellFailure | None, ready: Ready, redact: Callable[[str], str]) -> dict | None:
    """The failure as it stands in the record, with the place of its cell in the report. It is redacted before it is
    cut: a part of a secret would not be known again."""
    if failure is None:
        return None
    anchor = f"#cell-{failure.cell}" if failure.cell else "#parameters" if failure.in_parameters else ""
    whole = redact(failure.message)
    message = whole if len(whole) <= LONGEST else whole[:LONGEST] + " ..."
    return {"name": failure.name, "message": message, "cell": failure.cell, "line": failure.line,
            "report": f"reports/{ready.step.name}.html{anchor}"}


def changed_inputs(project: Project, ready: Ready, planned: PlannedStep) -> dict | None:
    """The error of a notebook that wrote to what it was given to read."""
    for name, facts in planned.inputs.items():
        kept = facts.get("files") or [facts]
        if not all(project.store.has(file["sha256"]) for file in kept):
            return _error_facts(ready, "ChangedInput", f"the notebook wrote to its input '{name}': the content that "
                                "others rely on is lost; write to an output instead")
    return None


def missing_output(ready: Ready, executed: Executed, folder: Path) -> dict | None:
    """The error of a notebook that left an output out, with the cell in which it ended itself."""
    for name, file in ready.step.outputs.items():
        if what := what_it_is(folder / file):
            left, cell = cut_short(executed), executed.ended_in
            why = f"the notebook {left[0]}, in cell {cell}" if left else f"its path is in the parameter {name}"
            return _error_facts(ready, "MissingOutput", f"the output '{name}' {what}: {why}", cell)
    return None


def _error_facts(ready: Ready, name: str, message: str, cell: int | None = None) -> dict:
    return {"name": name, "message": message, "cell": cell, "line": None,
            "report": f"reports/{ready.step.name}.html{f'#cell-{cell}' if cell else ''}"}


def keep_outputs(project: Project, ready: Ready, folder: Path) -> dict:
    """Move the declared outputs into the store."""
    outputs = {}
    for name, file in ready.step.outputs.items():
        sha256, size = project.store.take_file(folder / file)
        outputs[name] = {"file": file, "sha256": sha256, "bytes": size}
    return outputs


def step_error(project: Project, ready: Ready, error: Mapping) -> StepError:
    """The error as the terminal shows it: step, cell, line, report."""
    file = project.name_of(ready.step.notebook)
    cell = f": cell {error['cell']}" if error["cell"] else ""
    line = f", line {error['line']}" if error["line"] else ""
    return StepError(f"step '{ready.step.name}': {file}{cell}{line}", f"{error['name']}: {error['message']}",
                     hint=f"report: {error['report']}", step=ready.step.name, cell=error["cell"], line=error["line"],
                     report=error["report"])


def figures(project: Project, folder: Path, outputs: Mapping) -> dict[str, float]:
    """Key figures: what the notebook logged to MLflow, and the numbers of an output file metrics.json."""
    found = dict(lineage.read_spool(folder / "mlflow")["metrics"]) if (folder / "mlflow").is_dir() else {}
    for output in outputs.values():
        if output["file"] == "metrics.json":
            found.update(_numbers(project.store.read_bytes(output["sha256"])))
    return dict(sorted(found.items()))


def _numbers(data: bytes) -> Iterator[tuple[str, float]]:
    with contextlib.suppress(ValueError):
        content = json.loads(data)
        for key, value in content.items() if isinstance(content, dict) else ():
            if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
                yield key, value
