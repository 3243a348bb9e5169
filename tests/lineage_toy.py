"""A small project with a run of three steps, made by hand, and a real MLflow server."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pyarrow
import pyarrow.parquet

from notemill import lineage
from notemill.files import write_json
from notemill.store import Store

SECRET = "hunter2-not-for-logs"  # pragma: allowlist secret
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
LOGS_MUCH = """
import os, mlflow, pandas
for step, value in enumerate([0.5, 0.25, 0.125]):
    mlflow.log_metric("loss", value, step=step, timestamp=1_800_000_000_000 + step)
mlflow.log_metric("roc_auc", 0.98)
mlflow.log_metric("broken", float("nan"))
mlflow.log_metric("endless", float("inf"))
mlflow.log_param("folds", 5)
mlflow.log_param("seed", 8)
mlflow.log_param("login", "hunter2-not-for-logs")
mlflow.set_tag("author: remark", "wide")
mlflow.set_tag("mlflow.note.content", "in my own words")
mlflow.log_dict({"a": 1, "key": "hunter2-not-for-logs"}, "facts/a.json")
mlflow.log_text("plain", "words.txt")
mlflow.log_input(mlflow.data.from_pandas(pandas.DataFrame({"x": [1.0, 2.0]}), name="small"), context="training")

import matplotlib
matplotlib.use("agg")
import matplotlib.pyplot as plt
mlflow.log_figure(plt.figure(), "curve.png")

class Twice(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input: list[float]) -> list[float]:
        return [2 * x for x in model_input]

mlflow.pyfunc.log_model(name="twice", python_model=Twice(), pip_requirements=["mlflow"], params={"by": 2})
with mlflow.start_run(run_name="fold-1", nested=True):
    mlflow.log_metric("roc_auc", 0.5)
    with mlflow.start_run(run_name="inner", nested=True):
        mlflow.log_param("deep", "yes")
"""


def log_in(folder: Path, code: str, cwd: Path, check: bool = True) -> subprocess.CompletedProcess:
    """Run code that logs to a spool, as a kernel would."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "PYTEST"))}
    env = environ | lineage.open_spool(folder, "toy")
    return subprocess.run([sys.executable, "-c", code], env=env, cwd=cwd, check=check, capture_output=True, text=True)


class Project:
    """A project's folder, and runs in it."""

    def __init__(self, root: Path):
        self.root, self.store, self.runs = root, Store(root / ".notemill"), root / ".notemill" / "runs"
        self.runs.mkdir(parents=True)

    def kept(self, content: bytes) -> dict:
        return {"sha256": self.store.add_bytes(content), "bytes": len(content)}

    def parquet(self) -> dict:
        path = self.root / "train.parquet"
        pyarrow.parquet.write_table(pyarrow.table({"age": [1, 2, 3], "name": ["a", "b", "c"]}), path)
        sha256, size = self.store.add_file(path)
        return {"file": "train.parquet", "sha256": sha256, "bytes": size}

    def make_run(self, name: str = "20261120-231332-4f2a", spool: Path | None = None, **changes) -> dict:
        """A run of prepare (done), train (done, with `spool`) and evaluate (failed), written and put in the outbox."""
        record = self.record(name) | changes
        write_json(self.runs / name / "run.json", record)
        if spool:
            shutil.copytree(spool, self.runs / name / "train" / "mlflow")
        for step in record["steps"]:
            report = self.runs / name / "reports" / f"{step['step']}.html"
            report.parent.mkdir(exist_ok=True)
            report.write_text(f"<h1>{step['step']}</h1> {SECRET}")
        lineage.mark_pending(self.runs / name)
        return record

    def record(self, name: str) -> dict:
        table = self.parquet()
        diff = self.store.add_bytes(f"+password = '{SECRET}'\n".encode())
        versions = self.store.add_bytes(json.dumps({"numpy": "2.4.0"}).encode())
        csv = {"from": "data/*.csv", "files": [{"name": "data/a.csv", **self.kept(b"x\n1\n")}]}
        train = self.step(name, "train", params={"estimator": "linear", "seed": 7, "token": SECRET}, needs=["prepare"],
                          inputs={"data": {"from": "prepare.train", "sha256": table["sha256"], "bytes": table["bytes"]},
                                  "many": csv},
                          outputs={"model": {"file": "model.skops", **self.kept(b"\0model")}},
                          metrics={"roc_auc": 0.98, "loss": 0.125})
        failed = self.step(name, "evaluate", needs=["train"], status="failed", outputs={},
                           error={"name": "ValueError", "message": f"bad {SECRET}", "cell": 3, "line": 2,
                                  "report": "reports/evaluate.html#cell-3"})
        return {
            "format": 1, "notemill": "0.1.0", "run": name, "project": "toy", "status": "failed", "reason": "push",
            "started": "2026-11-20T23:13:32.100000+00:00", "ended": "2026-11-20T23:13:52.200000+00:00", "seconds": 20.1,
            "git": {"commit": "ab" * 20, "branch": "main", "author": "Ada <ada@example.org>", "dirty": True,
                    "diff": diff},
            "environment": {"python": "3.11.7", "distributions": versions},
            "machine": {"host": "box", "system": "Linux", "cpus": 2, "memory_mb": 4000},
            "ci": {"build": "12", "link": "http://drone.example/12"}, "pipeline": {"sha256": "c" * 64},
            "package": {"sha256": "d" * 64},
            "error": {"where": "step 'evaluate'", "got": "ValueError", "allowed": None, "hint": None},
            "steps": [failed, self.step(name, "prepare", outputs={"train": table}), train]}

    def step(self, run: str, name: str, **changes) -> dict:
        notebook = {"cells": [{"cell_type": "markdown", "metadata": {}, "source": name},
                              {"cell_type": "code", "metadata": {"tags": ["injected-parameters"]}, "outputs": []},
                              {"cell_type": "code", "metadata": {}, "source": "1", "outputs": [
                                  {"output_type": "display_data", "data": {"image/png": PNG}, "metadata": {}}]}]}
        return {"step": name, "notebook": f"notebooks/{name}.ipynb", "title": name.title(), "purpose": f"To {name}.",
                "needs": [], "action": "run", "status": "done", "reasons": ["first run"], "fingerprint": "f" * 64,
                "components": {}, "params": {}, "inputs": {}, "outputs": {}, "notebook_sha256": "e" * 64,
                "executed": self.kept(json.dumps(notebook).encode()), "metrics": {}, "seconds": 1.9, "cpu_seconds": 1.7,
                "peak_mb": 310, "started": "2026-11-20T23:13:33+00:00", "ended": "2026-11-20T23:13:35+00:00",
                "stored_bytes": 1234, "report": f"reports/{name}.html", "origin_run": run, "mlflow_run": None,
                "warnings": [], "error": None} | changes


