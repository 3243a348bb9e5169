"""The pictures for the run's page, found while each executed notebook is at hand: none is read again for them."""

import threading
from collections.abc import Iterable, Mapping


class Pictures:
    """By step, in the order of the run; of all of them no more are kept than the page shows. Any thread may add."""

    def __init__(self, steps: Iterable[str]):
        self.lock, self.found = threading.Lock(), {name: [] for name in steps}
        self.seen: dict[str, tuple] = {}

    def knows(self, step: Mapping) -> bool:
        """Whether this execution of the step has been looked at."""
        return self.seen.get(step["step"]) == _key(step)

    def add(self, step: Mapping, notebook: Mapping) -> None:
        """Take the pictures of the step's executed notebook, as it is shown."""
        from notemill import report

        own = report.pictures(notebook)
        with self.lock:
            self.seen[step["step"]] = _key(step)
            self.found = report.foremost({**self.found, step["step"]: own})


def _key(step: Mapping) -> tuple:
    """A reused step is shown with its source's present text, and its cells may have other numbers there."""
    return step["executed"] and step["executed"]["sha256"], step["status"] == "reused"
