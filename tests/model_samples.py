"""Models as the starter notebooks make them, without a kernel: their cells, run here, less pictures and figures."""

import ast
import contextlib
import io
import json
import re
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared" / "data"


@dataclass(frozen=True)
class Trained:
    """What the starter notebooks leave: tables, schema, the fitted pipeline, and the model's file."""

    schema: dict
    train: pd.DataFrame
    test: pd.DataFrame
    pipeline: object
    skops: bytes

    def bundle(self, folder, **facts):
        """A model package's folder: its path."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "model.skops").write_bytes(self.skops)
        (folder / "schema.json").write_text(json.dumps(self.schema), encoding="utf-8")
        (folder / "facts.json").write_text(json.dumps(facts), encoding="utf-8")
        return folder

    def rows(self):
        """The held-out rows, less the target."""
        return self.test.drop(columns=self.schema["target"]["name"])


def cells(name):
    """The code cells of a starter notebook, as text."""
    content = json.loads((ROOT / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8"))
    return ["".join(cell["source"]) for cell in content["cells"] if cell["cell_type"] == "code"]


def run_cells(name, until, given):
    """Run a notebook's cells up to the one that has `until`, with parameters `given`: its names."""
    names = {"display": lambda value: None, "__name__": "notebook"}
    for source in cells(name):
        tree = ast.parse(re.sub(r"^ *import mlflow$", "    mlflow = None", source, flags=re.M))
        if "plt.show()" in source:
            tree.body = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
        exec(compile(tree, name, "exec"), names)  # the notebook's own code
        if "# output:" in source:  # the cell of parameters
            names |= given
        if until in source:
            return names
    raise LookupError(until)


def train(folder, source, *, estimator="linear", max_iter=20, **prepare):
    """`source` (a CSV or Parquet file) through the cells of prepare and train."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {name: str(folder / file) for name, file in
             [("train", "train.parquet"), ("test", "test.parquet"), ("schema", "schema.json")]}
    with contextlib.redirect_stdout(io.StringIO()):
        run_cells("prepare", "schema.write_text", {"source": str(source), **prepare, **files})
        names = run_cells("train", "blocks = plan_blocks()", {
            "data": files["train"], "schema": files["schema"], "model": str(folder / "model.skops"),
            "estimator": estimator, "max_iter": max_iter})
        names["pipeline"].fit(names["X"], names["y"])
    import skops.io

    schema = json.loads((folder / "schema.json").read_text(encoding="utf-8"))
    return Trained(schema, pd.read_parquet(files["train"]), pd.read_parquet(files["test"]), names["pipeline"],
                   skops.io.dumps(names["pipeline"]))
