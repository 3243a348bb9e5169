"""A model as those have it who use it: `python door.py FOLDER [NAME]`.

Imports the model package NAME from FOLDER, or without a name takes the model's own files in FOLDER, and answers
requests, one a line, on standard output: {"ask": "rows", "from": FILE.json}, {"ask": "table", "from": FILE.parquet},
{"ask": "alone", "row": n}, {"ask": "batch"}, {"ask": "last"}, {"ask": "memory"}. Whoever asks holds the clock. A
package needs nothing of notemill, nor of the project: neither is there.
"""

import importlib
import json
import os
import sys
import warnings
from pathlib import Path


class Door:
    """The model and the rows it was last asked about."""

    def __init__(self, folder, name=""):
        self.folder, self.name, self.rows, self.table, self.said = folder, name, [], None, None

    def open(self):
        """Import or load on the first request, as users do."""
        if self.name:
            return importlib.import_module(self.name)
        from notemill.runtime.model import Model

        return Model(Path(self.folder))

    def reply(self, request):
        model, how = self.open() if request["ask"] != "memory" else None, request["ask"]
        if how == "alone":
            return {"prediction": model.predict(self.rows[request["row"]])}
        if how == "batch":
            self.said = model.predict(self.table)
            return {"count": len(self.said)}
        if how == "last":
            return {"predictions": self.said.tolist()}
        if how == "memory":
            return {"mb": peak_mb()}
        return self.answers(model, self.read(how, request["from"]))

    def read(self, how, path):
        import pandas as pd

        if how == "table":
            self.table = pd.read_parquet(path)
            return self.table
        self.rows = json.loads(Path(path).read_bytes())
        return self.rows

    def answers(self, model, rows):
        said = {"predictions": model.predict(rows).tolist(), "classes": list(getattr(model, "classes", []))}
        pipeline = model.model().pipeline if self.name else model.pipeline
        if said["classes"] and hasattr(pipeline, "predict_proba"):
            said["probabilities"] = model.predict_proba(rows).tolist()
        return said


def peak_mb():
    """Where the peak cannot be seen from outside."""
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def main(*words):
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what the model prints is no answer
    warnings.simplefilter("ignore")
    door = Door(*words)
    for line in sys.stdin:
        try:
            reply = json.dumps(door.reply(json.loads(line)))
        except Exception as error:
            reply = json.dumps({"error": f"{type(error).__name__}: {error}"})
        print(reply, file=out, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
