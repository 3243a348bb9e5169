"""Where a plan begins: a column of conformed rows as the numbers, texts or moments that the steps work on.

One cell: a float (NaN where it is missing), a text (None where missing), microseconds since 1970 (None where missing).
"""

import math

NAN = math.nan
LEAST = -2 ** 63  # a missing moment in a column of int64, as numpy has it


def numbers(column):
    """A column of a conformed table as float64."""
    return column.to_numpy(dtype="float64", na_value=NAN)


def texts(column):
    """A column as pandas has it: text, missing cells as NaN."""
    return column


def moments(column):
    """Microseconds since 1970 as int64; what is missing is the least of these."""
    return column.to_numpy().astype("datetime64[us]").astype("int64")


READ = {"number": numbers, "text": texts, "moment": moments}
FORMS = {"number": "number", "integer": "number", "boolean": "number", "category": "text", "text": "text",
         "datetime": "moment"}


def form_of(entry) -> str:
    """In which form a column of the schema is read: number, text or moment."""
    codes = entry.get("categories") or []
    coded = entry["type"] == "category" and bool(codes) and all(
        isinstance(code, int | float) and not isinstance(code, bool) for code in codes)
    return "number" if coded else FORMS[entry["type"]]
