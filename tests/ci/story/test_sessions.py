"""The noxfiles of a new project and of this repository: what their sessions do on a build server.

`notemill` is a stand-in that writes down how it was called: no session installs anything.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import notemill

ROOT = Path(__file__).resolve().parents[3]
TEMPLATE = Path(notemill.__file__).parent / "init" / "templates" / "noxfile.py.txt"
STAND_IN = f"""#!{sys.executable}
import pathlib, sys
with open(pathlib.Path(__file__).with_name("calls"), "a") as file:
    file.write(" ".join(sys.argv[1:]) + "\\n")
print("notemill", *sys.argv[1:], flush=True)
sys.exit(3 if sys.argv[1] == "gate" and pathlib.Path("red").exists() else 0)
"""


@pytest.fixture(params=["project", "repository"])
def house(request, tmp_path, monkeypatch):
    """(its folder, where its environments are): both are made elsewhere, as in a server's image."""
    root, places = tmp_path / "house", tmp_path / "ready"
    own = request.param == "repository"
    names = ("pyproject.toml", "constraints.txt", "setup.py", "package/notemill/__init__.py") if own else ()
    (root / "notebooks").mkdir(parents=True)
    shutil.copy(ROOT / "noxfile.py" if own else TEMPLATE, root / "noxfile.py")
    for name in ("setup.py", "constraints.txt", "notebooks/pipeline.yaml"):
        (root / name).write_text("")
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, root / name)
    monkeypatch.setenv("NOX_ENVDIR", str(places))
    make_ready(root, places, ("--editable", ".[docker]") if own else ("notemill[docker]",))
    return root, places


def make_ready(root, places, what):
    """The environment of `train`, with the mark that says what was installed."""
    tools = places / "train" / "bin"
    tools.mkdir(parents=True)
    (tools / "python").symlink_to(sys.executable)
    (tools / "notemill").write_text(STAND_IN)
    (tools / "notemill").chmod(0o755)
    asked = "import runpy, sys; print(runpy.run_path('noxfile.py')['digest_of'](*sys.argv[1:]), end='')"
    digest = subprocess.run([sys.executable, "-c", asked, *what], cwd=root, check=True, capture_output=True, text=True)
    (places / "train" / "installed.sha256").write_text(digest.stdout)


def nox(house, *words, **environ):
    """(exit code, output, the stand-in's calls)."""
    root, places = house
    done = subprocess.run([sys.executable, "-m", "nox", "-s", *words], cwd=root, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, env={**os.environ, **environ}, timeout=120)
    calls = places / "train" / "bin" / "calls"
    return done.returncode, done.stdout, calls.read_text().splitlines() if calls.exists() else []


def test_the_story_ends_the_log(house):
    code, said, calls = nox(house, "gate", "register", DRONE="true")
    assert code == 0 and calls == ["gate", "register", "ci story --after register"]
    assert said.splitlines()[-1] == "notemill ci story --after register"


def test_also_of_a_session_that_failed(house):
    (house[0] / "red").touch()
    code, said, calls = nox(house, "gate", "register", "--stop-on-first-error", DRONE="true")
    assert code == 1 and calls == ["gate", "ci story --after gate --failed"]
    assert said.splitlines()[-1] == "notemill ci story --after gate --failed"


def test_a_laptop_has_none(house):
    assert nox(house, "gate")[2] == ["gate"]


def test_nothing_is_installed_again(house):
    said = nox(house, "gate")[1]
    assert "pip install" not in said and "--install-only" not in said


def test_score_has_nothing_to_do(house):
    code, said, calls = nox(house, "score", DRONE="true")
    assert code == 0 and calls == [] and "there is nothing to score" in said


def test_score_by_pipeline_yaml(house):
    (house[0] / "notebooks" / "pipeline.yaml").write_text("name: x\nscore: {input: a, output: b}\n")
    assert nox(house, "score")[2] == ["score"]


