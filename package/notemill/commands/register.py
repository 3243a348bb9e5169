"""`notemill register`, `versions`, `package` and `export`."""

import json
from collections.abc import Mapping
from pathlib import Path

import click

from notemill import card, code, lineage, wheel
from notemill.files import sha256_file
from notemill.project import open_project
from notemill.registry import fetch, find_version, open_records, registry
from notemill.registry import versions as list_versions
from notemill.release import build
from notemill.release import register as register_model


def register(folder: Path, run: str | None, *, as_json: bool) -> int:
    """Judge a run's model, and register it if it passed; exit 3 where it did not."""
    project = open_project(folder)
    verdict, manifest, number = register_model(project, project.find_run(run), open_records(project.root))
    if manifest is None:
        from notemill.commands.gate import page_of, show

        show(verdict, as_json=as_json, page=page_of(project, verdict))
        return 3
    say_registered(manifest, number, as_json)
    return 0


def say_registered(manifest: Mapping, number: int, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"version": number, "verdict": manifest["verdict"], "name": manifest["name"],
                               "content": manifest["content"], "run": manifest["run"], "error": None}))
    else:
        click.echo(f"{manifest['name']} version {number} is the challenger: {manifest['metric']} "
                   f"{card.number(manifest['figure'])}, verdict {manifest['verdict']}\n  notemill package")


def versions(folder: Path, *, as_json: bool) -> None:
    """All registered versions, newest first."""
    project = open_project(folder)
    uri = lineage.tracking_uri(project.root, project.environ)
    with registry(uri) as client:
        found = list_versions(client, project.pipeline.name)
    if as_json:
        click.echo(json.dumps({"name": project.pipeline.name, "versions": [one.as_json() for one in found],
                               "error": None}))
        return
    for one in found:
        marks = f"  ({', '.join(one.aliases)})" if one.aliases else ""
        click.echo(f"{one.version:>4}  {one.created[:16].replace('T', ' ')}  {one.metric} {card.number(one.figure)}  "
                   f"run {one.run}  content {one.content[:12]}{marks}")
    if not found:
        click.echo("no version is registered yet: notemill register")


def package(folder: Path, asked: str | None, output: Path | None, *, as_json: bool) -> None:
    """Write a version's wheel."""
    project = open_project(folder)
    records = open_records(project.root)
    uri = lineage.tracking_uri(project.root, project.environ)
    with registry(uri) as client:
        version = find_version(client, project.pipeline.name, asked, uri)
        manifest = fetch(client, project.pipeline.name, version.version, records)
    path = build(manifest, records, output or project.root / "dist")
    digest = sha256_file(path)
    if as_json:
        click.echo(json.dumps({"wheel": str(path), "sha256": digest, "version": manifest["version"],
                               "distribution": wheel.distribution_name(manifest["name"]), "error": None}))
    else:
        click.echo(f"{path}  ({path.stat().st_size / 1e6:.2f} MB, sha256 {digest[:12]})\n  pip install {path}\n"
                   f"  python -c 'from {wheel.import_name(manifest['name'])} import predict'")


def export(folder: Path, check: bool, *, as_json: bool) -> int:
    """Write the cells tagged `export` to package/; with `check` only say what differs, exit 1."""
    project = open_project(folder)
    modules = code.differing(project)
    if modules and not check:
        code.write(project, modules)
    names = [f"package/{module.path}" for module in modules]
    if as_json:
        click.echo(json.dumps({"differing" if check else "written": names, "error": None}))
    elif check:
        click.echo("\n".join(f"{name} is not what the notebook exports: notemill export" for name in names)
                   or "package/ agrees with the notebooks")
    else:
        click.echo("\n".join(f"written: {name}" for name in names) or "package/ agrees with the notebooks")
    return int(check and bool(names))
