"""Versions: judged, registered, promoted, written down."""

import sys
from pathlib import Path

import click

from notemill.cli.shared import BY, in_project


@click.command()
@click.argument("run_name", metavar="[RUN]", required=False)
@click.option("--rerun", is_flag=True, help="Run every step again, too: does it give the same content?")
@in_project
def gate(run_name: str | None, rerun: bool, folder: Path, as_json: bool):
    """Judge a run's model; exit 3 if it is refused."""
    from notemill.commands import gate as command

    sys.exit(command.gate(folder, run_name, rerun=rerun, as_json=as_json))


@click.command()
@click.argument("run_name", metavar="[RUN]", required=False)
@in_project
def register(run_name: str | None, folder: Path, as_json: bool):
    """Judge a run's model and register it; exit 3 if it is refused."""
    from notemill.commands import register as command

    sys.exit(command.register(folder, run_name, as_json=as_json))


@click.command()
@in_project
def versions(folder: Path, as_json: bool):
    """The registered versions, newest first."""
    from notemill.commands import register as command

    command.versions(folder, as_json=as_json)


@click.command()
@click.argument("version", metavar="[VERSION]", required=False)
@click.option("--check", is_flag=True, help="Is it true? Exit 1 and the differences, if not; with --output, of FILE.")
@click.option("--output", type=click.Path(path_type=Path), metavar="FILE", help="Write it to FILE.md or FILE.html.")
@in_project
def card(version: str | None, check: bool, output: Path | None, folder: Path, as_json: bool):
    """Print a registered version's model card.

    VERSION is a number or an alias: the newest challenger unless told otherwise.
    """
    from notemill.commands import card as command

    sys.exit(command.show(folder, version, check, output, as_json=as_json))


@click.command()
@click.argument("version", metavar="[VERSION]", required=False)
@BY
@click.option("--reason", metavar="TEXT", help="Why, for the ledger.")
@in_project
def promote(version: str | None, by: str | None, reason: str | None, folder: Path, as_json: bool):
    """Make a registered version the champion.

    VERSION is a number or an alias: the challenger unless told otherwise. With `risk: high` somebody else than the
    commit's author has to approve it first.
    """
    from notemill.commands import registry as command

    command.promote(folder, version, by, reason, as_json=as_json)


@click.command()
@BY
@click.option("--reason", metavar="TEXT", help="Why, for the ledger.")
@click.option("--retire", is_flag=True, help="Back to no champion at all; needs --reason.")
@in_project
def rollback(by: str | None, reason: str | None, retire: bool, folder: Path, as_json: bool):
    """Make the champion before the champion again."""
    from notemill.commands import registry as command

    command.rollback(folder, by, reason, retire, as_json=as_json)


@click.command()
@click.argument("version", metavar="VERSION")
@click.option("--by", metavar="PERSON", required=True, help="Who approves: a name, an address, or both.")
@click.option("--reason", metavar="TEXT", required=True, help="Why it may go into production.")
@in_project
def approve(version: str, by: str, reason: str, folder: Path, as_json: bool):
    """Say that a version may go into production.

    Not by the author of its commit. The approval is for exactly this content.
    """
    from notemill.commands import registry as command

    command.approve(folder, version, by, reason, as_json=as_json)


@click.command()
@in_project
def ledger(folder: Path, as_json: bool):
    """Every promotion, rollback and approval; exit 1 if damaged."""
    from notemill.commands import registry as command

    sys.exit(command.ledger(folder, as_json=as_json))


@click.command()
@click.argument("what", type=click.Choice(["check"]))
@click.option("--fix", is_flag=True, help="Mend what can be mended without losing anything; say what was done.")
@in_project
def registry(what: str, fix: bool, folder: Path, as_json: bool):
    """Does MLflow say what the ledger says? Exit 1: no.

    Is the ledger whole, do MLflow's aliases and tags say the same, are the files of all promoted versions there?
    """
    from notemill.commands import registry as command

    sys.exit(command.registry_check(folder, fix, as_json=as_json))
