"""Rows made to hurt: held-out rows with cells that a plan could get wrong."""

from collections.abc import Mapping, Sequence

import numpy as np

from notemill.compile.edges import edges_by_column
from notemill.runtime.plan.cells import form_of
from notemill.runtime.rows import used_columns

ROWS = 10_000
MOST_EDGES = 300  # of a column
SHARE = 0.35  # of the cells that are made hard
NUMBERS = [0, -0.0, 1, -1, 0.5, 1e-300, -1e-300, 1e15, -1e15, 1e30, 2**53 + 1, np.inf, -np.inf, None, "7",
           " 8.5 ", "many", True, "", "1e3", "nan"]
HUGE, HUGE_ROWS = [1e300, -1e300, 1e39], 20  # some models refuse these: in few rows, for each is asked for alone
TEXTS = [None, "", " ", "never seen", "NEVER\nSEEN", "\u00e9\u4e2d\U0001f600", "nan", "None", 0, 1.0, 2.5, True, "0",
         "1.0", "x" * 500, "x" * 99 + " words and more words, two of them twice",
         "\u0130 \u00df", "a_b-c'd e", "1 22 333"]
MOMENTS = [None, "1970-01-01", "1969-12-31T23:59:59.999999", "0001-01-01", "9999-12-31T23:59:59",
           "2024-02-29T12:00:00Z", "2024-03-31T02:30:00+02:00", "2023-12-31 24:00:00", "yesterday", 0, 1.7e9,
           "2024-01-01T00:00:00.000001", ""]


def hard_rows(held_out, schema: Mapping, plan: Mapping, arrays: Mapping, rows: int = ROWS):
    """A table of objects: the model's columns, with missing, unseen, infinite and mistyped cells, and edges of bins."""
    import pandas as pd

    random, edges = np.random.default_rng(0), edges_by_column(plan, arrays)
    columns = {}
    for entry in used_columns(schema):
        usual = held_out[entry["name"]].astype("object").to_numpy()
        cells = random.choice(usual, rows) if len(usual) else np.full(rows, None, dtype="object")
        hurt = cells_of(entry, edges.get(entry["name"], []), random)
        odd = np.empty(len(hurt), dtype="object")
        odd[:] = hurt
        cells[random.random(rows) < SHARE] = None
        places = np.flatnonzero(random.random(rows) < SHARE)
        cells[places] = odd[random.integers(0, len(odd), len(places))]
        if form_of(entry) == "number":
            cells[:HUGE_ROWS] = random.choice([*HUGE, None], HUGE_ROWS)
        columns[entry["name"]] = cells
    return pd.DataFrame(columns, dtype="object")


def cells_of(entry: Mapping, edges: Sequence[float], random) -> list:
    """Hard cells for one column; `edges`: where the plan divides its numbers."""
    form = form_of(entry)
    if form == "text":
        return [*TEXTS, *(entry.get("categories") or ())]
    if form == "moment":
        return MOMENTS
    known = [end for end in (entry.get("min"), entry.get("max"), *(entry.get("categories") or ()))
             if isinstance(end, int | float)]
    some = edges if len(edges) <= MOST_EDGES else random.choice(edges, MOST_EDGES, replace=False).tolist()
    return [*NUMBERS, *(near for edge in [*known, *some] for near in around(edge))]


def around(edge: float) -> list[float]:
    """The number itself and its neighbours."""
    return [float(one) for one in (edge, np.nextafter(edge, -np.inf), np.nextafter(edge, np.inf))]
