"""A journal's lines as Arrow tables."""

import json
from collections.abc import Mapping, Sequence

import pyarrow as pa

from .cells import TYPES, fitted
from .columns import Column
from .folder import day_of

try:
    from msgspec.json import decode
except ImportError:  # who only reads a log need not have the service's libraries
    from json import loads as decode

MOMENT = TYPES["timestamp"]
WARNING = pa.struct([("column", pa.string()), ("check", pa.string()), ("got", pa.string())])
BEFORE = [("request", pa.string()), ("row", pa.int64()), ("at", MOMENT), ("version", pa.string()),
          ("content", pa.string())]
AFTER = [("ms", pa.float64()), ("warnings", pa.list_(WARNING)), ("unfit", pa.string())]
MARK = pa.schema([("request", pa.string()), ("row", pa.int64()), ("at", MOMENT), ("what", pa.string()),
                  ("value", pa.string())])


def row_schema(columns: Sequence[Column]) -> pa.Schema:
    """The dataset's, less the day: its own columns have plain names, those of models a prefix."""
    return pa.schema([*BEFORE, *((one.stored, TYPES[one.type]) for one in columns), *AFTER])


def by_day(bodies: Sequence[bytes]) -> dict[tuple[str, str], list]:
    """{("r" or "m", day): lines, read}."""
    found: dict[tuple[str, str], list] = {}
    for body in bodies:
        line = decode(body)
        found.setdefault((line[0], line[3] if line[0] == "m" else day_of(line[3])), []).append(line)
    return found


def rows_table(lines: Sequence[list], columns: Sequence[Column]) -> pa.Table:
    """Lines that begin with "r"."""
    _, request, row, at, version, content, inputs, prediction, probabilities, ms, warnings = zip(*lines, strict=True)
    cells = iter(zip(*inputs, strict=True))
    labels = iter(zip(*filled(probabilities, sum(one.of == "probability" for one in columns)), strict=True))
    given = {"input": lambda: next(cells), "prediction": lambda: prediction, "probability": lambda: next(labels)}
    arrays, odd = [], [{} for _ in lines]
    for one in columns:
        array, strange = fitted(given[one.of](), one.type)
        arrays.append(array)
        for place, value in strange.items():
            odd[place][one.stored] = value
    for place, some in enumerate(probabilities):
        if some and len(some) != sum(one.of == "probability" for one in columns):
            odd[place]["probabilities"] = some
    head = [fitted(request, "string")[0], fitted(row, "int64")[0], moments(at), pa.array(version, pa.string()),
            fitted(content, "string")[0]]
    tail = [fitted(ms, "double")[0], told(warnings), pa.array([json.dumps(one) if one else None for one in odd])]
    return pa.Table.from_arrays([*head, *arrays, *(one.cast(kind) for one, (_, kind) in zip(tail, AFTER, strict=True))],
                                schema=row_schema(columns))


def filled(probabilities: Sequence[list | None], count: int) -> list:
    """As many for every row."""
    none = [None] * count
    return [some if some and len(some) == count else none for some in probabilities]


def moments(seconds: Sequence[float]) -> pa.Array:
    """Seconds since 1970; what day_of() takes for no moment is missing."""
    return pa.array([round(one * 1e6) if isinstance(one, int | float) and abs(one) < 1e11 else None
                     for one in seconds], pa.int64()).cast(MOMENT)


def told(warnings: Sequence[list]) -> pa.Array:
    return pa.array([[{"column": shown(column), "check": shown(check), "got": shown(got)}
                      for column, check, got in some] for some in warnings], pa.list_(WARNING))


def shown(value: object) -> str | None:
    """Text as it is, other values as JSON."""
    return value if value is None or isinstance(value, str) else json.dumps(value)


def marks_table(lines: Sequence[list]) -> pa.Table:
    """Lines that begin with "m"."""
    _, request, row, _, at, what, value = zip(*lines, strict=True)
    return pa.Table.from_arrays([pa.array(request, pa.string()), fitted(row, "int64")[0], moments(at),
                                 pa.array(what, pa.string()), pa.array(list(map(shown, value)), pa.string())],
                                schema=MARK)


def columns_of(header: Mapping) -> list[Column]:
    return [Column(**one) for one in header["columns"]]
