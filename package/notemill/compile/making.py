"""The plan of a model package: made from its pipeline, and kept only where it says what scikit-learn says."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from notemill.compile.compare import Differs, compare
from notemill.compile.compiling import compile_pipeline
from notemill.compile.hard import ROWS, hard_rows
from notemill.compile.values import NotCompiled
from notemill.runtime.plan import Stored, read_plan, write_plan
from notemill.runtime.plan.checked import check_plan


def make(folder: Path, table: Path, model: Any) -> None:
    """Write the plan of `model` (a Model of the package in `folder`) there; `table`: held-out rows (Parquet)."""
    import pandas as pd

    for name, content in write_plan(make_plan(model.pipeline, model.schema, pd.read_parquet(table))).items():
        (folder / name).write_bytes(content)


def make_plan(pipeline, schema: Mapping, held_out, hard: int = ROWS) -> Stored:
    """A plan that was compared with the pipeline on the held-out rows and on so many hard ones, or the reason why
    there is none."""
    try:
        plan, arrays = compile_pipeline(pipeline, schema)
        stored = as_read(Stored(plan | classes_of(pipeline, schema), arrays))
        check_plan(stored.plan, stored.arrays, plan["columns"])
        tables = {"held_out": held_out, "hard": hard_rows(held_out, schema, plan, arrays, hard)}
        return replace(stored, compared=compare(pipeline, stored, schema, tables))
    except (NotCompiled, Differs) as error:
        return Stored(reason=str(error))
    except Exception as error:  # a pipeline that nobody thought of is served by scikit-learn, too
        return Stored(reason=f"it could not be compiled: {type(error).__name__}: {error}")


def as_read(stored: Stored) -> Stored:
    """The plan as it comes back from its files: that is what is compared."""
    return read_plan(write_plan(stored).__getitem__)


def classes_of(pipeline, schema: Mapping) -> dict:
    """The labels in the order of the figures, their type, and whether the figures are probabilities."""
    if schema["task"] != "classification":
        return {}
    labels = pipeline.classes_
    if labels.dtype.kind not in "OUbiuf" or not all(isinstance(one, str | bool | int | float)
                                                    for one in labels.tolist()):
        raise NotCompiled(f"labels of the type {labels.dtype}")
    return {"classes": labels.tolist(), "classes_dtype": labels.dtype.str,
            "probabilities": hasattr(pipeline, "predict_proba")}
