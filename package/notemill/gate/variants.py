"""What the model is asked besides the held-out rows: the same rows, changed in a way that should not matter much."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from notemill.gate import training
from notemill.gate.asking import DIRECT, TURNED

if TYPE_CHECKING:
    from notemill.gate.evidence import Evidence

HELD_OUT = "held_out"  # the rows as they are
GOLDEN = 200  # rows that are asked of the model package too


def variants_of(evidence: "Evidence") -> Mapping:
    """{name: table}, for checks that want more answers; each name is a file's."""
    golden = evidence.rows_asked.iloc[golden_rows(len(evidence.rows_asked))].reset_index(drop=True)
    changed = {name: one.table for name, one in evidence.changed.items() if not one.refused}
    return {DIRECT: golden, TURNED: golden, **training.tables(evidence), **changed}  # what may break it comes last


def golden_rows(rows: int, most: int = GOLDEN) -> np.ndarray:
    """Positions of some rows, evenly spread, as notemill.runtime.golden has them."""
    return np.arange(0, rows, max(1, -(-rows // most)))
