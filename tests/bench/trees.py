"""Trees of a plan beside treelite's GTIL and scikit-learn: `python tests/bench/trees.py [ROUNDS]` prints a table.

Treelite is no dependency: without it its column says "-". Not part of the suite, for times depend on the machine. All
take turns within a round, with one thread each; shown is CPU for a row: the median, lowest and highest round.
"""

import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from sklearn.datasets import make_classification  # noqa: E402
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier  # noqa: E402

from notemill.compile import compile_pipeline  # noqa: E402
from notemill.runtime.plan.program import Program  # noqa: E402

try:
    import treelite
    import treelite.sklearn
except ImportError:
    treelite = None

ROWS, COLUMNS = 20_000, 20
MODELS = {"HistGradientBoosting, 200 trees of 31 leaves": HistGradientBoostingClassifier(max_iter=200, random_state=0),
          "random forest, 200 trees": RandomForestClassifier(200, min_samples_leaf=3, random_state=0)}


def schema() -> dict:
    return {"task": "classification", "target": {"name": "y"},
            "columns": [{"name": f"x{n}", "type": "number", "role": "feature"} for n in range(COLUMNS)]}


def ways(model, table) -> dict[str, dict[str, Callable]]:
    """{one row or many: {way: (call, rows)}}; all give the same probabilities."""
    values = table.to_numpy()
    program = Program(*compile_pipeline(model, schema()))
    row, one = values[0].tolist(), values[:1]
    many = {"plan": lambda: program.many(table), "scikit-learn": lambda: model.predict_proba(values)}
    alone = {"plan": lambda: program.one(row), "scikit-learn": lambda: model.predict_proba(one)}
    if treelite:
        other = treelite.sklearn.import_model(model)
        many["treelite"] = lambda: treelite.gtil.predict(other, values, nthread=1)
        alone["treelite"] = lambda: treelite.gtil.predict(other, one, nthread=1)
    check(many["plan"](), {name: call() for name, call in many.items()})
    return {"one row": alone, f"{len(table):,} rows": many}


def check(wanted, found: dict) -> None:
    for name, probabilities in found.items():
        probabilities = np.asarray(probabilities).reshape(len(wanted), -1)
        if np.abs(probabilities[:, -1] - wanted[:, -1]).max() > 1e-6:
            raise SystemExit(f"{name} says something else")


def microseconds(call: Callable, rows: int) -> float:
    """Of one row."""
    repeats = 200 if rows == 1 else 1
    started = time.process_time()
    for _ in range(repeats):
        call()
    return (time.process_time() - started) / repeats / rows * 1e6


def main(rounds: int = 5) -> None:
    X, y = make_classification(ROWS, COLUMNS, n_informative=12, random_state=0)
    table = pd.DataFrame(X, columns=[f"x{n}" for n in range(COLUMNS)])
    print("| CPU of a row, µs | plan | treelite | scikit-learn |\n|---|---|---|---|")
    for name, model in MODELS.items():
        model.fit(table.to_numpy(), y)
        for size, calls in ways(model, table).items():
            taken = {way: [] for way in calls}
            for _ in range(rounds):
                for way, call in calls.items():
                    taken[way].append(microseconds(call, 1 if size == "one row" else ROWS))
            cells = [f"{statistics.median(some):.1f} [{min(some):.1f} to {max(some):.1f}]" if (some := taken.get(way))
                     else "-" for way in ("plan", "treelite", "scikit-learn")]
            print(f"| {name}; {size} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