# .drone.yml
@pytest.fixture(params=[".drone.yml", "package/notemill/init/templates/drone.yml"])
def text(request):
    return (ROOT / request.param).read_text()


@pytest.fixture
def pipelines(text):
    """{name: pipeline}, less the signature."""
    return {one["name"]: one for one in yaml.safe_load_all(text) if one["kind"] == "pipeline"}


def test_the_server_calls_nox_alone(text, pipelines):
    commands = [command for one in pipelines.values() for step in one["steps"] for command in step["commands"]]
    assert commands and all(command.startswith("nox -s ") for command in commands)
    assert "${" not in text


def test_what_starts_a_build(pipelines):
    branches = ["main", "development"]
    assert {name: one["trigger"] for name, one in pipelines.items()} == {
        "pull-request": {"branch": branches, "event": ["pull_request"]},
        "main": {"branch": branches, "event": ["push", "cron", "custom"]},
        "staging": {"branch": ["main"], "event": ["push", "cron", "custom"]},
        "promotion": {"branch": ["main"], "event": ["promote"], "target": ["staging", "production", "approval"]}}


def test_deployments_follow_main_one_by_one(pipelines):
    """Each in the order of the pushes: an older version does not follow a newer one."""
    assert pipelines["staging"]["depends_on"] == ["main"]
    for name in ("main", "staging", "promotion"):
        assert pipelines[name]["concurrency"] == {"limit": 1}
    for name in ("staging", "promotion"):
        assert pipelines[name]["node"] == {"role": "deploy"}


def test_what_a_build_is_told_is_no_code(pipelines):
    """The shell puts each value in as one word; no password is a word at all."""
    for name in ("staging", "promotion"):
        for step in pipelines[name]["steps"]:
            (command,) = step["commands"]
            assert re.findall(r'(?<!["\w=:/])\$', command) == [] and "PASSWORD" not in command
            words = shlex.split(command.replace("$", "x y"))
            assert not [word for word in words if word == "y"], command


def test_every_target_that_drone_deploys_to_is_there(text, pipelines, request):
    own = ROOT / "deploy" / "targets.yaml"
    path = own if "@notemill@" not in text else TEMPLATE.parent / "targets.yaml.txt"
    targets = yaml.safe_load(re.sub(r"@port\d?@", "1", path.read_text()))["targets"]
    (deploy,) = (step for step in pipelines["promotion"]["steps"] if step["name"] == "deploy")
    assert set(deploy["when"]["target"]) == {"staging", "production"} <= set(targets)
    assert targets["production"]["production"] is True and "production" not in targets["staging"]


@pytest.mark.parametrize("words", [("image", "build:7", "--push", "r/x"), ("deploy", "build:7", "--to", "staging"),
                                   ("approve", "build:7", "--by", "ann", "--reason", "seen")])
def test_a_deployment_runs_where_training_did(house, words):
    code, _, calls = nox(house, words[0], "--", *words[1:], DRONE="true")
    assert code == 0 and calls == [" ".join(words), f"ci story --after {words[0]}"]


def test_an_image_is_the_champions_unless_told_otherwise(house):
    assert nox(house, "image")[2] == ["image champion"]


def test_every_image_is_there_already(pipelines):
    assert {(step["image"].partition(":")[0], step["pull"]) for one in pipelines.values() for step in one["steps"]} == {
        ("notemill/step", "if-not-exists")}


def test_nothing_of_a_pull_request_goes_where_main_reads(pipelines):
    strange, own = ({step["name"]: step for step in pipelines[name]["steps"]} for name in ("pull-request", "main"))
    assert "from_secret" not in str(strange) and "release" not in strange and "node" not in pipelines["pull-request"]
    assert strange["package"]["environment"]["NOTEMILL_RECORDS"].startswith("/drone/src/")
    assert pipelines["main"]["node"] == {"role": "main"} and own["release"]["when"] == {"branch": ["main"]}
