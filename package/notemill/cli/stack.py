"""The server on this machine."""

from pathlib import Path

import click

from notemill.cli.shared import JSON, Commands, told


@click.group("stack", cls=Commands)
def stack_group():
    """A server on this machine: forge, Drone, registry, MLflow."""


@stack_group.command("up")
@click.option("--build", is_flag=True, help="Build the images here, from source, where no registry is in reach.")
@click.option("--host", metavar="ADDRESS", help="Of this machine in its network (default: one for this machine alone).")
@click.option("--port", type=click.IntRange(1024, 65000), metavar="N",
              help="The first of five ports in a row (default: 7300).")
@click.option("--reviews", type=click.IntRange(0, 20), metavar="N", envvar="NOTEMILL_STEWARD_REVIEWS",
              help="Approvals that the steward waits for (default: as it is; 0 at first).")
@JSON
@told
def stack_up(as_json: bool, **asked):
    """Start it, whole; start again what is not running."""
    from notemill.commands import stack as command

    command.up(as_json=as_json, **asked)


@stack_group.command("status")
@JSON
@told
def stack_status(as_json: bool):
    """Which part runs, and where."""
    from notemill.commands import stack as command

    command.status(as_json=as_json)


@stack_group.command("logs")
@click.argument("name", metavar="NAME")
@click.option("--follow", is_flag=True, help="Go on with what comes.")
@JSON
@told
def stack_logs(name: str, follow: bool, as_json: bool):
    """What a part says, without the stack's secrets."""
    from notemill.commands import stack as command

    command.logs(name, follow, as_json=as_json)


@stack_group.command("down")
@click.option("--volumes", is_flag=True, help="And delete all that it holds: code, builds, models, passwords.")
@JSON
@told
def stack_down(as_json: bool, volumes: bool):
    """Stop it; what it holds stays."""
    from notemill.commands import stack as command

    command.down(volumes, as_json=as_json)


@stack_group.command("backup")
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE.tar")
@JSON
@told
def stack_backup(file: Path, as_json: bool):
    """All that it holds, with its passwords, in one file for your eyes alone."""
    from notemill.commands import stack as command

    command.backup(file, as_json=as_json)


@stack_group.command("restore")
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE.tar")
@JSON
@told
def stack_restore(file: Path, as_json: bool):
    """Bring a backup's stack up where there is none."""
    from notemill.commands import stack as command

    command.restore(file, as_json=as_json)
