"""What a run says while it goes: plain lines, or on a terminal one line that moves."""

import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TextIO

from notemill.plan import Plan
from notemill.text import Style, clip, duration, printable, silence, table

MARKS = {"done": "✓", "reused": "=", "failed": "✗", "skipped": "-"}
TICK = 0.2  # seconds between two looks at what runs
SLOW = 1.0  # seconds after which a cell gets a line of its own, where no line moves
STILL = 60.0  # seconds after which that line is said again: a log without news looks dead


class Console:
    """Writes progress to `stream`; `live` moves a line in place (terminals alone); `redact` takes secrets out."""

    redact: Callable[[str], str] = staticmethod(str)

    def __init__(self, stream: TextIO = sys.stdout, *, live: bool = False, style: Style | None = None):
        self.stream, self.live, self.style = stream, live, style or Style(False)
        self.lock, self.running, self.drawn, self.width = threading.RLock(), {}, False, 0
        self.works, self.warned, self.ended = False, 0, threading.Event()

    def note(self, text: str) -> None:
        """A line of its own."""
        with self.lock:
            self._erase()
            self._write(self.redact(text) + "\n")
            self._draw()

    def begin(self, record: Mapping, plan: Plan) -> None:
        self.width = max(len(step.step) for step in plan.steps)
        runs = [step.step for step in plan.steps if step.action == "run"]
        self.works = bool(runs)
        if runs:
            self.note(f"{record['project']}: run {record['run']}, {len(runs)} of {len(plan.steps)} steps to run")
            threading.Thread(target=self._tick, daemon=True).start()
        self._warn(record["warnings"])

    def _warn(self, texts: list[str]) -> None:
        """The warnings that have not been told yet."""
        for text in texts[self.warned:]:
            self.note(self.style.warn(f"warning: {text}"))
        self.warned = len(texts)

    def end(self) -> None:
        """No line moves any more."""
        self.ended.set()
        with self.lock:
            self.running.clear()
            self._erase()

    def started(self, step: str, reasons: tuple[str, ...]) -> None:
        with self.lock:
            self.running[step] = {"began": time.monotonic(), "cell": 0, "total": 0}
        self.note(f"  {self._name(step)}  runs: {printable('; '.join(reasons))}")

    def waits(self, step: str) -> None:
        self.note(f"  {self._name(step)}  waits: another run is at the same step")

    def cell(self, step: str, number: int, total: int) -> None:
        """A cell begins."""
        now = time.monotonic()
        with self.lock:
            self.running.setdefault(step, {"began": now}).update(cell=number, total=total, told=now - STILL + SLOW)
            self._draw()

    def reused(self, step: str, result: Mapping) -> None:
        if self.works:  # else the table says all that there is to say
            self.note(self.style.dim(f"{MARKS['reused']} {self._name(step)}  reused (from run {result['origin_run']})"))

    def skipped(self, step: str) -> None:
        self.note(self.style.dim(f"{MARKS['skipped']} {self._name(step)}  skipped: what it needs failed"))

    def done(self, step: str, facts: Mapping) -> None:
        self._forget(step)
        self.note(f"{self.style.good(MARKS['done'])} {self._name(step)}  done in {duration(facts['seconds'])}")
        for text in facts["warnings"]:
            self.note(self.style.warn(f"  warning: {step}: {printable(text)}"))

    def failed(self, step: str, facts: Mapping) -> None:
        """At once, though other steps go on: all of it is told at the end."""
        self._forget(step)
        error = facts["error"]
        place = f"cell {error['cell']}: " if error["cell"] else ""
        message = (self.redact(error["message"]).splitlines() or [""])[0]  # whole: a part is not known again
        self.note(f"{self.style.bad(MARKS['failed'])} {self._name(step)}  failed: "
                  f"{place}{error['name']}: {clip(printable(message), 200)}")

    def interrupted(self) -> None:
        self.note("interrupted: ending what runs")

    def summary(self, record: Mapping, reports: Path, open_command: str | None, metric: str | None = None) -> None:
        """The table at the end, and where to look; `metric` is the figure that people look at first."""
        self.end()
        self._warn(record["warnings"])
        rows = [[step["step"], step["status"], duration(step["seconds"]) if step["action"] == "run" else "",
                 key_figures(step["metrics"], metric), why(step)] for step in record["steps"]]
        self.note("")
        self.note(table(["step", "status", "time", "figures", "why"], rows, self.style))
        if all(step["status"] == "reused" for step in record["steps"]):
            self.note(f"\nNothing to run: all {len(rows)} steps are up to date.")
        self.note(f"\nreport:  {reports / 'index.html'}")
        if open_command:
            self.note(f"MLflow:  {open_command}")

    def _name(self, step: str) -> str:
        return step.ljust(self.width)

    def _forget(self, step: str) -> None:
        with self.lock:
            self.running.pop(step, None)

    def _tick(self) -> None:
        while not self.ended.wait(TICK):
            with self.lock:
                if self.live:
                    self._draw()
                else:
                    self._tell_slow_cells()

    def _tell_slow_cells(self) -> None:
        """Without a moving line: where time goes, cell by cell, for those that take some."""
        now = time.monotonic()
        for step, state in self.running.items():
            if state["cell"] and now - state["told"] >= STILL:
                state["told"] = now
                place = f"cell {state['cell']}/{state['total']}"
                self.note(f"  {self._name(step)}  {place}, {duration(now - state['began'])}")

    def _write(self, text: str) -> None:
        """A reader that has gone away does not end the run."""
        try:
            self.stream.write(text)
            self.stream.flush()
        except BrokenPipeError:
            silence(self.stream)
            self.live = False

    def _erase(self) -> None:
        if self.drawn:
            self._write("\r\x1b[2K")
            self.drawn = False

    def _draw(self) -> None:
        if not (self.live and self.running):
            return
        parts = [f"{step} {bar(state['cell'], state['total'])} {duration(time.monotonic() - state['began'])}"
                 for step, state in self.running.items()]
        self._erase()
        self._write("  " + clip("   ".join(parts), self._columns() - 3))
        self.drawn = True

    def _columns(self) -> int:
        """The terminal's width now: it may have been changed."""
        try:
            return os.get_terminal_size(self.stream.fileno()).columns
        except (OSError, ValueError):
            return self.style.width


def why(step: Mapping) -> str:
    """Why a step of a record ran or did not."""
    return "; ".join(step["reasons"]) or ("" if step["action"] == "run" else "nothing changed")


def bar(cell: int, total: int) -> str:
    """As [####....] cell 4/8."""
    if not total:
        return "starting"
    full = round(8 * cell / total)
    return f"[{'#' * full}{'.' * (8 - full)}] cell {cell}/{total}"


def key_figures(metrics: Mapping[str, float], first: str | None) -> str:
    """A few figures, short."""
    names = sorted(metrics, key=lambda name: name != first)
    return ", ".join(f"{name} {metrics[name]:.4g}" for name in names[:3]) + (", ..." if len(names) > 3 else "")
