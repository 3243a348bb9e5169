"""Heavy libraries, imported late and by one thread at a time.

Threads that import packages which import each other are handed half-made modules: Python breaks the deadlock that way.
"""

import importlib
import threading


class LateImports:
    """Imports under one lock; what has been imported before costs nothing."""

    def __init__(self):
        self.lock, self.done = threading.Lock(), set()

    def __call__(self, *names: str) -> None:
        """Import all of `names`, whole, before returning. Raises ImportError."""
        if self.done.issuperset(names):
            return
        with self.lock:
            for name in names:
                importlib.import_module(name)
            self.done.update(names)


import_whole = LateImports()
