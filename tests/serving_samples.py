"""Model packages as wheels, with or without a scoring plan, and the service that serves them, in its own process."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from model_samples import make_version, train

import notemill

HOME = Path(notemill.__file__).parents[1]  # where the service finds notemill, as these tests do
PATIENCE = 60  # seconds


def plain_table(rows=300):
    """Binary: numbers with gaps, categories, a yes-or-no, times."""
    random = np.random.default_rng(5)
    hours = pd.to_timedelta(random.integers(0, 24 * 300, rows), "h")
    table = pd.DataFrame({
        "size": random.normal(10, 3, rows).round(3), "colour": random.choice(["red", "green", "blue"], rows),
        "flag": random.choice([True, False], rows),
        "at": (pd.Timestamp("2024-01-01") + hours).strftime("%Y-%m-%dT%H:%M:%S")})
    score = table["size"] + 3 * (table["colour"] == "red") + random.normal(0, 1, rows)
    table["answer"] = np.where(score > 11, "ja", "no")
    table["weight"] = score.round(3)
    table.loc[random.permutation(rows)[:20], "size"] = None
    return table


CONTRACT = "columns:\n  size: {type: number, unit: cm, range: [-5, 30]}\n  flag: {null_share: 0}\n"


def plain_files(folder, target="answer"):
    """`plain_table` as CSV, and a contract for it: what `train` takes."""
    folder.mkdir(parents=True, exist_ok=True)
    plain_table().drop(columns="weight" if target == "answer" else "answer").to_csv(folder / "plain.csv", index=False)
    (folder / "contract.yaml").write_text(CONTRACT, encoding="utf-8")
    return {"source": folder / "plain.csv", "contract": str(folder / "contract.yaml"), "target": target}


def make_wheel(folder, given=None, *, estimator="linear", compiled=True, name="plain", **more):
    """The wheel of version 3 of a model: its path. `given`: what `train` takes; `more`: the version's own facts."""
    from notemill.compile import make as make_plan
    from notemill.registry import Records
    from notemill.release import build
    from notemill.runtime.model import Model
    from notemill.wheel import package_files, write_tree

    made = train(folder / "made", estimator=estimator, **(given or plain_files(folder / "made")))
    records = Records(folder / "records")
    manifest = {**make_version(records, made, name=name, **more), "version": 3}
    if compiled:
        write_tree(package_files(manifest, records.read, "plan"), folder)
        make_plan(folder / "plan", folder / "made" / "test.parquet", Model(folder / "plan"))
        files = {path.name: records.add(path.read_bytes()) for path in (folder / "plan").glob("plan.*")}
        manifest["files"] = {**manifest["files"], **files}
    return build(manifest, records, folder / "dist")


def unpacked(wheel, folder):
    """The model package's folder, beside the wheel's own description."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return next(path.parent for path in folder.glob("*/schema.json"))


def golden(package):
    """The golden rows of a package: rows, predictions, probabilities."""
    return json.loads((package / "golden.json").read_text(encoding="utf-8"))


@dataclass
class Service:
    """A service that runs. `said`: the one object that it printed; `errors`: its standard error so far."""

    process: subprocess.Popen
    said: dict
    errors: list = field(default_factory=list)

    @property
    def url(self):
        return self.said["url"]

    def stop(self, sign=signal.SIGTERM):
        """Tell it to end: its exit code."""
        self.process.send_signal(sign)
        return self.process.wait(PATIENCE)


def command(package, *options):
    return [sys.executable, "-m", "notemill.serve", str(package), "--port", "0", "--json", *map(str, options)]


def environment(**more):
    paths = [str(HOME), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), **more}


@contextlib.contextmanager
def serving(package, *options, faultless=True, **environ):
    """A service of the package, ready; at the end it is stopped, and must have told of no fault."""
    process = subprocess.Popen(command(package, *options), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               env=environment(**environ))
    service = Service(process, {})
    reading = threading.Thread(target=lambda: service.errors.extend(process.stderr), daemon=True)
    reading.start()
    try:
        line = process.stdout.readline()
        assert line, (process.wait(PATIENCE), service.errors)
        service.said = json.loads(line)
        yield service
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(PATIENCE)
        reading.join(PATIENCE)
        process.stdout.close()
        process.stderr.close()
    assert not faultless or not service.errors, "".join(service.errors)
