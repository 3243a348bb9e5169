"""What a row can be scored with all the same, but whoever gets the answer should know: gaps, ranges and categories that
the training rows did not have."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from .plan.cells import READ, form_of
from .rows import used_columns

EPOCH = datetime(1970, 1, 1)


@dataclass(frozen=True)
class RowWarning:
    """`check`: missing, range or categories."""

    column: str
    check: str
    got: str
    words: str


class Seen:
    """What a column held in training; cells are in the forms of plan/cells.py."""

    def __init__(self, entry: Mapping):
        self.name, self.form, self.unit = entry["name"], form_of(entry), entry.get("unit") or ""
        self.low, self.high = (self._end(entry.get(end)) for end in ("min", "max"))
        self.has_range = self.form != "text" and "categories" not in entry and None not in (self.low, self.high)
        kind = float if self.form == "number" else str
        self.categories = {kind(one) for one in entry.get("categories") or ()}
        self.always_there = entry.get("missing") == 0

    def _end(self, end: object) -> float | int | None:
        if self.form == "moment" and isinstance(end, str):
            return microseconds(datetime.fromisoformat(end))
        return float(end) if isinstance(end, int | float) and self.form == "number" else None

    def caution(self, cell) -> RowWarning | None:
        """What to say of a cell, if anything."""
        if cell is None or cell != cell:
            words = "is missing, which it never was in training: the model fills it in"
            return RowWarning(self.name, "missing", "", words) if self.always_there else None
        if self.has_range and not self.low <= cell <= self.high:
            unit = f" {self.unit}" if self.unit else ""
            held = f"{self.shown(self.low)} to {self.shown(self.high)}{unit}"
            words = f"is outside of what the training rows held: {held}"
            return RowWarning(self.name, "range", self.shown(cell), words)
        if self.categories and cell not in self.categories:
            return RowWarning(self.name, "categories", self.shown(cell), "is a category that training never saw")
        return None

    def shown(self, cell) -> str:
        """A cell in a warning's text."""
        if self.form == "moment":
            return (EPOCH + timedelta(microseconds=cell)).isoformat()
        text = f"{cell:.15g}" if self.form == "number" else repr(cell)
        return text if len(text) <= 60 else text[:57] + "..."


def microseconds(moment: datetime) -> int:
    """Since 1970, in UTC; a moment without a zone is in UTC."""
    moment = moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    return (moment - EPOCH) // timedelta(microseconds=1)


def cautions(table, schema: Mapping) -> list[list[RowWarning]]:
    """For each row of a conformed table what is to be said of it."""
    found = [[] for _ in range(len(table))]
    for entry in used_columns(schema):
        seen = Seen(entry)
        for row, cell in doubtful(seen, table[entry["name"]]):
            if caution := seen.caution(cell):
                found[row].append(caution)
    return found


def doubtful(seen: Seen, column) -> Iterator[tuple[int, object]]:
    """(row, cell) of those cells of a column that there may be something to say of."""
    import numpy as np

    cells = READ[seen.form](column)
    gaps = column.isna().to_numpy(dtype=bool)
    odd = gaps & seen.always_there
    if seen.has_range:
        odd |= ~gaps & ~((cells >= seen.low) & (cells <= seen.high))
    if seen.categories:
        odd |= ~gaps & ~column.isin(seen.categories).to_numpy(dtype=bool)
    for row in np.flatnonzero(odd).tolist():
        yield row, None if gaps[row] else cells.iloc[row] if seen.form == "text" else cells[row].item()
