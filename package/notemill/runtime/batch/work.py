"""The hidden folder beside an output, where finished parts wait: what a call that was killed has done is not lost."""

import fcntl
import shutil
import time
from pathlib import Path

from .tables import ScoreError

REMOVING = (ValueError, OSError)  # bad rows, bad files, a full disk: the next call will be another one
PATIENCE = 10  # seconds that processes of a killed call may take to see that it is gone


class WorkFolder:
    """`with WorkFolder(place) as work`: one call at a time. It stays where the same call can go on later."""

    def __init__(self, place: Path):
        self.place = place

    def __enter__(self) -> "WorkFolder":
        self.place.mkdir(parents=True, exist_ok=True)
        self.lock = open(self.place / "lock", "w")
        until = time.monotonic() + PATIENCE
        while not self._locked():
            if time.monotonic() > until:
                self.lock.close()
                raise ScoreError(f"{self.place}: another call writes the same output at this moment")
            time.sleep(0.1)
        return self

    def _locked(self) -> bool:
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def only(self, used: set[str]) -> None:
        """Remove the parts of other jobs."""
        for path in self.place.iterdir():
            if path.is_dir() and path.name not in used:
                shutil.rmtree(path)

    def __exit__(self, kind, error, trace) -> None:
        if kind is None or issubclass(kind, REMOVING):
            shutil.rmtree(self.place, ignore_errors=True)
        self.lock.close()
