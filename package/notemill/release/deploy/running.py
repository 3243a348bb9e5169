"""Processes that outlive the command that started them. Each inherits a locked file: it lives while the lock is held,
whatever became of its number."""

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

LOOK = 0.05
PATIENCE = 10.0  # seconds for the shell to write down a number
GLANCE = 1.0  # seconds: who looks whether it lives has the lock for less
MOST_TOLD = 2000  # characters of a log's end
# the inner shell writes its number down and becomes the program, or neither, where the disk is full; the outer one
# goes: nobody has to wait for it as a parent
NUMBERED = 'echo "$$ $1" > "$0.pid" && shift && exec "$@"'
LAUNCH = f"/bin/sh -c '{NUMBERED}'" + ' "$0" "$$" "$@" > "$0.said" 2>> "$0.log" < /dev/null &'


def start(place: Path, words: Sequence[str], environ: Mapping[str, str]) -> None:
    """Start a program; `place` + .said, .log, .pid and .lock are its files. Raises OSError, also where it runs."""
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = os.open(beside(place, ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if not until(lambda: taken(lock), GLANCE):
            raise OSError(f"{place}: it runs already; notemill deployments --again puts it right")
        for suffix in (".said", ".pid"):
            beside(place, suffix).unlink(missing_ok=True)
        subprocess.run(["/bin/sh", "-c", LAUNCH, str(place), *words], pass_fds=[lock], start_new_session=True,
                       cwd=place.parent, env=dict(environ), check=True, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, umask=0o077)
    except subprocess.SubprocessError as error:
        raise OSError(f"{place}: cannot be started: {error}") from None
    finally:
        os.close(lock)


def taken(lock: int) -> bool:
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def beside(place: Path, suffix: str) -> Path:
    return place.with_name(place.name + suffix)


def lives(place: Path) -> bool:
    """Whether the process, or a child that has its lock, lives."""
    try:
        lock = os.open(beside(place, ".lock"), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def numbers(place: Path) -> tuple[int, int] | None:
    """(process, its group); None where it has not been written down."""
    with contextlib.suppress(OSError, ValueError):
        process, group = map(int, beside(place, ".pid").read_text().split())
        return process, group
    return None


def stop(place: Path, patience: float = 40.0) -> None:
    """Tell it to end, and wait until it has; what does not end in `patience` seconds is killed.
    Raises OSError where it lives even so."""
    known = until(lambda: numbers(place) or not lives(place), PATIENCE)
    if not lives(place):
        return
    if not known:
        raise OSError(f"{place}: it runs, and its number is not written down")
    process, group = known
    send(os.kill, process, signal.SIGTERM)
    if not until(lambda: not lives(place), patience):
        send(os.killpg, group, signal.SIGKILL)
        if not until(lambda: not lives(place), PATIENCE):
            raise OSError(f"{place}: process {process} does not end")


def send(act, number: int, sign: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        act(number, sign)


def until(true, patience: float, look: float = LOOK):
    """What `true` gives at last, asked again and again; its last answer where the time is over."""
    end = time.monotonic() + patience
    while not (found := true()) and time.monotonic() < end:
        time.sleep(look)
    return found


def said(place: Path) -> dict | None:
    """The one JSON object that it prints when it is ready, or when it cannot be; None before."""
    with contextlib.suppress(OSError, ValueError):
        value = json.loads(beside(place, ".said").read_text(encoding="utf-8"))
        return value if isinstance(value, dict) else None
    return None


def log_end(place: Path) -> str:
    """The last that it wrote to standard error."""
    try:
        text = beside(place, ".log").read_bytes()[-MOST_TOLD:].decode("utf-8", "replace")
    except OSError:
        return ""
    lines = [line for line in text.splitlines() if line.strip()]
    return "\n".join(lines[-5:])
