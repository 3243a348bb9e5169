"""`notemill demo`: a version or a wheel, verified and unpacked, then the demo in this process's place."""

import importlib.util
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from notemill import signing
from notemill.commands.executed import executed_notebooks
from notemill.commands.serve import environment
from notemill.errors import MissingExtra
from notemill.release.packaged import is_wheel, packaged
from notemill.serve.loading import content_digest
from notemill.serve.options import CALLED

NEEDED = ("streamlit", "uvicorn", "msgspec")
PAGES = Path("demo", "pages")  # a project's own, shown with its versions


def demo(folder: Path, asked: str, options: Mapping[str, object], *, as_json: bool) -> None:
    """Does not come back."""
    if any(importlib.util.find_spec(name) is None for name in NEEDED):
        raise MissingExtra("the demo", "demo")
    package, beside = (get(one, folder) if one else None for one in (asked, options["beside"]))
    given = {**own(folder, asked, package), **{name: value for name, value in options.items() if value is not None}}
    given |= {"sha256": content_digest(package), "signed": "yes" if signing.trusts(os.environ) else "no"}
    if beside:
        given["beside"] = beside
        given["beside-sha256"] = content_digest(beside)
    words = [*(f"--{name}={value}" for name, value in given.items()), CALLED, "notemill demo"]
    sys.stdout.flush()
    os.execve(sys.executable, [sys.executable, "-P", "-m", "notemill.demo", str(package), *words,
                               *(["--json"] if as_json else [])], environment())


def get(asked: str, folder: Path) -> Path:
    """The unpacked package, verified."""
    return packaged(asked, folder, told=lambda text: click.echo(f"warning: {text}", err=True))


def own(folder: Path, asked: str, package: Path) -> dict[str, Path]:
    """What the project has to show beside its model; nothing for a wheel, which may be another's."""
    if is_wheel(asked):
        return {}
    found = {"reports": executed_notebooks(folder, package), "pages": folder / PAGES}
    return {name: path for name, path in found.items() if path is not None and path.is_dir()}
