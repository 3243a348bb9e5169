"""What a run says while it goes: plain lines, or on a terminal one line that moves."""

import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

from notemill.errors import NotemillError
from notemill.plan import Plan
from notemill.text import Style, duration, table

MARKS = {"done": "✓", "reused": "=", "failed": "✗", "skipped": "-"}


class Console:
    """Writes progress to `stream`; `live` moves a line in place (terminals alone)."""

    def __init__(self, stream: TextIO = sys.stdout, *, live: bool = False, style: Style | None = None):
        self.stream, self.live, self.style = stream, live, style or Style(False)
        self.lock, self.running, self.drawn = threading.RLock(), {}, False
        self.ended = threading.Event()

    def note(self, text: str) -> None:
        """A line of its own."""
        with self.lock:
            self._erase()
            self.stream.write(text + "\n")
            self._draw()
            self.stream.flush()

    def begin(self, project, record: Mapping, plan: Plan) -> None:
        runs = [step.step for step in plan.steps if step.action == "run"]
        if runs:
            self.note(f"{record['project']}: run {record['run']}, {len(runs)} of {len(plan.steps)} steps to run")
        for text in record["warnings"]:
            self.note(self.style.warn(f"warning: {text}"))
        if self.live and runs:
            threading.Thread(target=self._tick, daemon=True).start()

    def started(self, step: str, reasons: tuple[str, ...]) -> None:
        with self.lock:
            self.running[step] = {"began": time.monotonic(), "cell": 0, "total": 0}
        self.note(f"  {step:<14} runs: {'; '.join(reasons)}")

    def cell(self, step: str, number: int, total: int) -> None:
        """A cell begins; without a terminal a line for each, so that a log shows where time goes."""
        with self.lock:
            state = self.running.setdefault(step, {"began": time.monotonic()})
            state.update(cell=number, total=total)
        if self.live:
            with self.lock:
                self._draw()
        else:
            self.note(f"  {step:<14} cell {number}/{total}  {time.monotonic() - state['began']:6.1f} s")

    def reused(self, step: str, result: Mapping) -> None:
        self.note(self.style.dim(f"{MARKS['reused']} {step:<14} reused (from run {result['origin_run']})"))

    def skipped(self, step: str) -> None:
        self.note(self.style.dim(f"{MARKS['skipped']} {step:<14} skipped: what it needs failed"))

    def done(self, step: str, facts: Mapping) -> None:
        self.running.pop(step, None)
        self.note(f"{self.style.good(MARKS['done'])} {step:<14} done in {duration(facts['seconds'])}")
        for text in facts["warnings"]:
            self.note(self.style.warn(f"  warning: {step}: {text}"))

    def failed(self, step: str, error: NotemillError) -> None:
        self.running.pop(step, None)
        self.note(f"{self.style.bad(MARKS['failed'])} {step:<14} failed")

    def summary(self, record: Mapping, root: Path, open_command: str | None, metric: str | None = None) -> None:
        """The table at the end, and where to look; `metric` is the figure that people look at first."""
        self.ended.set()
        rows = [[step["step"], step["status"], duration(step["seconds"]) if step["action"] == "run" else "",
                 "; ".join(step["reasons"]) if step["action"] == "run" else "nothing changed",
                 key_figures(step["metrics"], metric)] for step in record["steps"]]
        self.note("")
        self.note(table(["step", "status", "time", "why", "figures"], rows, self.style))
        if all(step["status"] == "reused" for step in record["steps"]):
            self.note(f"\nNothing to run: all {len(rows)} steps are up to date.")
        self.note(f"\nreport:  {root / 'reports' / 'index.html'}")
        if open_command:
            self.note(f"MLflow:  {open_command}")

    def _tick(self) -> None:
        while not self.ended.wait(0.2):
            with self.lock:
                self._draw()

    def _erase(self) -> None:
        if self.drawn:
            self.stream.write("\r\x1b[2K")
            self.drawn = False

    def _draw(self) -> None:
        if not (self.live and self.running):
            return
        parts = [f"{step} {bar(state.get('cell', 0), state.get('total', 0))} "
                 f"{time.monotonic() - state['began']:.0f} s" for step, state in self.running.items()]
        self._erase()
        self.stream.write("  " + "   ".join(parts)[:self.style.width - 3])
        self.stream.flush()
        self.drawn = True


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
