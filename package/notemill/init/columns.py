"""What each column of the table holds, by the same rules as notebooks/prepare.ipynb goes by."""

import re
from dataclasses import dataclass

ISO = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?\s?(Z|[+-]\d{2}:?\d{2})?)?")
KEY_NAME = re.compile(r"(^|[_ .-])(id|key|uuid|guid)$")
LOCAL_DATE = re.compile(r"\s*\d{1,4}[./-]\d{1,2}[./-]\d{1,4}(?![\d./-])")
MOSTLY_NUMBERS = 0.9
MOST_COUNTED, EXAMPLES = 1000, 20


@dataclass(frozen=True)
class Column:
    """One column as seen. `low`, `high`: of numbers and dates; `values`: the different ones with how often each comes,
    commonest first, of categories and whole numbers; `strange`: cells that are not of the type."""

    name: str
    type: str
    rows: int
    missing: int
    distinct: int
    low: object = None
    high: object = None
    values: tuple[tuple[object, int], ...] = ()
    strange: tuple[str, ...] = ()
    identifies: bool = False
    odd_numbers: int = 0        # infinite
    local_dates: bool = False   # 31.12.2024, 12/31/2024: words, as far as the notebook can tell

    @property
    def filled(self) -> int:
        return self.rows - self.missing

    @property
    def numeric(self) -> bool:
        return self.type in ("integer", "number")


def look_at(frame) -> dict[str, Column]:
    """Every column of the table, by name."""
    return {name: look_at_column(frame[name]) for name in frame.columns}


def look_at_column(values) -> Column:
    kind = guess_type(values)
    filled = values.dropna()
    facts = {"name": values.name, "type": kind, "rows": len(values), "missing": int(values.isna().sum()),
             "distinct": int(filled.nunique())}
    if filled.empty:
        return Column(**facts)
    see = {"integer": _numbers, "number": _numbers, "datetime": _moments}.get(kind, _words)
    return Column(**facts, **see(filled), identifies=identifies_rows(values, kind))


def guess_type(values) -> str:
    """As the prepare notebook guesses."""
    import pandas

    kinds = pandas.api.types
    if values.dropna().empty:
        return "number"
    if kinds.is_bool_dtype(values):
        return "boolean"
    if kinds.is_numeric_dtype(values):
        return "integer" if kinds.is_integer_dtype(values) else "number"
    if kinds.is_datetime64_any_dtype(values):
        return "datetime"
    return "category" if isinstance(values.dtype, pandas.CategoricalDtype) else _guess_words(values)


def _guess_words(values) -> str:
    import pandas

    filled = values.dropna()
    if filled.head(1).map(_is_truth).all() and filled.map(_is_truth).all():
        return "boolean"
    words = filled.astype("str")
    numeric = pandas.to_numeric(words, errors="coerce").notna().mean()
    if MOSTLY_NUMBERS <= numeric < 1 or not filled.map(lambda cell: isinstance(cell, str)).any():
        return "number"
    if words.head(5).map(ISO.fullmatch).notna().all() and words.map(ISO.fullmatch).notna().all() \
            and as_moments(words).notna().all():
        return "datetime"
    return "category" if few_values(values) else "text"


def _is_truth(cell: object) -> bool:
    return type(cell).__name__ in ("bool", "bool_")


def as_moments(values):
    import pandas
    return pandas.to_datetime(values, errors="coerce", utc=True, format="ISO8601")


def few_values(values) -> bool:
    distinct, rows = values.nunique(), len(values)
    return distinct <= rows / 2 and (distinct <= 50 or distinct <= min(1000, rows / 20))


def identifies_rows(values, kind: str) -> bool:
    """Whether the column only says which row it is: counted, named as a key, or a different word in every row."""
    if kind in ("number", "datetime", "boolean") or values.isna().any() or not values.is_unique or len(values) < 3:
        return False
    if kind == "integer":
        return bool(values.max() - values.min() == len(values) - 1) or bool(KEY_NAME.search(values.name.lower()))
    return not values.astype("str").str.contains(r"\s").any()


def _numbers(filled) -> dict:
    import numpy
    import pandas

    numbers = pandas.to_numeric(filled, errors="coerce")
    strange = sorted({str(cell) for cell in filled[numbers.isna()]})
    finite = numbers[numpy.isfinite(numbers.astype("float64"))]
    facts = {"strange": tuple(strange), "odd_numbers": int(numbers.notna().sum() - len(finite))}
    if not len(finite):
        return facts
    few = finite.nunique() <= 100
    return {**facts, "low": plain(finite.min()), "high": plain(finite.max()), "values": counted(finite) if few else ()}


def _moments(filled) -> dict:
    moments = as_moments(filled)
    return {"low": moments.min().to_pydatetime(), "high": moments.max().to_pydatetime()}


def _words(filled) -> dict:
    values = counted(filled if filled.dtype == "bool" else filled.astype("object"))
    dated = values and all(isinstance(value, str) and LOCAL_DATE.match(value) for value, _ in values[:EXAMPLES])
    return {"values": values, "local_dates": bool(dated)}


def counted(values) -> tuple[tuple[object, int], ...]:
    """(value, rows) of each different value, the commonest first, then in their own order; of many, some."""
    counts = values.value_counts()
    counts = counts if len(counts) <= MOST_COUNTED else counts.head(EXAMPLES)
    found = [(plain(value), int(count)) for value, count in counts.items()]
    return tuple(sorted(found, key=lambda one: (-one[1], str(one[0]))))


def plain(value: object) -> object:
    """A numpy value as Python has it, and whole numbers without a fraction as whole."""
    value = value.item() if hasattr(value, "item") else value
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else value
