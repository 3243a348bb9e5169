"""The starter notebooks, run with papermill, and the tables that they are tried on.

Some tables are run as anybody would, with plain papermill: each notebook starts a kernel of its own and imports for
itself. For the others papermill forks its kernels from a process that has the libraries, whose import would take most
of the time.
"""

import ast
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOKS = ROOT / "notebooks"
SHARED = ROOT.parent / "shared" / "data"


def read_cells(name):
    """The cells of one starter notebook."""
    return json.loads((NOTEBOOKS / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"]


def reviewed_types():
    """The types that evaluate.ipynb trusts, as they stand in its source."""
    for cell in read_cells("evaluate"):
        for node in ast.walk(ast.parse("".join(cell["source"]))) if cell["cell_type"] == "code" else ():
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "REVIEWED":
                return ast.literal_eval(node.value)
    raise LookupError("evaluate.ipynb has no REVIEWED")


@dataclass(frozen=True)
class Case:
    """One table, how it is prepared and trained, and the figures below which something is broken."""

    source: object
    prepare: dict
    train: dict
    floors: dict


def sklearn_source(name):
    def write(folder):
        from sklearn import datasets
        path = folder / f"{name}.parquet"
        getattr(datasets, f"load_{name}")(as_frame=True).frame.to_parquet(path)
        return str(path)
    return write


def shared_source(name):
    def find(folder):
        if not (SHARED / name).is_file():
            pytest.skip(f"{name} is not in ../shared/data")
        return str(SHARED / name)
    return find


def mixed_table(rows=800):
    """A table with everything that makes tables awkward; `answer` depends on size, colour, hour, flag and dose."""
    random = np.random.default_rng(3)
    hours = random.integers(0, 24 * 300, rows)
    table = pd.DataFrame({
        "key": [f"r-{i:04d}" for i in random.permutation(rows)],
        "size": random.normal(10, 3, rows),
        "colour": random.choice(["red", "green", "blue"], rows),
        "shelf": random.choice([1, 2, 3], rows),
        "flag": random.choice(np.array([True, False], dtype=object), rows),
        "at": (pd.Timestamp("2024-01-01") + pd.to_timedelta(hours, "h")).strftime("%Y-%m-%dT%H:%M:%S"),
        "dose": [f"{value:.2f}" for value in random.uniform(0, 5, rows)],
        "site": "north",
        "note": [" ".join(random.choice(list("abcdefghijkl"), 6)) for _ in range(rows)],
    })
    score = (table["size"] - 10) + 3 * (table["colour"] == "red") + 3 * (hours % 24 < 8) \
        + 2 * (table["flag"] == True) + 1.5 * (table["dose"].astype(float) - 2.5) - 3  # noqa: E712 (objects)
    table["answer"] = np.where(score + random.normal(0, 1, rows) > 0, "yes", "no")
    table.loc[random.permutation(rows)[:30], "dose"] = "unknown"
    for name, count in {"size": 40, "colour": 50, "flag": 60, "at": 20, "note": 10, "answer": 15}.items():
        table.loc[random.permutation(rows)[:count], name] = None
    return table


def mixed_source(folder):
    """Two CSV files, as a glob would find them."""
    table, paths = mixed_table(), [folder / "a.csv", folder / "b.csv"]
    table[:500].to_csv(paths[0], index=False)
    table[500:].to_csv(paths[1], index=False)
    return [str(path) for path in paths]


def mixed_contract(folder):
    path = folder / "contract.yaml"
    path.write_text("columns:\n  shelf: {type: category, categories: [1, 2, 3, 4]}\n"
                    "  size: {type: number, unit: cm, range: [-5, 30], description: How large}\n", encoding="utf-8")
    return str(path)


CASES = {
    "breast_cancer": Case(
        sklearn_source("breast_cancer"),
        {"positive": "0", "labels": {"0": "malignant", "1": "benign"}, "contract": str(NOTEBOOKS / "contract.yaml")},
        {"estimator": "linear"}, {"roc_auc": 0.98, "accuracy": 0.95}),
    "wine": Case(sklearn_source("wine"), {}, {"estimator": "forest", "max_iter": 50}, {"accuracy": 0.94}),
    "diabetes": Case(sklearn_source("diabetes"), {"split": "random"}, {"estimator": "linear"}, {"r2": 0.4}),
    "mixed": Case(mixed_source, {"target": "answer", "contract": mixed_contract}, {"estimator": "linear"},
                  {"roc_auc": 0.9}),
    "adult": Case(shared_source("adult.csv"), {"target": "income-per-year"},
                  {"estimator": "boosting", "max_iter": 60, "folds": 3}, {"roc_auc": 0.915, "accuracy": 0.86}),
    "penguins": Case(shared_source("penguins.csv"), {"target": "species"}, {"estimator": "linear"}, {"accuracy": 0.95}),
    "bike_hour": Case(
        shared_source("bike_hour.csv"),
        {"target": "cnt", "split": "time", "time": "dteday", "test_size": 0.2, "drop": ["casual", "registered"]},
        {"estimator": "boosting", "max_iter": 150, "folds": 3}, {"r2": 0.88}),
    "taxis": Case(
        shared_source("taxis.csv"),
        {"target": "fare", "split": "group", "group": "pickup_zone", "drop": ["total", "tip"]},
        {"estimator": "forest", "max_iter": 30, "folds": 3}, {"r2": 0.75}),
}
SLOW = {"adult", "bike_hour", "taxis", "wine", "diabetes"}
PLAIN = {"breast_cancer", "taxis"}  # their bytes are compared: kernels of their own have sets in another order


@dataclass(frozen=True)
class Milled:
    """What the three notebooks left of one table."""

    case: Case
    folder: Path
    source: list

    @property
    def schema(self):
        return json.loads((self.folder / "schema.json").read_text(encoding="utf-8"))

    @property
    def metrics(self):
        return json.loads((self.folder / "metrics.json").read_text(encoding="utf-8"))

    @property
    def sides(self):
        return [pd.read_parquet(self.folder / f"{side}.parquet") for side in ("train", "test")]

    def columns(self):
        return {column["name"]: column for column in self.schema["columns"]}

    def model(self):
        import skops.io
        return skops.io.load(self.folder / "model.skops", trusted=sorted(reviewed_types()))

    def raw(self):
        """The source's rows as a person would read them, those with a target."""
        tables = [pd.read_csv(path) if path.endswith(".csv") else pd.read_parquet(path) for path in self.source]
        table = pd.concat(tables, ignore_index=True)
        return table[table[self.schema["target"]["name"]].notna()].reset_index(drop=True)


def execute(name, folder, parameters, *, warm=False):
    """One notebook with papermill, as it stands; the executed notebook is kept beside its results."""
    import papermill
    from papermill.engines import papermill_engines
    from traitlets.config import Config

    from notemill.execute.engine import ENGINE, NotemillEngine
    papermill_engines.register(ENGINE, NotemillEngine)  # where notemill is not installed, but a checkout
    with tempfile.TemporaryDirectory(prefix="ipc-") as sockets:  # a TCP port, a socket in the folder where all tests
        place = Config({"KernelManager": {"transport": "ipc", "ip": f"{sockets}/k"}})  # run: somebody else may be first
        papermill.execute_notebook(
            str(NOTEBOOKS / f"{name}.ipynb"), str(folder / f"{name}.ipynb"), parameters=parameters,
            kernel_name="python3", progress_bar=False, cwd=str(NOTEBOOKS),
            **{"engine_name": ENGINE} if warm else {"config": place})


def run_starter(case, folder, source, *, warm):
    """prepare, train, evaluate."""
    at = {name: str(folder / name) for name in
          ("train.parquet", "test.parquet", "schema.json", "model.skops", "metrics.json")}
    prepare = {key: value(folder) if callable(value) else value for key, value in case.prepare.items()}
    given = [("prepare", prepare | {"source": source, "train": at["train.parquet"], "test": at["test.parquet"],
                                    "schema": at["schema.json"]}),
             ("train", case.train | {"data": at["train.parquet"], "schema": at["schema.json"],
                                     "model": at["model.skops"]}),
             ("evaluate", {"model": at["model.skops"], "data": at["test.parquet"], "schema": at["schema.json"],
                           "metrics": at["metrics.json"], "resamples": 50})]
    for name, parameters in given:
        execute(name, folder, parameters, warm=warm)
