"""Heavy libraries, imported late and by one thread at a time.

Threads that import packages which import each other are handed half-made modules: Python breaks the deadlock that way.
"""

import contextlib
import importlib
import sys
import threading
from collections.abc import Iterator


class LateImports:
    """Imports under one lock; what has been imported before costs nothing."""

    def __init__(self):
        self.lock, self.done = threading.Lock(), set()

    def __call__(self, *names: str, without: str = "") -> None:
        """Import all of `names`, whole, before returning; none of them finds the module `without`, which each can do
        without, unless it is there already. Raises ImportError."""
        if self.done.issuperset(names):
            return
        with self.lock, hidden(without):
            for name in names:
                importlib.import_module(name)
            self.done.update(names)


class Hidden:
    """A finder (importlib's protocol) to which one module is not installed, for one thread."""

    def __init__(self, name: str):
        self.name, self.thread = name, threading.get_ident()

    def find_spec(self, name: str, path=None, target=None) -> None:
        if name == self.name and threading.get_ident() == self.thread:
            raise ModuleNotFoundError(f"{name} is not wanted here", name=name)


@contextlib.contextmanager
def hidden(name: str) -> Iterator[None]:
    """Let this thread not find the module."""
    finder = Hidden(name)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


import_whole = LateImports()
