"""`notemill export`, in its two forms, and `verify`."""

import os
from pathlib import Path

import click

from notemill import code, signing
from notemill.commands.shared import print_json
from notemill.commands.target import ARCHIVE, check_target
from notemill.errors import NotemillError, UsageError
from notemill.project import open_project
from notemill.registry import open_records
from notemill.release import export as write_archive
from notemill.release import find_trusted
from notemill.release import verify as verify_file


def export(folder: Path, version: str | None, file: Path | None, check: bool, *, as_json: bool) -> int:
    """With VERSION and FILE an archive, without both the cells tagged `export`."""
    if version is None:
        return cells(folder, check, as_json=as_json)
    if file is None:
        raise UsageError("notemill export", f"'{version}' alone", "VERSION FILE, or neither",
                         f"notemill export {version} {version}.zip writes everything of a version in one archive")
    if check:
        raise UsageError("notemill export", "--check with a version", "it is about package/ and the notebooks",
                         f"notemill verify {file} verifies an archive")
    return archive(folder, version, file, as_json=as_json)


def cells(folder: Path, check: bool, *, as_json: bool) -> int:
    """Write the cells tagged `export` to package/; with `check` only say what differs, exit 1."""
    project = open_project(folder)
    modules = code.differing(project)
    if modules and not check:
        code.write(project, modules)
    names = [f"package/{module.path}" for module in modules]
    if as_json:
        print_json({"differing" if check else "written": names, "error": None})
    elif check:
        click.echo("\n".join(f"{name} is not what the notebook exports: notemill export" for name in names)
                   or "package/ agrees with the notebooks")
    else:
        click.echo("\n".join(f"written: {name}" for name in names) or "package/ agrees with the notebooks")
    return int(check and bool(names))


def archive(folder: Path, asked: str, file: Path, *, as_json: bool) -> int:
    """Write everything of a version into one archive."""
    project = open_project(folder)
    if not file.is_dir():
        check_target(project, file, ARCHIVE)
    signing.ready(project.environ)
    records = open_records(project)
    manifest = find_trusted(project, asked, records)
    file = file / f"{manifest['name']}-{manifest['version']}.zip" if file.is_dir() else file
    check_target(project, file, ARCHIVE)
    told = write_archive(project, records, manifest, file)
    if as_json:
        print_json({**told, "error": None})
        return 0
    click.echo(f"{file}: version {told['version']}, {told['files']} files, {file.stat().st_size / 1e6:.2f} MB, "
               f"{'signed' if told['signed'] else 'not signed'}, sha256 {told['sha256']}")
    for line in told["absent"]:
        click.echo(f"  not in it: {line}")
    return 0


def verify(file: Path, *, as_json: bool) -> int:
    """Whether a wheel or an archive is whole and, where a key is trusted, signed by its owner; exit 1 where not."""
    found = verify_file(file, os.environ)
    if as_json:
        print_json({"file": str(file), "whole": found.whole, "signed": found.signed, "wrong": found.wrong,
                    "error": as_error(file, found.wrong)})
    else:
        tell(file, found)
    return int(bool(found.wrong))


def as_error(file: Path, wrong: list[str]) -> dict | None:
    return NotemillError(str(file), wrong[0], hint=f"and {len(wrong) - 1} more" if wrong[1:] else None
                         ).as_json() if wrong else None


def tell(file: Path, found) -> None:
    for words in found.wrong:
        click.echo(f"{file}: {words}", err=True)
    if found.wrong:
        return
    owner = f"signed with the private key of {os.environ[signing.TRUSTED]}" if found.signed else \
        f"who wrote it was not asked: {signing.TRUSTED} names no key"
    click.echo(f"{file}: whole; {owner}")
