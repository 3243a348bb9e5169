"""A registered version carries its scoring plan: the package makes it, the wheel has it, golden rows go through it."""

import json
import subprocess
import sys
from types import SimpleNamespace

import pytest
from model_samples import make_version, mixed_files, train

from notemill import wheel
from notemill.registry import Records
from notemill.release.complete import asked


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """(folder, records, manifest): a version whose own process has made plan and golden rows."""
    folder = tmp_path_factory.mktemp("version")
    trained = train(folder, estimator="linear", **mixed_files(folder))
    records = Records(folder / "records")
    manifest = make_version(records, trained)
    trained.test.to_parquet(folder / "test.parquet")
    project = SimpleNamespace(pipeline=SimpleNamespace(gate={"data": "prepare.test"}),
                              store=SimpleNamespace(path=lambda sha256: folder / "test.parquet"))
    record = {"steps": [{"step": "prepare", "outputs": {"test": {"sha256": "0"}}}]}
    files = asked(project, record, records, manifest)
    manifest["files"] |= {name: records.add(data) for name, data in files.items()}
    wheel.write_tree(wheel.package_files(manifest, records.read), folder / "site")
    return folder, records, manifest


def python(folder, *words):
    return subprocess.run([sys.executable, *words], cwd=folder, capture_output=True, text=True, timeout=100)


def test_the_wheel_has_the_plan_and_runs_it(made):
    folder, _, manifest = made
    told = json.loads((folder / "site" / "mixed_model" / "plan.json").read_text())
    assert told["reason"] == "" and told["compared"]["hard"] == 10_000 and told["compared"]["difference"] < 1e-9
    assert (folder / "site" / "mixed_model" / "plan" / "program.py").is_file()
    code = "import sys, json, mixed_model as m; rows = json.load(open('mixed_model/golden.json'));" \
           "assert m.model().compiled;" \
           "assert [m.predict(row) for row in rows['rows']] == rows['predictions'];" \
           "print(sorted({'sklearn', 'pandas', 'skops', 'notemill'} & set(sys.modules)))"
    done = python(folder / "site", "-c", code)
    assert done.stdout.strip() == "[]", done.stderr


def test_golden_rows_go_through_the_plan(made):
    folder = made[0]
    site = folder / "site"
    assert "the recorded predictions" in python(site, "-m", "mixed_model", "check").stdout
    path = site / "mixed_model" / "plan.json"
    whole = path.read_text()
    told = json.loads(whole)
    told["plan"]["model"]["bias"][0] += 0.1
    path.write_text(json.dumps(told))
    done = python(site, "-m", "mixed_model", "check")
    path.write_text(whole)
    assert done.returncode and "probabilities was" in done.stdout + done.stderr
