"""A kernel that is forked from a warm process; an ordinary one where that cannot be had."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType

import psutil

from notemill.execute.loop import close_loop
from notemill.execute.warm import learnt
from notemill.execute.warm.before import changes_imports
from notemill.execute.warm.client import Connection, WarmManager
from notemill.execute.warm.pool import Pool
from notemill.execute.warm.process import WarmError, ask_for_kernel, kernel_pid, withheld

TRIES = 3  # processes that are asked, one after the other


class WarmKernel:
    """`start` asks for the process, `pid` waits for it; `make_ordinary` gives the kernel to fall back on, or None.

    `settings` is what the kernel's process is to know (see inside/setup.py), `notes` tell why it is not a warm one;
    `stop` is set when nobody waits for it any more. `bare`: nothing is imported before the `notebook`, which changes
    what its imports find.
    """

    def __init__(self, pool: Pool, folder: Path, settings: dict, make_ordinary: Callable, *, imports=(), private=(),
                 stop=None, notebook=MappingProxyType({"cells": ()})):
        self.pool, self.folder, self.settings, self.make_ordinary = pool, folder, settings, make_ordinary
        self.imports, self.private, self.stop = tuple(imports), frozenset(private), stop
        self.bare = changes_imports(notebook, self.imports, self._beside())
        self.process = self.manager = self.link = self.end_of_channel = self.ordinary = None
        self.born_mb, self.notes, self.failed = 0.0, [], None

    def start(self) -> None:
        """Ask; the answer takes a while where much is still to be imported."""
        try:
            self._ask()
        except WarmError as error:
            self.failed = error
        except OSError as error:  # a full disk, no file descriptor to be had
            self.failed = WarmError(f"cannot be asked: {error.strerror or error}")

    def _ask(self) -> None:
        self.failed = None
        self.process, self.link = self.pool.connect(self.settings["env"], self.private, bare=self.bare)
        with open(self.folder / "log", "wb") as log:
            self.end_of_channel = ask_for_kernel(
                self.link, {**self.settings, "imports": self._to_import(), "argv": _argv()}, log.fileno())

    def _to_import(self) -> list[str]:
        if self.bare:
            return []
        return learnt.to_import(self.imports, bool(withheld(self.settings["env"], self.private)), self._beside())

    def _beside(self) -> list[Path]:
        return learnt.beside(self.settings["cwd"], self.settings["root"])

    def pid(self) -> int:
        """The process; an ordinary kernel's where no warm process gives one."""
        for left in reversed(range(TRIES)):
            try:
                return self._forked()
            except WarmError as failure:
                error = failure
            self._close()
            self._note(error, last=not left)
            if not (left and error.again):
                break
            self.start()
        return self._fall_back(error)

    def _forked(self) -> int:
        if self.failed:
            raise self.failed
        pid = kernel_pid(self.link, self.stop)
        self.manager = WarmManager(self.end_of_channel, Connection(self.link, pid))
        try:
            self.born_mb = psutil.Process(pid).memory_info().rss / 1e6
        except psutil.Error:
            self.born_mb = 0.0
        return pid

    def _note(self, error: WarmError, last: bool) -> None:
        """Let others fare better."""
        if error.spoiled:
            learnt.forbid(error.spoiled)
        elif not self.bare and (error.silent or (error.again and last)):
            learnt.avoid(self.imports)
        if error.silent and self.process:
            self.pool.give_up(self.process, error)

    def _fall_back(self, error: WarmError) -> int:
        self.notes.append(f"ran in an ordinary kernel, which takes longer to start: the warm process {error.got}")
        self.ordinary = self.make_ordinary()
        if not self.ordinary:
            return 0
        self.manager = self.ordinary.manager
        self.ordinary.start()
        return self.ordinary.pid()

    def end(self) -> None:
        """Nothing of it is left; what its notebook imported is remembered."""
        if self.ordinary:
            self.ordinary.end()
            return
        self.leave()
        close_loop()

    def leave(self) -> None:
        """As `end`, where the loop is somebody else's."""
        client = self.manager.kernel if self.manager else None
        if client:
            client.stop_listening()
        self._close()
        if client and client.learnt and not self.bare:
            self._learn(client.learnt)

    def _learn(self, found: list[str]) -> None:
        learnt.learn(self.imports, found, self._beside())
        new = set(found)
        names = [name for name in self._to_import() if name in new]
        if names and self.pool.is_kept(self.process):
            try:
                self.process.teach(names)  # while it has nothing else to do
            except (WarmError, OSError):
                pass  # it learns when it is asked for the next kernel

    def _close(self) -> None:
        for end in (self.link, self.end_of_channel):
            if end:
                end.close()
        self.link = self.end_of_channel = None


def _argv() -> list[str]:
    """What an ordinary kernel finds as its arguments."""
    import ipykernel_launcher

    return [ipykernel_launcher.__file__, "-f", os.path.join(sys.prefix, "share", "jupyter", "kernel.json"),
            "--HistoryManager.hist_file=:memory:"]
