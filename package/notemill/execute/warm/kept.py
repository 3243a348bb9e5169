"""Warm processes that outlive the run: found, started, looked at, stopped. Each has a folder, named by its key."""

import json
import shutil
import socket
import threading
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

import psutil
from filelock import FileLock

from notemill.execute.folders import KEY, own_folder, own_folders
from notemill.execute.inside.channel import pid_of
from notemill.execute.inside.family import is_there
from notemill.execute.warm.process import (
    IDLE, PATIENCE, SHORT, WarmError, WarmProcess, check_system, is_stopped, key_of, lasting_environment, start,
    until_it_listens, withheld,
)

SOON = 1.0  # seconds in which one that has nothing to do answers


def kept(place: Path, key: str, env: Mapping[str, str]) -> tuple[WarmProcess, socket.socket]:
    """A process that outlives this run, or did another. Raises WarmError, and OSError where there is no room."""
    process = WarmProcess(place / key)
    with FileLock(_lock(process), timeout=PATIENCE):
        link = process.connect()
        if link and is_stopped(pid_of(link)):
            process.kill()
            link.close()
            link = None
        if not link:
            others = [other for other in kept_processes(place) if other != process]
            _relieve(other for other in others if other.folder.name[:KEY // 2] == key[:KEY // 2])
            _tidy(others)
            shutil.rmtree(process.folder, ignore_errors=True)
            process.folder.mkdir(mode=0o700)
            link = _started(process, env)
        return process, link


def _relieve(outdated: Iterable[WarmProcess]) -> None:
    """End those that have the same environment and other distributions, and no kernel: an upgrade has replaced them."""
    for process in outdated:
        with suppress(OSError, WarmError):
            if (process.ask("status", SOON) or {"running": 1})["running"] == 0:
                process.ask("stop", SOON)


def _started(process: WarmProcess, env: Mapping[str, str]) -> socket.socket:
    started = start(process.folder, env)
    try:
        return until_it_listens(process, started)
    finally:  # should it end before this run
        threading.Thread(target=started.wait, daemon=True, name=f"reap-{started.pid}").start()


def all_kept() -> list[WarmProcess]:
    """All of this user that may be there, whatever environment they were started in."""
    return [process for place in own_folders() for process in kept_processes(place)]


def kept_processes(place: Path) -> list[WarmProcess]:
    """All that have, or had, a folder there."""
    return [WarmProcess(path) for path in sorted(place.iterdir()) if path.is_dir() and not path.is_symlink()]


def _tidy(others: Iterable[WarmProcess]) -> None:
    """Remove what processes have left that have ended."""
    for process in others:
        with suppress(OSError, WarmError), FileLock(_lock(process), timeout=0):
            _remove_if_ended(process)


def _remove_if_ended(process: WarmProcess) -> None:
    """It listens no more as soon as it takes no kernels; those that it has forked have its command line."""
    link = process.connect()
    if link:
        link.close()
    elif str(process.settings) not in _words_of_commands():
        shutil.rmtree(process.folder)
        _lock(process).unlink()


def _words_of_commands() -> set[str]:
    """All words of the command lines of processes that are there."""
    words: set[str] = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it has just ended
            words.update(path.read_text(errors="replace").split("\0"))
    return words


def _lock(process: WarmProcess) -> Path:
    return process.folder.with_suffix(".lock")


def warm_up(env: Mapping[str, str], private: Iterable[str], names: Iterable[str], *, bare: bool = False,
            ) -> tuple[WarmProcess, bool]:
    """The lasting process for this environment, with these modules imported; and whether it is new.

    Raises WarmError where there can be none.
    """
    check_system()
    place, lasting = own_folder(), lasting_environment(env, private)
    if not place:
        raise WarmError("has no safe place for its socket: XDG_RUNTIME_DIR or the temporary folder")
    key = key_of(lasting, bool(withheld(env, private)), bare)
    known = WarmProcess(place / key).pid()
    try:
        process, link = kept(place, key, lasting)
    except OSError as error:
        raise WarmError(f"cannot be started: {error.strerror or error}") from error
    is_new = pid_of(link) != known
    link.close()
    told = process.teach(names, PATIENCE)
    if told and told.get("error"):
        raise WarmError(told["error"], told["spoiled"])
    return process, is_new


def facts_of(process: WarmProcess) -> dict | None:
    """How it is, as `notemill warm --status` tells; None where it has ended."""
    pid = process.pid()
    if not pid:
        return None
    with suppress(WarmError, psutil.Error):
        memory = round(psutil.Process(pid).memory_info().rss / 1e6, 1)
        told = process.ask("status")
        if told:
            left = None if told["running"] else max(0, round(_idle_limit(process) - told["idle"]))
            return {"pid": pid, "answers": True, "began": _iso(told["began"]), "memory_mb": memory, "ends_in": left,
                    **{name: told[name] for name in ("served", "running", "idle", "modules")}}
    if not psutil.pid_exists(pid):
        return None
    return {"pid": pid, "answers": False, "began": _iso(psutil.Process(pid).create_time()), "memory_mb": None,
            "ends_in": None, "served": None, "running": None, "idle": None, "modules": None}


def stop(process: WarmProcess) -> dict | None:
    """Tell it to end: running kernels may finish, no new one begins. How it is then; None where nobody was there."""
    pid = process.pid()
    if not pid:
        return None
    running = 0
    try:
        running = (process.ask("stop") or {"running": 0})["running"]
    except WarmError as error:
        if not error.again:  # stopped by a signal, or at something that does not end
            process.kill()
    return {"pid": pid, "running": running}


def stop_all() -> list[dict]:
    """As `stop`, for all of this user; nothing is left of those that end at once, and of those that ended before."""
    stopped = [told for process in all_kept() if (told := stop(process))]
    end = time.monotonic() + SHORT
    while any(is_there(told["pid"]) for told in stopped if not told["running"]) and time.monotonic() < end:
        time.sleep(0.01)
    _tidy(all_kept())
    return stopped


def _idle_limit(process: WarmProcess) -> float:
    with suppress(OSError, ValueError):
        return json.loads(process.settings.read_text())["idle"]
    return IDLE


def _iso(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(seconds))
