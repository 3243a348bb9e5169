"""What the model is asked besides the held-out rows: training rows, and rows whose columns are shuffled."""

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np

from notemill.gate.rivals import some
from notemill.runtime.rows import conform, used_columns

if TYPE_CHECKING:
    from notemill.gate.evidence import Evidence

MOST_ROWS = 5000
MOST_COLUMNS, ROWS_OF_COLUMN = 50, 100  # of a table with more columns the first are shuffled alone
ALL, ONE_BY_ONE, TRAIN = "shuffled", "shuffled_one_by_one", "train"
SEED = 6


def tables(evidence: "Evidence") -> Mapping:
    """Some held-out rows with all columns shuffled; fewer with each column shuffled alone; some training rows."""
    rows, names = evidence.rows_asked, [column["name"] for column in used_columns(evidence.schema)]
    every = rows.iloc[some(len(rows), MOST_ROWS)].reset_index(drop=True)
    few = rows.iloc[some(len(rows), ROWS_OF_COLUMN)].reset_index(drop=True)
    made = {ALL: shuffled(every, names)}
    if names:
        made[ONE_BY_ONE] = one_by_one(few, some_columns(evidence))
    with suppress(Exception):  # no training rows that can be read: the check that wants them says so
        train = evidence.train.drop(columns=evidence.target)
        made[TRAIN] = train.iloc[positions(evidence)].reset_index(drop=True)
    return made


def some_columns(evidence: "Evidence") -> list[str]:
    return [column["name"] for column in used_columns(evidence.schema)][:MOST_COLUMNS]


def shuffled(table, names: list):
    """Each of these columns by itself: every cell is one that there is."""
    random = np.random.default_rng(SEED)
    return table.assign(**{name: table[name].iloc[random.permutation(len(table))].array for name in names})


def one_by_one(table, names: list):
    """A copy of the table for each column, with that column shuffled."""
    import pandas as pd

    return pd.concat([shuffled(table, [name]) for name in names], ignore_index=True)


def positions(evidence: "Evidence") -> np.ndarray:
    """At most 5,000 training rows that the model package takes, by chance; each class has one at least."""
    table, problems = conform(evidence.train.drop(columns=evidence.target), evidence.schema)
    good = np.setdiff1d(np.arange(len(table)), [problem.row for problem in problems if problem.row is not None])
    chosen = good[some(len(good), MOST_ROWS)]
    if not evidence.is_regression:
        labels = evidence.train[evidence.target].iloc[good].astype("str").to_numpy(dtype="U")
        chosen = np.union1d(chosen, good[np.unique(labels, return_index=True)[1]])
    return chosen
