"""A service of a model package, for as long as the load lasts: on a free port, with a prediction log that is not kept.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from notemill.errors import MissingExtra, NotemillError

READY = 180  # seconds
END = 20  # seconds between being told to end, and being ended


@contextmanager
def served(package: Path, sha256: str, environ: Mapping[str, str]) -> Iterator[tuple[str, float]]:
    """(its address, the seconds until it was ready) of a service of this package, which has this content. Raises
    NotemillError."""
    if not (find_spec("uvicorn") and find_spec("msgspec")):
        raise MissingExtra("scoring services", "serve")
    with tempfile.TemporaryDirectory(prefix="notemill-log-") as folder, tempfile.TemporaryFile("w+") as errors:
        command = [sys.executable, "-m", "notemill.serve", str(package), "--sha256", sha256, "--port", "0", "--json",
                   "--log", folder]
        began = time.perf_counter()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, text=True,
                                   env=dict(environ), start_new_session=True)
        try:
            url = first_words(process, errors)
            yield url, time.perf_counter() - began
        finally:
            end(process)


def first_words(process: subprocess.Popen, errors) -> str:
    """The address, once it says that it is ready."""
    line = line_within(process, READY)
    told = json.loads(line) if line.startswith("{") else {}
    if told.get("url"):
        return told["url"]
    errors.seek(0)
    words = errors.read().strip() or (told.get("error") or {}).get("got") or f"nothing was heard of it in {READY} s"
    raise NotemillError("the service", f"did not start: {words}")


def line_within(process: subprocess.Popen, seconds: float) -> str:
    """Its first line; empty where none came."""
    import selectors

    with selectors.DefaultSelector() as waiting:
        waiting.register(process.stdout, selectors.EVENT_READ)
        return process.stdout.readline() if waiting.select(seconds) else ""


def end(process: subprocess.Popen) -> None:
    process.terminate()
    try:
        process.communicate(timeout=END)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
