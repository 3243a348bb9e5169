"""What leaves the project: model packages, archives, images.

Each command here goes by a registered version, and what it writes can be verified without this project.
"""

import sys
from pathlib import Path

import click

from notemill.cli.shared import JSON, in_project, told


@click.command()
@click.argument("version", metavar="[VERSION]", required=False)
@click.option("--output", type=click.Path(path_type=Path), metavar="DIR", help="Where to (default: dist/).")
@in_project
def package(version: str | None, output: Path | None, folder: Path, as_json: bool):
    """Write a registered version as a wheel.

    Anybody can pip install it. VERSION is a number or an alias: the newest challenger unless told otherwise.
    """
    from notemill.commands import register as command

    command.package(folder, version, output, as_json=as_json)


@click.command()
@click.argument("version", metavar="[VERSION", required=False)
@click.argument("file", metavar="FILE]", required=False, type=click.Path(path_type=Path))
@click.option("--check", is_flag=True, help="Write nothing; exit 1 where package/ and the notebooks differ.")
@in_project
def export(version: str | None, file: Path | None, check: bool, folder: Path, as_json: bool):
    """Write a version as an archive, or exported cells as modules.

    With VERSION (a number or an alias) and FILE: everything of that version in one zip archive that can be verified
    offline. Without them: the cells tagged `export` go to package/, a module for each notebook.
    """
    from notemill.commands import export as command

    sys.exit(command.export(folder, version, file, check, as_json=as_json))


@click.command()
@click.argument("file", type=click.Path(path_type=Path), metavar="WHEEL|ARCHIVE")
@JSON
@told
def verify(file: Path, as_json: bool):
    """Is this wheel or archive whole, and signed? Exit 1: no.

    Whose signature it has to be, NOTEMILL_TRUSTED_KEY says: the file of a public key.
    """
    from notemill.commands import export as command

    sys.exit(command.verify(file, as_json=as_json))


@click.command()
@click.argument("version", metavar="VERSION|champion|build:N|WHEEL")
@click.option("--push", "repository", metavar="REGISTRY/NAME", help="Send it there, tagged with commit and version.")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="One more tag there, as a build's commit.")
@click.option("--demo/--no-demo", default=True, help="With the demo (default), or the scoring service alone.")
@click.option("--base", metavar="IMAGE", help="What it stands on; default: as the Dockerfile says.")
@in_project
def image(version: str, repository: str | None, tags: tuple[str, ...], demo: bool, base: str | None, folder: Path,
          as_json: bool):
    """Build a container image of service and demo, and ask it.

    VERSION is a number, an alias or a build of Drone; WHEEL a model package's file. The image is run as it will be,
    read-only and without a network, and has to give the golden answers: only then it gets a name, and may be pushed.
    """
    from notemill.commands import image as command

    command.image(folder, version, repository, demo, base, tags, as_json=as_json)
