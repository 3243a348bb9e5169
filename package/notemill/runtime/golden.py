"""Golden rows: some held-out rows and what the model said of them when it was judged."""

import json
from collections.abc import Mapping
from pathlib import Path

from .model import Model
from .rows import conform, used_columns

CLOSE = 1e-6  # another processor may add up in another order; anything larger is another model


def record(model: Model, rows: list[dict]) -> dict:
    """Rows (JSON values only) with their predictions."""
    answers = {"rows": rows, "predictions": model.predict(rows).tolist()}
    if model.has_probabilities:
        answers["probabilities"] = model.predict_proba(rows).tolist()
    return answers


def replay(folder: Path) -> list[str]:
    """What differs from the recorded predictions, in words; nothing where the model still says the same."""
    model = Model(folder)
    golden = json.loads((folder / "golden.json").read_text(encoding="utf-8"))
    now = record(model, golden["rows"])
    return [f"row {row + 1}: {what} was {_shown(before)}, is {_shown(after)}"
            for what in ("predictions", "probabilities") if what in golden
            for row, (before, after) in enumerate(zip(golden[what], now.get(what, []), strict=True))
            if not same(before, after)]


def same(before: object, after: object) -> bool:
    """Whether two predictions agree: numbers closely, labels exactly."""
    if isinstance(before, list):
        return len(before) == len(after) and all(map(same, before, after))
    if isinstance(before, float) and isinstance(after, int | float):
        return abs(before - after) <= CLOSE * max(1.0, abs(before))
    return before == after


def _shown(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def plain_rows(table, schema: Mapping, most: int = 20) -> list[dict]:
    """Some of a table's good rows, evenly spread, as JSON has them: times as ISO text, missing as null. Only what goes
    into the model: other columns may say who somebody is."""
    bad = {problem.row for problem in conform(table, schema)[1]}
    good = table[[column["name"] for column in used_columns(schema)]].reset_index(drop=True).drop(index=list(bad))
    some = good.iloc[:: max(1, -(-len(good) // most))]
    return [{name: _plain(cell) for name, cell in row.items()} for row in some.to_dict("records")]


def _plain(cell: object) -> object:
    cell = cell.item() if hasattr(cell, "item") else cell
    if hasattr(cell, "isoformat") and cell == cell:
        return cell.isoformat()
    return None if cell is None or cell != cell or str(cell) == "<NA>" else cell


def make(table: Path, target: Path) -> None:
    """Write golden rows, taken from a Parquet table of held-out rows, and what this package says of them, as JSON."""
    import pandas as pd

    model = Model(Path(__file__).parent)
    answers = record(model, plain_rows(pd.read_parquet(table), model.schema))
    target.write_text(json.dumps(answers, sort_keys=True, allow_nan=False), encoding="utf-8")
