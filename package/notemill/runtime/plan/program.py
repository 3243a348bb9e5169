"""A plan at work: steps that each leave one number, text or code in a slot, then a model over the slots."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from . import categories, numbers, times
from .cells import READ
from .combined import Calibrated, Mean
from .linear import Linear
from .links import LINKS
from .trees import Trees
from .words import HashWords

KINDS = {
    "affine": numbers.Affine, "bin": categories.Bin, "code": categories.Code, "dial": times.Dial,
    "fill": numbers.Fill, "fill text": categories.FillText, "floor": numbers.Floor, "function": numbers.Function,
    "hash words": HashWords, "missing": numbers.Missing, "missing moment": times.MissingMoment,
    "missing text": categories.MissingText, "pick": numbers.Pick, "product": numbers.Product, "scale": numbers.Scale,
    "seconds": times.Seconds, "single": numbers.Single, "table": categories.Table, "words": categories.Words,
}
MODELS = {"calibrated": Calibrated, "linear": Linear, "mean": Mean, "trees": Trees}


class Linked:
    """A model, and the link from its scores to its answer, which is `width` numbers."""

    def __init__(self, model, link):
        self.model, self.link = model, link
        self.width = link.width(model.width)

    def one(self, slots: list) -> list[float]:
        return self.link.one(self.model.one(slots))

    def many(self, slots: list, rows: int):
        return self.link.many(self.model.many(slots, rows))


class Program:
    """A plan, ready to run.

    `plan`: {"columns": [{"name", "form"}], "steps": [{"kind", "of": slot or slots, ...}], "model": {"kind", "link",
    ...}, "refused": [[slot, number], ...]}; the first slots are the columns, each step fills the next one. Where a slot
    holds a number that is refused, there is no answer (NaN): scikit-learn is asked. `arrays`: {name: array}, the
    model's, where it is large.
    """

    def __init__(self, plan: Mapping, arrays: Mapping):
        self.columns = [column["name"] for column in plan["columns"]]
        self.readers = [READ[column["form"]] for column in plan["columns"]]
        kinds = [(KINDS[step["kind"]](**options(step, "kind", "of")), place_of(step["of"])) for step in plan["steps"]]
        self.for_one = [(kind.one, of) for kind, of in kinds]
        self.for_many = [(kind.many, of) for kind, of in kinds]
        self.model = model_of(plan["model"], arrays)
        self.refused = [tuple(one) for one in plan["refused"]]

    def one(self, cells: Sequence) -> list[float]:
        """Probabilities, or [quantity], of one row: its cells in the order of `columns`, in their forms (cells.py)."""
        slots = list(cells)
        add = slots.append
        try:
            for step, of in self.for_one:
                add(step(slots[of]) if type(of) is int else step(*[slots[one] for one in of]))
            for slot, number in self.refused:
                if slots[slot] == number:
                    return [math.nan]
            with np.errstate(all="ignore"):
                return self.model.one(slots)
        except ArithmeticError:  # a number that is too large: what is not finite is asked of scikit-learn
            return [math.nan]

    def many(self, table):
        """Probabilities (n, classes) or quantities (n, 1) of a conformed table."""
        columns = [read(table[name]) for read, name in zip(self.readers, self.columns, strict=True)]
        return self.many_cells(columns, len(table))

    def many_cells(self, columns: Sequence, rows: int):
        """The same of columns in their forms already."""
        slots = list(columns)
        with np.errstate(all="ignore"):
            for step, of in self.for_many:
                slots.append(step(slots[of]) if type(of) is int else step(*[slots[one] for one in of]))
            found = self.model.many(slots, rows)
        for slot, number in self.refused:
            found[slots[slot] == number] = np.nan
        return found


def model_of(described: Mapping, arrays: Mapping) -> Linked:
    """The model of a plan, with the models that it is made of. Arrays have a model's own prefix in their names."""
    given = options(described, "kind", "link", "arrays")
    if "models" in described:
        given["models"] = [model_of(part, arrays) for part in described["models"]]
    if "arrays" in described:
        prefix = described["arrays"]
        given["arrays"] = {name.removeprefix(prefix): array for name, array in arrays.items()
                           if name.startswith(prefix)}
    return Linked(MODELS[described["kind"]](**given), LINKS[described["link"]]())


def options(described: Mapping, *less: str) -> dict:
    return {name: value for name, value in described.items() if name not in less}


def place_of(of: int | list[int]) -> int | tuple[int, ...]:
    return of if isinstance(of, int) else tuple(of)
