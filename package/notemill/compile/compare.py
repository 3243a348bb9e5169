"""Whether a plan says what scikit-learn says: on tables all at once, and row by row."""

import time
import warnings
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from notemill.runtime.plan import Stored
from notemill.runtime.plan.cells import LEAST
from notemill.runtime.plan.program import Program
from notemill.runtime.quick import Quick
from notemill.runtime.rows import conform
from notemill.runtime.scored import Compiled

CLOSE = 1e-9  # of probabilities; of quantities, in relation to the larger of 1 and what scikit-learn says
ROWS_ALONE, ROWS_READ = 10_000, 2_000  # of a table, so many are also scored, and read from JSON, one by one
SECONDS, AT_ONCE = 20, 1_000  # for a table, after the first so many rows: a large forest takes a millisecond for each


class Differs(ValueError):
    """The plan says something else than scikit-learn; the text gives an example."""


def compare(pipeline, stored: Stored, schema: Mapping, tables: Mapping) -> dict:
    """{table: rows, ..., "difference": the largest}. Raises Differs.

    A row without a figure in the plan is no difference: scikit-learn is asked for it, when it comes. But of the rows
    of "held_out" there may be none such that scikit-learn answers.
    """
    compiled, quick, largest, counts = Compiled(stored, schema["task"]), Quick(schema), 0.0, {}
    for name, rows in tables.items():
        table = conform(rows, schema)[0]
        found = compiled.program.many(table)
        wanted = wanted_of(pipeline, table, found, schema["task"], name)
        cells = Cells(compiled, table)
        largest = max(largest, check(found, wanted, name), of_rows(compiled.program, cells, wanted, name),
                      of_read(compiled.program, quick, rows, cells, wanted, name))
        if compiled.classes is not None:
            check_labels(found, wanted, name)
        counts[name] = len(table)
    return {**counts, "difference": largest}


def wanted_of(pipeline, table, found, task: str, name: str):
    """What scikit-learn says of the rows that the plan answers; NaN for the others."""
    answered, wanted = np.isfinite(found).all(axis=1), np.full(found.shape, np.nan)
    if answered.any():
        try:
            wanted[answered] = asked(pipeline, table[answered], task)
        except ValueError as error:
            raise Differs(f"{name}: scikit-learn refuses a row that the plan answers: {error}") from None
    if name == "held_out" and not answered.all() and is_answered(pipeline, table[~answered], task):
        raise Differs(f"{name} row {int(answered.argmin()) + 1}: the plan has no answer, and scikit-learn has one")
    return wanted


def is_answered(pipeline, table, task: str) -> bool:
    try:
        return bool(np.isfinite(asked(pipeline, table, task)).all())
    except ValueError:
        return False


