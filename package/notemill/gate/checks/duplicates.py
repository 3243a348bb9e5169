"""Do held-out rows stand in what training saw?"""

import numpy as np

from notemill.gate.judged import Judged
from notemill.gate.verdict import Check


def check_duplicates(judged: Judged) -> Check:
    """Held-out rows that stand, target and all, in the training table, or another that training took: they may be
    honest repeats."""
    evidence = judged.evidence
    seen = row_hashes(evidence.train_columns, evidence.train[evidence.target])
    held = row_hashes(evidence.columns, evidence.held_out[evidence.target].iloc[evidence.good])
    found = {"the training table": np.isin(held, seen)}
    found |= {name: np.isin(held, row_hashes(*other)) for name, other in evidence.others.items()}
    both, n = int(np.any(list(found.values()), axis=0).sum()), len(held)
    hint = None
    if both:
        _, of_row, times = np.unique(seen, return_inverse=True, return_counts=True)
        twins, places = float(np.mean(times[of_row] > 1)), [name for name, rows in found.items() if rows.any()]
        hint = (f"{both:,} of {n:,} held-out rows ({both / n:.2%}) stand in {' and '.join(places)} too; of the "
                f"training rows {twins:.2%} have a twin among themselves: honest repeats would be about as many")
    return Check("leakage.duplicates", "warned" if both else "passed", float(both), n=n, limit=0.0, hint=hint)


def row_hashes(columns, target) -> np.ndarray:
    """One number for each row's columns and target."""
    import pandas as pd

    labels = target.reset_index(drop=True)
    labels = labels.astype("float64") if pd.api.types.is_numeric_dtype(labels) else labels.astype("str")
    return pd.util.hash_pandas_object(columns.assign(**{"\0target": labels}), index=False).to_numpy()
