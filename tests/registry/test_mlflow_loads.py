"""A registered version by MLflow's own means."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request

import numpy as np
import pytest
from model_samples import send

LOAD = """
import json, sys, warnings
warnings.simplefilter("ignore")
import mlflow, pandas as pd
mlflow.set_tracking_uri(sys.argv[1])
rows = pd.read_parquet(sys.argv[2])
one, two = (mlflow.pyfunc.load_model(f"models:/{sys.argv[3]}{end}") for end in ("/1", "@challenger"))
print(json.dumps([one.predict(rows).tolist(), two.predict(rows).tolist()]))
"""


def quiet():
    return {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
            "PYTHONPATH": ""}


def test_two_versions_in_one_process_answer_each_for_itself(records, version, trained, other, name, tmp_path):
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    send(uri, records, version())
    send(uri, records, version(other))
    rows = trained.rows()
    rows.to_parquet(tmp_path / "rows.parquet")
    done = subprocess.run([sys.executable, "-c", LOAD, uri, str(tmp_path / "rows.parquet"), name], env=quiet(),
                          capture_output=True, text=True, timeout=120, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    first, second = json.loads(done.stdout.splitlines()[-1])
    assert first == trained.pipeline.predict(rows).tolist() and second == other.pipeline.predict(rows).tolist()
    assert first != second


def ask(port, body):
    request = urllib.request.Request(f"http://127.0.0.1:{port}/invocations", json.dumps(body).encode(),
                                     {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())["predictions"]


@pytest.fixture
def served(server, records, version, name, tmp_path):
    """The port on which `mlflow models serve` answers."""
    send(server.uri, records, version())
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["-m", "mlflow", "models", "serve", "-m", f"models:/{name}@challenger", "-p", str(port), "-h", "127.0.0.1",
             "--env-manager", "local"]
    with open(tmp_path / "log.txt", "wb") as log:
        process = subprocess.Popen([sys.executable, *words], stdout=log, stderr=log, start_new_session=True,
                                   env={**quiet(), "MLFLOW_TRACKING_URI": server.uri,
                                        "PATH": f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"})
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/ping", timeout=1).close()
                break
            except OSError:
                assert process.poll() is None, (tmp_path / "log.txt").read_text()
                time.sleep(0.2)
        yield port
    finally:
        os.killpg(process.pid, 9)
        process.wait()


def test_mlflow_serves_it(served, trained):
    rows = trained.rows().head(5)
    expected = trained.pipeline.predict(rows).tolist()
    table = json.loads(rows.to_json(orient="split", index=False, date_format="iso", double_precision=15))
    assert ask(served, {"dataframe_split": table}) == expected
    records = json.loads(rows.to_json(orient="records", date_format="iso", double_precision=15))
    assert ask(served, {"dataframe_records": records}) == expected
    assert ask(served, {"instances": records}) == expected
    assert ask(served, {"inputs": {name: [row[name] for row in records] for name in rows}}) == expected
    chances = ask(served, {"dataframe_records": records, "params": {"method": "predict_proba"}})
    assert np.allclose(chances, trained.pipeline.predict_proba(rows), rtol=1e-9)
    with pytest.raises(urllib.error.HTTPError) as caught:
        ask(served, {"dataframe_records": [{**records[0], "size": "tall"}]})
    assert "column 'size': 'tall' is not a number" in caught.value.read().decode()
