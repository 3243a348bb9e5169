"""`notemill promote`, `rollback`, `approve`, `registry check` and `ledger`."""

import textwrap
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import click

from notemill import lineage
from notemill.commands.shared import print_json
from notemill.errors import NotemillError
from notemill.project import Project, open_project
from notemill.registry import Finding, Ledger, Records, check, mend, open_records, registry
from notemill.registry.champion import ask
from notemill.registry.following import told_otherwise
from notemill.registry.ledger import read_entries
from notemill.release import promote as releasing
from notemill.release.described import described_as
from notemill.release.promote import Moved
from notemill.text import printable

WIDTH = 80
WORDS = {"promote": "promoted", "rollback": "rolled back to", "approve": "approved", "retire": "no champion"}


def promote(folder: Path, asked: str | None, by: str | None, reason: str | None, *, as_json: bool) -> None:
    tell(releasing.promote(open_project(folder), asked, by, reason), as_json)


def rollback(folder: Path, by: str | None, reason: str | None, retire: bool, *, as_json: bool) -> None:
    tell(releasing.rollback(open_project(folder), by, reason, retire=retire), as_json)


def approve(folder: Path, asked: str, by: str, reason: str, *, as_json: bool) -> None:
    moved = releasing.approve(open_project(folder), asked, by, reason)
    tell(moved, as_json, None if moved.entry else f"{by} has approved it already: nothing is written")


def tell(moved: Moved, as_json: bool, otherwise: str | None = None) -> None:
    """What was done, and what to know about it."""
    for warning in moved.warnings:
        click.echo(f"warning: {printable(warning)}", err=True)
    if as_json:
        print_json({**moved_json(moved), "error": None})
    else:
        click.echo(said(moved.entry) if moved.entry else otherwise or already(moved.ledger))


def moved_json(moved: Moved) -> dict:
    champion = moved.ledger.champion
    return {"name": moved.ledger.name, "champion": champion and {key: champion[key] for key in ("version", "content")},
            "entry": moved.entry, "warnings": list(moved.warnings)}


def already(ledger: Ledger) -> str:
    return f"{ledger.name} version {ledger.champion['version']} is the champion already: nothing is written"


def said(entry: Mapping) -> str:
    """One move, to who made it."""
    version, before = f"{entry['name']} version {entry['version']}", entry["from"]
    if entry["move"] == "approve":
        return f"{version} is approved by {entry['by']}: entry {entry['number']} of the ledger"
    if entry["move"] == "retire":
        number = entry["number"]
        return f"{entry['name']} has no champion any more: entry {number} of the ledger; it was version {before}"
    after = f"after version {before}" if before else "the first one"
    return f"{version} is the champion: entry {entry['number']} of the ledger, {after}\n  notemill package champion"


def ledger(folder: Path, *, as_json: bool) -> int:
    """All entries; exit 1 where the ledger is not whole."""
    project = open_project(folder)
    records = open_records(project)
    found, problem = read_entries(records, project.pipeline.name)
    problem = problem or cut_off(project, found, records)
    if as_json:
        print_json({"name": project.pipeline.name, "entries": list(found.entries), "whole": problem is None,
                    "error": problem and problem.as_json()})
    else:
        lines = "\n".join(table(found, None if problem else found.champion))
        if lines or not problem:
            click.echo(lines or "there is no entry yet: notemill promote")
    if problem:
        click.echo(str(problem), err=True)
    return int(problem is not None)


def cut_off(project: Project, ledger: Ledger, records: Records) -> NotemillError | None:
    """How the ledger differs from what MLflow has seen of it; where that cannot be asked, a warning."""
    try:
        seen = ask(lineage.tracking_uri(project.root, project.environ), ledger.name)
    except NotemillError as error:
        click.echo(f"warning: not held against MLflow: {printable(f'{error.where}: {error.got}')}", err=True)
        return None
    problem = told_otherwise(ledger, seen.tag)
    return problem and NotemillError(f"the ledger of '{ledger.name}' in {records.place_.shown()}", *problem)


def table(ledger: Ledger, champion: Mapping | None) -> Iterator[str]:
    """A line for each entry, with who and why below it; no wider than a terminal."""
    for entry in ledger.entries:
        version = "" if entry["version"] is None else f" version {entry['version']}"
        mark = "  (champion)" if entry is champion else ""
        at = printable(entry["at"])[:16].replace("T", " ")
        yield f"{entry['number']:>4}  {at}  {WORDS[entry['move']]}{version}{mark}"
        for text in (f"by {entry['by']}" + (f": {entry['reason']}" if entry["reason"] else ""), *entry["notes"]):
            yield from textwrap.wrap(printable(text), WIDTH, initial_indent=" " * 6, subsequent_indent=" " * 8)


def registry_check(folder: Path, fix: bool, *, as_json: bool) -> int:
    """What differs between ledger, records and MLflow; with `fix` mend it first. Exit 1 where something is left."""
    project = open_project(folder)
    name, records = project.pipeline.name, open_records(project)
    with registry(lineage.tracking_uri(project.root, project.environ)) as client:
        found, done = checked(client, name, records, fix)
    if as_json:
        print_json({"name": name, "findings": [one.as_json() for one in found], "fixed": done, "error": None})
    else:
        click.echo("\n".join(report(project, found, done)))
    return int(bool(found))


def checked(client, name: str, records: Records, fix: bool) -> tuple[list[Finding], list[str]]:
    """(what differs, what was mended)."""
    words = partial(described_as, records)
    ledger, found = check(client, name, records, words)
    if not fix or not found or ledger is None:
        return found, []
    try:
        done = mend(client, name, records, words)
    except NotemillError as error:
        return [*check(client, name, records, words)[1], Finding(error.where, error.got, error.hint or "")], []
    return check(client, name, records, words)[1], done


def report(project: Project, found: list[Finding], done: list[str]) -> Iterator[str]:
    for text in done:
        yield f"mended: {printable(text)}"
    for one in found:
        yield f"{printable(one.what)}: {printable(one.got)}"
        yield f"  {printable(one.remedy)}"
    if not found:
        yield f"{project.pipeline.name}: ledger, records and MLflow agree"
