"""Rows as people have them, turned into the table that the model was trained on; what does not fit is told in words."""

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from numbers import Real
from typing import Any

USED = ("feature", "time")  # the roles of the columns that go into the model
SHOWN = 10  # problems in an error's text
# what a CSV file says for a missing value, as pandas reads it
MISSING_WORDS = ("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>",
                 "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null")
TRUTHS = {"true": True, "yes": True, "1": True, "1.0": True, "false": False, "no": False, "0": False, "0.0": False}
HALF = re.compile("[\ud800-\udfff]")
DECIMAL_COMMA = r"\s*[+-]?(\d{1,3}(\.\d{3})+|\d*)(,\d*)?([eE][+-]?\d+)?\s*"


@dataclass(frozen=True)
class Problem:
    """What is wrong with one cell, or with a whole column (`row` is None); rows count from 0.

    `place`: where the row stands for whoever holds the table, if not by its number. `check`: absent, twice, type,
    missing, range or categories; `allowed`: what that check lets through, as JSON has it."""

    row: int | None
    column: str
    rule: str
    got: str = ""
    place: str = ""
    check: str = ""
    allowed: Any = None

    def __str__(self) -> str:
        place = self.place or ("" if self.row is None else f"row {self.row + 1}")
        return f"{place}{', ' if place else ''}column '{self.column}': {self.message}"

    @property
    def message(self) -> str:
        """What was found, and what it should be."""
        return f"{self.got} {self.rule}" if self.got else self.rule


class BadRows(ValueError):
    """Rows that the model cannot take; `problems` has them all."""

    def __init__(self, problems: list[Problem]):
        more = f"\n  and {len(problems) - SHOWN:,} more" if len(problems) > SHOWN else ""
        super().__init__("\n  ".join(map(str, problems[:SHOWN])) + more)
        self.problems = problems

    @property
    def in_rows(self) -> bool:
        """Whether it is single rows that are bad, not whole columns."""
        return any(problem.row is not None for problem in self.problems)


def to_frame(rows: Any):
    """A pandas DataFrame of a DataFrame (pandas, polars), a list of dicts, or one dict. Raises TypeError for others."""
    import pandas as pd

    rows = rows.collect() if hasattr(rows, "collect") else rows
    if isinstance(rows, pd.DataFrame):
        return rows
    if hasattr(rows, "to_pandas") and hasattr(rows, "columns"):
        return rows.to_pandas()
    if isinstance(rows, pd.Series):
        rows = rows.to_dict()
    if isinstance(rows, Mapping):
        return pd.DataFrame({name: _cells([rows[name]]) for name in rows if not is_broken(name)}, index=[0])
    if isinstance(rows, Iterable) and not isinstance(rows, str | bytes):
        listed = list(rows)
        if all(isinstance(row, Mapping) for row in listed):
            return _of_mappings(listed)
    raise TypeError(f"rows are a DataFrame (pandas or polars), a list of dicts or one dict, not {type(rows).__name__}")


def _of_mappings(rows: list[Mapping]):
    import pandas as pd

    try:  # rows without any key are rows, too
        return pd.DataFrame.from_records(rows) if any(rows) else pd.DataFrame(index=range(len(rows)))
    except UnicodeEncodeError:
        names = [name for name in dict.fromkeys(name for row in rows for name in row) if not is_broken(name)]
        return pd.DataFrame({name: _cells([row.get(name) for row in rows]) for name in names}, index=range(len(rows)))


def _cells(values: list):
    """A column; plain objects where some text is none that Arrow could hold."""
    import pandas as pd

    try:
        return pd.Series(values, dtype=None)
    except UnicodeEncodeError:
        return pd.Series(values, dtype="object")


def is_broken(cell: object) -> bool:
    """Whether it is text with half of a character in it (a lone surrogate): no encoding can write it."""
    return isinstance(cell, str) and not cell.isascii() and HALF.search(cell) is not None


