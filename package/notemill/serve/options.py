"""The command's options, each with its help and its default in one place."""

import argparse
from collections.abc import Callable
from pathlib import Path

from notemill.serve.limits import Limits

INHERITED = "--inherited"  # how a supervisor hands over: file descriptor, number, folder of counters
CALLED = "--called"  # the command that people know, where another one starts this
LIMITS = Limits()


def whole(least: int, most: int) -> Callable[[str], int]:
    """A type of argument: a whole number."""
    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
            raise argparse.ArgumentTypeError(f"'{text}' is no whole number from {least} to {most}")
        return int(text)
    return read


def seconds(least: float) -> Callable[[str], float]:
    """A type of argument: seconds, at most a day."""
    def read(text: str) -> float:
        try:
            found = float(text)
        except ValueError:
            found = -1
        if not least <= found <= 86400:
            raise argparse.ArgumentTypeError(f"'{text}' is no number of seconds from {least:g} to 86400")
        return found
    return read


OPTIONS: dict[str, dict] = {
    "--host": {"default": "127.0.0.1", "help": "The address to listen on (127.0.0.1); others need --keys."},
    "--port": {"type": whole(0, 65535), "default": 8000, "help": "The port (8000); 0: any that is free."},
    "--workers": {"type": whole(1, 512), "default": 1, "metavar": "N", "help": "Processes that share the port (1)."},
    "--keys": {"type": Path, "metavar": "FILE", "help": "Only requests with one of these keys are answered."},
    "--new-key": {"metavar": "NAME", "help": "Make a key, add its hash to --keys FILE, show it, and end."},
    "--log": {"type": Path, "metavar": "FOLDER", "help": "Keep a prediction log there."},
    "--log-days": {"type": whole(1, 36500), "default": 30, "metavar": "N", "help": "Keep it for N days (30)."},
    "--log-mb": {"type": whole(1, 10**9), "default": 1024, "metavar": "MB",
                 "help": "What it may hold (1024): then requests are refused."},
    "--max-body": {"type": whole(1, 2**40), "default": LIMITS.body, "metavar": "BYTES",
                   "help": f"Of a request's body ({LIMITS.body})."},
    "--max-rows": {"type": whole(1, 10**9), "default": LIMITS.rows, "metavar": "N",
                   "help": f"Rows in one request ({LIMITS.rows})."},
    "--max-requests": {"type": whole(1, 10**6), "default": LIMITS.at_once, "metavar": "N",
                       "help": f"Requests at once in one worker ({LIMITS.at_once}); more are told to come again."},
    "--seconds": {"type": seconds(0.01), "default": LIMITS.seconds, "metavar": "S",
                  "help": f"That a request may take ({LIMITS.seconds:g})."},
    "--drain": {"type": seconds(0), "default": 0.0, "metavar": "S",
                "help": "Told to end, say so in /v2/health/ready for S seconds first (0)."},
    "--sha256": {"metavar": "DIGEST", "help": "The content that the folder must have; default: as its wheel's RECORD."},
    "--json": {"action": "store_true", "dest": "as_json", "help": "One JSON object on standard output when ready."},
    CALLED: {"help": argparse.SUPPRESS},
    INHERITED: {"nargs": 3, "help": argparse.SUPPRESS}}


class Unusable(Exception):
    """Wrong usage: nothing was started."""


class Parser(argparse.ArgumentParser):
    """Leaves it to the caller how a mistake is told."""

    def error(self, message: str) -> None:
        raise Unusable(f"{self.prog}: {message}\n  {self.prog} --help")


def called(words: list[str], otherwise: str = "python -m notemill.serve") -> str:
    """The command that was called: what a mistake is told of."""
    place = words.index(CALLED) + 1 if CALLED in words else len(words)
    return words[place] if place < len(words) else otherwise


def parser(prog: str) -> Parser:
    found = Parser(prog=prog, description="Serve a model package over HTTP.", allow_abbrev=False)
    found.add_argument("package", nargs="?", metavar="FOLDER|PACKAGE", help="The package's folder, or its import name.")
    for name, facts in OPTIONS.items():
        found.add_argument(name, **facts)
    return found
