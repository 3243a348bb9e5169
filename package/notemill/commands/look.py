"""Commands that look at what there is: why, get, compare, debug, lineage."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import click

from notemill.cli import print_json
from notemill.errors import UsageError, did_you_mean
from notemill.fingerprint import shown
from notemill.plan import Options, PlannedStep, get_ready, make_plan
from notemill.project import Project, open_project
from notemill.run.step import inside
from notemill.text import size, style_for

RUN_END = 4  # a run may be named by its last four digits; less could be a version's number


def why(folder: Path, step: str, *, as_json: bool) -> None:
    """Everything that the step's result depends on, and what changed."""
    project = open_project(folder)
    options = Options(steps=(step,))
    planned = next(p for p in make_plan(project, get_ready(project, options), options).steps if p.step == step)
    project.save()
    if as_json:
        print_json({"step": step, "action": planned.action, "reasons": list(planned.reasons),
                    "fingerprint": planned.fingerprint, "components": planned.components,
                    "inputs": dict(planned.inputs), "error": None})
        return
    style = style_for(sys.stdout)
    click.echo(f"{style.strong(step)}: {planned.action}")
    for reason in planned.reasons or ["nothing that its result depends on has changed"]:
        click.echo(f"  {reason}")
    for title, lines in dependencies(project, planned).items():
        click.echo(f"\n{style.strong(title)}")
        for line in lines or ["none"]:
            click.echo(f"  {line}")


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
        "interpreter": [f"Python {parts['python']}, kernel {parts['kernel']}"] if parts else []}


def digest_of(facts: dict) -> str:
    if "files" in facts:
        return f"{len(facts['files'])} files"
    return facts["sha256"][:12] if facts.get("sha256") else "(not known until its step has run)"


def get(folder: Path, name: str, file: Path, run_name: str | None, *, as_json: bool) -> None:
    """Copy recorded content to `file`."""
    project = open_project(folder)
    record = project.find_run(run_name)
    facts = recorded(record, name)
    if "files" in facts:
        for one in facts["files"]:
            copy_out(project, one["sha256"], file / inside(one["name"]), name)
    else:
        file = file / facts["file"] if file.is_dir() else file
        copy_out(project, facts["sha256"], file, name)
    if as_json:
        print_json({"run": record["run"], "name": name, **facts, "file": str(file), "error": None})
    else:
        click.echo(f"{file}: {name} of run {record['run']}, {size(facts.get('bytes'))}")


def recorded(record: dict, name: str) -> dict:
    """An output's or input's facts in a run's record. Raises UsageError with the nearest name."""
    there = {f"{step['step']}.{key}": facts for step in record["steps"]
             for kind in ("inputs", "outputs") for key, facts in step[kind].items()
             if facts.get("sha256") or "files" in facts}
    if name not in there:
        raise UsageError(f"'{name}'", f"is no recorded input or output of run {record['run']}",
                         f"there are: {', '.join(sorted(there)) or 'none'}", did_you_mean(name, there))
    return there[name]


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


def compare(folder: Path, left: str, right: str, output: Path | None, everything: bool, *, as_json: bool) -> None:
    """What differs between two runs."""
    from notemill import compare as comparing

    project = open_project(folder)
    result = comparing.compare_runs(project.find_run(left), project.find_run(right), all=everything,
                                    environment=lambda sha256: environment_of(project, sha256))
    if output:
        comparing.write_html(result, output)
        click.echo(f"report: {output}", err=as_json)
    if as_json:
        print_json({**comparing.as_json(result), "error": None})
    elif not output:
        click.echo(comparing.as_text(result))


def environment_of(project: Project, sha256: str) -> dict[str, str]:
    try:
        return json.loads(project.store.read_bytes(sha256))
    except KeyError:
        return {}


def debug(folder: Path, step: str, *, as_json: bool) -> None:
    """Write the step's notebook with its real parameters and inputs; open it where Jupyter is installed."""
    from notemill.commands.debug import prepare

    target = prepare(open_project(folder), step)
    jupyter = shutil.which("jupyter-lab", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if as_json:
        print_json({"notebook": str(target), "jupyter": jupyter, "error": None})
    elif jupyter and sys.stdout.isatty():
        subprocess.run([jupyter, str(target)], check=False)
    else:
        click.echo(f"{target}\n  open it with: jupyter lab {target}"
                   + ("" if jupyter else "\n  Jupyter is not installed: pip install jupyterlab"))


def lineage(folder: Path, run_or_version: str, *, as_json: bool) -> None:
    """From a run or version back to data and commit."""
    from notemill import lineage as tracing

    project = open_project(folder)
    ends = [name for name in project.run_names() if len(run_or_version) >= RUN_END and name.endswith(run_or_version)]
    name = ends[0] if len(ends) == 1 else run_or_version
    tree = tracing.trace(project.runs, name, tracing.tracking_uri(project.root, project.environ))
    if as_json:
        print_json({**tree, "error": None})
    else:
        click.echo(tracing.print_tree(tree))
