"""`notemill card`: the model card of a registered version, and whether it is true."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import click

from notemill import card, lineage
from notemill.commands.shared import print_json
from notemill.commands.target import check_target
from notemill.errors import UsageError
from notemill.files import sha256_file, write_atomic
from notemill.project import Project, open_project
from notemill.registry import Records, fetch, find_version, in_mlflow, open_records, registry, shown_file
from notemill.release.described import described_as, facts_again, human_text
from notemill.report.numbered import numbered
from notemill.text import printable

SUFFIXES = {".md": "card.md", ".markdown": "card.md", ".html": "card.html", ".htm": "card.html"}
CHECKED = ("card.json", "human.md", "schema.json", "verdict.json", "provenance.json", "card.md", "card.html")


def show(folder: Path, asked: str | None, check: bool, output: Path | None, *, as_json: bool) -> int:
    """Print or write the card; with `check`, compare it and the file `output`. The exit code."""
    name = kind_of(output)
    project = open_project(folder)
    if output and not check:
        check_target(project, output, tuple(SUFFIXES))
    records = open_records(project)
    manifest = find_manifest(project, asked, records)
    if name not in manifest["files"]:
        raise UsageError(f"version {manifest['version']}", f"has no {name}: it was registered by an earlier notemill",
                         "its card as Markdown")
    if check:
        return tell_check(project, records, manifest, output, as_json)
    text = numbered(records.read(manifest["files"][name]), manifest["version"])
    if output:
        write_atomic(output, text)
    tell_card(manifest, text.decode(), output, records, as_json)
    return 0


def kind_of(output: Path | None) -> str:
    """Which of the version's files is asked for."""
    if output is None:
        return "card.md"
    if output.suffix.lower() not in SUFFIXES:
        raise UsageError(str(output), "does not say what the card is to be", "a name that ends in .md or .html")
    return SUFFIXES[output.suffix.lower()]


def find_manifest(project: Project, asked: str | None, records: Records) -> dict:
    uri = lineage.tracking_uri(project.root, project.environ)
    with registry(uri) as client:
        version = find_version(client, project.pipeline.name, asked, uri, records)
        return fetch(client, project.pipeline.name, version.version, records)


def tell_card(manifest: Mapping, text: str, output: Path | None, records: Records, as_json: bool) -> None:
    if as_json:
        kept = manifest["files"].get("card.json")
        print_json({"version": manifest["version"], "name": manifest["name"], "content": manifest["content"],
                    "facts": json.loads(records.read(kept)) if kept else None,
                    "card": None if output else text, "output": output and str(output), "error": None})
    elif output:
        click.echo(f"{output}: the card of {manifest['name']} version {manifest['version']}")
    else:
        click.echo(text, nl=False)


# is it true?
def tell_check(project: Project, records: Records, manifest: Mapping, output: Path | None, as_json: bool) -> int:
    differences, notes = findings(project, records, manifest, output)
    if as_json:
        print_json({"version": manifest["version"], "name": manifest["name"], "content": manifest["content"],
                    "differences": differences, "notes": notes, "error": None})
        return int(bool(differences))
    for line in differences:
        click.echo(printable(line))
    for line in notes:
        click.echo(f"to know: {printable(line)}")
    what = str(output) if output else "the card"
    if not differences:
        click.echo(f"{what} says what is recorded of {manifest['name']} version {manifest['version']}")
    return int(bool(differences))


def findings(project: Project, records: Records, manifest: Mapping, output: Path | None) -> tuple[list, list]:
    """(differences, notes)."""
    if "card.json" not in manifest["files"]:
        return ["the version was registered by an earlier notemill, which kept no facts of its card"], []
    read = {name: records.read(manifest["files"][name]) for name in CHECKED if name in manifest["files"]}
    facts = json.loads(read["card.json"])
    differences = card.compare_version(facts, manifest, read) or of_run(project, records, manifest, facts, read)
    path = project.pipeline.contract
    untrue, notes = card.today_notes(
        facts, read["human.md"].decode(), risk=project.pipeline.risk, config=project.pipeline.gate or {},
        words=human_text(project), contract=sha256_file(path) if path and path.is_file() else None,
        today=datetime.now(UTC).date())
    differences += shown_differences(project, records, manifest, read)
    if output:
        differences += file_differences(output, numbered(read[kind_of(output)], manifest["version"]).decode())
    return differences + untrue, notes


def of_run(project: Project, records: Records, manifest: Mapping, facts: Mapping,
           read: Mapping[str, bytes]) -> list[str]:
    """Of the run's record, where it is still here."""
    anew = facts_again(project, records, manifest, json.loads(read["verdict.json"]))
    return card.compare_run(facts, anew) if anew else []


def shown_differences(project: Project, records: Records, manifest: Mapping, read: Mapping[str, bytes]) -> list[str]:
    """Of what people see in MLflow, where files can be changed that no digest guards."""
    found = []
    with registry(lineage.tracking_uri(project.root, project.environ)) as client:
        for name in ("card.md", "card.html"):
            shown = shown_file(client, manifest, name)
            if name in read and shown != read[name]:
                what = "missing" if shown is None else "another one than the version has"
                found.append(f"{name} in MLflow is {what}")
        version = in_mlflow(client, manifest["name"], manifest["version"])
        words = version and described_as(records, client, manifest, version)
        if words and version.description != words:
            found.append("the description in MLflow is another one than the version has: notemill registry check --fix")
    return found


def file_differences(output: Path, expected: str) -> list[str]:
    """Of a file that somebody keeps, and may have written in."""
    try:
        return card.compare_text(expected, output.read_text(encoding="utf-8"), output.name)
    except (FileNotFoundError, UnicodeDecodeError, IsADirectoryError):
        raise UsageError(str(output), "is no card that can be read",
                         hint="notemill card VERSION --output FILE") from None
