"""Errors that a user can act on: where, what was got, what is allowed, and the remedy."""

import difflib
from collections.abc import Iterable


class NotemillError(Exception):
    """A failure that is told without a traceback; `exit_code` is the process's."""

    exit_code = 1

    def __init__(self, where: str, got: str, allowed: str | None = None, hint: str | None = None, **details: object):
        super().__init__(where, got, allowed, hint)
        self.where, self.got, self.allowed, self.hint = where, got, allowed, hint
        self.details = details

    def __str__(self) -> str:
        lines = [f"{self.where}: {self.got}", self.allowed, self.hint]
        return "\n  ".join(line for line in lines if line)

    def as_json(self) -> dict:
        """The error as it stands under "error" in `--json`."""
        return {"where": self.where, "got": self.got, "allowed": self.allowed, "hint": self.hint, **self.details}


class UsageError(NotemillError):
    """Wrong usage or configuration: nothing has run."""

    exit_code = 2


class MissingExtra(UsageError):
    """A part that is installed only where it is asked for, by an extra of the distribution."""

    def __init__(self, what: str, extra: str):
        super().__init__(what, "need what is not installed here", hint=f"pip install 'notemill[{extra}]'")


class StepError(NotemillError):
    """A step failed; `details` name step, cell, line and report."""


def did_you_mean(name: str, allowed: Iterable[str]) -> str | None:
    """A sentence with the nearest allowed name, or None where none is near."""
    near = difflib.get_close_matches(name, list(allowed), n=1)
    return f"did you mean '{near[0]}'?" if near else None
