"""The held-out rows by the values, or the bins, of a column: what slices and fairness look at."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from notemill.gate.evidence import Evidence, Unfit
from notemill.gate.metrics import BadMetric
from notemill.gate.statistics import Rows

LEAST_ROWS, LEAST_OF_CLASS = 200, 30
LEAST_GROUPS = 10  # drawn together: from fewer no bootstrap can tell how sure a figure is
MOST_VALUES = 100  # a column with more wants bins


@dataclass(frozen=True)
class Slice:
    """Some of the rows that the model is judged on. `rows`: their positions."""

    column: str
    name: str
    rows: np.ndarray


@dataclass(frozen=True)
class Least:
    """How many rows a slice needs: gate: slicing."""

    rows: int
    of_class: int


def least(config: Mapping) -> Least:
    given = config.get("slicing", {})
    return Least(given.get("least_rows", LEAST_ROWS), given.get("least_of_class", LEAST_OF_CLASS))


def check_declared(declared: Sequence, place: str) -> None:
    """Raise BadMetric for bins out of order, or the same thing twice."""
    for at, one in enumerate(declared):
        if one in declared[:at]:
            raise BadMetric(f"{place} names {shown(one)} twice", None, "take one of them out", (*place.split(": "), at))
        bins = one["bins"] if isinstance(one, Mapping) else []
        if any(not low < high for low, high in zip(bins, bins[1:], strict=False)):
            raise BadMetric(f"the bins of {shown(one)} in {place} do not rise: {', '.join(map(label, bins))}",
                            "the edges of neighbouring bins, the lowest first", "as [0, 30, 60, 120]",
                            (*place.split(": "), at))


def shown(declared: object) -> str:
    return f"'{declared['column'] if isinstance(declared, Mapping) else declared}'"


def slices_of(evidence: Evidence, declared: Sequence, place: str) -> list[list[Slice]]:
    """The slices of each declared column; together they hold every row once. Raises Unfit."""
    return [list(of_column(evidence, one, place)) for one in declared]


def of_column(evidence: Evidence, declared: object, place: str) -> Iterator[Slice]:
    name, bins = (declared["column"], declared["bins"]) if isinstance(declared, Mapping) else (declared, None)
    cells = column(evidence, name)
    gaps = cells.isna().to_numpy()
    yield from by_value(name, cells, gaps) if bins is None else by_bin(name, cells, gaps, bins, place)
    if gaps.any():
        yield Slice(name, f"{name}: missing", np.flatnonzero(gaps))


def column(evidence: Evidence, name: str):
    """A column of the rows that the model is judged on; it need not be one of the model's. That there is one has been
    looked at before the model was asked (gate/columns.py)."""
    return evidence.held_out[name].iloc[evidence.good].reset_index(drop=True)


def by_value(name: str, cells, gaps: np.ndarray) -> Iterator[Slice]:
    values = np.array([label(cell) for cell in cells[~gaps].tolist()], dtype="object").astype("U")
    names, number = np.unique(values, return_inverse=True)
    if len(names) > MOST_VALUES:
        raise Unfit(f"the column '{name}' has {len(names):,} values: give bins, as "
                    f"{{column: {name}, bins: [0, 30, 60]}}, or a column with at most {MOST_VALUES}")
    present = np.flatnonzero(~gaps)
    yield from (Slice(name, f"{name} = {value}", present[number == at]) for at, value in enumerate(names))


def by_bin(name: str, cells, gaps: np.ndarray, bins: Sequence[float], place: str) -> Iterator[Slice]:
    """Each bin holds its lower edge; the last one its upper edge too."""
    numbers = as_numbers(name, cells, gaps)
    of = np.searchsorted(bins, numbers, side="right") - 1
    of[numbers == bins[-1]] = len(bins) - 2
    found = [Slice(name, f"{name}: {label(low)} to {label(high)}", np.flatnonzero(~gaps & (of == at)))
             for at, (low, high) in enumerate(zip(bins, bins[1:], strict=False))]
    if empty := [one.name for one in found if not len(one.rows)]:
        raise Unfit(f"no held-out row is in {' or '.join(empty)}, which gate: {place} names: take the bin out, or hold "
                    "out rows of it")
    yield from found
    outside = ~gaps & ((of < 0) | (of > len(bins) - 2))
    if outside.any():
        yield Slice(name, f"{name}: outside the bins", np.flatnonzero(outside))


def as_numbers(name: str, cells, gaps: np.ndarray) -> np.ndarray:
    import pandas as pd

    numbers = pd.to_numeric(cells, errors="coerce").to_numpy(dtype="float64", na_value=np.nan)
    if odd := int((np.isnan(numbers) & ~gaps).sum()):
        raise Unfit(f"the column '{name}' has {odd:,} cells that are no number, and bins want numbers")
    return numbers


def label(value: object) -> str:
    """1.0 as 1: where a column of whole numbers has gaps, it comes as fractions."""
    return f"{value:.15g}" if isinstance(value, float) else str(value)


# large enough?
def units(rows: Rows, of: np.ndarray) -> int:
    """How many of these rows, or of their groups, are drawn by themselves."""
    return len(of) if rows.groups is None else len(np.unique(rows.groups[of]))


def too_small(rows: Rows, of: np.ndarray, least: Least,
              classes: Callable[[np.ndarray], dict[str, np.ndarray]]) -> str | None:
    """Why so few rows tell nothing, or None. `classes`: {what: positions} of the classes that have to be there."""
    n, groups = len(of), units(rows, of)
    if n < least.rows:
        return f"{n:,} rows are too few: {least.rows:,} are wanted (gate: slicing: least_rows)"
    kinds = classes(of)
    few = min(kinds, key=lambda kind: len(kinds[kind]), default=None)
    if few is not None and len(kinds[few]) < least.of_class:
        return (f"{len(kinds[few]):,} of {n:,} rows are {few}, too few: {least.of_class:,} are wanted (gate: slicing: "
                "least_of_class)")
    groups = min([groups, *(units(rows, kind) for kind in kinds.values())])
    if rows.groups is not None and groups < LEAST_GROUPS:
        return f"its rows, or those of a class, come from {groups} groups alone: {LEAST_GROUPS} are wanted"
    return None
