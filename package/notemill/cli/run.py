"""Running: what is out of date, and what would."""

import sys
from collections.abc import Callable
from pathlib import Path

import click

from notemill.cli.shared import complete_step, in_project


def run_options(command: Callable) -> Callable:
    """The options that `run` and `plan` share."""
    command = in_project(command)
    for option in reversed([
            click.argument("steps", nargs=-1, metavar="[STEP]...", shell_complete=complete_step),
            click.option("-p", "--param", "params", multiple=True, metavar="STEP.PARAM=VALUE",
                         help="A parameter of a step, as YAML."),
            click.option("--params", "params_file", type=click.Path(path_type=Path), metavar="FILE.yaml",
                         help="Parameters by step."),
            click.option("--force", "force", multiple=True, is_flag=False, flag_value="*", metavar="[=STEP]",
                         help="Run though nothing changed: --force the steps named (or all), --force=STEP one."),
            click.option("--jobs", type=click.IntRange(1), metavar="N", help="Steps at once (default: by processors)."),
            click.option("--cold", is_flag=True, help="Neither use nor leave a warm process that outlives the run."),
            click.option("--smoke", is_flag=True,
                         help="A trial with the small parameters of `smoke:`; cells tagged `test` run; kept apart."),
            click.option("--offline", is_flag=True, help="Fetch nothing and send nothing; the next run sends it.")]):
        command = option(command)
    return command


@click.command()
@run_options
def run(folder: Path, as_json: bool, **asked):
    """Run the steps that are out of date, and what they need."""
    from notemill.commands import run as command

    sys.exit(command.run(folder, as_json=as_json, **asked))


@click.command()
@run_options
def plan(folder: Path, as_json: bool, **asked):
    """What would run, what would be reused, and why; runs nothing."""
    from notemill.commands import run as command

    command.plan(folder, as_json=as_json, **asked)


@click.command()
@click.option("--status", is_flag=True, help="How this user's warm processes are; starts nothing.")
@click.option("--stop", "stopping", is_flag=True, help="End them all; kernels that run may finish.")
@in_project
def warm(folder: Path, status: bool, stopping: bool, as_json: bool):
    """Have the process ready that kernels are forked from.

    Starts it, or finds it, and imports there what the project's notebooks import. It ends when it was idle for 10
    minutes.
    """
    from notemill.commands import warm as command

    command.warm(folder, status, stopping, as_json=as_json)
