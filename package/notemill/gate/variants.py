"""What the model is asked besides the held-out rows: the same rows, changed in a way that should not matter much."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from notemill.gate.evidence import Evidence

HELD_OUT = "held_out"  # the rows as they are


def variants_of(evidence: "Evidence") -> Mapping:
    """{name: table}, for checks that want more answers; each name is a file's."""
    return {}
