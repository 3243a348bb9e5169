"""A version brought to where it serves, and taken back."""

import sys
from pathlib import Path

import click

from notemill.cli.shared import in_project

BY = click.option("--by", metavar="PERSON", help="Who deploys (default: as git calls you).")
REASON = click.option("--reason", metavar="TEXT", help="Why, for the ledger.")
WAIT = click.option("--wait", type=click.FloatRange(0), default=0.0, metavar="SECONDS",
                    help="Wait so long for another deployment to the same target (default: 0).")


@click.command()
@click.argument("version", metavar="VERSION|champion|build:N|previous")
@click.option("--to", required=True, metavar="TARGET", help="A target of deploy/targets.yaml.")
@BY
@REASON
@WAIT
@in_project
def deploy(version: str, folder: Path, as_json: bool, **asked):
    """Deploy a version to a target; exit 4: rolled back.

    The new one is started beside the old, proved, given the traffic and watched; on any failure the old one serves.
    `previous` is what the target served before, build:14 what build 14 of Drone registered or deployed.
    """
    from notemill.commands import deploy as command

    sys.exit(command.deploy(folder, version, as_json=as_json, **asked))


@click.command()
@click.option("--again", is_flag=True, help="Start what a reboot took away; finish or undo what was cut off.")
@in_project
def deployments(folder: Path, again: bool, as_json: bool):
    """What each target serves; exit 1 where one is down."""
    from notemill.commands import deploy as command

    sys.exit(command.deployments(folder, again, as_json=as_json))


@click.command()
@click.argument("target", metavar="TARGET")
@BY
@REASON
@WAIT
@in_project
def undeploy(target: str, folder: Path, as_json: bool, **asked):
    """End all that runs of a target."""
    from notemill.commands import deploy as command

    command.undeploy(folder, target, as_json=as_json, **asked)
