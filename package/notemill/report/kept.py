"""What pages are made with, made once: to compile a page's templates takes ten times as long as to fill them in."""

import threading
from collections.abc import Callable


class Kept:
    """Calls a function without arguments once, in one thread, and keeps what it gave. Reports end in parallel."""

    def __init__(self):
        self.lock, self.made = threading.RLock(), {}

    def __call__(self, make: Callable[[], object]) -> object:
        """What `make` returns; the first call's, ever after. Raises what it raises, and then keeps nothing."""
        if make not in self.made:
            with self.lock:
                if make not in self.made:
                    self.made[make] = make()
        return self.made[make]


kept = Kept()
