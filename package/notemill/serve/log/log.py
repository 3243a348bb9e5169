"""The prediction log of one process: append() returns when kill -9 can no longer take the rows away."""

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path

from . import index, records
from .columns import named, wanted
from .errors import LogError, LogFull, UnknownRequest
from .folder import FORMAT, make
from .journal import Journal
from .keeper import Keeper
from .private import salt, ways
from .recent import Recent

MARKS = ("label", "wrong")
LARGEST = 16 << 20      # bytes of a journal before a new one is begun
OLDEST = 300.0          # seconds that rows wait in a journal before they go to the Parquet files


class Log:
    """Made by `Log.open`, in each worker process (after any fork); its methods may be called from any thread."""

    def __init__(self, folder: Path, header: dict, private: Mapping[str, str], most: int, largest: int):
        self.folder, self.header, self.private, self.most, self.largest = folder, header, private, most, largest
        names = [one["name"] for one in header["columns"] if one["of"] == "input"]
        self._line = records.row_maker(names, private, salt(folder))
        self._lock, self._recent = threading.Lock(), Recent(folder)
        self._journal: Journal | None = Journal(folder, header)
        self._keeper: Keeper | None = None

    @classmethod
    def open(cls, folder: Path | str, schema: Mapping, *, days: int = 30, most_mb: float = 1024,
             private: Mapping[str, object] | None = None, classes: Sequence | None = None,
             every: float = OLDEST, largest: int = LARGEST) -> "Log":
        """Have a log in `folder`, and take up what other processes left there.

        days: how long rows are kept; most_mb: what the folder may hold, above which append() refuses; private:
        {column: True | "hash"} beside what the schema says; classes: the labels in the order of the probabilities
        (default: the schema's); every: seconds until rows are in a Parquet file. Raises LogError, OSError.
        """
        if find_spec("pyarrow") is None:
            raise LogError("the prediction log needs pyarrow, which is not installed here: pip install pyarrow")
        if days < 1 or most_mb <= 0:
            raise LogError(f"a log of {days} days and {most_mb} MB holds nothing: both must be more than 0")
        folder = Path(folder).absolute()
        hidden = ways(schema, private)
        make(folder)
        labels = schema["target"].get("classes") or [] if classes is None else classes
        columns = named(folder, wanted(schema, hidden, labels))
        header = {"format": FORMAT, "columns": [asdict(one) for one in columns]}
        log = cls(folder, header, hidden, int(most_mb * 1e6), largest)
        log._keeper = Keeper(log, days=days, every=every)
        return log

    def append(self, rows: Sequence[Mapping]) -> None:
        """Records with the keys request, row, at (seconds since 1970), version, content, inputs, prediction,
        probabilities, ms, warnings. Raises LogFull or OSError: then none of them is in the log."""
        self._write(b"".join([self._line(one) for one in rows]), len(rows))

    def mark(self, request: str, row: int, what: str, value: object, at: float | None = None) -> None:
        """Say what the right answer was ("label"), or that this one was "wrong", with or without a word why.

        Takes milliseconds, the first one more: it looks for the row, in the files of all days.
        Raises UnknownRequest, LogFull, OSError.
        """
        if what not in MARKS:
            raise LogError(f"a mark is one of {', '.join(MARKS)}: got {what!r}")
        day = self._day_of(request, row)
        self._write(records.mark_line(request, row, day, time.time() if at is None else at, what, value), 1)

    def has(self, request: str, row: int) -> bool:
        """Whether this row can be marked."""
        return self._find(request, row) is not None

    def _day_of(self, request: str, row: int) -> str:
        """The day that the row is filed under."""
        day = self._find(request, row)
        if day is None:
            raise UnknownRequest(f"request '{request[:80]}' with row {row} is not in the log, or not any more")
        return day

    def _find(self, request: str, row: int) -> str | None:
        """Its day, or None. A journal goes only when the index has its rows: so the order here."""
        return self._recent.day_of(request, row) or index.day_with(self.folder, request, row)

    def _write(self, lines: bytes, rows: int) -> None:
        with self._lock:
            if self._journal is None:
                raise LogError("the prediction log is closed")
            if self._keeper.others + self._journal.size + len(lines) > self.most:
                self._keeper.wanted.set()
                raise LogFull(f"the prediction log has reached its {self.most / 1e6:g} MB: {self.folder}")
            self._journal.append(lines, rows)
            if self._journal.size > self.largest:
                self._keeper.wanted.set()

    def rotate(self) -> bool:
        """Begin a new journal, and give the old one up; False where it holds nothing yet and is in its place."""
        if self._journal is None or (not self._journal.rows and self._journal.is_there()):
            return False
        fresh = Journal(self.folder, self.header)
        with self._lock:
            old, self._journal = self._journal, fresh if self._journal else None
            self._keeper.others += old.size if old else 0
        (old or fresh).close()  # closed meanwhile: the fresh one has nothing, and goes at the next compaction
        return True

    def state(self) -> dict:
        """For metrics: bytes used and allowed, rows in the open journal, what is wrong (in words, or "")."""
        journal = self._journal
        return {"used": self._keeper.others + (journal.size if journal else 0), "most": self.most,
                "waiting": journal.rows if journal else 0, "trouble": self._keeper.trouble,
                "damaged": self._keeper.damaged}

    def close(self, wait: float = 10.0) -> None:
        """Write nothing more; what is in journals goes to the Parquet files now, if `wait` seconds are enough."""
        with self._lock:
            old, self._journal = self._journal, None
        if old:
            until = time.monotonic() + wait
            self._keeper.end()
            if not old.rows:
                old.path.unlink(missing_ok=True)
            old.close()
            self._keeper.last(until - time.monotonic())
