"""The model: loaded on first use, from a file that is looked into before, and asked through one door."""

import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from .rows import BadRows, absent_cells, conform, to_frame

# What else a scikit-learn pipeline may be made of besides the types that skops itself knows. Read and judged one by
# one: they change the form or the type of the cells that they are given, or are the plain data of a fitted model.
REVIEWED = (
    "numpy.asarray", "numpy.dtype", "numpy.expand_dims", "numpy.interp", "numpy.ravel",
    "pandas.DataFrame", "pandas.Series", "pandas.isna", "pandas.to_datetime", "pandas.to_numeric",
    "sklearn.calibration._CalibratedClassifier", "sklearn.calibration._SigmoidCalibration",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor", "sklearn.tree._tree.Tree",
    "sklearn.utils._bunch.Bunch",
)


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
        return self.pipeline.classes_.tolist() if self.task == "classification" else []

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
        import sklearn

        wanted = self.facts.get("trained_with", {}).get("scikit-learn", sklearn.__version__)
        if sklearn.__version__ != wanted:
            raise ModelError(f"the model was trained with scikit-learn {wanted}, and this is {sklearn.__version__}: "
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

    def _ask(self, method: str, rows: Any, reading: Mapping):
        table, problems = conform(to_frame(rows), self.schema, **reading)
        problems = absent_cells(rows, self.schema) or problems
        if problems:
            raise BadRows(problems)
        found = self.answer(method, table)
        return found.tolist()[0] if isinstance(rows, Mapping) else found

    def answer(self, method: str, table):
        """`predict` or `predict_proba` of rows that `conform` has passed."""
        import numpy as np

        if len(table):
            return np.asarray(getattr(self.pipeline, method)(table))
        if method == "predict_proba":
            return np.empty((0, len(self.classes)))
        return np.array(self.classes, dtype=None if self.classes else float)[:0]
