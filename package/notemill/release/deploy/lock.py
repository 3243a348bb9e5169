"""Of two who deploy to one target at once, one does; the other waits, or is told who it is."""

import contextlib
import getpass
import os
import socket
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from notemill.errors import NotemillError
from notemill.files import read_json, write_json

TOGETHER = "one deployment at a time"


@contextlib.contextmanager
def held(folder: Path, target: str, what: str, wait: float) -> Iterator[None]:
    """The target's lock. Raises NotemillError that names the holder, after `wait` seconds."""
    lock = FileLock(folder / "lock")
    try:
        lock.acquire(timeout=wait)
    except Timeout:
        raise busy(target, folder) from None
    try:
        with contextlib.suppress(OSError):  # it is a help for others: on a full disk the deployment says more
            write_json(folder / "holder.json", holder(what), durable=False)
        yield
    finally:
        with contextlib.suppress(OSError):
            (folder / "holder.json").unlink(missing_ok=True)
        lock.release()


def holder(what: str) -> dict:
    return {"what": what, "by": login(), "host": socket.gethostname(), "process": os.getpid(),
            "since": datetime.now(UTC).isoformat(timespec="seconds")}


def busy(target: str, folder: Path) -> NotemillError:
    facts = read_json(folder / "holder.json", {})
    return busy_words(target, facts if isinstance(facts, dict) else {})


def busy_words(target: str, facts: Mapping) -> NotemillError:
    """That somebody else is at it, and who."""
    who = "somebody" if not facts else f"{facts.get('by')} (process {facts.get('process')} on {facts.get('host')}, " \
        f"since {facts.get('since')}: {facts.get('what')})"
    return NotemillError(f"target '{target}'", f"is being changed by {who}", TOGETHER,
                         "say it again when that has ended, or wait for it: --wait SECONDS")


def login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container's user need have no name
        return "somebody"
