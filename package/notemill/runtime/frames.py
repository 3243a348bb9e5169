"""The table that `conform` would make of ordinary rows, made of the cells that `Quick` has read: without a look at each
column, which takes longer than all the rest where rows are few."""

from collections.abc import Mapping, Sequence
from typing import Any

from .plan.cells import form_of
from .rows import used_columns

WHOLE = 2.0 ** 53


def table_of(cells: Sequence[Sequence], schema: Mapping):
    """A DataFrame in the types of training."""
    import pandas as pd

    entries = used_columns(schema)
    return pd.DataFrame({entry["name"]: column(values, entry)
                         for entry, values in zip(entries, zip(*cells, strict=True), strict=True)})


def column(values: Sequence, entry: Mapping) -> Any:
    """One column's cells in its type."""
    import numpy as np
    import pandas as pd

    form = form_of(entry)
    if form == "text":
        return pd.array(values, dtype="str")
    if form == "moment":
        return np.array(["NaT" if value is None else value for value in values], dtype="datetime64[us]")
    if entry["type"] == "boolean":
        return pd.array([None if value != value else bool(value) for value in values], dtype="boolean")
    found = np.array(values, dtype="float64")
    whole = entry["type"] == "integer" and (found % 1 == 0).all() and np.abs(found).max() < WHOLE
    return found.astype("int64") if whole else found
