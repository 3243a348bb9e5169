"""`notemill ci connect`, `sign`, `status`, `retrain`, `promote`; and `credential`, which git calls."""

import os
import sys
from pathlib import Path

import click

from notemill.ci import drone
from notemill.ci.connect import (Servers, answer, builds, choose_slug, connect as connecting, drone_file, find_servers,
                                 known_servers, repository, what_next)
from notemill.commands.shared import print_json
from notemill.errors import UsageError
from notemill.project import open_project
from notemill.text import clip, duration, printable, style_for, table

WIDEST = 60


def connect(folder: Path, url: str | None, name: str | None, reviews: int | None, *, as_json: bool) -> None:
    """Each step is told as it is done."""
    project = open_project(folder)
    servers = find_servers(url, project.environ)
    top = repository.top(project.root)
    slug, done = choose_slug(servers, top, project.pipeline.name, name), []
    for said in connecting(servers, top, slug, reviews):
        done.append(said)
        if not as_json:
            click.echo(f"{'+' if said.changed else ' '} {said.step}: {printable(said.words)}")
    following = what_next(servers, top, slug)
    if as_json:
        print_json({"repository": slug, "forge": f"{servers.forge.url}/{slug}", "drone": f"{servers.drone.url}/{slug}",
                    "steps": [said.as_json() for said in done], "next": following, "error": None})
    else:
        click.echo("\n".join([f"builds: {servers.drone.url}/{slug}", "next:", *(f"  {line}" for line in following)]))


def sign(folder: Path, *, as_json: bool) -> None:
    top, servers, slug = known(folder)
    path = top / drone_file.NAME
    changed = drone_file.sign(path, lambda text: drone.sign(servers.drone, slug, text))
    if as_json:
        print_json({"file": str(path), "changed": changed, "error": None})
    else:
        click.echo(f"{path.name} is signed: commit it" if changed else f"{path.name} was signed already")


def known(folder: Path) -> tuple[Path, Servers, str]:
    """(the repository's folder, the servers, OWNER/NAME) of a project that is connected. Raises UsageError."""
    project = open_project(folder)
    top = repository.top(project.root)
    candidates = known_servers(project.environ)
    for servers in candidates:
        slug = repository.known_slug(top, servers.forge.url)
        if slug:
            return top, servers, slug
    places = " or ".join(servers.forge.url for servers in candidates)
    raise UsageError(str(top), f"no git remote is at {places}", hint="notemill ci connect")


def status(folder: Path, *, as_json: bool) -> None:
    _, servers, slug = known(folder)
    found = builds.status(servers, slug)
    if as_json:
        print_json({**found, "error": None})
        return
    click.echo(shown(found["builds"]) if found["builds"] else
               f"there is no build of {slug} yet: git push, or notemill ci connect if pushes make none")
    for one in found["waiting"]:
        click.echo(f"{one['what']} waits for {printable(one['for'])}: {printable(one['why'])}\n  {one['link']}")


def shown(found: list[dict]) -> str:
    style = style_for(sys.stdout)
    rows = [(str(one["build"]), one["event"], clip(printable(one["branch"]), WIDEST), one["status"],
             one["created"][:16].replace("T", " "), duration(one["seconds"]), clip(printable(one["reason"]), WIDEST),
             one["link"]) for one in found]
    lines = [table(("build", "event", "branch", "status", "created (UTC)", "took", "reason", "link"), rows, style)]
    lines += [f"build {one['build']}: {printable(one['error'])}" for one in found if one["error"]]
    return "\n".join(lines)


def retrain(folder: Path, reason: str, *, as_json: bool) -> None:
    reason = builds.as_reason(reason)
    _, servers, slug = known(folder)
    started = builds.retrain(servers, slug, reason)
    if as_json:
        print_json({**started, "error": None})
    else:
        click.echo(f"build {started['build']} of {started['branch']} is {started['status']}: {started['link']}")


def promote(folder: Path, build: int, target: str, reason: str | None, *, as_json: bool) -> None:
    _, servers, slug = known(folder)
    started = builds.promote(servers, slug, build, target, reason)
    if as_json:
        print_json({**started, "error": None})
    else:
        click.echo(f"build {started['build']} promotes build {build} to {printable(target)}: {started['link']}")


def credential(operation: str) -> None:
    click.echo(answer(operation, sys.stdin, os.environ), nl=False)
