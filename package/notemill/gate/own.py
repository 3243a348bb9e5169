"""A project's own check at work: `python -m notemill.gate.own BUNDLE TABLE.parquet MODULE.FUNCTION RESULT.json FOLDER`.

FOLDER holds the project's modules: an error is told by the line in them.
"""

import importlib
import json
import sys
import traceback
import warnings
from dataclasses import asdict
from pathlib import Path

from notemill.gate.figure import Figure
from notemill.runtime.model import Model


def main(bundle: str, table: str, dotted: str, result: str, folder: str) -> None:
    import pandas as pd

    warnings.simplefilter("ignore")
    try:
        said = asdict(call(dotted, Model(Path(bundle)), pd.read_parquet(table)))
    except Exception as error:
        said = {"error": f"{place(error, Path(folder))}{type(error).__name__}: {error}"[:2000]}
    Path(result).write_text(json.dumps(said, allow_nan=False), encoding="utf-8")


def call(dotted: str, model: Model, rows) -> Figure:
    """The function's Figure. Raises TypeError where it gives back another thing."""
    module, _, name = dotted.rpartition(".")
    found = getattr(importlib.import_module(module), name)(model, rows)
    if not isinstance(found, Figure):
        raise TypeError(f"{dotted} gave back {type(found).__name__}: a Figure is wanted "
                        "(from notemill.gate import Figure)")
    return found


def place(error: Exception, folder: Path) -> str:
    """The last line of the project's own that led to it, as "checks.py, line 3: "."""
    if isinstance(error, SyntaxError) and error.filename and Path(error.filename).is_relative_to(folder):
        return f"{Path(error.filename).relative_to(folder)}, line {error.lineno}: "
    lines = [frame for frame in traceback.extract_tb(error.__traceback__)
             if Path(frame.filename).is_relative_to(folder)]
    return f"{Path(lines[-1].filename).relative_to(folder)}, line {lines[-1].lineno}: " if lines else ""


if __name__ == "__main__":
    main(*sys.argv[1:])
