"""Held-out rows changed as they will be in use: what robustness asks the model, and how far its answers move."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from notemill.gate.metrics import Answers
from notemill.gate.rivals import some
from notemill.runtime.rows import conform, used_columns

if TYPE_CHECKING:
    from notemill.gate.evidence import Evidence

SAMPLE = 1_000  # rows of a variant
PART = 50  # rows of a variant of one column
MOST_COLUMNS = 20  # that are made unseen or missing, one after the other
NOISE = 0.01  # of a column's standard deviation
NEVER = "never seen before"
EXACT = 1e-6  # of probabilities, or of the predictions' spread: another order of adding up


@dataclass(frozen=True)
class Changed:
    """Some of the rows asked (`rows`: their positions), changed. `refused`: why the package would not take them."""

    table: Any
    rows: np.ndarray
    column: str | None = None
    refused: str | None = None


def changed_rows(evidence: "Evidence") -> dict[str, Changed]:
    """{name: Changed}; "unseen_0", "missing_0" and so on are of one column each."""
    rows = some(len(evidence.rows_asked), SAMPLE)
    table = evidence.rows_asked.iloc[rows].reset_index(drop=True)
    order = np.random.default_rng(0).permutation(len(rows))[:max(1, len(rows) // 2)]
    found = {"columns": Changed(table[table.columns[::-1]], rows),
             "rows": Changed(table.iloc[order].reset_index(drop=True), rows[order])}
    numbers = [name for name in names_of(evidence.schema, "number") if has_fractions(table[name])]
    if numbers:
        found["float32"] = Changed(table.astype(dict.fromkeys(numbers, "float32")), rows)
        scale = evidence.config.get("robustness", {}).get("noise", NOISE)
        found["noise"] = Changed(noisy(table, numbers, scale), rows)
    return {**found, **of_columns(evidence, "unseen", unseen(evidence)),
            **of_columns(evidence, "missing", missing(evidence))}


def names_of(schema: Mapping, kind: str) -> list[str]:
    return [column["name"] for column in used_columns(schema) if column["type"] == kind]


def has_fractions(values) -> bool:
    """Floating-point numbers that are not all whole: of a count there is no small noise."""
    import pandas as pd

    return pd.api.types.is_float_dtype(values.dtype) and bool((values.dropna() % 1 != 0).any())


def noisy(table, names: list[str], scale: float):
    """Normal noise, within what the column has anyway. A zero is left: it often says that there is none."""
    random = np.random.default_rng(0)
    more = {}
    for name in names:
        values = table[name].astype("float64")
        moved = values + scale * spread(values.dropna().to_numpy()) * random.normal(size=len(values))
        more[name] = values.where(values == 0, moved.clip(values.min(), values.max()))
    return table.assign(**more)


def spread(values: np.ndarray) -> float:
    """The standard deviation; a few values far away do not count (the quartiles of a normal distribution)."""
    low, high = np.quantile(values, [0.25, 0.75]) if len(values) else (0.0, 0.0)
    wide = float(values.std()) if len(values) else 0.0
    return min(wide, float(high - low) / 1.349) or wide


def unseen(evidence: "Evidence") -> Iterator[tuple[str, object]]:
    """(column, a category that nobody has seen)."""
    for column in used_columns(evidence.schema):
        if column["type"] == "category":
            codes = [code for code in column.get("categories") or () if not isinstance(code, str)]
            yield column["name"], max(codes) + 1 if codes else NEVER


def missing(evidence: "Evidence") -> Iterator[tuple[str, object]]:
    """(column, nothing) where training had gaps, or the contract allows them."""
    gaps = set()
    with suppress(Exception):  # without training rows there is the schema
        gaps = {name for name in evidence.train.columns if evidence.train[name].isna().any()}
    for column in used_columns(evidence.schema):
        if column["name"] in gaps or column.get("missing") or column.get("null_share"):
            yield column["name"], None


def of_columns(evidence: "Evidence", how: str, cells: Iterator[tuple[str, object]]) -> dict[str, Changed]:
    """A few rows for each of the columns, with that column's cells replaced."""
    rows = some(len(evidence.rows_asked), PART)
    table, found = evidence.rows_asked.iloc[rows].reset_index(drop=True), {}
    for at, (name, cell) in enumerate(list(cells)[:MOST_COLUMNS]):
        new = table.copy()
        new[name] = [cell] * len(new)
        problems = [problem for problem in conform(new, evidence.schema)[1] if problem.column == name]
        found[f"{how}_{at}"] = Changed(new, rows, name, problems[0].message if problems else None)
    return found


# how far answers move
def differing(before: Answers, after: Answers, is_regression: bool, unit: float) -> np.ndarray:
    """Which rows got another answer, but for another order of adding up. `unit`: of a quantity."""
    if is_regression:
        return moved(before, after, EXACT, unit)
    wrong = before.labels != after.labels
    if before.probabilities is None:
        return wrong
    wrong &= ~is_tie(before.probabilities)
    if after.probabilities is None:
        return wrong
    return wrong | (np.abs(before.probabilities - after.probabilities).max(axis=1) > EXACT)


def is_tie(probabilities: np.ndarray) -> np.ndarray:
    """Rows whose two likeliest classes are as likely."""
    second, first = np.sort(probabilities, axis=1)[:, -2:].T
    return first - second <= 2 * EXACT


def flipped(before: Answers, after: Answers, is_regression: bool, share: float, unit: float) -> np.ndarray:
    """Which rows got another label; of a quantity, which moved by more than a share of the predictions' spread."""
    return moved(before, after, share, unit) if is_regression else before.labels != after.labels


def moved(before: Answers, after: Answers, share: float, unit: float) -> np.ndarray:
    return np.abs(before.labels - after.labels) > share * unit + 1e-9 * np.abs(before.labels)
