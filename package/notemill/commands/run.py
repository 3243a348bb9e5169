"""`notemill run` and `notemill plan`."""

import sys
from pathlib import Path

import click

from notemill.cli import by_step, print_json
from notemill.errors import UsageError
from notemill.plan import Options, PlannedStep, get_ready, make_plan
from notemill.project import Project, open_project
from notemill.text import is_live, printable, style_for, table
from notemill.yaml_places import parse_yaml, read_yaml

EXIT = {"done": 0, "failed": 1, "interrupted": 130}


def run(folder: Path, *, as_json: bool, **asked) -> int:
    """Run, tell, and give the exit code."""
    from notemill.run import run as carry_out
    from notemill.run.console import Console

    project = open_project(folder)
    stream = sys.stderr if as_json else sys.stdout
    console = Console(stream, live=is_live(stream), style=style_for(stream))
    try:
        record = carry_out(project, options(project, **asked), console)
    finally:
        console.end()
    console.summary(record, project.root, open_command(project), (project.pipeline.gate or {}).get("metric"))
    if record["error"]:
        tell_failure(record)
    if as_json:
        print_json(summary(record))
    return EXIT[record["status"]]


def open_command(project: Project) -> str:
    """How to open MLflow."""
    from notemill import lineage

    uri = lineage.tracking_uri(project.root, project.environ)
    return lineage.open_command(uri, Path(sys.executable).parent)


def tell_failure(record: dict) -> None:
    """Every failed step on standard error: what, where, and the report."""
    for step in record["steps"]:
        if step["error"]:
            error = step["error"]
            place = "".join([f": cell {error['cell']}" if error["cell"] else "",
                             f", line {error['line']}" if error["line"] else ""])
            message = "\n  ".join(map(printable, error["message"].splitlines()))
            report = f"\n  report: {error['report']}" if error["report"] else ""
            where = f"step '{step['step']}': {step['notebook']}{place}"
            click.echo(f"\n{where}\n  {error['name']}: {message}{report}", err=True)


def summary(record: dict) -> dict:
    """The shape of `notemill run --json`."""
    steps = []
    for step in record["steps"]:
        ran = step["action"] == "run"
        steps.append({"step": step["step"], "action": step["action"], "status": step["status"],
                      "reasons": step["reasons"], "seconds": step["seconds"] if ran else 0.0,
                      "cpu_seconds": step["cpu_seconds"] if ran else 0.0, "peak_mb": step["peak_mb"],
                      "report": step["report"], "warnings": step["warnings"]})
    return {"run": record["run"], "status": record["status"], "steps": steps, "error": record["error"],
            "warnings": record["warnings"]}


def plan(folder: Path, *, as_json: bool, **asked) -> None:
    """Say what would run."""
    from notemill.execute import check_kernels

    project = open_project(folder)
    wanted = options(project, **asked)
    planned = make_plan(project, get_ready(project, wanted), wanted)
    check_kernels(project.pipeline, [step.step for step in planned.steps if step.action == "run"])
    project.save()
    if as_json:
        print_json(planned.as_json())
        return
    rows = [[step.step, step.action, why(step)] for step in planned.steps]
    click.echo(table(["step", "action", "why"], rows, style_for(sys.stdout)))
    if all(step.action == "reuse" for step in planned.steps):
        click.echo(f"\nNothing to run: all {len(rows)} steps are up to date.")


def why(step: PlannedStep) -> str:
    return "; ".join(step.reasons) or "nothing changed"


def options(project: Project, *, steps=(), params=(), params_file=None, force=(), jobs=None, offline=False) -> Options:
    """The command line's words as Options. Raises UsageError."""
    given = params_from_file(params_file) if params_file else {}
    for step, values in by_step(dict(map(one_param, params))).items():
        given[step] = {**given.get(step, {}), **values}
    forced: set[str] = set()
    for name in force:
        forced |= set(steps or project.pipeline.steps) if name == "*" else {project.pipeline.step(name).name}
    return Options(tuple(steps), given, frozenset(forced), jobs, offline)


def one_param(text: str) -> tuple[str, object]:
    """`train.max_iter=400` as ("train.max_iter", 400)."""
    key, equals, value = text.partition("=")
    if not equals or key.count(".") != 1:
        raise UsageError(f"-p {text}", "is not STEP.PARAM=VALUE", hint="as -p train.max_iter=400")
    return key, parse_yaml(value, f"-p {key}")[0]


def params_from_file(path: Path) -> dict[str, dict[str, object]]:
    """{step: {parameter: value}} from a YAML file."""
    raw, places = read_yaml(path)
    if not isinstance(raw, dict) or not all(isinstance(values, dict) for values in raw.values()):
        raise UsageError(str(path), "is not a mapping of steps to parameters",
                         hint="as train: {max_iter: 400}")
    return {step: dict(values) for step, values in raw.items()}
