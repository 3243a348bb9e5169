"""Watch the processes of a kernel: what they cost, and that they keep within their limits."""

import contextlib
import math
import os
import signal
import threading
import time
from collections.abc import Iterable
from pathlib import Path

import psutil

from notemill.execute.inside.family import told_children
from notemill.limits import Limits

INTERVAL = 0.2  # seconds between looks
READS = 3  # of what a family holds, before it is too much
ROUNDS = 20  # children may start others before they are ended; not for ever


class Watch(threading.Thread):
    """Looks at a kernel's processes until `end`; kills them all on a limit or when `stop` is set, and says why.

    `born_mb` is what the kernel shares with the process that it was forked from: it is not counted.
    """

    def __init__(self, pid: int, limits: Limits, stop: threading.Event, born_mb: float = 0.0):
        super().__init__(daemon=True, name=f"watch-{pid}")
        self.pid, self.limits, self.stop_asked, self.born_mb = pid, limits, stop, born_mb
        self.kernel = find_process(pid)
        self.began, self.ended = time.monotonic(), threading.Event()
        self.cpu_seconds, self.peak_mb, self.reason = 0.0, 0.0, ""
        self.seen: dict[int, psutil.Process] = {}

    def run(self) -> None:
        while not self.ended.wait(INTERVAL):
            self.look()
            if self.breached():
                self.kill()
                return

    def breached(self) -> bool:
        """Whether it has to end; `reason` says why."""
        self.reason = self.reason or self._breach()
        return bool(self.reason)

    def look(self) -> None:
        """Take the processes' CPU time and memory now."""
        if not is_there(self.kernel):  # another process may have its number by now
            return
        with contextlib.suppress(psutil.Error):
            family = [self.kernel, *descendants(self.kernel)]
            self.seen.update((process.pid, process) for process in family)
            ended = _cpu_of_ended_children(self.kernel)
            self.cpu_seconds = max(self.cpu_seconds, sum(map(_cpu_seconds, family)) + ended)
            held = sum(map(_memory_mb, family)) - self.born_mb
            if self.limits.memory_mb and held > self.limits.memory_mb and len(family) > 1:
                held = self._held_by_family()
            self.peak_mb = max(self.peak_mb, held, _high_water_mb(self.pid) - self.born_mb)

    def _held_by_family(self) -> float:
        """In MB. Read while processes come or go, what they share counts more than once: the least of a few reads."""
        least = math.inf
        for _ in range(READS):
            family = [self.kernel, *descendants(self.kernel)]
            least = min(least, sum(map(_own_memory_mb, family)))
            if least <= self.limits.memory_mb or self.ended.wait(INTERVAL):
                break
        return least

    def _breach(self) -> str:
        if self.stop_asked.is_set():
            return "interrupted"
        if self.limits.seconds and time.monotonic() - self.began > self.limits.seconds:
            return f"it took longer than its limit of {self.limits.seconds:g} s (limits.seconds)"
        if self.limits.memory_mb and self.peak_mb > self.limits.memory_mb:
            return f"it held more memory than its limit of {self.limits.memory_mb:g} MB (limits.memory_mb)"
        return ""

    def kill(self) -> None:
        """End all that comes from the kernel, its process group, and what was seen to come from it before."""
        if self.kernel:
            kill_family(self.kernel)
        if is_there(self.kernel) or not psutil.pid_exists(self.pid):  # no number is given anew while a group has it
            kill_group(self.pid)
        kill_all(self.seen.values())

    def end(self) -> None:
        """Stop watching, and end whatever the kernel left running."""
        self.ended.set()
        if self.is_alive():
            self.join()
        self.kill()


def find_process(pid: int) -> psutil.Process | None:
    """The process that has this number now; it stays told apart from those that may have it later."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid)
    return None


def is_there(process: psutil.Process | None) -> bool:
    """Whether it still has its number, alive or not yet waited for."""
    return process is not None and process.is_running()


def descendants(process: psutil.Process) -> list[psutil.Process]:
    """What comes from the process. Most notebooks start nothing, and to look at all processes takes its time."""
    return [] if told_children(process.pid) == set() else process.children(recursive=True)


def _cpu_seconds(process: psutil.Process) -> float:
    with contextlib.suppress(psutil.Error):
        times = process.cpu_times()
        return times.user + times.system
    return 0.0


def _cpu_of_ended_children(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.children_user + times.children_system


def _memory_mb(process: psutil.Process) -> float:
    with contextlib.suppress(psutil.Error):
        return process.memory_info().rss / 1e6
    return 0.0


def _own_memory_mb(process: psutil.Process) -> float:
    """As `_memory_mb`, with what forked processes share counted once where the system tells it; that takes its time."""
    with contextlib.suppress(psutil.Error):
        facts = process.memory_full_info()
        return getattr(facts, "pss", facts.rss) / 1e6
    return 0.0


def _high_water_mb(pid: int) -> float:
    """The most memory that the process ever held, where the system says so (Linux)."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) * 1.024e-3 for line in status.splitlines() if line.startswith("VmHWM")), 0.0)


def kill_family(kernel: psutil.Process) -> None:
    """Stop the kernel, so that it starts nothing more, and end its children while it still adopts orphans."""
    with contextlib.suppress(psutil.Error):
        kernel.suspend()
        for _ in range(ROUNDS):
            found = [child for child in kernel.children(recursive=True) if child.status() != psutil.STATUS_ZOMBIE]
            if not found:
                return
            kill_all(found)


def kill_group(pid: int) -> None:
    """End the kernel's process group; it leads one of its own."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def kill_all(processes: Iterable[psutil.Process]) -> None:
    """End processes and their children; one whose number another process has by now is left alone."""
    for process in list(processes):
        with contextlib.suppress(psutil.Error):
            for each in [process, *process.children(recursive=True)] if is_there(process) else ():
                each.kill()
