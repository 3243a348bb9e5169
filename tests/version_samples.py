"""A project with registered versions, without kernels: real records, a real MLflow. `from version_samples ...`."""

import copy
import json
from pathlib import Path

from model_samples import VERDICT, make_version, mixed_files, send, train
from tiny import code, make_project, markdown, notebook, pretend_run

from notemill.project import open_project
from notemill.registry import open_records
from notemill.wheel import statement

NAME = "mixed"
RUNS = ("20260101-000000-aaaa", "20260102-000000-bbbb")
DATA = "d" * 64


def check(name, outcome="passed", figure=None, low=None, high=None, n=171, limit=None, hint=None, details=None):
    return {"check": name, "outcome": outcome, "figure": figure, "low": low, "high": high, "n": n, "limit": limit,
            "hint": hint, "details": details}


def make_verdict(figure=0.95, *more, run=RUNS[0], **facts):
    """A verdict whose metric is `figure`; `more` are checks."""
    base = {key: VERDICT[key] for key in ("format", "verdict", "metric", "n", "made")}
    return {**base, "run": run, "project": NAME, "champion": None, "data": DATA, "notemill": "0.1.0",
            "config": {"floor": 0.9, "margin": 0.01}, **facts,
            "checks": [check("metric", figure=figure, low=round(figure - 0.02, 4), high=round(figure + 0.02, 4)),
                       check("floor", figure=figure, limit=0.9), check("value", "not asked for"), *more]}


def make_run(root, name, source, seconds, **params):
    """What a run leaves, with this code in its executed notebook."""
    pretend_run(root, name)
    project, path = open_project(root), root / ".notemill" / "runs" / name / "run.json"
    record = json.loads(path.read_text())
    executed = json.dumps(notebook(code("a = 1", tags=["injected-parameters"]), code(source))).encode()
    record["steps"][0] |= {"executed": {"sha256": project.store.add_bytes(executed), "bytes": len(executed)},
                           "notebook": "notebooks/train.ipynb", "notebook_sha256": "e" * 64, "params": params,
                           "seconds": seconds, "cpu_seconds": seconds / 2, "peak_mb": 100.0,
                           "inputs": {"rows": {"from": "rows.csv", "sha256": name[-4:] * 16, "bytes": 1}}}
    record |= {"project": NAME, "reason": "by hand", "git": None, "seconds": seconds,
               "ended": record["started"], "environment": {"python": "3.11.7", "distributions": "f" * 64}}
    path.write_text(json.dumps(record))
    return record


def register(root, trained, record, verdict, *, human="", uri=None, **more):
    """A version in MLflow and in the records, with the files that `notemill register` keeps."""
    records = open_records(open_project(root))
    manifest = make_version(records, trained, name=NAME, run=record["run"], created=record["started"], commit=None,
                            figure=verdict["checks"][0]["figure"], **more)
    files = {"verdict.json": verdict, "provenance.json": statement(record, {}, pipeline="notebooks/pipeline.yaml")}
    manifest["files"] |= {name: records.add(json.dumps(value).encode()) for name, value in files.items()}
    manifest["files"] |= {"human.md": records.add(human.encode())}
    return send(uri or f"sqlite:///{root / 'mlflow.db'}", records, manifest)


def registered_project(root: Path, trained=None, uri=None, **pipeline):
    """Version 1, and version 2, which the gate judged against it; in the project's database, or at `uri`."""
    steps = {"train": {"notebook": "train.ipynb", "outputs": {"model": "model.skops"}}}
    cells = [markdown("# Train\n\nFits the model."), code('model = ""', tags=["parameters"]), code("x = 1")]
    make_project(root, name=NAME, steps=steps, notebooks={"train.ipynb": cells}, **pipeline)
    trained = trained or train(root.parent / "trained", **mixed_files(root.parent / "trained"))
    first = make_run(root, RUNS[0], "one = 1\nboth = 2", 2.0, depth=3)
    second = make_run(root, RUNS[1], "one = 1\nboth = 3", 5.0, depth=4)
    register(root, trained, first, make_verdict(0.95), human="# Card\n\n## Owner\n\nA Person\n",
             uri=uri, code={"mixed/train.py": "A = 1\n"})
    paired = check("champion", figure=0.013, low=-0.004, high=0.03, limit=-0.01, details={"least": -0.002})
    verdict = make_verdict(0.963, paired, run=RUNS[1], champion="version 1", config={"floor": 0.92, "margin": 0.01})
    other = copy.deepcopy(trained.schema)
    other["columns"][0] |= {"range": [0, 99]}
    other["columns"] = [*other["columns"][:-1], {**other["columns"][-1], "name": "renamed"}]
    second_trained = type(trained)(other, trained.train, trained.test, trained.pipeline, trained.skops)
    register(root, second_trained, second, verdict, human="# Card\n\n## Owner\n\nSomebody else\n",
             uri=uri, code={"mixed/train.py": "A = 2\n"})
    return root
