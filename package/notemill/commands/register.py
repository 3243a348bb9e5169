"""`notemill register`, `versions` and `package`."""

import json
from collections.abc import Mapping
from pathlib import Path

import click

from notemill import lineage, signing, wheel
from notemill.files import sha256_file
from notemill.project import open_project
from notemill.registry import open_records, registry
from notemill.registry import versions as list_versions
from notemill.release import build, find_trusted
from notemill.release import register as register_model
from notemill.release import warning_of
from notemill.release.promote import Moved, promote_by_itself
from notemill.text import number


def register(folder: Path, run: str | None, *, as_json: bool) -> int:
    """Judge a run's model, and register it if it passed; exit 3 where it did not."""
    project = open_project(folder)
    verdict, manifest, version = register_model(project, project.find_run(run), open_records(project))
    if manifest is None:
        from notemill.commands.gate import page_of, show

        show(verdict, as_json=as_json, page=page_of(project, verdict))
        return 3
    moved = promote_by_itself(project, manifest)
    say_registered(manifest, version, moved, as_json, warned=warned_of(verdict))
    if unsaid := warning_of(project, manifest, open_records(project)):
        click.echo(unsaid, err=True)
    return 0


def warned_of(verdict: Mapping) -> str:
    """The checks that this verdict warns of, to go behind it."""
    names = [check["check"] for check in verdict["checks"] if check["outcome"] == "warned"]
    return f" (warned of: {', '.join(names)})" if names else ""


def say_registered(manifest: Mapping, version: int, moved: Moved | None, as_json: bool, *, warned: str = "") -> None:
    champion = bool(moved and moved.ledger.champion and moved.ledger.champion["content"] == manifest["content"])
    for warning in moved.warnings if moved else ():
        click.echo(f"warning: {warning}", err=True)
    if as_json:
        click.echo(json.dumps({"version": version, "verdict": manifest["verdict"], "name": manifest["name"],
                               "content": manifest["content"], "run": manifest["run"], "champion": champion,
                               "error": None}))
    else:
        click.echo(f"{manifest['name']} version {version} is the {'champion' if champion else 'challenger'}: "
                   f"{manifest['metric']} {number(manifest['figure'])}, verdict {manifest['verdict']}{warned}\n"
                   "  notemill package")


def versions(folder: Path, *, as_json: bool) -> None:
    """All registered versions, newest first."""
    project = open_project(folder)
    uri = lineage.tracking_uri(project.root, project.environ)
    with registry(uri) as client:
        found = list_versions(client, project.pipeline.name, open_records(project))
    if as_json:
        click.echo(json.dumps({"name": project.pipeline.name, "versions": [one.as_json() for one in found],
                               "error": None}))
        return
    for one in found:
        words = [*one.aliases, *(["no longer in MLflow"] if one.gone else []),
                 *(["its tags in MLflow were changed: notemill registry check"] if one.changed else [])]
        marks = f"  ({', '.join(words)})" if words else ""
        click.echo(f"{one.version:>4}  {one.created[:16].replace('T', ' ')}  {one.metric} {number(one.figure)}  "
                   f"run {one.run}  content {one.content[:12]}{marks}")
    if not found:
        click.echo("no version is registered yet: notemill register")


def package(folder: Path, asked: str | None, output: Path | None, *, as_json: bool) -> None:
    """Write a version's wheel."""
    project = open_project(folder)
    records = open_records(project)
    signing.ready(project.environ)
    manifest = find_trusted(project, asked, records)
    path = build(manifest, records, output or project.root / "dist")
    signature, digest = signing.sign(path, project.environ), sha256_file(path)
    if as_json:
        click.echo(json.dumps({"wheel": str(path), "sha256": digest, "version": manifest["version"],
                               "signature": signature and str(signature),
                               "distribution": wheel.distribution_name(manifest["name"]), "error": None}))
    else:
        click.echo(f"{path}  ({path.stat().st_size / 1e6:.2f} MB, sha256 {digest[:12]})\n  pip install {path}\n"
                   f"  python -c 'from {wheel.import_name(manifest['name'])} import predict'"
                   + (f"\n{signature}" if signature else ""))
