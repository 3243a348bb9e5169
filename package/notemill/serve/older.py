"""Model packages of before they had all that the service asks of one, as a door for single rows."""

import inspect
from dataclasses import dataclass
from types import ModuleType
from typing import Any


@dataclass(frozen=True)
class Scored:
    """What the package's own `score_rows` gives in newer ones."""

    predictions: list
    probabilities: list[list[float]] | None
    warnings: list[list]


@dataclass(frozen=True)
class Problem:
    """A bad cell with the fields that newer packages tell."""

    row: int | None
    column: str
    check: str
    rule: str
    got: str
    allowed: Any = None


class Renewed:
    """The model of a package without a door for single rows: scikit-learn answers, through a table."""

    compiled, uncompiled = False, "the package was made before there were scoring plans"

    def __init__(self, model: Any, rows: ModuleType):
        self.model, self.rows = model, rows

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)

    def prepare(self) -> None:
        self.with_probabilities = self.model.task == "classification" and hasattr(self.model.pipeline, "predict_proba")

    def score_rows(self, rows: list[dict]) -> Scored:
        """Raises the package's BadRows."""
        table, problems = self.rows.conform(self.rows.to_frame(rows), self.model.schema)
        if problems := self.rows.absent_cells(rows, self.model.schema) or problems:
            raise self.rows.BadRows([told(problem) for problem in problems])
        found = self.model.answer("predict_proba", table).tolist() if self.with_probabilities else None
        return Scored(self.model.answer("predict", table).tolist(), found, [[] for _ in rows])


def told(problem: Any) -> Problem:
    check = "absent" if problem.row is None or "write None" in problem.rule else "type"
    return Problem(problem.row, problem.column, check, problem.rule, problem.got)


WITHOUT = {"compiled": False, "uncompiled": "the package does not say whether it has a scoring plan",
           "prepare": lambda: None, "score_quickly": lambda rows: None}  # None: `score_rows` is asked, in the thread


class Completed:
    """A model that scores rows, and lacks some of what was asked of one only later."""

    def __init__(self, model: Any, lacking: list[str]):
        vars(self).update({name: WITHOUT[name] for name in lacking}, model=model)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)


def renewed(model: Any, rows: ModuleType) -> Any:
    """The model itself where it has all that the service asks for."""
    if not has(model, "score_rows"):
        return Renewed(model, rows)
    lacking = [name for name in WITHOUT if not has(model, name)]
    return Completed(model, lacking) if lacking else model


def has(model: Any, name: str) -> bool:
    """Without asking for it: a property may load the model."""
    return inspect.getattr_static(model, name, WITHOUT) is not WITHOUT
