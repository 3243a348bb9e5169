"""Commands that look at what there is: why, get, debug, lineage."""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import click

from notemill.commands.recorded import last_facts
from notemill.commands.shared import print_json
from notemill.errors import UsageError, did_you_mean
from notemill.fingerprint import shown
from notemill.plan import Options, PlannedStep, get_ready, make_plan
from notemill.project import Project, open_project
from notemill.run.step import inside
from notemill.text import printable, size, style_for

RUN_END = 4  # a run may be named by its last four digits; less could be a version's number


def why(folder: Path, step: str, *, as_json: bool) -> None:
    """Everything that the step's result depends on, and what changed."""
    project = open_project(folder)
    options = Options(steps=(step,), command="why")
    planned = next(p for p in make_plan(project, get_ready(project, options), options).steps if p.step == step)
    project.save()
    run, before = noticed(project, step)
    warnings = [text for text in planned.warnings if text not in before]
    if as_json:
        print_json({"step": step, "action": planned.action, "reasons": list(planned.reasons),
                    "fingerprint": planned.fingerprint, "components": planned.components,
                    "inputs": dict(planned.inputs), "warnings": [*warnings, *before], "error": None})
        return
    parts = dependencies(project, planned)
    style = style_for(sys.stdout)
    tell(f"{style.strong(step)}: {planned.action}",
         planned.reasons or ["nothing that its result depends on has changed"])
    told = {"to know": warnings, f"noticed in run {run}": before}
    for title, lines in [*parts.items(), *((title, lines) for title, lines in told.items() if lines)]:
        tell(f"\n{style.strong(title)}", lines or ["none"])


def tell(head: str, lines: Iterable[str]) -> None:
    """A head, and a line for each text though it holds line breaks."""
    click.echo(head)
    for line in lines:
        click.echo(f"  {printable(line)}")


def noticed(project: Project, step: str) -> tuple[str, list[str]]:
    """The last run that had to do with the step, and what was noticed in it, as files read that are no input."""
    run, facts = last_facts(project, step, ("done", "reused", "failed"))
    return run or "", [*map(str, facts.get("undeclared") or []), *(facts.get("warnings") or [])]


def dependencies(project: Project, planned: PlannedStep) -> dict[str, list[str]]:
    """What the result depends on, by kind, a line each."""
    notebook = project.notebook(project.pipeline.steps[planned.step])
    parts = planned.components or project.latest(planned.step).get("components") or {}
    cells = zip(notebook.cells, parts.get("cells", []), strict=False)
    return {
        "code": [f"cell {cell.number}  {digest[:12]}" for cell, digest in cells],
        "parameters": [f"{name} = {shown(value)}" for name, value in parts.get("params", {}).items()],
        "inputs": [f"{name}  {facts['from']}  {digest_of(facts)}" for name, facts in planned.inputs.items()],
        "project modules": [f"{path}  {digest[:12]}" for path, digest in parts.get("modules", {}).items()],
        "distributions": [f"{name} {version or 'not installed'}"
                          for name, version in parts.get("distributions", {}).items()],
        "environment variables": list(parts.get("env", {})),
        "interpreter": [", ".join([*([f"Python {parts['python']}"] if parts["python"] else []),
                                   f"kernel {parts['kernel']}"])] if parts else []}


def digest_of(facts: dict) -> str:
    if "files" in facts:
        return f"{len(facts['files'])} files"
    return facts["sha256"][:12] if facts.get("sha256") else "(not known until its step has run)"


def get(folder: Path, name: str, file: Path, run_name: str | None, *, as_json: bool) -> None:
    """Copy recorded content to `file`."""
    project = open_project(folder)
    record, facts, note = find_recorded(project, name, run_name)
    check_folder(file)
    if "files" in facts:
        copy_many(project, facts["files"], file, name)
        facts = {**facts, "bytes": sum(one["bytes"] for one in facts["files"])}
    else:
        file = file / facts["file"] if file.is_dir() and "file" in facts else file
        copy_out(project, facts["sha256"], file, name)
    if as_json:
        print_json({"run": record["run"], "name": name, **facts, "file": str(file), "error": None})
    else:
        count = f"{len(facts['files'])} files, " if "files" in facts else ""
        click.echo(f"{file}: {name} of run {record['run']}{note}, {count}{size(facts.get('bytes'))}")


