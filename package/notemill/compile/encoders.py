"""Encoders of categories: asked once for each category that they know, then for what is missing and what is new."""

import warnings
from dataclasses import replace

import numpy as np

from notemill.compile.compiling import transformer
from notemill.compile.values import NotCompiled, Plan, Value

NEW = "\0 a label that nobody has"


@transformer("OneHotEncoder", "OrdinalEncoder", "TargetEncoder")
def encoder(fitted, values: list[Value], plan: Plan) -> list[Value]:
    """Each column by itself: what the encoder makes of each of its labels, in a table."""
    labels = [labels_of(categories, value) for categories, value in zip(fitted.categories_, values, strict=True)]
    made = probe(fitted, labels, values)
    found, first = [], 0
    for place, value in enumerate(values):
        last, slot = first + width(fitted, place), code(plan, value, labels[place])
        found += plan.codes(slot, table_of(made[place], slot, plan)[:, first:last])
        first = last
    return found


def table_of(rows: list, slot: int, plan: Plan):
    """What comes out for each code; a code that the encoder refuses is refused by the plan."""
    wide = next((row for row in rows if row is not None), np.zeros(0))
    for number, row in enumerate(rows):
        if row is None:
            plan.refuse(slot, number)
    return np.vstack([np.full_like(wide, np.nan) if row is None else row for row in rows])


def labels_of(categories, value: Value) -> list:
    """The labels, less the missing one."""
    kept = [one for one in categories.tolist() if one is not None and one == one]
    wanted = str if value.form == "text" else (int, float)
    if not all(isinstance(one, wanted) for one in kept):
        raise NotCompiled(f"categories of other types than a {value.form} column's")
    return kept


def width(fitted, place: int) -> int:
    """How many columns come out for one that goes in."""
    if type(fitted).__name__ == "OneHotEncoder":
        return fitted._n_features_outs[place]
    if type(fitted).__name__ == "TargetEncoder" and fitted.target_type_ == "multiclass":
        return len(fitted.classes_)
    return 1


def code(plan: Plan, value: Value, labels: list) -> int:
    if value.form == "moment":
        raise NotCompiled("an encoder on a column of times")
    return plan.add("code", value.slot, labels=labels, missing=len(labels), unknown=len(labels) + 1)


def probe(fitted, labels: list[list], values: list[Value]) -> list[list]:
    """For each column: what comes out, in all columns, for its labels, a missing and a new one."""
    first = [one[0] if one else np.nan for one in labels]
    return [[asked(fitted, first, place, cell, values) for cell in [*known, np.nan, new(known, value)]]
            for place, (known, value) in enumerate(zip(labels, values, strict=True))]


def new(known: list, value: Value):
    return NEW if value.form == "text" else max(known, default=0.0) + 1.5


def asked(fitted, first: list, place: int, cell, values: list[Value]):
    """One row (columns,); None where the encoder refuses it."""
    import pandas as pd

    row = [*first[:place], cell, *first[place + 1:]]
    names = getattr(fitted, "feature_names_in_", range(len(row)))
    kinds = {name: "str" if value.form == "text" else "float64" for name, value in zip(names, values, strict=True)}
    table = pd.DataFrame([row], columns=list(names)).astype(kinds)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "found unknown categories": that is the question
        try:
            came = fitted.transform(table if hasattr(fitted, "feature_names_in_") else table.to_numpy())
        except ValueError:
            return None
    came = came.toarray() if hasattr(came, "toarray") else np.asarray(came)
    return came.astype("float64").ravel()


@transformer("KBinsDiscretizer")
def bins(fitted, values: list[Value], plan: Plan) -> list[Value]:
    found = []
    for edges, value in zip(fitted.bin_edges_, values, strict=True):
        if value.form != "number":
            raise NotCompiled("KBinsDiscretizer on a column that is no number")
        place = plan.add("bin", value.slot, edges=[float(edge) for edge in edges[1:-1]])
        count = len(edges) - 1
        rows = np.arange(count)[:, None] if fitted.encode == "ordinal" else np.eye(count)
        found += plan.codes(place, np.vstack([rows, np.full(rows.shape[1], np.nan)]))
        plan.refuse(place, count)
    return [replace(value, name=None) for value in found]