def used_columns(schema: Mapping) -> list[dict]:
    """The schema's entries of the columns that go into the model."""
    return [column for column in schema["columns"] if column["role"] in USED]


def conform(frame, schema: Mapping, *, words_for_missing: Iterable[str] = (), decimal: str = "."):
    """(table, problems): the model's columns in the types of training, and what does not fit; others are left out.

    `words_for_missing`: texts that stand for a missing value, as in a CSV file; `decimal`: the sign in numbers that are
    text. A cell with a problem is missing in the table.
    """
    import pandas as pd

    names, columns = list(frame.columns), {}
    problems = missing_columns(names, schema) if names or len(frame) else []
    for entry in used_columns(schema):
        name = entry["name"]
        if names.count(name) == 1:
            values = _simple(frame[name].reset_index(drop=True))
            columns[name], found = _column(values, entry, words_for_missing, decimal)
            problems += found
        elif not names and not len(frame):  # no rows at all
            columns[name] = CONVERT[entry["type"]](pd.Series([], dtype="object"), entry)
    problems.sort(key=lambda problem: -1 if problem.row is None else problem.row)
    return pd.DataFrame(columns, index=pd.RangeIndex(len(frame))), problems


def missing_columns(names: list, schema: Mapping) -> list[Problem]:
    """The model's columns that a table's heading does not have, or has more than once."""
    needed, wrong = {entry["name"] for entry in used_columns(schema)}, []
    for entry in used_columns(schema):
        name = entry["name"]
        if names.count(name) != 1:
            others = [other for other in names if other == name or other not in needed]
            wrong.append(Problem(None, name, _absent_or_twice(name, others),
                                 check="twice" if name in others else "absent"))
    return wrong


def absent_cells(rows: Any, schema: Mapping) -> list[Problem]:
    """In a list of dicts: what some rows do not have, though others do. (What no row has is an absent column.)"""
    listed = rows if isinstance(rows, list) and all(isinstance(row, Mapping) for row in rows) else []
    there = set().union(*listed)
    return [Problem(number, entry["name"], "is missing (write None where it is not known)", check="absent")
            for number, row in enumerate(listed) for entry in used_columns(schema)
            if entry["name"] in there and entry["name"] not in row]


def plain_labels(table):
    """Labels as text where a table has them as pandas' categories, which a plan reads faster."""
    coded = [name for name in table.columns if table[name].dtype == "category"]
    return table.astype(dict.fromkeys(coded, "str")) if coded else table


def all_problems(rows: Any, problems: list[Problem], schema: Mapping) -> list[Problem]:
    """What `conform` found, and the cells that are absent, which to it are merely empty; in the order of the rows."""
    absent = absent_cells(rows, schema)
    known = {(problem.row, problem.column) for problem in absent}
    found = absent + [problem for problem in problems if (problem.row, problem.column) not in known]
    return sorted(found, key=lambda problem: -1 if problem.row is None else problem.row)


def _absent_or_twice(name: str, names: list) -> str:
    if name in names:
        return "stands there more than once"
    near = difflib.get_close_matches(name, [str(other) for other in names], n=1)
    return f"is missing (did you mean '{near[0]}'?)" if near else "is missing (the model needs it)"


def _column(values, entry: Mapping, words_for_missing: Iterable[str], decimal: str):
    """One column in its type, and its problems."""
    missing = values.isna()
    if not _is_numeric(values):
        kept = {str(category) for category in entry.get("categories", ())}
        missing |= values.isin([word for word in words_for_missing if word not in kept])
        if entry["type"] not in ("category", "text"):
            missing |= _blank(values)
        values = values.mask(missing)
    in_numbers = entry["type"] in ("number", "integer") or _is_coded(entry)
    whole = _without_broken(values)
    typed = CONVERT[entry["type"]](_with_points(whole) if decimal == "," and in_numbers else whole, entry)
    misfit = typed.isna() & ~missing
    problems = [] if "mixed" in entry else [_problem(values, row, entry, "type", f"is not {_kind(entry)}")
                                            for row in _rows(misfit)]
    for broken, check, rule in _rules(typed, missing, entry):
        problems += [_problem(values, row, entry, check, rule) for row in _rows(broken)]
    return typed, problems


