"""Ordinary rows, read in microseconds: cells of the very types that the schema names. All else is left to `conform`,
which knows what people also write and says what is wrong; both give the same cells."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from .cautions import RowWarning, Seen, microseconds
from .rows import is_broken, said_by, used_columns

LARGEST = 2.0 ** 53  # whole numbers beyond are not told apart
MOMENT = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?)?", re.ASCII)
NAN = float("nan")
KINDS = {"number": (float, int), "integer": (int,), "boolean": (bool,), "category": ()}  # what is ordinary at once


class Odd(Exception):
    """A cell that is not ordinary."""


class Quick:
    """Reads rows of a schema: their cells in the order of the schema, in the forms of plan/cells.py."""

    def __init__(self, schema: Mapping):
        self.columns = [column(entry) for entry in used_columns(schema)]

    def read(self, row: Mapping) -> tuple[list, list[RowWarning]] | None:
        """(cells, what is to be said of them); None where the row is not ordinary."""
        cells, warnings = [], []
        add = cells.append
        try:
            for name, known, kinds, low, high, read in self.columns:
                value = row[name]
                if known is not None and (cell := known.get(value)) is not None:
                    add(cell)
                elif type(value) in kinds and low <= value <= high:
                    add(float(value))
                else:
                    add(read(value, warnings))
        except (Odd, KeyError, TypeError):  # TypeError: a list or an object in a cell
            return None
        return cells, warnings

    def read_all(self, rows: Sequence[Mapping]) -> tuple[list[list], list[list[RowWarning]]] | None:
        """`read` of all rows: (cells, warnings); None where one of them is not ordinary."""
        cells, warnings = [], []
        for row in rows:
            found = self.read(row) if type(row) is dict else None
            if found is None:
                return None
            cells.append(found[0])
            warnings.append(found[1])
        return cells, warnings

    def all_cells(self, rows: Sequence[Mapping]) -> list[list] | None:
        """The cells of all rows; None where one of them is not ordinary."""
        found = self.read_all(rows)
        return found and found[0]


def column(entry: Mapping) -> tuple:
    """(name, labels, types, low, high, function): a label of these, or a number of these types and between these ends,
    is an ordinary cell of which nothing is to be said. All else goes to the function."""
    seen = Seen(entry)
    known, kinds, (low, high) = None, (), (0.0, 0.0)
    if seen.form == "text" and seen.categories and READERS["text"](entry) is not mere_odd:
        allowed = {str(one) for one in refusing(entry, "categories")} or seen.categories
        known = {label: label for label in seen.categories & allowed}
    elif seen.form == "number" and not seen.categories:
        kinds = KINDS[entry["type"]]
        low, high = usual_ends(entry, seen)
    return entry["name"], known, kinds, low, high, reader(entry, seen)


def usual_ends(entry: Mapping, seen: Seen) -> tuple[float, float]:
    """Between them a number is neither refused nor out of what training held."""
    low, high = ends(entry, float)
    if seen.has_range:
        low, high = max(low, seen.low), min(high, seen.high)
    return max(low, 1 - LARGEST), min(high, LARGEST - 1)


def reader(entry: Mapping, seen: Seen) -> Callable:
    """A function from a JSON value to a cell, which adds what is to be said of it to a list; it raises Odd for what it
    leaves to `conform`."""
    read = READERS[seen.form](entry)
    refuses_gaps = said_by(entry).get("null_share") == "contract" and entry.get("null_share") == 0
    gap = NAN if seen.form == "number" else None

    def read_cell(value, warnings: list):
        missing = value is None or type(value) is float and value != value  # NaN: rows of pandas, not of JSON
        if missing and refuses_gaps:
            raise Odd
        cell = gap if missing else read(value)
        if caution := seen.caution(cell):
            warnings.append(caution)
        return cell
    return read_cell


def numbers(entry: Mapping) -> Callable:
    low, high = ends(entry, float)
    whole = entry["type"] == "integer"
    allowed = {float(one) for one in refusing(entry, "categories")}

    def read(value):
        kind = type(value)
        if kind is not float and kind is not int or not -LARGEST < value < LARGEST:
            raise Odd
        value = float(value)
        if not low <= value <= high or allowed and value not in allowed or whole and value % 1:
            raise Odd
        return value
    return booleans if entry["type"] == "boolean" else read


def booleans(value) -> float:
    if type(value) is not bool:
        raise Odd
    return 1.0 if value else 0.0


def mere_odd(value):
    raise Odd


def texts(entry: Mapping) -> Callable:
    if any(isinstance(one, bool) for one in entry.get("categories") or ()):
        return mere_odd  # "yes" is True there
    allowed = {str(one) for one in refusing(entry, "categories")}

    def read(value):
        if type(value) is not str or allowed and value not in allowed or is_broken(value):
            raise Odd
        return value
    return read


def moments(entry: Mapping) -> Callable:
    low, high = ends(entry, lambda end: microseconds(datetime.fromisoformat(end)))

    def read(value):
        if type(value) is not str or not MOMENT.fullmatch(value):
            raise Odd
        try:
            moment = microseconds(datetime.fromisoformat(value))
        except (ValueError, OverflowError):
            raise Odd from None
        if not low <= moment <= high:
            raise Odd
        return moment
    return read


READERS = {"number": numbers, "text": texts, "moment": moments}


def refusing(entry: Mapping, rule: str) -> Sequence:
    """What the contract allows, where it refuses all else."""
    return entry.get(rule) or () if said_by(entry).get(rule) == "contract" else ()


def ends(entry: Mapping, of: Callable) -> tuple:
    """The range of the contract; an open end is infinitely far away."""
    low, high = refusing(entry, "range") or (None, None)
    return (-float("inf") if low is None else of(low)), (float("inf") if high is None else of(high))
