"""Models as the starter notebooks make them, without a kernel: their cells, run here, less pictures and figures."""

import ast
import contextlib
import io
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

os.environ.setdefault("OMP_NUM_THREADS", "1")  # threads that wait for a busy machine make boosting slow
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


def mixed_table(rows=400):
    """Binary, with gaps, true and false, times, codes, text, and words between the numbers."""
    random = np.random.default_rng(3)
    hours = random.integers(0, 24 * 300, rows)
    table = pd.DataFrame({
        "size": random.normal(10, 3, rows), "colour": random.choice(["red", "green", "blue"], rows),
        "shelf": random.choice([1, 2, 3], rows), "flag": random.choice(np.array([True, False], dtype=object), rows),
        "at": (pd.Timestamp("2024-01-01") + pd.to_timedelta(hours, "h")).strftime("%Y-%m-%dT%H:%M:%S"),
        "dose": [f"{value:.2f}" for value in random.uniform(0, 5, rows)],
        "note": [" ".join(random.choice(list("abcdefghijkl"), 6)) + " wörd" for _ in range(rows)]})
    score = table["size"] + 3 * (table["colour"] == "red") + random.normal(0, 1, rows)
    table["answer"] = np.where(score > 11, "ja", "no")
    table.loc[random.permutation(rows)[:15], "dose"] = "unknown"
    for name, count in {"size": 20, "colour": 25, "shelf": 9, "flag": 30, "at": 10, "note": 5}.items():
        table.loc[random.permutation(rows)[:count], name] = None
    return table


def mixed_files(folder):
    """`mixed_table` as CSV, and a contract for it: what `train` takes."""
    folder.mkdir(parents=True, exist_ok=True)
    mixed_table().to_csv(folder / "mixed.csv", index=False)
    (folder / "contract.yaml").write_text(
        "columns:\n  shelf: {type: category, categories: [1, 2, 3, 4]}\n"
        "  size: {type: number, unit: cm, range: [-5, 30]}\n  colour: {null_share: 0.2}\n", encoding="utf-8")
    return {"source": folder / "mixed.csv", "contract": str(folder / "contract.yaml"), "target": "answer"}


def shared_files(folder, name, rows=1500):
    """The head of a table of ../shared/data."""
    if not (SHARED / name).is_file():
        import pytest  # the benchmarks do without

        pytest.skip(f"{name} is not in ../shared/data")
    folder.mkdir(parents=True, exist_ok=True)
    pd.read_csv(SHARED / name, dtype="str", keep_default_na=False, nrows=rows).to_csv(folder / name, index=False)
    return folder / name


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


def train(folder, source, *, estimator="linear", **prepare):
    """`source` (a CSV or Parquet file) through the cells of prepare and train."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {name: str(folder / file) for name, file in
             [("train", "train.parquet"), ("test", "test.parquet"), ("schema", "schema.json")]}
    with contextlib.redirect_stdout(io.StringIO()):
        run_cells("prepare", "schema.write_text", {"source": str(source), **prepare, **files})
        names = run_cells("train", "blocks = plan_blocks()", {
            "data": files["train"], "schema": files["schema"], "model": str(folder / "model.skops"),
            "estimator": estimator, "max_iter": 300 if estimator == "linear" else 20})
        names["pipeline"].fit(names["X"], names["y"])
    import skops.io

    schema = json.loads((folder / "schema.json").read_text(encoding="utf-8"))
    return Trained(schema, pd.read_parquet(files["train"]), pd.read_parquet(files["test"]), names["pipeline"],
                   skops.io.dumps(names["pipeline"]))


VERDICT = {
    "format": 1, "verdict": "passed", "run": "r1", "metric": "roc_auc", "n": 171, "made": "2026-11-20T10:00:00+00:00",
    "checks": [
        {"check": "metric", "figure": 0.9876543, "low": 0.97, "high": 0.995, "n": 171, "limit": None,
         "outcome": "passed", "hint": None},
        {"check": "floor", "figure": 0.97, "low": None, "high": None, "n": 171, "limit": 0.95, "outcome": "passed",
         "hint": None},
        {"check": "leakage.duplicates", "figure": 3.0, "low": None, "high": None, "n": 171, "limit": 0.0,
         "outcome": "warned", "hint": "3 rows | stand in *both* tables"}]}


def make_version(records, made, *, name="mixed", code=None, types=(), **more):
    """A version's manifest, with all its files in `records`; `code`: path -> text of modules."""
    from notemill import __version__, card, wheel
    from notemill.registry import content_of
    from notemill.runtime import golden, model

    folder = made.bundle(records.root / "bundle")
    add = {"model.skops": made.skops, "schema.json": json.dumps(made.schema).encode(),
           "types.json": json.dumps(sorted(types)).encode()}
    if not code:
        rows = golden.plain_rows(made.test, made.schema)
        add["golden.json"] = json.dumps(golden.record(model.Model(folder), rows)).encode()
    manifest = {
        "format": 1, "notemill": __version__, "name": name, "task": made.schema["task"],
        "target": made.schema["target"]["name"], "run": "r1",
        "created": "2026-11-20T10:00:00.5+00:00", "commit": 10 * "6e97", "dirty": False,
        "steps": ["train", "prepare"], "python": "3.11", "trained_with": trained_with(), "verdict": "passed",
        "metric": "roc_auc", "figure": 0.9876543, "files": {name: records.add(data) for name, data in add.items()},
        "code": {path: records.add(text.encode()) for path, text in (code or {}).items()}, **more}
    manifest["runtime"] = {name: records.add(data) for name, data in wheel.runtime_files(manifest).items()}
    manifest |= {"content": content_of(manifest), "requires": wheel.requirements(manifest)}
    facts = card.collect(manifest, VERDICT, made.schema, {"run": "r1", "steps": []}, tables={})
    texts = {"card.md": card.render(facts), "card.json": json.dumps(facts), "human.md": "",
             "verdict.json": json.dumps(VERDICT), "provenance.json": "{}"}
    manifest["files"] |= {name: records.add(text.encode()) for name, text in texts.items()}
    return manifest


def trained_with():
    from importlib.metadata import version

    return {name: version(name) for name in ("numpy", "pandas", "scikit-learn", "skops")}


def new_run(client, name, uri):
    """A run in MLflow that may have trained a model."""
    from mlflow.exceptions import MlflowException

    database = uri.removeprefix("sqlite:///")
    place = str(Path(database).parent / "mlartifacts" / name) if database != uri else None
    with contextlib.suppress(MlflowException):  # another process was first
        client.create_experiment(name, artifact_location=place)
    return client.create_run(client.get_experiment_by_name(name).experiment_id).info.run_id


def send(uri, records, manifest):
    """Register, as `notemill register` does after the gate: the version's manifest."""
    from notemill import wheel
    from notemill.registry import register, registry, take_up

    with registry(uri) as client:
        known = take_up(client, manifest["name"], manifest["content"], records)
        if known is None:
            own_name = f"{wheel.import_name(manifest['name'])}_{manifest['content'][:12]}"
            package = wheel.package_files(manifest, records.read, own_name)
            register(client, manifest, records, package, new_run(client, manifest["name"], uri))
            known = take_up(client, manifest["name"], manifest["content"], records)
        return known
