"""`notemill predictions`: what a prediction log holds."""

import sys
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from notemill.commands.shared import print_json
from notemill.errors import NotemillError, UsageError
from notemill.serve.log.counting import count, export
from notemill.serve.log.errors import LogError
from notemill.serve.log.folder import size
from notemill.text import number, style_for, table

HEAD = ("Day", "Version", "Content", "Rows", "Requests", "With warnings", "Labels", "Wrong")
TRIES = 3  # a service that writes into the folder may replace a file while it is read


def predictions(folder: Path, since: datetime | None, output: Path | None, *, as_json: bool) -> None:
    """Counts by day and version; with `output` all rows and their marks as one Parquet file."""
    day = since.date().isoformat() if since else ""
    check_output(output)
    days = asked(folder, lambda: count(folder, day))
    written = asked(folder, lambda: export(folder, day, output)) if output else None
    if as_json:
        print_json({"folder": str(folder), "rows": sum(one["rows"] for one in days), "bytes": size(folder),
                    "days": days, "output": output and str(output), "written": written, "error": None})
        return
    click.echo(table(HEAD, list(map(line, days)), style_for(sys.stdout)) if days else
               f"{folder}: no predictions" + (f" since {day}" if day else ""))
    if output:
        click.echo(f"{number(written)} rows: {output}")


def line(entry: dict) -> Iterable[str]:
    return (entry["day"], entry["version"], (entry["content"] or "")[:12],
            *(number(entry[name]) for name in ("rows", "requests", "warned", "labels", "wrong")))


def check_output(output: Path | None) -> None:
    if output and output.suffix != ".parquet":
        raise UsageError(str(output), "is not the name of a Parquet file", "a name that ends in .parquet")
    if output and not output.absolute().parent.is_dir():
        raise UsageError(str(output.parent), "there is no such folder")


def asked(folder: Path, ask: Callable[[], Any]) -> Any:
    """What the log says; asked again where a file went while it was read."""
    for left in reversed(range(TRIES)):
        try:
            return ask()
        except LogError as error:
            raise UsageError(str(folder), str(error).removeprefix(f"{folder}: "),
                             hint="the folder that the service was given for its prediction log") from None
        except FileNotFoundError as error:
            if not left:
                raise NotemillError(str(folder), f"changes while it is read: {error}", hint="ask again") from None
    return None
