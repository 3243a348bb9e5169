"""Does the model package say in use what the model said in the notebook?

Golden rows (up to 200 held-out rows, evenly spread) go through the package as a list of rows, as a table, and one
alone; labels are compared exactly, numbers to a millionth. Training and serving are not to differ: Breck, Cai, Nielsen,
Salib and Sculley (2017), The ML test score: a rubric for ML production readiness, IEEE Big Data, test Monitor 3.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from notemill.files import write_json
from notemill.gate.asking import DIRECT, ModelFailed
from notemill.gate.evidence import Evidence, Unfit, read_table
from notemill.gate.judged import Judged
from notemill.gate.metrics import Answers
from notemill.gate.parts import part
from notemill.gate.robust import is_tie
from notemill.gate.serving import Served, as_answers
from notemill.gate.statistics import Interval
from notemill.gate.variants import golden_rows
from notemill.gate.verdict import Check, not_asked
from notemill.runtime.golden import CLOSE, plain_rows
from notemill.runtime.rows import used_columns

FEW = 20  # rows that a version keeps, with what the package said of them
AS_ROWS, AS_TABLE, ALONE = "the package (rows)", "the package (table)", "the package (one row alone)"


def check_skew(judged: Judged) -> Check:
    """The trial package against the gate, the notebook's way of asking, and the predictions that a notebook wrote."""
    evidence = judged.evidence
    if not evidence.job.get("package"):
        return not_asked("skew", "judged without a model package; notemill gate and notemill register try one")
    rows = golden_rows(len(evidence.rows_asked))
    said, few = asked_of_package(evidence, rows)
    parts = list(compared(evidence, rows, said))
    wrong = [one["hint"] for one in parts if one["outcome"] == "refused"]
    unknown = [one["hint"] for one in parts if one["outcome"] == "not assessed"]
    count, n = max(one["figure"] or 0.0 for one in parts), len(rows)
    hint = "; ".join([*wrong[:2], *([places(evidence)] if wrong else []), *unknown]) or (
        f"{n:,} golden rows: {', '.join(one['name'] for one in parts)}: the same")
    return Check("skew", "refused" if wrong else "passed", count, n=n, limit=0.0, hint=hint,
                 details={"parts": parts, "golden": few})


def asked_of_package(evidence: Evidence, rows: np.ndarray) -> tuple[dict[str, Answers], dict]:
    """({way: answers}, what it says of the few rows that a version keeps)."""
    folder = Path(evidence.job["folder"]) / "skew"
    table = evidence.rows_asked.iloc[rows].reset_index(drop=True)
    plain = plain_rows(table, evidence.schema, most=len(table))
    few = plain_rows(evidence.rows_asked, evidence.schema, most=FEW)
    with Served(evidence.job, folder) as served:
        table.to_parquet(folder / "table.parquet", index=False)
        for name, listed in {"few": few, "rows": plain}.items():
            write_json(folder / f"{name}.json", listed)
        kept = served.answers("rows", folder / "few.json")
        said = {AS_ROWS: as_answers(evidence, served.answers("rows", folder / "rows.json"), len(rows)),
                AS_TABLE: as_answers(evidence, served.answers("table", folder / "table.parquet"), len(rows)),
                ALONE: alone(evidence, served, kept)}
    return said, {name: kept[name] for name in ("predictions", "probabilities") if name in kept}


def alone(evidence: Evidence, served: Served, kept: Mapping) -> Answers:
    """The first row, as one dictionary."""
    prediction = served.ask(ask="alone", row=0).get("prediction")
    return as_answers(evidence, {"predictions": [prediction], "classes": kept.get("classes")}, 1)


def compared(evidence: Evidence, rows: np.ndarray, said: Mapping[str, Answers]) -> Iterator[dict]:
    """One part for each comparison."""
    package, gate = said[AS_ROWS], evidence.answers.at(rows)
    numbers = evidence.good[rows] + 1
    first = np.array([0])
    yield part_of(evidence, AS_ROWS, package, "the gate", gate, numbers)
    yield part_of(evidence, AS_TABLE, said[AS_TABLE], AS_ROWS, package, numbers)
    yield part_of(evidence, ALONE, said[ALONE], AS_ROWS, package.at(first), numbers)
    try:
        notebook = evidence.answers_to(DIRECT)
    except ModelFailed as error:
        yield part("the notebook's model", "not assessed", limit=0.0, hint=f"the model cannot be asked about the "
                   f"held-out table as it is ({str(error).splitlines()[0][:200]}): name the notebook's own "
                   "predictions, as predictions: evaluate.predictions under gate:")
    else:
        yield part_of(evidence, AS_ROWS, package, "the notebook's model", notebook, numbers)
    if evidence.job.get("predictions"):
        name, written = evidence.job["predictions"]["name"], written_down(evidence)
        yield part_of(evidence, "the gate", evidence.answers, name, written, evidence.good + 1)
        yield part_of(evidence, AS_ROWS, package, name, written.at(rows), numbers)