def find_recorded(project: Project, name: str, run_name: str | None) -> tuple[dict, dict, str]:
    """A run's record, what it says of `name`, and a note where that is not the run that one would expect.

    Without `run_name`: the last run that has it. Raises UsageError with the nearest name.
    """
    record = project.find_run(run_name)
    seen = recorded(record)
    if name in seen:
        return record, seen[name], ""
    for run in reversed([] if run_name else project.run_names()):
        there = recorded(project.record(run) or {})
        if name in there:
            return project.record(run), there[name], f" (the last that has it; run {record['run']} has not)"
        seen = {**there, **seen}
    where = f"run {record['run']}" if run_name else "any run"
    raise UsageError(f"'{name}'", f"is no recorded input or output of {where}",
                     f"there are: {', '.join(sorted(seen)) or 'none'}", did_you_mean(name, seen))


def recorded(record: dict) -> dict[str, dict]:
    """The outputs and inputs whose content a run's record knows, as STEP.NAME."""
    return {f"{step['step']}.{key}": facts for step in record.get("steps", [])
            for kind in ("inputs", "outputs") for key, facts in step[kind].items()
            if facts.get("sha256") or "files" in facts}


def check_folder(file: Path) -> None:
    """Raises UsageError where the file's folder is not there: one made by the way would hide a typing error."""
    folder = file.absolute().parent
    if not folder.is_dir():
        reason = f"{folder} is a file" if folder.exists() else f"folder {folder} does not exist"
        raise UsageError(str(file), f"cannot be written: {reason}", "a file in a folder that is there")


def copy_many(project: Project, found: list[dict], folder: Path, name: str) -> None:
    """Write files to `folder`, which is made if need be, under their names."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(str(folder), f"is a file, and {name} is {len(found)} files", "a folder, or a new name for one")
    for one in found:
        copy_out(project, one["sha256"], folder / inside(one["name"]), name)


def copy_out(project: Project, sha256: str, file: Path, name: str) -> None:
    """Write content to `file`, whole, checked."""
    temporary = file.with_name(f".{file.name}.part")
    try:
        source = project.store.path(sha256)
        file.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, temporary)
        os.replace(temporary, file)
    except KeyError:
        raise UsageError(f"'{name}'", f"its content {sha256[:12]} is no longer in the store",
                         hint="run the step again with these parameters and inputs") from None
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise UsageError(str(file), f"cannot be written: {error.strerror}") from None


def debug(folder: Path, step: str, run_name: str | None, *, as_json: bool) -> None:
    """Write the step's notebook with its real parameters and inputs; open it where Jupyter is installed."""
    from notemill.commands.debug import prepare

    target, run, whose = prepare(open_project(folder), step, run_name)
    jupyter = shutil.which("jupyter-lab", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if as_json:
        print_json({"notebook": str(target), "run": run, "jupyter": jupyter, "error": None})
        return
    click.echo(f"{target}\n  {whose}")
    if jupyter and sys.stdout.isatty():
        subprocess.run([jupyter, str(target)], check=False)
    else:
        click.echo(f"  open it with: jupyter lab {target}"
                   + ("" if jupyter else "\n  Jupyter is not installed: pip install jupyterlab"))


def lineage(folder: Path, run_or_version: str, *, as_json: bool) -> None:
    """From a run or version back to data and commit."""
    from notemill import lineage as tracing

    project = open_project(folder)
    uri = tracing.tracking_uri(project.root, project.environ)
    tree = tracing.trace(project.runs, run_named(project, run_or_version), uri)
    if as_json:
        print_json({**tree, "error": None})
    else:
        click.echo(tracing.print_tree(tree))


def run_named(project: Project, name: str) -> str:
    """The whole name of a run of this project that is named `latest`, or by its end; else the name as it is."""
    if name == "latest":
        return project.find_run(name)["run"]
    ends = [run for run in project.run_names() if len(name) >= RUN_END and run.endswith(name)]
    return ends[0] if len(ends) == 1 else name
