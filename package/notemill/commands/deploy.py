"""`notemill deploy`, `deployments`, `undeploy`."""

from collections.abc import Iterator
from pathlib import Path

import click

from notemill.commands.shared import print_json
from notemill.project import open_project
from notemill.registry.deployed import ROLLED_BACK
from notemill.release import deploy as deploying
from notemill.release.deploy import Outcome, Shown, for_build
from notemill.text import printable

ROLLED_BACK_CODE = 4


def deploy(folder: Path, asked: str, to: str, by: str | None, reason: str | None, wait: float, *,
           as_json: bool) -> int:
    """Exit 4: it failed and was rolled back."""
    project = open_project(folder)
    with for_build.kept_failure(project, to):
        outcome = deploying.deploy(project, asked, to, by or for_build.who(project.environ),
                                   reason or for_build.why(project.environ), wait=wait, told=warn)
    for_build.keep(project, outcome)
    tell(outcome, as_json)
    return ROLLED_BACK_CODE if outcome.status == ROLLED_BACK else 0


def undeploy(folder: Path, target: str, by: str | None, reason: str | None, wait: float, *, as_json: bool) -> None:
    tell(deploying.undeploy(open_project(folder), target, by, reason, wait=wait, told=warn), as_json)


def warn(words: str) -> None:
    click.echo(f"warning: {printable(words)}", err=True)


def tell(outcome: Outcome, as_json: bool) -> None:
    if as_json:
        print_json({**outcome.as_json(), "error": None})
    else:
        click.echo("\n".join(map(printable, said(outcome))), err=outcome.status == ROLLED_BACK)


def said(outcome: Outcome) -> Iterator[str]:
    """To who deployed it."""
    if outcome.status == ROLLED_BACK:
        still = f"version {outcome.before} serves as before" if outcome.before else "nothing serves there, as before"
        if outcome.problem:
            still = f"what serves is not known ({outcome.problem}); notemill deployments --again decides"
        yield f"{outcome.target}: version {outcome.version} was not taken; {still}"
        yield f"  {outcome.reason}"
    elif outcome.status == "serving":
        after = f", after version {outcome.before}" if outcome.before else ""
        yield f"{outcome.target}: version {outcome.version} serves{after}: deployment {outcome.deployment}"
        yield from (f"  {url}" for url in (outcome.address, outcome.demo) if url)
    else:
        yield f"{outcome.target}: serves nothing any more; it was version {outcome.version}"


def deployments(folder: Path, again: bool, *, as_json: bool) -> int:
    """Exit 1 where something should serve and does not."""
    found = deploying.deployments(open_project(folder), again=again, told=warn)
    if as_json:
        print_json({"targets": [one.as_json() for one in found], "error": None})
    else:
        click.echo("\n".join(printable(line) for one in found for line in lines(one)))
    return int(any(one.status in ("down", "broken") for one in found))


def lines(one: Shown) -> Iterator[str]:
    """A target, and below it what to know."""
    version = f" version {one.version}" if one.version else ""
    yield f"{one.target}: {one.status}{version}" + ("  (production)" if one.production else "")
    for words in (one.address, one.demo, one.since and f"since {one.since}, deployment {one.deployment}", one.reason):
        if words:
            yield f"  {words}"
