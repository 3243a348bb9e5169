"""`notemill demo`: what is shown is verified first, and the demo runs in the command's place."""

import json
import shutil
import subprocess
import sys

import httpx
import pytest
from serving_samples import environment, make_wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return make_wheel(tmp_path_factory.mktemp("wheel"))


def command(*words):
    return [sys.executable, "-m", "notemill", "demo", *map(str, words)]


def run(folder, *words):
    return subprocess.run(command(*words), capture_output=True, text=True, cwd=folder, timeout=120,
                          env=environment(XDG_CACHE_HOME=str(folder / "cache")))


def test_a_wheel_is_shown_beside_another(wheel, tmp_path):
    (tmp_path / "click.py").write_text("raise SystemExit('a file of the folder was imported')")
    process = subprocess.Popen(
        [sys.executable, "-P", *command(wheel, "--port", 0, "--json", "--beside", wheel, "--base-path", "x")[1:]],
        stdout=subprocess.PIPE, text=True, cwd=tmp_path, env=environment(XDG_CACHE_HOME=str(tmp_path / "cache")))
    try:
        said = json.loads(process.stdout.readline())
        answer = httpx.get(f"{said['url']}healthz")
    finally:
        process.terminate()
        code = process.wait(60)
        process.stdout.close()
    assert (said["name"], said["version"], said["error"]) == ("plain", "3+g6e976e976e97", None)
    assert said["url"].endswith("/x/") and answer.json() == {"ready": True} and code == 0


def test_a_damaged_wheel_is_not(wheel, tmp_path):
    spoilt = shutil.copy(wheel, tmp_path)
    with open(spoilt, "r+b") as file:
        file.seek(file.read().index(b"predict_proba"))
        file.write(b"Predict_proba")
    done = run(tmp_path, spoilt, "--json")
    assert done.returncode == 1 and json.loads(done.stdout)["error"]["where"] == str(spoilt)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("words, got", [(["nowhere.whl"], "no such file"), (["3"], "pipeline.yaml"),
                                        ([], "Missing argument")])
def test_wrong_usage(tmp_path, words, got):
    done = run(tmp_path, *words)
    assert done.returncode == 2 and got in done.stderr and "Traceback" not in done.stderr


def test_a_value_that_begins_with_a_dash_is_a_value(wheel, tmp_path):
    done = run(tmp_path, wheel, "--port", "0", "--origin", "-x")
    assert done.returncode == 2 and "'-x': write it as https://" in done.stderr and "notemill demo: " in done.stderr


def test_a_version_has_its_own_run_s_reports_and_the_project_s_pages(tmp_path):
    from notemill.commands.demo import own

    package, run = tmp_path / "package", tmp_path / ".notemill" / "runs" / "r1"
    for folder in (package, run / "reports", tmp_path / "reports", tmp_path / "demo" / "pages"):
        folder.mkdir(parents=True)
    (tmp_path / "reports" / "train.html").write_text("of the latest run")
    (run / "reports" / "train.html").write_text("of the run that made it")
    (run / "run.json").write_text(json.dumps({"steps": [{"step": "train", "report": "reports/train.html"}]}))
    assert own(tmp_path, "champion", package) == {"pages": tmp_path / "demo" / "pages"}  # it does not say which run
    (package / "provenance.json").write_text(json.dumps({"predicate": {"runDetails": {"metadata": {
        "invocationId": "r1"}}}}))
    found = own(tmp_path, "3", package)
    assert [path.read_text() for path in found["reports"].iterdir()] == ["of the run that made it"]
    assert own(tmp_path, "./other.whl", package) == {}
