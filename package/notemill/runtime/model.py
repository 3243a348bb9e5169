"""The model: loaded on first use, from a file that is looked into before, and asked through one door."""

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from .cautions import cautions
from .frames import table_of
from .plan import Stored, read_plan
from .plan.cells import form_of
from .plan.checked import check_plan
from .plan.stored import FILE
from .quick import Quick
from .rows import BadRows, all_problems, conform, plain_labels, to_frame, used_columns
from .scored import Compiled, Scored

# What else a scikit-learn pipeline may be made of besides the types that skops itself knows. Read and judged one by
# one: they change the form or the type of the cells that they are given, or are the plain data of a fitted model.
REVIEWED = (
    "numpy.asarray", "numpy.dtype", "numpy.expand_dims", "numpy.interp", "numpy.ravel",
    "pandas.DataFrame", "pandas.Series", "pandas.isna", "pandas.to_datetime", "pandas.to_numeric",
    "sklearn.calibration._CalibratedClassifier", "sklearn.calibration._SigmoidCalibration",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor", "sklearn.tree._tree.Tree",
    "sklearn.utils._bunch.Bunch",
)
BROKEN = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError, OSError, BadZipFile)


class ModelError(RuntimeError):
    """The model cannot be used: its file holds what nobody reviewed, or the libraries are not those of training."""


