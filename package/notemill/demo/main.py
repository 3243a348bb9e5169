"""`python -m notemill.demo FOLDER|PACKAGE`: check the package, load it, then listen; the model in a browser."""

import argparse
import contextlib
import importlib.util
import json
import os
import re
import socket
import sys
from functools import partial
from pathlib import Path

from notemill.serve.loading import Loaded, load
from notemill.serve.options import CALLED, Parser, Unusable, called, whole
from notemill.serve.starting import INTERRUPTED, bound, exit_code, url_of

PROG = "python -m notemill.demo"


def origin(text: str) -> str:
    """As browsers write it: without the port that everybody has."""
    found = re.fullmatch(r"(https?)://[^/\s]+", text.lower())
    if not found:
        raise argparse.ArgumentTypeError(f"'{text}': write it as https://shop.example, without a path")
    return found[0].removesuffix({"https": ":443", "http": ":80"}[found[1]])


OPTIONS: dict[str, dict] = {
    "--host": {"default": "127.0.0.1", "help": "The address to listen on (127.0.0.1). There is no login."},
    "--port": {"type": whole(0, 65535), "default": 8501, "help": "The port (8501); 0: any that is free."},
    "--base-path": {"default": "", "metavar": "PATH", "help": "Where a proxy has it, as /demo."},
    "--origin": {"type": origin, "metavar": "URL", "help": "How browsers see it behind a proxy, as "
                 "https://shop.example: pages of any other address cannot connect to it."},
    "--service": {"default": "http://127.0.0.1:8000", "metavar": "URL",
                  "help": "The scoring service's address, for the call that the demo shows."},
    "--log": {"type": Path, "metavar": "FOLDER", "help": "Keep a prediction log there."},
    "--reports": {"type": Path, "metavar": "FOLDER", "help": "Executed notebooks (.html) to show."},
    "--pages": {"type": Path, "metavar": "FOLDER", "help": "Pages of the project's own (.py)."},
    "--sha256": {"metavar": "DIGEST", "help": "The content that the folder must have; default: as its wheel's RECORD."},
    "--beside": {"metavar": "FOLDER", "help": "Another version, to compare on the same row."},
    "--beside-sha256": {"metavar": "DIGEST", "help": "The content that this one must have; default: as its RECORD."},
    "--signed": {"choices": ("yes", "no"), "default": "no",
                 "help": "Whether who starts it has verified the signature (no)."},
    "--json": {"action": "store_true", "dest": "as_json", "help": "One JSON object on standard output when ready."},
    CALLED: {"help": argparse.SUPPRESS}}


def parser(prog: str = PROG) -> Parser:
    found = Parser(prog=prog, description="Try a model package in a browser.", allow_abbrev=False)
    found.add_argument("package", metavar="FOLDER|PACKAGE", help="The package's folder, or its import name.")
    for name, facts in OPTIONS.items():
        found.add_argument(name, **facts)
    return found


def main(words: list[str] | None = None) -> int:
    """Exit code: as `exit_code` says."""
    words = sys.argv[1:] if words is None else words
    return exit_code(lambda: start(parser(called(words, PROG)).parse_args(words)), PROG, as_json="--json" in words)


def start(asked: argparse.Namespace) -> int:
    check(asked)
    out = sys.stdout  # for one line alone: what the model prints goes to standard error
    with bound(asked.host, asked.port) as listening, contextlib.redirect_stdout(sys.stderr):
        loaded = load(asked.package, asked.sha256)
        os.environ["STREAMLIT_BROWSER_GATHER_USAGE_STATS"] = "false"
        from notemill.demo import preparing, server

        with preparing.demo(asked, loaded) as demo:
            ready = partial(print, say(asked, loaded, listening), file=out, flush=True)
            interrupted = server.run(demo, listening, ready)
    return INTERRUPTED if interrupted else 0


def check(asked: argparse.Namespace) -> None:
    """Raises Unusable."""
    if any(importlib.util.find_spec(name) is None for name in ("streamlit", "uvicorn")):
        raise Unusable("the demo needs Streamlit and uvicorn: pip install 'notemill[demo]'")
    for name in ("reports", "pages"):
        folder = getattr(asked, name)
        if folder is not None and not folder.is_dir():
            raise Unusable(f"--{name} {folder}: there is no such folder")


def say(asked: argparse.Namespace, loaded: Loaded, listening: socket.socket) -> str:
    """That it runs, and where."""
    url = f"{url_of(listening)}{base_of(asked.base_path)}/"
    if asked.as_json:
        return json.dumps({"url": url, "name": loaded.name, "version": loaded.version, "digest": loaded.digest,
                           "error": None})
    return f"{loaded.name} {loaded.version} can be tried at {url}"


def base_of(path: str) -> str:
    """/demo; empty for the root."""
    inner = path.strip("/")
    return f"/{inner}" if inner else ""