def _problem(values, row: int, entry: Mapping, check: str, rule: str) -> Problem:
    allowed = entry["type"] if check == "type" else entry.get(check)
    return Problem(row, entry["name"], rule, _shown(values.iloc[row]), check=check, allowed=allowed)


def _blank(values):
    """The cells with nothing but white space."""
    if values.dtype == "str":  # as a CSV file's: many at once
        return values.str.strip() == ""
    return _which(values, lambda cell: isinstance(cell, str) and not cell.strip())


def _without_broken(values):
    """Text with half of a character is of no type."""
    if values.dtype.kind != "O" or getattr(values.dtype, "storage", "") == "pyarrow":  # Arrow holds none
        return values
    broken = _which(values, is_broken)
    return values.mask(broken) if broken.any() else values


def _which(values, is_so: Callable[[object], bool]):
    """The cells that are so, as true and false."""
    import pandas as pd

    return pd.Series([is_so(cell) for cell in values], dtype="bool")


def _rows(mask) -> list[int]:
    return mask.to_numpy(dtype=bool, na_value=False).nonzero()[0].tolist()


def _shown(cell: object) -> str:
    """A cell in an error's text; nothing where it is empty."""
    from pandas import isna

    if not hasattr(cell, "__len__") and isna(cell):
        return ""
    text = repr(cell.item() if hasattr(cell, "item") and not hasattr(cell, "__len__") else cell)
    return text if len(text) <= 60 else text[:57] + "..."


def _kind(entry: Mapping) -> str:
    """The type in the words of somebody who holds the table."""
    unit = f" ({entry['unit']})" if entry.get("unit") else ""
    if entry["type"] == "category" and _is_coded(entry):
        return f"one of the codes, which are numbers{unit}"
    return {"number": f"a number{unit}", "integer": f"a whole number{unit}", "boolean": "true or false",
            "datetime": "a date or time (write 2026-01-31 or 2026-01-31T13:45:00)", "category": "one of the categories",
            "text": "text"}[entry["type"]]


# cells in their type; what does not fit becomes missing
def _simple(values):
    """Categories, Arrow's and pandas' own types as numpy's, text, or plain objects."""
    import pandas as pd

    extension = pd.api.types.is_extension_array_dtype(values.dtype) and not isinstance(values.dtype, pd.DatetimeTZDtype)
    try:
        if isinstance(values.dtype, pd.StringDtype):
            return values.astype("str")
        return values.astype("object").infer_objects() if extension else values
    except UnicodeEncodeError:  # half of a character: see is_broken
        return values.astype("object")


def _with_points(values):
    """Decimal commas as points; dots only between thousands. Other text is no number."""
    if values.dtype != "str":
        return values
    values = values.where(values.str.fullmatch(DECIMAL_COMMA))
    return values.str.replace(".", "", regex=False).str.replace(",", ".", regex=False)


def _is_numeric(values) -> bool:
    return values.dtype.kind in "iuf"


def _numbers(values, entry: Mapping):
    """Finite numbers, as float."""
    import numpy as np
    import pandas as pd

    if values.dtype.kind in "mMc":  # times and complex numbers would be converted
        return pd.Series(np.nan, index=values.index)
    found = pd.to_numeric(values.map(_real) if values.dtype == "object" else values, errors="coerce")
    found = pd.Series(found.to_numpy(dtype="float64", na_value=np.nan))
    return found.where(np.isfinite(found))


def _real(cell: object) -> object:
    """Text as it is, numbers as float, nothing else."""
    if isinstance(cell, str) or not isinstance(cell, Real | Decimal):
        return cell if isinstance(cell, str) else None
    try:
        return float(cell)
    except OverflowError:
        return None


