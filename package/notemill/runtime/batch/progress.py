"""How far it is."""

import sys
import time
from collections.abc import Callable


class Progress:
    """Tells how many rows are done, at most once in `pace` seconds. `done`: by an earlier call."""

    def __init__(self, told: Callable[[str], None], done: int = 0, pace: float = 1):
        self.told, self.rows, self.resumed, self.pace, self.started = told, 0, done, pace, time.monotonic()
        self.last = self.started

    def __call__(self, rows: int, bad: int = 0) -> None:
        self.rows, now = self.rows + rows, time.monotonic()
        if now - self.last >= self.pace:
            self.last = now
            new = max(0, self.rows - self.resumed)
            self.told(f"{self.rows:,} rows, {new / (now - self.started):,.0f} a second")


def on_terminal(words: str) -> None:
    """Progress on standard error: one line that changes on a terminal, plain lines elsewhere."""
    shown = f"{words:<60}\r" if sys.stderr.isatty() else f"{words}\n"
    print(shown, end="", file=sys.stderr, flush=True)
