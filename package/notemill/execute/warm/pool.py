"""The warm processes that a run uses: found or started when the first kernel needs one."""

import os
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path

from filelock import FileLock

from notemill.execute.folders import PREFIX, own_folder, short_folder
from notemill.execute.warm.kept import kept
from notemill.execute.warm.process import (
    WarmError, WarmProcess, check_system, key_of, lasting_environment, start, until_it_listens, withheld,
)

END_SECONDS = 10  # that a run's own process may take to end


class Pool:
    """Warm processes by their key; `bare` are those that import no library. Those that are not to be kept end with the
    pool, whatever becomes of it."""

    def __init__(self, *, keep: bool = False):
        self.place = own_folder() if keep else None
        self.lock, self.processes, self.bare, self.started = threading.Lock(), {}, {}, []
        self.owner, self.locks, self.given_up = None, ExitStack(), None

    def __enter__(self) -> "Pool":
        return self

    def __exit__(self, *_) -> None:
        """End the processes that are this pool's alone."""
        if self.owner:
            with suppress(OSError):
                os.write(self.owner[1], b"x")  # forks of this program may hold it open
            for end in self.owner:
                os.close(end)
            for process, started in self.started:
                _see_it_end(started)
                shutil.rmtree(process.folder, ignore_errors=True)
        self.locks.close()

    def connect(self, env: Mapping[str, str], private: Iterable[str] = (), *, bare: bool = False,
                ) -> tuple[WarmProcess, socket.socket]:
        """The process for this environment, and a connection to it. Raises WarmError where there can be none."""
        check_system()
        lasting = lasting_environment(env, private)
        with self.lock:
            if self.given_up:
                raise self.given_up
            try:
                key, known = key_of(lasting, bool(withheld(env, private)), bare), self.bare if bare else self.processes
                process = known.get(key)
                link = process.connect() if process else None
                if not link:
                    process, link = self._get(key, lasting)
            except OSError as error:
                raise WarmError(f"cannot be started: {error.strerror or error}") from error
            known[key] = process
            return process, link

    def _get(self, key: str, env: dict) -> tuple[WarmProcess, socket.socket]:
        """One that is kept, where that is wanted and there is room for it; else this run's own."""
        if self.place:
            with suppress(OSError):  # also a lock that somebody holds for too long
                return kept(self.place, key, env)
        return self._owned(env)

    def _owned(self, env: dict) -> tuple[WarmProcess, socket.socket]:
        self.owner = self.owner or os.pipe()
        process = WarmProcess(Path(tempfile.mkdtemp(prefix=PREFIX, dir=short_folder())))
        self.locks.enter_context(FileLock(process.folder / "lock"))  # it is swept when both of us were killed
        started = start(process.folder, env, self.owner[0])
        self.started.append((process, started))
        return process, until_it_listens(process, started)

    def give_up(self, process: WarmProcess, error: WarmError) -> None:
        """It does not answer: this run does without, and no other shall wait for it."""
        self.given_up = error
        process.kill()

    def is_kept(self, process: WarmProcess) -> bool:
        return bool(self.place) and process.folder.parent == self.place


def _see_it_end(started: subprocess.Popen) -> None:
    try:
        started.wait(END_SECONDS)
    except subprocess.TimeoutExpired:  # stopped, or in the middle of an import
        started.kill()
        started.wait()
