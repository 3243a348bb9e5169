"""`notemill report`: the page of this project."""

from pathlib import Path

import click

from notemill.commands.shared import print_json
from notemill.commands.target import PAGE as PAGES
from notemill.commands.target import check_target
from notemill.errors import UsageError
from notemill.project import Project, open_project

PAGE, OTHER = "project.html", "the-project.html"


def report(folder: Path, output: Path | None, *, as_json: bool) -> None:
    """Gather the facts, write the page, and say where it is."""
    from notemill import overview

    project = open_project(folder)
    if output:
        check_target(project, output, PAGES)
    target = output or project.reports / page_name(project)
    try:
        facts = overview.collect(project)
    finally:
        project.save()
    try:
        overview.write(project, facts, target)
    except OSError as error:
        raise UsageError(str(target), f"cannot be written: {error.strerror}") from None
    if as_json:
        print_json({**facts, "page": str(target), "error": None})
    else:
        click.echo(str(target))


def page_name(project: Project) -> str:
    """Where no step's report stands: reports/STEP.html."""
    return OTHER if "project" in map(str.lower, project.pipeline.steps) else PAGE
