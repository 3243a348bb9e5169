"""`notemill run` and `notemill plan`."""

import sys
from collections.abc import Mapping
from pathlib import Path

import click

from notemill.commands.shared import by_step, print_json
from notemill.errors import NotemillError, UsageError
from notemill.plan import Options, Plan, PlannedStep, Ready, get_ready, make_plan
from notemill.project import Project, open_project
from notemill.schemas.check import where
from notemill.text import is_live, printable, style_for, table
from notemill.warmth import keep_warm
from notemill.yaml_places import parse_yaml, read_yaml

EXIT = {"done": 0, "failed": 1, "interrupted": 130}


def run(folder: Path, *, as_json: bool, **asked) -> int:
    """Run, tell, and give the exit code."""
    from notemill.run import run as carry_out
    from notemill.run.console import Console

    project = open_project(folder, smoke=asked.get("smoke", False))
    stream = sys.stderr if as_json else sys.stdout
    console = Console(stream, live=is_live(stream), style=style_for(stream))
    try:
        record = carry_out(project, options(project, command="run", **asked), console)
    finally:
        console.end()
    console.summary(record, project.reports, None if project.smoke else open_command(project),
                    (project.pipeline.gate or {}).get("metric"))
    tell_warnings(record, console)
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


def tell_warnings(record: dict, console) -> None:
    """What the steps that are reused were warned of when they ran: it holds for what they gave."""
    for step in record["steps"]:
        for text in step["warnings"] if step["status"] == "reused" else ():
            console.note(console.style.warn(f"warning: {step['step']}: {printable(text)}"))


def tell_failure(record: dict) -> None:
    """Every failed step on standard error: what, where, and the report; or what kept all of them from running."""
    if not any(step["error"] for step in record["steps"]) and record["status"] == "failed":
        error = record["error"]
        told = NotemillError(*map(error.get, ("where", "got", "allowed", "hint")))
        click.echo("\n" + printable_lines(told), err=True)
    for step in record["steps"]:
        if step["error"]:
            error = step["error"]
            place = "".join([f": cell {error['cell']}" if error["cell"] else "",
                             f", line {error['line']}" if error["line"] else ""])
            message = "\n  ".join(map(printable, error["message"].splitlines()))
            report = f"\n  report: {error['report']}" if error["report"] else ""
            where = f"step '{step['step']}': {step['notebook']}{place}"
            click.echo(f"\n{where}\n  {error['name']}: {message}{report}", err=True)


def printable_lines(error: NotemillError) -> str:
    return "\n".join(map(printable, str(error).splitlines()))


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
    """Say what would run; ends with 1 where the data breaks its contract."""
    project = open_project(folder, smoke=asked.get("smoke", False))
    wanted = options(project, command="plan", **asked)
    ready = get_ready(project, wanted)
    warnings, breach = check_contract(project, ready)
    planned = make_plan(project, ready, wanted)
    warnings = [*warnings, *(project.remote.told if project.remote else ())]
    project.save()
    if as_json:
        print_json({**planned.as_json(), "error": breach and breach.as_json(), "warnings": warnings})
    else:
        tell_plan(planned, warnings)
    if breach:
        click.echo(("" if as_json else "\n") + printable_lines(breach), err=True)
        sys.exit(breach.exit_code)


def check_contract(project: Project, ready: Mapping[str, Ready]) -> tuple[list[str], NotemillError | None]:
    """The contract's warnings, and the breach that would keep a run from beginning; a large table is left to the run.

    Raises UsageError for a contract that is wrong.
    """
    from notemill import contract

    try:
        return contract.check_project(project, ready, contract.CHEAP), None
    except UsageError:
        raise
    except NotemillError as breach:
        return [], breach


def tell_plan(planned: Plan, warnings: list[str]) -> None:
    """The plan as a table; what to know beside it on standard error."""
    style = style_for(sys.stdout)
    click.echo(table(["step", "action", "why"], [[step.step, step.action, why(step)] for step in planned.steps], style))
    if all(step.action == "reuse" for step in planned.steps):
        click.echo(f"\nNothing to run: all {len(planned.steps)} steps are up to date.")
    told = [*warnings, *(f"{step.step}: {text}" for step in planned.steps for text in step.warnings)]
    for text in told:
        click.echo(f"warning: {printable(text)}", err=True)


def why(step: PlannedStep) -> str:
    return "; ".join(step.reasons) or "nothing changed"


def options(project: Project, *, command="", steps=(), params=(), params_file=None, force=(), jobs=None,
            offline=False, smoke=False, cold=False) -> Options:
    """The command line's words as Options; the smoke set is small parameters, everything run, nothing sent.

    Raises UsageError.
    """
    given, places = params_from_file(params_file) if params_file else smoke_params(project) if smoke else ({}, {})
    for step, values in by_step(dict(map(one_param, params))).items():
        given[step] = {**given.get(step, {}), **values}
        for name in values:
            places.pop((step, name), None)
    forced: set[str] = set()
    for name in force:
        forced |= set(steps or project.pipeline.steps) if name == "*" else {
            project.pipeline.step(name, f"--force={name}").name}
    forced |= set(project.pipeline.needed(tuple(steps))) if smoke else set()
    keep = not cold and keep_warm(project.environ, terminal=sys.stdout.isatty())
    return Options(tuple(steps), given, frozenset(forced), jobs, offline or smoke, keep, command, places)


def smoke_params(project: Project) -> tuple[dict[str, dict[str, object]], dict[tuple[str, ...], str]]:
    """The `smoke:` of pipeline.yaml, and the place of each parameter. Raises UsageError for an unknown step."""
    pipeline = project.pipeline
    for name in pipeline.smoke:
        pipeline.step(name, pipeline.where("smoke", name))
    places = {(step, name): pipeline.where("smoke", step, name)
              for step, values in pipeline.smoke.items() for name in values}
    return {step: dict(values) for step, values in pipeline.smoke.items()}, places


def one_param(text: str) -> tuple[str, object]:
    """`train.max_iter=400` as ("train.max_iter", 400)."""
    key, equals, value = text.partition("=")
    if not equals or key.count(".") != 1:
        raise UsageError(f"-p {text}", "is not STEP.PARAM=VALUE", hint="as -p train.max_iter=400")
    return key, parse_yaml(value, f"-p {key}")[0]


def params_from_file(path: Path) -> tuple[dict[str, dict[str, object]], dict[tuple[str, ...], str]]:
    """{step: {parameter: value}} from a YAML file, and the place of each."""
    raw, places = read_yaml(path)
    if not isinstance(raw, dict) or not all(isinstance(values, dict) for values in raw.values()):
        wrong = [(key,) for key, values in raw.items() if not isinstance(values, dict)] if isinstance(raw, dict) else []
        raise UsageError(where(str(path), places, wrong[0] if wrong else ()),
                         "is not a mapping of steps to parameters", hint="as train: {max_iter: 400}")
    found = {key: where(str(path), places, key) for key in places if len(key) <= 2}
    return {step: dict(values) for step, values in raw.items()}, found