class Server:
    """A real MLflow server on this machine; its folder outlives it, so that it can come back."""

    def __init__(self, folder: Path):
        self.folder, self.process = folder, None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.uri = f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        lineage.ensure_embedded(f"sqlite:///{self.folder / 'server.db'}")
        with open(self.folder / "log.txt", "ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(self.port),
                 "--workers", "1", "--backend-store-uri", f"sqlite:///{self.folder / 'server.db'}",
                 "--artifacts-destination", str(self.folder / "artifacts")], stdout=log, stderr=log, cwd=self.folder,
                env={**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
                start_new_session=True)
        for _ in range(600):
            try:
                urllib.request.urlopen(f"{self.uri}/health", timeout=1).close()
                return
            except OSError:
                assert self.process.poll() is None, (self.folder / "log.txt").read_text()
                time.sleep(0.1)
        raise TimeoutError((self.folder / "log.txt").read_text())

    def kill(self) -> None:
        """End it with all that it started, at once."""
        if self.process:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None


@contextmanager
def running_server(folder: Path) -> Iterator[Server]:
    """A server in a new folder; it ends with the block."""
    folder.mkdir(exist_ok=True)
    server = Server(folder)
    try:
        server.start()
        yield server
    finally:
        server.kill()


def snapshot(uri: str, name: str = "toy") -> dict:
    """All that MLflow holds of an experiment, without ids: two of them are equal when nothing is missing or double."""
    from notemill.lineage.client import mlflow_client

    with mlflow_client(uri) as client:
        experiment = client.get_experiment_by_name(name).experiment_id
        runs = {run.info.run_id: run for run in client.search_runs([experiment])}
        models = client.search_logged_models([experiment])
        described = [_described(client, run, runs) for run in runs.values()]
        return {"runs": sorted(described, key=json.dumps), "models": sorted(
            (model.name, str(model.status), sorted(model.params.items()), runs[model.source_run_id].info.run_name,
             _files(partial(client.list_logged_model_artifacts, model.model_id))) for model in models)}


def _described(client, run, runs) -> dict:
    parent = runs.get(run.data.tags.get("mlflow.parentRunId"))
    history = {key: [(repr(one.value), one.step) for one in client.get_metric_history(run.info.run_id, key)]
               for key in run.data.metrics}
    tags = {key: value for key, value in run.data.tags.items() if not key.startswith(("mlflow.parentRunId",))}
    return {"name": run.info.run_name, "parent": parent and parent.info.run_name, "status": run.info.status,
            "start": run.info.start_time, "end": run.info.end_time, "params": run.data.params, "tags": tags,
            "history": history, "models": len(run.outputs.model_outputs) if run.outputs else 0,
            "inputs": sorted((one.dataset.name, one.dataset.digest) for one in run.inputs.dataset_inputs),
            "files": _files(partial(client.list_artifacts, run.info.run_id))}


def _files(listed, path: str | None = None) -> list[str]:
    return sorted(name for one in listed(path)
                  for name in (_files(listed, one.path) if one.is_dir else [f"{one.path} {one.file_size}"]))


def by_name(snapshot: dict) -> dict:
    return {run["name"]: run for run in snapshot["runs"]}
