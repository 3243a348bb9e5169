"""`notemill compare`: two runs, or two registered versions, side by side."""

import json
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from notemill.commands.shared import print_json
from notemill.commands.target import PAGE, check_target
from notemill.errors import UsageError
from notemill.project import Project, open_project

LEAST_WIDTH, MOST_WIDTH = 60, 120


def compare(folder: Path, left: str, right: str, output: Path | None, everything: bool, *, as_json: bool) -> None:
    """What differs between two runs, or two versions."""
    from notemill import compare as comparing

    project = open_project(folder)
    if output:
        check_target(project, output, PAGE)
    kind, names = named(project, left, right)
    result = (compare_runs if kind == "run" else compare_versions)(project, *names, everything)
    if output:
        write(result, kind, output)
        click.echo(f"report: {output}", err=as_json)
    if as_json:
        print_json({**comparing.as_json(result), "error": None})
    elif not output:
        click.echo(comparing.as_text(result, width()))


def write(result: object, kind: str, output: Path) -> None:
    from notemill import compare as comparing
    from notemill.report.page import render

    try:
        if kind == "run":
            comparing.write_html(result, output, render)
        else:
            comparing.write_versions(result, output)
    except OSError as error:
        raise UsageError(str(output), f"cannot be written: {error.strerror}") from None


def width() -> int:
    """A line's room: the terminal's; 80 where the text goes elsewhere."""
    if not sys.stdout.isatty():
        return 80
    return min(MOST_WIDTH, max(LEAST_WIDTH, shutil.get_terminal_size((80, 24)).columns))


def named(project: Project, *words: str) -> tuple[str, list[str]]:
    """("run" or "version", both names). Raises UsageError where they are not two of a kind."""
    from notemill import lineage
    from notemill.compare.naming import resolve
    from notemill.compare.registered import registered_names

    uri = lineage.tracking_uri(project.root, project.environ)
    found = [resolve(word, project.pipeline.name, project.run_names(),
                     lambda: registered_names(project, uri)) for word in words]
    kinds = {one.kind for one in found}
    if len(kinds) > 1:
        version = next(one.name for one in found if one.kind == "version")
        raise UsageError(" ".join(words), "is a run and a version: two of a kind can be compared",
                         "two runs, or two registered versions",
                         f"the run that made version {version}: notemill versions")
    return kinds.pop(), [one.name for one in found]


def compare_runs(project: Project, left: str, right: str, everything: bool) -> object:
    from notemill import compare as comparing

    return comparing.compare_runs(project.find_run(left), project.find_run(right), all=everything,
                                  environment=lambda sha256: environment_of(project, sha256))


def environment_of(project: Project, sha256: str) -> Mapping[str, str]:
    try:
        return json.loads(project.store.read_bytes(sha256))
    except KeyError:
        return {}


def compare_versions(project: Project, left: str, right: str, everything: bool) -> object:
    from notemill import compare as comparing
    from notemill import lineage
    from notemill.registry import find_version, open_records, registry

    uri = lineage.tracking_uri(project.root, project.environ)
    records = open_records(project)
    with registry(uri) as client:
        found = [find_version(client, project.pipeline.name, name, uri, records) for name in (left, right)]
        sides = [comparing.load_side(project, client, version, records) for version in found]
    return comparing.compare_versions(*sides, project.pipeline.name, all=everything)
