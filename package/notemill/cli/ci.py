"""The server as this project sees it."""

from pathlib import Path

import click

from notemill.cli.shared import Commands, in_project


@click.group("ci", cls=Commands)
def ci_group():
    """The server: connect, sign, see and start builds on Drone."""


@ci_group.command("connect")
@click.argument("url", metavar="[URL]", required=False)
@click.option("--name", metavar="OWNER/NAME",
              help="The repository; default: the git remote's, else yours, called as the project.")
@click.option("--reviews", type=click.IntRange(0, 10), metavar="N",
              help="Approving reviews that a merge needs (default: as it is; 0 at first).")
@in_project
def ci_connect(url: str | None, folder: Path, as_json: bool, **asked):
    """Make this project known to a Drone and its forge.

    URL is the address of either (default: the stack's of this machine). Repository, webhook, protection, secrets, cron,
    signature, branch protection, git remote: what is missing is made, what is there is left. Run it again at any time.
    """
    from notemill.commands import ci as command

    command.connect(folder, url, as_json=as_json, **asked)


@ci_group.command("sign")
@in_project
def ci_sign(folder: Path, as_json: bool):
    """Sign .drone.yml, in place, so that builds run it."""
    from notemill.commands import ci as command

    command.sign(folder, as_json=as_json)


@ci_group.command("status")
@in_project
def ci_status(folder: Path, as_json: bool):
    """The last builds, and what waits for whom."""
    from notemill.commands import ci as command

    command.status(folder, as_json=as_json)


@ci_group.command("retrain")
@click.option("--reason", metavar="TEXT", required=True, help="Why; it is recorded in the lineage of the run.")
@in_project
def ci_retrain(folder: Path, as_json: bool, reason: str):
    """Start a build of main that trains, with its reason."""
    from notemill.commands import ci as command

    command.retrain(folder, reason, as_json=as_json)


@ci_group.command("promote")
@click.argument("build", type=click.IntRange(min=1))
@click.argument("target")
@click.option("--reason", metavar="TEXT", help="For an approval: why, by the name of whoever Drone's token is of.")
@in_project
def ci_promote(build: int, target: str, folder: Path, as_json: bool, **asked):
    """Deploy what build BUILD stands for to TARGET, as Drone's button does.

    An earlier build is the way back. TARGET `approval` answers for a version of high risk instead.
    """
    from notemill.commands import ci as command

    command.promote(folder, build, target, as_json=as_json, **asked)


@ci_group.command("credential", hidden=True)
@click.argument("operation", metavar="get|store|erase")
def ci_credential(operation: str):
    """Git asks this for the login of the stack's own forge."""
    from notemill.commands import ci as command

    command.credential(operation)


@ci_group.command("story", hidden=True)
@click.option("--after", metavar="SESSION", default="", help="The session of noxfile.py that has just ended.")
@click.option("--failed", is_flag=True, help="It failed.")
@in_project
def ci_story(folder: Path, as_json: bool, after: str, failed: bool):
    """What this build did: the end of a session's log on the server."""
    from notemill.commands import story as command

    command.story(folder, after, failed, as_json=as_json)
