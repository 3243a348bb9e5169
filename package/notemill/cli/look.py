"""Looking back: at steps, runs and versions; and clearing away."""

from pathlib import Path

import click

from notemill.cli.shared import complete_step, in_project


@click.command()
@click.argument("step", shell_complete=complete_step)
@in_project
def why(step: str, folder: Path, as_json: bool):
    """All that a step's result depends on, and what has changed."""
    from notemill.commands import look

    look.why(folder, step, as_json=as_json)


@click.command()
@click.argument("name", metavar="STEP.NAME")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--run", "run_name", metavar="RUN", help="A run's name or its end; the latest unless told otherwise.")
@in_project
def get(name: str, file: Path, run_name: str | None, folder: Path, as_json: bool):
    """Write a recorded output, or input, of a run to FILE."""
    from notemill.commands import look

    look.get(folder, name, file, run_name, as_json=as_json)


@click.command()
@click.argument("left", metavar="RUN|VERSION")
@click.argument("right", metavar="RUN|VERSION")
@click.option("--output", type=click.Path(path_type=Path), metavar="FILE.html", help="Write a page.")
@click.option("--all", "everything", is_flag=True, help="All of it: what is the same, too.")
@in_project
def compare(left: str, right: str, output: Path | None, everything: bool, folder: Path, as_json: bool):
    """What differs between two runs, or two registered versions.

    A version is a number or an alias; a run is its name or its end. Of versions: figures with n and interval, checks,
    the gate's settings, data, columns, code, parameters, libraries, sizes, times, the card's human parts.
    """
    from notemill.commands import compare as command

    command.compare(folder, left, right, output, everything, as_json=as_json)


@click.command()
@click.option("--output", type=click.Path(path_type=Path), metavar="FILE.html",
              help="Where to (default: reports/project.html).")
@in_project
def report(output: Path | None, folder: Path, as_json: bool):
    """Write the page of this project.

    Its pipeline as a flow chart, each step's purpose, what is tracked and what is not, coverage, runs and versions.
    """
    from notemill.commands import report as command

    command.report(folder, output, as_json=as_json)


@click.command()
@click.argument("step", shell_complete=complete_step)
@click.option("--run", "run_name", metavar="RUN", help="A run's name or its end; default: the last that had the step.")
@in_project
def debug(step: str, run_name: str | None, folder: Path, as_json: bool):
    """Open a step's notebook with its real parameters and inputs."""
    from notemill.commands import look

    look.debug(folder, step, run_name, as_json=as_json)


@click.command()
@click.argument("run_or_version", metavar="RUN|VERSION")
@in_project
def lineage(run_or_version: str, folder: Path, as_json: bool):
    """From a run, or a registered version, back to data and commit."""
    from notemill.commands import look

    look.lineage(folder, run_or_version, as_json=as_json)


@click.command()
@click.option("--keep-days", type=click.IntRange(0), default=30, show_default=True, metavar="N",
              help="Keep what runs of the last N days refer to.")
@click.option("--dry-run", is_flag=True, help="Say what would go; remove nothing.")
@in_project
def gc(keep_days: int, dry_run: bool, folder: Path, as_json: bool):
    """Remove from the cache what nothing refers to.

    Never what a record refers to.
    """
    from notemill.commands import clean

    clean.gc(folder, keep_days, dry_run, as_json=as_json)
