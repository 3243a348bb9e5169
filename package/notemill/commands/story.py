"""`notemill ci story`: what the sessions of noxfile.py end with on a build server."""

import os
import sys
from pathlib import Path

import click

from notemill.commands.shared import print_json
from notemill.text import printable


def story(folder: Path, after: str, failed: bool, *, as_json: bool) -> None:
    """Tell it. What keeps it from being told is said, and breaks no build."""
    from notemill.ci.story import tell

    try:
        summary = tell(folder, after, failed, os.environ, sys.stderr if as_json else sys.stdout)
    except Exception as error:
        click.echo(f"the story of this build cannot be told: {type(error).__name__}: {printable(error)}", err=True)
        return
    if as_json:
        print_json(summary)