class Model:
    """A model package's folder: model.skops, schema.json, types.json, facts.json and card.md.

    `predict` takes the source table's rows, less the target, as a DataFrame (pandas or polars), a list of dicts, or one
    dict; columns in any order, others are ignored.
    """

    def __init__(self, folder: Path):
        self.folder = Path(folder)

    def _json(self, name: str, default: Any = None) -> Any:
        path = self.folder / name
        return default if default is not None and not path.exists() else json.loads(path.read_text(encoding="utf-8"))

    @cached_property
    def schema(self) -> dict:
        """What a row holds: types, units, limits, and where each comes from."""
        return self._json("schema.json")

    @cached_property
    def facts(self) -> dict:
        """Name, version, and what the model was trained with."""
        return self._json("facts.json", {})

    @cached_property
    def card(self) -> str:
        """The model card, as Markdown."""
        return (self.folder / "card.md").read_text(encoding="utf-8")

    @property
    def task(self) -> str:
        """classification or regression."""
        return self.schema["task"]

    @property
    def classes(self) -> list:
        """The labels that the model knows, in the order of predict_proba's columns; empty for a regression."""
        if self.task != "classification":
            return []
        return self._compiled.classes if self._compiled else self.pipeline.classes_.tolist()

    @property
    def has_probabilities(self) -> bool:
        """Whether the model says how probable each class is."""
        if self._compiled:
            return self._compiled.has_probabilities
        return self.task == "classification" and hasattr(self.pipeline, "predict_proba")

    # the scoring plan
    @cached_property
    def stored(self) -> Stored:
        """The scoring plan, and what it was compared on; without one in a package that was made before there were."""
        if not (self.folder / FILE).exists():
            return Stored(reason="the package was made before there were scoring plans")
        try:
            return read_plan(lambda name: (self.folder / name).read_bytes())
        except BROKEN as error:
            raise ModelError(f"{FILE} cannot be used: {type(error).__name__}: {error}") from None

    @cached_property
    def _compiled(self) -> Compiled | None:
        if self.stored.plan is None:
            return None
        self._check_libraries()
        columns = [{"name": entry["name"], "form": form_of(entry)} for entry in used_columns(self.schema)]
        try:
            check_plan(self.stored.plan, self.stored.arrays, columns)
            return Compiled(self.stored, self.task)
        except BROKEN as error:
            raise ModelError(f"{FILE} cannot be used: {type(error).__name__}: {error}") from None

    @property
    def compiled(self) -> bool:
        """Whether the scoring plan answers; else scikit-learn does."""
        return self._compiled is not None

    @property
    def uncompiled(self) -> str:
        """Why scikit-learn itself answers; empty where a plan does."""
        return self.stored.reason

    @cached_property
    def quick(self) -> Quick:
        """Reads ordinary rows."""
        return Quick(self.schema)

    def prepare(self) -> None:
        """Load and check now what the first prediction needs. Raises ModelError."""
        if not self.compiled:
            self.pipeline  # noqa: B018 - loaded by being asked for
        self.quick  # noqa: B018

    @cached_property
    def pipeline(self):
        """The fitted scikit-learn estimator. Raises ModelError."""
        import skops.io

        self._check_libraries()
        path, reviewed = self.folder / "model.skops", {*REVIEWED, *self._json("types.json", [])}
        unknown = sorted(set(skops.io.get_untrusted_types(file=path)) - reviewed)
        if unknown:
            raise ModelError(f"{path.name} is not loaded: nobody has reviewed {', '.join(unknown)}\n  who makes the "
                             "package looks at them, and names them in pipeline.yaml under gate: types:")
        return skops.io.load(path, trusted=sorted(reviewed))

    def _check_libraries(self) -> None:
        """Its version, without the second that importing it takes."""
        found = version("scikit-learn")
        wanted = self.facts.get("trained_with", {}).get("scikit-learn", found)
        if found != wanted:
            raise ModelError(f"the model was trained with scikit-learn {wanted}, and this is {found}: "
                             f"pip install scikit-learn=={wanted}")

    def predict(self, rows: Any, **reading: Any):
        """The label or quantity for each row: an array (n,); for one dict one plain value. Raises BadRows."""
        return self._ask("predict", rows, reading)

    def predict_proba(self, rows: Any, **reading: Any):
        """Probabilities (n, classes), columns as in `classes`; for one dict {label: probability}. Raises BadRows."""
        if self.task != "classification":
            raise AttributeError("a regression has no probabilities: use predict")
        found = self._ask("predict_proba", rows, reading)
        return dict(zip(self.classes, found, strict=True)) if isinstance(found, list) else found

    def score_rows(self, rows: Sequence[Mapping]) -> Scored:
        """Rows of JSON values, all at once: predictions, probabilities, and what is to be said of each row. Raises
        BadRows with all faults of all rows."""
        return self.score_quickly(rows) or self._score_table(rows)

    def score_quickly(self, rows: Sequence[Mapping]) -> Scored | None:
        """`score_rows` in microseconds a row, without pandas for few of them; None where it takes a table to say: for
        unusual cells, and for a model that is not compiled."""
        if self._compiled is None or (read := self.quick.read_all(rows)) is None:
            return None
        return self._compiled.scored(*read)

    def _score_table(self, rows: Sequence[Mapping]) -> Scored:
        table, warnings = self._read(list(rows))
        predictions, probabilities = self.answers(table)
        return Scored(predictions.tolist(), None if probabilities is None else probabilities.tolist(), warnings)

    def _read(self, rows: list[Mapping]):
        """The conformed table, and what is to be said of each row. Raises BadRows."""
        ordinary = None if self.compiled or not rows else self.quick.read_all(rows)
        if ordinary is not None:
            return table_of(ordinary[0], self.schema), ordinary[1]
        table = self._table(rows)
        return table, cautions(table, self.schema)

    def _table(self, rows: Any, **reading: Any):
        """The conformed table. Raises BadRows."""
        table, problems = conform(to_frame(rows), self.schema, **reading)
        problems = all_problems(rows, problems, self.schema)
        if problems:
            raise BadRows(problems)
        return table

    def _ask(self, method: str, rows: Any, reading: Mapping):
        found = None if reading else self._ask_quickly(method, rows)
        if found is None:
            found = self.answer(method, self._table(rows, **reading))
        return found.tolist()[0] if isinstance(rows, Mapping) else found

    def _ask_quickly(self, method: str, rows: Any):
        """An array; None where the rows are no dicts, or not ordinary."""
        import numpy as np

        one = type(rows) is dict
        scored = self.score_quickly([rows] if one else rows) if one or type(rows) is list and rows else None
        if scored is None or method == "predict_proba" and scored.probabilities is None:
            return None
        if method == "predict_proba":
            return np.array(scored.probabilities)
        return np.array(scored.predictions, dtype=self._compiled.kind)

    def answer(self, method: str, table):
        """`predict` or `predict_proba` of rows that `conform` has passed."""
        import numpy as np

        if len(table):
            usable = self._compiled and (method == "predict" or self.has_probabilities)
            found = self._compiled.answer(method, table) if usable else None
            return np.asarray(getattr(self.pipeline, method)(table)) if found is None else found
        if method == "predict_proba":
            return np.empty((0, len(self.classes)))
        return np.array(self.classes, dtype=None if self.classes else float)[:0]

    def answers(self, table):
        """(predictions, probabilities or None) of rows that `conform` has passed, looked at once where a plan answers.
        """
        found = self._compiled.answer("predict_proba", table) if self._compiled and len(table) else None
        if self.has_probabilities and found is not None:
            return self._compiled.predictions(found), found
        table = plain_labels(table)
        if self.has_probabilities and len(table) and not self._compiled:
            return self._asked_once(table)
        return self.answer("predict", table), self.answer("predict_proba", table) if self.has_probabilities else None

    def _asked_once(self, table):
        """The same from scikit-learn, with one preprocessing for both: it takes nearly all of the time."""
        import numpy as np
        from sklearn.pipeline import Pipeline

        last = self.pipeline
        if type(last) is Pipeline:
            *before, (_, last) = last.steps
            for _, step in before:
                table = table if step in (None, "passthrough") else step.transform(table)
        return np.asarray(last.predict(table)), np.asarray(last.predict_proba(table))
