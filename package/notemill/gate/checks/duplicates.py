"""Do held-out rows stand in what training saw?"""

from collections.abc import Mapping

import numpy as np

from notemill.gate.judged import Judged
from notemill.gate.others import other_tables
from notemill.gate.verdict import Check

SHOWN = 5


def check_duplicates(judged: Judged) -> Check:
    """Held-out rows that stand, target and all, in the training table, or another that training took: they may be
    honest repeats. What training took and nobody can look into is told."""
    evidence = judged.evidence
    seen = row_hashes(evidence.train_columns, evidence.train[evidence.target])
    held = row_hashes(evidence.columns, evidence.held_out[evidence.target].iloc[evidence.good])
    found = {"the training table": np.isin(held, seen)}
    others = other_tables(evidence)
    found |= {name: np.isin(held, row_hashes(*other)) for name, other in others.tables.items()}
    both, n = int(np.any(list(found.values()), axis=0).sum()), len(held)
    outcome, hints = "not assessed" if others.unread else "passed", []
    if both:
        places = " and ".join(name for name, rows in found.items() if rows.any())
        outcome, hints = "warned", [f"{both:,} of {n:,} held-out rows ({both / n:.2%}) stand in {places} too; of the "
                                    f"training rows {twins(seen):.2%} have a twin among themselves: honest repeats "
                                    "would be about as many"]
    hints += [f"{what}: {listed(names)}" for what, names in (
        ("The model's step also took what could not be looked into", others.unread),
        ("Not compared, for they are tables of another kind", others.unlike)) if names]
    return Check("leakage.duplicates", outcome, float(both), n=n, limit=0.0, hint=". ".join(hints) or None)


def twins(rows: np.ndarray) -> float:
    """The share of rows that stand there more than once."""
    _, of_row, times = np.unique(rows, return_inverse=True, return_counts=True)
    return float(np.mean(times[of_row] > 1))


def listed(names: Mapping[str, str]) -> str:
    told = [f"{name} ({why})" for name, why in names.items()]
    return ", ".join(told[:SHOWN]) + (f" and {len(told) - SHOWN} more" if len(told) > SHOWN else "")


def row_hashes(columns, target) -> np.ndarray:
    """One number for each row's columns and target."""
    import pandas as pd

    labels = target.reset_index(drop=True)
    labels = labels.astype("float64") if pd.api.types.is_numeric_dtype(labels) else labels.astype("str")
    return pd.util.hash_pandas_object(columns.assign(**{"\0target": labels}), index=False).to_numpy()
