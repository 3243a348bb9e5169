"""What commands have in common: their options, and how a failure is told."""

import errno
from collections.abc import Callable
from functools import wraps
from pathlib import Path

import click

from notemill.commands.shared import print_json
from notemill.errors import NotemillError

PROJECT = click.option("--project", "folder", type=click.Path(path_type=Path), default=Path("."), metavar="DIR",
                       help="The project's folder, if not the current one.")
JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object alone on standard output.")
BY = click.option("--by", metavar="PERSON", help="Who moves it; default: as git calls you, else your login.")

HINTS = {errno.ENOSPC: "the disk is full: make room (notemill gc removes what nothing refers to), and run again",
         errno.EDQUOT: "the quota is used up: make room (notemill gc removes what nothing refers to), and run again",
         errno.EROFS: "notemill writes to .notemill/ and reports/ in the project's folder",
         errno.EACCES: "notemill writes to .notemill/ and reports/ in the project's folder"}


class Commands(click.Group):
    """Commands in the order in which one meets them."""

    def list_commands(self, ctx):
        return list(self.commands)


def complete_step(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    from notemill.pipeline import read_pipeline

    try:
        return [name for name in read_pipeline(ctx.params.get("folder") or Path(".")).steps
                if name.startswith(incomplete)]
    except NotemillError:
        return []


def told(command: Callable) -> Callable:
    """Keep --json's promise when a command fails: the error is the one object on standard output."""
    @wraps(command)
    def wrapper(*args, as_json: bool = False, **kwargs):
        try:
            return command(*args, as_json=as_json, **kwargs)
        except (SystemExit, BrokenPipeError, click.ClickException):
            raise
        except BaseException as error:
            if as_json:
                print_json({"error": in_words(error).as_json()})
            raise
    return wrapper


def in_project(command: Callable) -> Callable:
    """What every command on a project has: --project, --json, and its failure told as --json promises."""
    return PROJECT(JSON(told(command)))


def in_words(error: BaseException) -> NotemillError:
    """Any failure as an error that can be told."""
    if isinstance(error, NotemillError):
        return error
    if isinstance(error, KeyboardInterrupt):
        return NotemillError("notemill", "interrupted")
    if isinstance(error, OSError):
        place, reason = str(error.filename or "notemill"), error.strerror or str(error)
        return NotemillError(place, reason, hint=HINTS.get(error.errno))
    return NotemillError("notemill", f"{type(error).__name__}: {error}", hint="a fault of its own: please report it")