def part_of(evidence: Evidence, ours: str, here: Answers, theirs: str, there: Answers, numbers: np.ndarray) -> dict:
    """`numbers`: of the rows in the held-out table, from 1."""
    wrong = np.flatnonzero(others(evidence, here, there))
    name, found, n = f"{ours} and {theirs}", Interval(float(len(wrong)), None, None), len(here.labels)
    if not len(wrong):
        return part(name, "passed", found, n, 0.0)
    at = wrong[0]
    hint = (f"{len(wrong):,} of {len(here.labels):,} predictions differ, the first in held-out row {numbers[at]:,}: "
            f"{ours} says {worded(evidence, here, at)}, {theirs} {worded(evidence, there, at)}")
    return part(name, "refused", found, n, 0.0, hint)


def others(evidence: Evidence, here: Answers, there: Answers) -> np.ndarray:
    """Which rows differ: labels exactly, but for ties; numbers to a millionth."""
    if evidence.is_regression:
        return np.abs(here.labels - there.labels) > CLOSE * np.maximum(1.0, np.abs(there.labels))
    wrong, known = here.labels != there.labels, [one.probabilities for one in (here, there)]
    if any(one is None for one in known):
        ties = next((is_tie(one) for one in known if one is not None), False)
        return wrong & ~np.asarray(ties)
    return (wrong & ~is_tie(known[1])) | (np.abs(known[0] - known[1]).max(axis=1) > CLOSE)


def worded(evidence: Evidence, answers: Answers, row: int) -> str:
    if evidence.is_regression:
        return f"{answers.labels[row]:.6g}"
    code = answers.labels[row]
    label = repr(evidence.classes[code]) if code >= 0 else "an unknown label"
    return label if answers.probabilities is None else f"{label} ({answers.probabilities[row, code]:.6g})"


def places(evidence: Evidence) -> str:
    """What to look for."""
    ours = [column["name"] for column in used_columns(evidence.schema)]
    theirs = [name for name in evidence.rows_asked.columns if name in ours]
    if ours != theirs:
        return (f"the table has its columns as {', '.join(theirs[:6])}{', ...' * (len(theirs) > 6)}, the schema as "
                f"{', '.join(ours[:6])}{', ...' * (len(ours) > 6)}: a model that takes them by their place gets others "
                "in use. Fit it on a DataFrame with a ColumnTransformer, or list them in the schema as the table has "
                "them")
    return ("a column may be swapped, or prepared in another way in use than in the notebook: whatever is done to rows "
            "belongs into the model's pipeline")


def written_down(evidence: Evidence) -> Answers:
    """The predictions that a notebook wrote: a table with `prediction`, for two classes perhaps `probability`, in the
    order of the held-out rows."""
    table, name = read_table(evidence.job["predictions"]), evidence.job["predictions"]["name"]
    if "prediction" not in table.columns or len(table) != len(evidence.held_out):
        raise Unfit(f"{name} has {len(table):,} rows and the columns {', '.join(map(str, table.columns[:6]))}: wanted "
                    f"is a column prediction for each of the {len(evidence.held_out):,} held-out rows, in their order")
    table = table.iloc[evidence.good]
    if evidence.is_regression:
        return Answers(floats(table["prediction"], name))
    known = {str(label): code for code, label in enumerate(evidence.classes)}
    labels = np.array([known.get(str(label), -1) for label in table["prediction"].tolist()])
    if len(known) != 2 or "probability" not in table.columns:
        return Answers(labels)
    likely = floats(table["probability"], name)
    return Answers(labels, np.column_stack([1 - likely, likely]))


def floats(values, name: str) -> np.ndarray:
    import pandas as pd

    found = pd.to_numeric(values, errors="coerce").to_numpy(dtype="float64", na_value=np.nan)
    if not np.isfinite(found).all():
        raise Unfit(f"{name}: the column {values.name} holds what is no number")
    return found
