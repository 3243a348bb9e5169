"""The model's process: `python -m notemill.gate.predictor BUNDLE FOLDER [CODE ...]`.

Loads the model as a model package does, asks it about each table of FOLDER through the same door, and leaves its
answers there. Whatever the model's own code does happens here, where neither the target nor the verdict is.
"""

import json
import sys
import warnings
from pathlib import Path

import numpy as np

from notemill.gate.asking import ORDER, answers_of, words_of
from notemill.runtime.model import Model


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
            words, arrays = answer(model, pd.read_parquet(folder / f"{name}.parquet"))
    except Exception as error:
        kind = type(error).__name__
        known = kind in ("ModelError", "BadRows")
        return leave(folder, name, {"error": str(error) if known else f"{kind}: {error}"}, 1)
    np.savez(answers_of(folder, name), **arrays)
    return leave(folder, name, words, 0)


def leave(folder: Path, name: str, words: dict, code: int) -> int:
    """The words come last and whole: who waits looks for them."""
    new = folder / f"{name}.new"
    new.write_text(json.dumps(words), encoding="utf-8")
    new.rename(words_of(folder, name))
    return code


def answer(model: Model, rows) -> tuple[dict, dict]:
    """({"classes"}, {"labels", "probabilities", "decision"}) of rows without their target."""
    predicted = model.predict(rows)
    if model.task == "regression":
        return {"classes": []}, {"labels": np.asarray(predicted, dtype="float64")}
    classes = model.pipeline.classes_.tolist()
    known = {label: code for code, label in enumerate(classes)}
    arrays = {"labels": np.array([known.get(label, -1) for label in np.asarray(predicted).tolist()], dtype="int64")}
    if hasattr(model.pipeline, "predict_proba"):
        arrays["probabilities"] = np.asarray(model.predict_proba(rows), dtype="float64")
    elif hasattr(model.pipeline, "decision_function"):
        from notemill.runtime.rows import conform

        arrays["decision"] = np.asarray(model.answer("decision_function", conform(rows, model.schema)[0]))
    return {"classes": classes}, arrays


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
