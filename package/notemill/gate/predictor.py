"""The model's process: `python -m notemill.gate.predictor BUNDLE FOLDER [CODE ...]`.

Loads the model as a model package does, asks it about each table of FOLDER through the same door, and leaves its
answers there. Whatever the model's own code does happens here, where neither the target nor the verdict is.
"""

import json
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

from notemill.gate.asking import DIRECT, ORDER, TURNED, answers_of, words_of
from notemill.gate.history import told_of
from notemill.gate.variants import HELD_OUT
from notemill.runtime.model import Model
from notemill.runtime.rows import conform, used_columns


def main(bundle: str, folder: str) -> int:
    """Exit code: 0, or 1 where a table has no answers; its words say why."""
    model = Model(Path(bundle))
    names = json.loads((Path(folder) / ORDER).read_text(encoding="utf-8"))
    return max([answer_table(model, Path(folder), name) for name in names], default=0)


def answer_table(model: Model, folder: Path, name: str) -> int:
    import pandas as pd

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            words, arrays = answer(model, asker(model, pd.read_parquet(folder / f"{name}.parquet"), name))
    except Exception as error:
        kind = type(error).__name__
        known = kind in ("ModelError", "BadRows")
        return leave(folder, name, {"error": str(error) if known else f"{kind}: {error}"}, 1)
    if name == HELD_OUT:
        words["history"] = told_of(model.pipeline)
    np.savez(answers_of(folder, name), **arrays)
    return leave(folder, name, words, 0)


def leave(folder: Path, name: str, words: dict, code: int) -> int:
    """The words come last and whole: who waits looks for them."""
    new = folder / f"{name}.new"
    new.write_text(json.dumps(words), encoding="utf-8")
    new.rename(words_of(folder, name))
    return code


def asker(model: Model, rows, name: str) -> Callable[[str], np.ndarray]:
    """`predict` and so on of rows without their target: through the package's door, or of the pipeline itself."""
    if name in (DIRECT, TURNED):
        table = as_in_notebook(model, rows)
        table = table[table.columns[::-1]] if name == TURNED else table
        return lambda method: np.asarray(getattr(model.pipeline, method)(table))

    def ask(method):
        if method != "decision_function":
            return np.asarray(getattr(model, method)(rows))
        return model.answer(method, conform(rows, model.schema)[0])

    return ask


def as_in_notebook(model: Model, rows):
    """The columns that the pipeline was fitted on, by name; without names those that there are, as the table has
    them."""
    names = getattr(model.pipeline, "feature_names_in_", ())
    if len(names) and set(names) <= set(rows.columns):
        return rows[list(names)]
    if getattr(model.pipeline, "n_features_in_", None) == len(rows.columns):
        return rows
    used = {column["name"] for column in used_columns(model.schema)}
    return rows[[name for name in rows.columns if name in used]]


def answer(model: Model, ask: Callable[[str], np.ndarray]) -> tuple[dict, dict]:
    """({"classes"}, {"labels", "probabilities", "decision"})."""
    predicted = ask("predict")
    if model.task == "regression":
        return {"classes": []}, {"labels": predicted.astype("float64")}
    classes = model.pipeline.classes_.tolist()
    known = {label: code for code, label in enumerate(classes)}
    arrays = {"labels": np.array([known.get(label, -1) for label in predicted.tolist()], dtype="int64")}
    if hasattr(model.pipeline, "predict_proba"):
        arrays["probabilities"] = ask("predict_proba").astype("float64")
    elif hasattr(model.pipeline, "decision_function"):
        arrays["decision"] = ask("decision_function")
    return {"classes": classes}, arrays


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