def asked(pipeline, table, task: str):
    """What scikit-learn says (n, outputs). Raises ValueError for what it refuses."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # overflows and unknown categories: they are meant
        return np.asarray(answer_of(pipeline, table, task), dtype="float64")


def answer_of(pipeline, table, task: str):
    """Quantities, probabilities, or the figures of which the highest wins."""
    if task != "classification":
        return np.asarray(pipeline.predict(table), dtype="float64").reshape(-1, 1)
    if hasattr(pipeline, "predict_proba"):
        return np.asarray(pipeline.predict_proba(table))
    scores = np.asarray(pipeline.decision_function(table)).reshape(len(table), -1)
    return np.hstack([-scores, scores]) if scores.shape[1] == 1 else scores


def check_labels(found, wanted, name: str) -> None:
    """Raise Differs where another class has the highest figure."""
    same = found.argmax(axis=1) == wanted.argmax(axis=1)
    if bad := np.flatnonzero(~same & np.isfinite(wanted).all(axis=1)).tolist():
        raise Differs(f"{name} row {bad[0] + 1}: the plan finds another class than scikit-learn")


class Cells:
    """Rows of a conformed table as a plan takes them one by one."""

    def __init__(self, compiled: Compiled, table):
        program, self.rows = compiled.program, len(table)
        self.columns = [as_cells(form, read(table[name])) for form, read, name
                        in zip(compiled.forms, program.readers, program.columns, strict=True)]

    def row(self, place: int) -> list:
        return [column[place] for column in self.columns]


def as_cells(form: str, column) -> list:
    """A column in the form of one cell."""
    if form == "text":
        return [cell if isinstance(cell, str) else None for cell in column.tolist()]
    return column.tolist() if form == "number" else [None if cell == LEAST else cell for cell in column.tolist()]


def spread(rows: int, most: int) -> list[int]:
    """The places of so many rows, evenly."""
    return np.linspace(0, rows - 1, min(rows, most)).astype(int).tolist()


def of_rows(program: Program, cells: Cells, wanted, name: str) -> float:
    """The largest difference of rows that are scored one by one."""
    return max((difference(program, {place: cells.row(place) for place in places}, wanted, f"{name}, one by one,",
                           strict=name == "held_out") for places in in_time(spread(cells.rows, ROWS_ALONE))), default=0)


def in_time(places: list[int]) -> Iterator[list[int]]:
    """Parts of `places`, each of them spread over all, until the time is up."""
    parts = -(-len(places) // AT_ONCE)
    until = time.monotonic() + SECONDS
    for part in range(parts):
        if part == 0 or time.monotonic() < until:
            yield places[part::parts]


def of_read(program: Program, quick: Quick, rows, cells: Cells, wanted, name: str) -> float:
    """The largest difference of rows that are read as they come in JSON, where that gives other cells."""
    some = spread(len(rows), ROWS_READ)
    plain = rows.iloc[some].astype("object").to_dict("records")
    read = [(place, quick.read({name: json_value(cell) for name, cell in row.items()}))
            for place, row in zip(some, plain, strict=True)]
    others = {place: found[0] for place, found in read if found is not None and not same(found[0], cells.row(place))}
    return difference(program, others, wanted, f"{name}, read as JSON,") if others else 0.0


def same(one: Sequence, other: Sequence) -> bool:
    return all(a == b or a != a and b != b for a, b in zip(one, other, strict=True))


def difference(program: Program, rows: Mapping[int, list], wanted, name: str, *, strict: bool = True) -> float:
    """The largest, of {place: row}. A row to which the plan alone has no answer is scikit-learn's; of the held-out rows
    (`strict`) there may be none."""
    alone, wanted = [program.one(row) for row in rows.values()], wanted[list(rows)]
    found = np.array([row if len(row) == wanted.shape[1] else [np.nan] * wanted.shape[1] for row in alone])
    if not strict:
        wanted = np.where(np.isfinite(found).all(axis=1, keepdims=True), wanted, np.nan)
    return check(found, wanted, name, list(rows))


def json_value(cell: object) -> object:
    """A cell as JSON has it."""
    if cell is None or cell != cell:
        return None
    if hasattr(cell, "isoformat"):
        return cell.isoformat()
    return cell.item() if hasattr(cell, "item") else cell


def check(found, wanted, name: str, places: Sequence[int] | None = None) -> float:
    """The largest difference; `places` of the rows, where they are not all. Raises Differs, also where one has a figure
    and the other none."""
    places = range(len(found)) if places is None else places
    if bad := np.flatnonzero(np.isfinite(found).all(axis=1) != np.isfinite(wanted).all(axis=1)).tolist():
        raise differs(found, wanted, name, places, bad[0])
    apart = np.nan_to_num(np.abs(found - wanted) / np.maximum(1.0, np.abs(wanted)), nan=0.0)
    if apart.size and apart.max() > CLOSE:
        raise differs(found, wanted, name, places, int(apart.max(axis=1).argmax()))
    return float(apart.max(initial=0.0))


def differs(found, wanted, name: str, places: Sequence[int], bad: int) -> Differs:
    return Differs(f"{name} row {places[bad] + 1}: the plan gives {found[bad]}, and scikit-learn {wanted[bad]}")