def _integers(values, entry: Mapping):
    """Whole numbers where the contract says so; else numbers: the rows of training merely happened to be whole."""
    found = _numbers(values, entry)
    whole = (found % 1 == 0) | found.isna()
    if entry.get("from", {}).get("type") == "contract":
        found, whole = found.where(whole), whole | True
    return found.astype("int64") if whole.all() and found.notna().all() and found.abs().max() < 2**53 else found


def _booleans(values, entry: Mapping):
    if values.dtype.kind == "b":
        return values.astype("boolean")
    if values.dtype.kind in "mM":  # None would become a time
        values = values.notna().map({True: "", False: None})
    return values.map(lambda cell: TRUTHS.get(str(cell).strip().lower()), na_action="ignore").astype("boolean")


def _moments(values, entry: Mapping):
    """Times in UTC without a zone, in microseconds; plain numbers are no dates."""
    import numpy as np
    import pandas as pd

    if values.dtype == "object":
        values = values.where(_which(values, lambda cell: isinstance(cell, str | date | np.datetime64)))
    elif values.dtype != "str" and values.dtype.kind != "M":
        values = pd.Series(pd.NaT, index=values.index)
    parsed = pd.to_datetime(values, errors="coerce", utc=True, format="ISO8601")
    return parsed.dt.tz_localize(None).dt.as_unit("us")


def _labels(values, entry: Mapping):
    """Codes that were numbers in training are numbers; all else is text, whole numbers without a point."""
    if _is_coded(entry):
        return _numbers(values, entry)
    if any(isinstance(category, bool) for category in entry.get("categories", ())):
        values = _booleans(values, entry).astype("object")
    plain = values.dtype == "str" or values.dtype.kind == "M"
    return (values if plain else values.map(_label, na_action="ignore")).astype("str")


def _label(cell: object) -> str | None:
    """A cell as text; lists and the like are none."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, Real | Decimal) and not isinstance(cell, bool) and cell % 1 == 0:
        return str(int(cell))
    return None if hasattr(cell, "__len__") else str(cell)


def _is_coded(entry: Mapping) -> bool:
    """Whether the categories are numbers."""
    categories = entry.get("categories") or []
    return bool(categories) and all(isinstance(c, int | float) and not isinstance(c, bool) for c in categories)


CONVERT = {"number": _numbers, "integer": _integers, "boolean": _booleans, "datetime": _moments, "category": _labels,
           "text": _labels}


def _rules(typed, missing, entry: Mapping):
    """(which cells break it, the check, the rule in words) for each rule of the table's contract."""
    said = said_by(entry)
    unit = f" {entry['unit']}" if entry.get("unit") else ""
    if said.get("null_share") == "contract" and entry.get("null_share") == 0:
        yield missing, "missing", "is empty, and no gaps are allowed"
    if said.get("range") == "contract" and entry.get("range"):
        low, high = (_bound(end, typed) for end in entry["range"])
        if low is not None:
            yield typed < low, "range", f"is below {entry['range'][0]}{unit}, the least that is allowed"
        if high is not None:
            yield typed > high, "range", f"is above {entry['range'][1]}{unit}, the most that is allowed"
    if said.get("categories") == "contract" and entry.get("categories"):
        allowed = entry["categories"]
        yield typed.notna() & ~typed.isin(allowed if _is_coded(entry) else list(map(str, allowed))), "categories", (
            f"is not one of the allowed: {', '.join(map(str, allowed[:12]))}{', ...' if len(allowed) > 12 else ''}")


def said_by(entry: Mapping) -> dict[str, str]:
    """Who says each rule that refuses: the contract, or what the training rows were like."""
    return {rule: by for rule, by in entry.get("from", {}).items() if rule not in entry.get("warn", ())}


def _bound(end: object, typed):
    """An end of a range in the column's own type; None where it is open."""
    import pandas as pd

    if end is None or not pd.api.types.is_datetime64_any_dtype(typed):
        return end
    moment = pd.Timestamp(end)
    return moment.tz_convert(None) if moment.tzinfo else moment
