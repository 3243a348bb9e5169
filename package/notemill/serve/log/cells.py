"""Cells as they were sent, in the one type of their column; what does not fit is kept apart, as JSON."""

import contextlib
import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import pyarrow as pa

TYPES = {"double": pa.float64(), "bool": pa.bool_(), "int64": pa.int64(), "string": pa.string(), "hash": pa.string(),
         "timestamp": pa.timestamp("us", tz="UTC")}
# what Arrow takes as it is, or refuses; it would cut 1.5 to the int64 1
STRICT = ("double", "bool", "string", "hash")
# as the model reads them (runtime/rows.py)
TRUTHS = {"true": True, "yes": True, "1": True, "1.0": True, "false": False, "no": False, "0": False, "0.0": False}


def fitted(values: Sequence, kind: str) -> tuple[pa.Array, dict[int, object]]:
    """(the column, {row: the cell that does not fit}); such a cell is missing in the column."""
    if kind in STRICT:
        with contextlib.suppress(pa.ArrowException, TypeError, ValueError, OverflowError):  # not all are plain
            return pa.array(values, TYPES[kind]), {}
    convert, odd = CONVERT[kind], {}
    cells = [_one(convert, value, row, odd) for row, value in enumerate(values)]
    return pa.array(cells, TYPES[kind]), odd


def _one(convert: Callable, value: object, row: int, odd: dict[int, object]) -> object:
    if value is None:
        return None
    try:
        return convert(value)
    except (TypeError, ValueError, OverflowError):
        odd[row] = value
        return None


def _number(value: object) -> float:
    """Raises ValueError where the number would be another one."""
    if not isinstance(value, str | int | float):
        raise TypeError
    found = float(value)
    if not math.isfinite(found) or (isinstance(value, int) and found != value):
        raise ValueError
    return found


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or int(value) != value or abs(value) >= 1 << 63:
        raise ValueError
    return int(value)


def _truth(value: object) -> bool:
    try:
        return TRUTHS[str(value).strip().lower()]
    except KeyError:
        raise ValueError from None


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if not isinstance(value, int | float):
        raise TypeError
    return str(int(value)) if not isinstance(value, bool) and value == int(value) else str(value)


def _moment(value: object) -> datetime:
    """Of an ISO text; without a zone it is UTC."""
    if not isinstance(value, str):
        raise TypeError
    found = datetime.fromisoformat(value.strip())
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


CONVERT = {"double": _number, "bool": _truth, "int64": _whole, "string": _text, "hash": _text, "timestamp": _moment}
