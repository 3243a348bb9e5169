"""The model's process: `python -m notemill.gate.predictor BUNDLE FOLDER [CODE ...]`.

Loads the model as a model package does, asks it about FOLDER/rows.parquet through the same door, and leaves its answers
in FOLDER. Whatever the model's own code does happens here, where neither the target nor the verdict is.
"""

import json
import sys
import warnings
from pathlib import Path

import numpy as np

from notemill.gate.asking import ANSWERS, WORDS
from notemill.runtime.model import Model


def main(bundle: str, folder: str) -> int:
    """Exit code: 0, or 1 with the reason in the answers' words."""
    import pandas as pd

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            words, arrays = answer(Model(Path(bundle)), pd.read_parquet(Path(folder) / "rows.parquet"))
    except Exception as error:
        name = type(error).__name__
        return leave(folder, {"error": str(error) if name in ("ModelError", "BadRows") else f"{name}: {error}"}, 1)
    np.savez(Path(folder) / ANSWERS, **arrays)
    return leave(folder, words, 0)


def leave(folder: str, words: dict, code: int) -> int:
    (Path(folder) / WORDS).write_text(json.dumps(words), encoding="utf-8")
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
