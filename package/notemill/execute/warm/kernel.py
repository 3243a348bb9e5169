"""A kernel that is forked from a warm process; an ordinary one where that cannot be had."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import psutil

from notemill.execute.loop import close_loop
from notemill.execute.warm import learnt
from notemill.execute.warm.client import Connection, WarmManager
from notemill.execute.warm.pool import Pool
from notemill.execute.warm.process import WarmError, ask_for_kernel, kernel_pid


class WarmKernel:
    """`start` asks for the process, `pid` waits for it; `instead` makes the ordinary kernel to fall back on.

    `settings` is what the kernel's process is to know (see inside/setup.py), `notes` tell why it is not a warm one.
    """

    def __init__(self, pool: Pool, folder: Path, settings: dict, instead: Callable, *, imports=(), private=()):
        self.pool, self.folder, self.settings, self.make_ordinary = pool, folder, settings, instead
        self.imports, self.private = tuple(imports), frozenset(private)
        self.manager = self.link = self.end_of_channel = self.ordinary = None
        self.born_mb, self.notes, self.failed = 0.0, [], None

    def start(self) -> None:
        """Ask; the answer takes a while where much is still to be imported."""
        try:
            self._ask()
        except WarmError as error:
            self.failed = error

    def _ask(self) -> None:
        settings = self.settings
        self.link = self.pool.connect(settings["env"], self.private)
        imports = learnt.to_import(self.imports, bool(self.private & settings["env"].keys()))
        with open(self.folder / "log", "wb") as log:
            self.end_of_channel = ask_for_kernel(self.link, {**settings, "imports": imports, "argv": _argv()},
                                                 log.fileno())

    def pid(self) -> int:
        """The process; an ordinary kernel's where the warm process gives none."""
        try:
            if self.failed:
                raise self.failed
            pid = kernel_pid(self.link)
        except WarmError as error:
            return self._fall_back(error)
        self.manager = WarmManager(self.end_of_channel, Connection(self.link, pid))
        try:
            self.born_mb = psutil.Process(pid).memory_info().rss / 1e6
        except psutil.Error:
            self.born_mb = 0.0
        return pid

    def _fall_back(self, error: WarmError) -> int:
        if error.spoiled:
            learnt.forbid(error.spoiled)
        self.notes.append(f"ran in an ordinary kernel, which takes longer to start: the warm process {error.got}")
        self._close()
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
        if self.manager and self.manager.kernel and self.manager.kernel.learnt:
            learnt.learn(self.imports, self.manager.kernel.learnt)
        self._close()
        close_loop()

    def _close(self) -> None:
        for end in (self.link, self.end_of_channel):
            if end:
                end.close()


def _argv() -> list[str]:
    """What an ordinary kernel finds as its arguments."""
    import ipykernel_launcher

    return [ipykernel_launcher.__file__, "-f", os.path.join(sys.prefix, "share", "jupyter", "kernel.json")]
