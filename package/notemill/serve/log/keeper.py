"""The background thread of a log: begins new journals, and has a short-lived process turn the old ones into Parquet."""

import json
import logging
import os
import subprocess
import sys
import threading
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from .folder import DAMAGED, ROWS, alone, days_in, journals, make, size

if TYPE_CHECKING:
    from .log import Log

LOOKS = 1.0         # seconds between two looks at the journal
HOUR = 3600.0       # days that are too old are looked for at least so often
BREATH = 0.05       # at least, though somebody asks for one
PAUSE = 5.0         # seconds between two compactions, and before the first: a service starts without it
AGAIN = 30.0        # seconds until what failed is tried again
LOGGER = logging.getLogger("notemill.serve.log")
CODE = Path(__file__).resolve().parents[3]


class Keeper:
    """`others`: bytes in the folder that are not this process's journal; `trouble`: why compaction failed, or ""."""

    def __init__(self, log: "Log", *, days: int, every: float):
        self.log, self.days, self.every = log, days, every
        self.wanted, self._ended = threading.Event(), threading.Event()
        self.trouble, self.damaged, self._child = "", 0, None
        self._due = len(journals(log.folder)) > 1 or bool(days_in(log.folder / ROWS))  # what others left
        self._clock = (datetime.now(UTC), time.monotonic())
        self._next, self._measured = time.monotonic() + PAUSE, 0.0
        self.measure()
        self._thread = threading.Thread(target=self._run, name="prediction log", daemon=True)
        self._thread.start()

    def measure(self) -> None:
        journal = self.log._journal
        self.others = size(self.log.folder) - (journal.size if journal and journal.is_there() else 0)
        self._measured = time.monotonic()

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                self.look()
            except Exception as error:  # whatever it is, the next look may do better; rows are safe in the journal
                self.tell(f"{type(error).__name__}: {error}", 0)
            self.wanted.wait(LOOKS)
            self._ended.wait(BREATH)  # a full log asks for a look at every request

    def look(self) -> None:
        """One look: a new journal where it is time, a compaction where something waits."""
        journal, asked = self.log._journal, self.wanted.is_set()
        self.wanted.clear()
        now = time.monotonic()
        there = journal is not None and journal.is_there()
        if journal and (asked or now - journal.opened > self.every or not there):
            make(self.log.folder)  # somebody may have deleted it
            self._due |= self.log.rotate()
        elif there:
            journal.sync()
        self._due |= now - self._next > HOUR
        if self._child:
            self.gather()
        elif self._due and now >= self._next and not self._ended.is_set():
            self.compact()
        elif now - self._measured > (LOOKS if self.others > 0.9 * self.log.most else 10 * LOOKS):
            self.measure()

    def compact(self) -> None:
        """Have all closed journals turned into Parquet files, unless another process is at it: it may not see what was
        closed just now."""
        with alone(self.log.folder, "compact", wait=False) as free:
            pass
        if free:
            self._due, self._child = False, start(self.log.folder, self.days, self.today())

    def gather(self) -> None:
        """What came of the compaction, when it has ended."""
        if self._child.poll() is None:
            return
        child, self._child = self._child, None
        done = told(child)
        self.tell(done["error"] or "", done["damaged"])
        self._due |= bool(done["error"])
        self._next = time.monotonic() + (AGAIN if done["error"] else PAUSE)
        self.measure()

    def tell(self, trouble: str, damaged: int) -> None:
        """Say what is new: the service goes on, and somebody should know."""
        if trouble and trouble != self.trouble:
            LOGGER.warning("%s: rows stay in journals: %s", self.log.folder, trouble)
        if damaged:
            LOGGER.warning("%s: %d lines are not as they were written: see %s/", self.log.folder, damaged, DAMAGED)
        self.trouble, self.damaged = trouble, self.damaged + damaged

    def today(self) -> date:
        """The day by the clock; where that leapt ahead since the start, no more than what has passed, and a day:
        a clock that is set wrong must not drop what is to be kept."""
        started, then = self._clock
        steady = started + timedelta(seconds=time.monotonic() - then, days=1)
        return min(datetime.now(UTC), steady).date()

    def end(self) -> None:
        """End the thread; a look is short."""
        self._ended.set()
        self.wanted.set()
        self._thread.join(5 * LOOKS)

    def last(self, wait: float) -> None:
        """A compaction when nothing is written any more; what takes longer is ended, and done at the next start."""
        until = time.monotonic() + wait
        child, self._child = self._child, None
        if child:
            told(child, max(wait, 0))
        if (wait := until - time.monotonic()) > 0 and journals(self.log.folder):
            done = told(start(self.log.folder, self.days, self.today(), "--wait"), wait)
            self.tell(done["error"] or "", done["damaged"])


def start(folder: Path, days: int, today: date, *more: str) -> subprocess.Popen:
    """compact.py in a process of its own, at low priority: pyarrow stays out of this one's memory, and its work out of
    this one's lock."""
    words = [sys.executable, "-P", "-m", "notemill.serve.log.compact", str(folder), "--days", str(days),
             "--today", today.isoformat(), *more]
    paths = [str(CODE), *(path for path in sys.path if path and path != str(CODE))]
    environ = os.environ | {"PYTHONPATH": os.pathsep.join(paths), "ARROW_DEFAULT_MEMORY_POOL": "system"}
    return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd="/",
                            env=environ, start_new_session=True)  # Ctrl-C is for the service alone


def told(child: subprocess.Popen, wait: float | None = None) -> dict:
    """What it did: {"error": words or None, "damaged": lines, ...}; it is ended after `wait` seconds."""
    try:
        out, said = child.communicate(timeout=wait)
    except subprocess.TimeoutExpired:
        child.kill()
        child.communicate()
        return {"error": f"not finished within {wait:.0f} s: the next start goes on", "damaged": 0}
    try:
        return json.loads(out)
    except ValueError:
        last = (said.decode(errors="replace").strip().splitlines() or ["nothing was said"])[-1]
        return {"error": f"the compaction ended with {child.returncode}: {last}", "damaged": 0}
