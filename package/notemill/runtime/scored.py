"""How a model answers: by its scoring plan, or by scikit-learn where there is none."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import isfinite

from .cautions import RowWarning
from .plan import Stored
from .plan.cells import LEAST

FEW, FEW_OF_TREES = 200, 50  # rows up to which one after another is quicker than all at once


@dataclass(frozen=True)
class Scored:
    """Plain values. `probabilities` (rows, classes) for a classification; `warnings`: a list for each row."""

    predictions: list
    probabilities: list[list[float]] | None = None
    warnings: list[list[RowWarning]] = field(default_factory=list)


class Compiled:
    """A scoring plan that answers as the model does."""

    def __init__(self, stored: Stored, task: str):
        from .plan.program import Program

        self.program, self.forms = Program(stored.plan, stored.arrays), [c["form"] for c in stored.plan["columns"]]
        self.classes, self.kind = stored.plan.get("classes"), stored.plan.get("classes_dtype")
        self.few = FEW_OF_TREES if stored.arrays else FEW
        outputs = 1 if task == "regression" else len(self.classes)
        if self.program.model.width != outputs:
            raise ValueError(f"{self.program.model.width} answers where {outputs} are needed")
        self.has_probabilities = stored.plan.get("probabilities", self.classes is not None)

    def answer(self, method: str, table):
        """`predict` or `predict_proba` of a conformed table; None where a figure is not finite: scikit-learn is asked
        then, and refuses what it refuses."""
        import numpy as np

        found = self.program.many(table)
        if not np.isfinite(found).all():
            return None
        return found if method == "predict_proba" else self.predictions(found)

    def predictions(self, found):
        """Of what the plan says: the quantity, or the class with the highest figure for each row, the first of equals.
        """
        import numpy as np

        if self.classes is None:
            return found[:, 0]
        return np.array(self.classes, dtype=self.kind)[found.argmax(axis=1)]

    def scored(self, cells: Sequence[list], warnings: list) -> Scored | None:
        """The answer for rows that `Quick` has read; None where a figure is not finite."""
        found = [self.program.one(row) for row in cells] if len(cells) <= self.few else self._many(cells)
        for row in found:
            for one in row:
                if not isfinite(one):
                    return None
        if self.classes is None:
            return Scored([row[0] for row in found], None, warnings)
        return Scored([self.classes[row.index(max(row))] for row in found],
                      found if self.has_probabilities else None, warnings)

    def _many(self, cells: Sequence[list]) -> list[list[float]]:
        import numpy as np

        columns = [column_of(form, values) for form, values in zip(self.forms, zip(*cells, strict=True), strict=True)]
        with np.errstate(all="ignore"):
            return self.program.many_cells(columns, len(cells)).tolist()


def column_of(form: str, values: Sequence):
    """Cells of one column as the plan's steps take them."""
    import numpy as np

    if form == "text":
        import pandas as pd

        return pd.Series(values, dtype="str")
    if form == "moment":
        return np.array([LEAST if value is None else value for value in values], dtype="int64")
    return np.array(values, dtype="float64")
