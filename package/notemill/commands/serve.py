"""`notemill serve`: a version or a wheel, verified and unpacked, then the scoring service in this process's place."""

import importlib.util
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from notemill import signing
from notemill.errors import MissingExtra, UsageError
from notemill.release.packaged import packaged
from notemill.serve.loading import content_digest


def serve(folder: Path, asked: str | None, options: Mapping[str, object], *, as_json: bool) -> None:
    """Does not come back: the service needs nothing of what was imported to find the model."""
    if any(importlib.util.find_spec(name) is None for name in ("msgspec", "uvicorn")):
        raise MissingExtra("the scoring service", "serve")
    words = [word for name, value in options.items() if value is not None for word in (f"--{name}", str(value))]
    words += ["--called", "notemill serve", *(["--json"] if as_json else [])]
    if asked is not None:
        package = packaged(asked, folder, told=lambda text: click.echo(f"warning: {text}", err=True))
        words = [str(package), "--sha256", content_digest(package), *words]
    elif not options["new-key"]:
        raise UsageError("notemill serve", "nothing to serve is named", "VERSION, champion, or the file of a wheel",
                         "notemill serve champion")
    sys.stdout.flush()
    os.execve(sys.executable, [sys.executable, "-P", "-m", "notemill.serve", *words], environment())


def environment() -> dict[str, str]:
    """Without the keys that sign."""
    return {name: value for name, value in os.environ.items() if name not in signing.KEPT_BACK}
