"""Did the model learn from rows later than those it is judged on?

Kaufman et al. (2012), Leakage in data mining, ACM TKDD 6(4) ("no time machine"); Kapoor and Narayanan (2023), Leakage
and the reproducibility crisis in machine-learning-based science, Patterns 4(9), kind L3.1.
"""

from notemill.gate.evidence import Evidence, Unfit
from notemill.gate.judged import Judged
from notemill.gate.shares import wilson
from notemill.gate.verdict import Check, not_asked


def check_later(judged: Judged) -> Check:
    """Training rows later than the first held-out one, where the split is by time or a column of times is named."""
    evidence = judged.evidence
    name = column(evidence)
    if name is None:
        return not_asked("leakage.time", "the rows are not split by time (leakage: time names a column of times)")
    train, held = (times(evidence, table, name, which) for table, which in
                   ((evidence.train, "training"), (evidence.held_out, "held-out")))
    first, n = held.min(), len(train)
    later = int((train > first).sum())
    hint = f"all training rows are from before the first held-out one ('{name}': {first})"
    if later:
        hint = (f"{later:,} of {n:,} training rows are later ('{name}', up to {train.max()}) than the first held-out "
                f"row ({first}): it has seen what was still to come. Split by time")
    found = wilson(later, n)
    return Check("leakage.time", "refused" if later else "passed", found.figure, found.low, found.high, n, 0.0, hint)


def column(evidence: Evidence) -> str | None:
    """The column of times: as configured; else of a split by time the schema's."""
    if name := evidence.config.get("leakage", {}).get("time"):
        return name
    split = evidence.schema.get("split") or {}
    if split.get("kind") != "time":
        return None
    named = [split.get("time"), *(one["name"] for one in evidence.schema["columns"] if one.get("role") == "time")]
    found = next((name for name in named if name), None)
    if found is None:
        raise Unfit("the schema says that rows are split by time, but not by which column: name it under leakage: time")
    return found


def times(evidence: Evidence, table, name: str, which: str):
    """Times, or numbers that rise with time; without gaps."""
    import pandas as pd

    if name not in table.columns:
        raise Unfit(f"the {which} rows have no column '{name}': whether training rows are later cannot be told")
    values = table[name].dropna()
    if not pd.api.types.is_numeric_dtype(values):
        values = pd.to_datetime(values, errors="coerce", utc=True)
    if values.isna().any() or not len(values):
        raise Unfit(f"'{name}' of the {which} rows is no time or number in every row")
    return values
