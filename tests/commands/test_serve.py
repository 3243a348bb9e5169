"""`notemill serve`: what is served is verified first, and the service runs in the command's place."""

import json
import shutil
import subprocess
import sys

import httpx
import pytest
from serving_samples import environment, golden, make_wheel, unpacked


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return make_wheel(tmp_path_factory.mktemp("wheel"))


def command(*words):
    return [sys.executable, "-m", "notemill", "serve", *map(str, words)]


def run(folder, *words):
    return subprocess.run(command(*words), capture_output=True, text=True, cwd=folder, timeout=120,
                          env=environment(XDG_CACHE_HOME=str(folder / "cache")))


def test_a_wheel_is_served(wheel, tmp_path):
    known = golden(unpacked(wheel, tmp_path / "unpacked"))
    process = subprocess.Popen(command(wheel, "--port", 0, "--json"), stdout=subprocess.PIPE, text=True, cwd=tmp_path,
                               env=environment(XDG_CACHE_HOME=str(tmp_path / "cache")))
    try:
        said = json.loads(process.stdout.readline())
        answer = httpx.post(f"{said['url']}/predict", json=known["rows"][0])
    finally:
        process.terminate()
        code = process.wait(60)
        process.stdout.close()
    assert (said["name"], said["version"], said["compiled"]) == ("plain", "3+g6e976e976e97", True)
    assert answer.json()["prediction"] == known["predictions"][0] and code == 0


def test_a_damaged_wheel_is_not(wheel, tmp_path):
    spoilt = shutil.copy(wheel, tmp_path)
    with open(spoilt, "r+b") as file:
        file.seek(file.read().index(b"predict_proba"))
        file.write(b"Predict_proba")
    done = run(tmp_path, spoilt, "--json")
    assert done.returncode == 1 and json.loads(done.stdout)["error"]["where"] == str(spoilt)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("words, got", [
    (["nowhere.whl"], "no such file"), ([], "nothing to serve is named"), (["3"], "pipeline.yaml"),
    (["p.parquet"], "'p.parquet': is neither a wheel (.whl), nor a version of a project"),
    (["--new-key", "shop"], "--keys FILE")])
def test_wrong_usage(tmp_path, words, got):
    done = run(tmp_path, *words)
    assert done.returncode == 2 and got in done.stderr and "Traceback" not in done.stderr


def test_options_reach_the_service(wheel, tmp_path):
    done = run(tmp_path, wheel, "--host", "0.0.0.0")  # noqa: S104 - refused
    assert done.returncode == 2 and "there are no keys" in done.stderr
    done = run(tmp_path, wheel, "--workers", "0")
    assert done.returncode == 2 and done.stderr.startswith("notemill serve: ")
    assert "\n  notemill serve --help" in done.stderr
    done = run(tmp_path, wheel, "--max-rows", "none")
    assert done.returncode == 2 and "--max-rows" in done.stderr
    made = run(tmp_path, "--keys", "keys", "--new-key", "shop")
    assert made.returncode == 0 and made.stdout.startswith("nm_") and (tmp_path / "keys").is_file()
