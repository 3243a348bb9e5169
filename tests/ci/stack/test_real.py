"""A whole stack, for real: up from nothing, killed, down, backed up, destroyed, restored; all is there each time.

Needs a Docker engine; runs where NOTEMILL_STACK_TEST=1 says so.
"""

import base64
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600), pytest.mark.skipif(
    os.environ.get("NOTEMILL_STACK_TEST") != "1", reason="NOTEMILL_STACK_TEST=1 starts a stack on this machine")]
PORT = 7460
# Of who runs the tests: programs that were built are kept there. Read here: while tests run it is one of their own.
CACHE = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
PIPELINE = """kind: pipeline
type: docker
name: pull-request
trigger: {event: [pull_request]}
steps:
  - name: store
    image: STEP
    pull: if-not-exists
    commands:
      - curl -fsS -o /dev/null "$NOTEMILL_DROP/healthz"
      - cat /store/from-main
      - "! touch /store/from-pull-request"
      - test ! -S /var/run/docker.sock -a -z "$MLFLOW_TRACKING_URI"
---
kind: pipeline
type: docker
name: main
node: {role: main}
trigger: {event: [push], branch: [main]}
steps:
  - name: store
    image: STEP
    pull: if-not-exists
    commands:
      - echo written > /store/from-main
      - test -n "$MLFLOW_TRACKING_URI"
"""


class Stack:
    """`notemill stack` of this test's own state file, and what a person would do with it."""

    def __init__(self, home: Path):
        self.home, self.environ = home, {**os.environ, "XDG_DATA_HOME": str(home), "XDG_CACHE_HOME": CACHE}

    def run(self, *words, code=0):
        as_json = [] if words[0] == "logs" else ["--json"]
        done = subprocess.run([sys.executable, "-m", "notemill", "stack", *words, *as_json], env=self.environ,
                              capture_output=True, text=True)
        print(done.stderr, file=sys.stderr)
        assert done.returncode == code, done.stdout + done.stderr
        return json.loads(done.stdout) if as_json else done.stdout

    @property
    def settings(self):
        return json.loads((self.home / "notemill" / "stack" / "stack.json").read_text())

    def ask(self, part, method, path, **given):
        settings, tokens = self.settings, self.settings["tokens"]
        said = {"forge": f"token {tokens['forge_admin']}", "drone": f"Bearer {tokens['drone']}"}
        login = {"headers": {"Authorization": said[part]}} if part in said else {
            "auth": (settings[part]["name"], settings[part]["password"])}
        answer = requests.request(method, settings["urls"][part] + path, timeout=60, **given, **login)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if "json" in answer.headers.get("Content-Type", "") else answer.text

    def forge(self, method, path, **body):
        return self.ask("forge", method, f"/api/v1{path}", **({"json": body} if body else {}))

    def drone(self, method, path, **given):
        return self.ask("drone", method, f"/api{path}", **given)

    def status(self):
        done = subprocess.run([sys.executable, "-m", "notemill", "stack", "status", "--json"], env=self.environ,
                              capture_output=True, text=True)
        return json.loads(done.stdout)

    def well(self):
        return self.status()["well"]

    def state_of(self, name):
        return next(part["state"] for part in self.status()["parts"] if part["name"] == name)

    def build(self, number):
        until = time.monotonic() + 300
        while (found := self.drone("GET", f"/repos/notemill/one/builds/{number}"))["status"] in ("pending", "running"):
            assert time.monotonic() < until, found
            time.sleep(1)
        return found["event"], found["status"]


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    stack = Stack(tmp_path_factory.mktemp("stack"))
    try:
        stack.run("up", "--build", "--port", str(PORT))
        yield stack
    finally:
        subprocess.run([sys.executable, "-m", "notemill", "stack", "down", "--volumes"], env=stack.environ)


def wait_until(true, seconds=120):
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until
        time.sleep(1)


def put_file(stack, path, content, branch, **more):
    return stack.forge("POST", f"/repos/notemill/one/contents/{path}", branch=branch, message=path,
                       content=base64.b64encode(content.encode()).decode(), **more)


def docker(*words):
    from notemill.ci.stack import engine

    return engine.find().run(*words)


def container(service):
    return docker("ps", "-q", "--filter", f"label=com.docker.compose.project=notemill-{PORT}",
                  "--filter", f"label=com.docker.compose.service={service}")


def holds_all(stack):
    """What was put into it is there, and it works on."""
    assert stack.forge("GET", "/repos/notemill/one/contents/.drone.yml")["name"] == ".drone.yml"
    assert [one["number"] for one in stack.drone("GET", "/repos/notemill/one/builds")][-1] == 1
    stack.drone("POST", "/user/repos?async=false")      # Drone still has its right on the forge
    return stack.ask("mlflow", "POST", "/api/2.0/mlflow/experiments/search", json={"max_results": 10})


def test_it_is_well_and_says_where_it_is(stack):
    found = stack.run("status")
    assert found["well"] and not found["silent"] and {part["state"] for part in found["parts"]} == {"running"}
    assert (Path(found["settings"]).stat().st_mode & 0o777) == 0o600
    assert stack.run("up")["urls"] == stack.settings["urls"]


@pytest.mark.core
def test_a_build_of_main_writes_to_the_store_and_one_of_a_pull_request_only_reads(stack):
    from notemill.ci.stack.images import STEP

    stack.forge("POST", "/user/repos", name="one", private=True, auto_init=True, default_branch="main")
    stack.drone("POST", "/user/repos?async=false")
    stack.drone("POST", "/repos/notemill/one")
    put_file(stack, ".drone.yml", PIPELINE.replace("STEP", STEP), "main")
    wait_until(lambda: stack.drone("GET", "/repos/notemill/one/builds"))
    assert stack.build(1) == ("push", "success"), stack.run("logs", "runner-main")
    put_file(stack, "a.txt", "a", "main", new_branch="change")
    stack.forge("POST", "/repos/notemill/one/pulls", base="main", head="change", title="a")
    wait_until(lambda: len(stack.drone("GET", "/repos/notemill/one/builds")) == 2)
    assert stack.build(2) == ("pull_request", "success"), stack.drone("GET", "/repos/notemill/one/builds/2/logs/1/2")


@pytest.mark.core
def test_two_doors_ask_for_a_login(stack):
    for part, path in (("mlflow", "/"), ("registry", "/v2/")):
        assert requests.get(stack.settings["urls"][part] + path, timeout=30).status_code == 401
        stack.ask(part, "GET", path)
    stack.ask("mlflow", "POST", "/api/2.0/mlflow/experiments/create", json={"name": "kept"})


def test_a_part_that_is_killed_comes_back(stack):
    os.kill(int(docker("inspect", "-f", "{{.State.Pid}}", container("drone"))), signal.SIGKILL)
    wait_until(lambda: stack.state_of("drone") == "running")
    docker("kill", container("gitea"))
    stack.run("status", code=1)
    stack.run("up")
    holds_all(stack)


def test_all_parts_killed_and_started_in_any_order_come_to_the_same(stack):
    """As the engine does when it is started again."""
    own = docker("ps", "-q", "--filter", f"label=com.docker.compose.project=notemill-{PORT}").split()
    docker("kill", *own)
    docker("start", *reversed(own))
    wait_until(lambda: stack.well(), 300)
    holds_all(stack)


def test_down_keeps_all_of_it(stack):
    before = stack.settings
    stack.run("down")
    stack.run("status", code=1)
    stack.run("up")
    assert stack.settings == before
    assert "kept" in str(holds_all(stack))


@pytest.mark.core
def test_a_backup_brings_it_back_after_everything_is_gone(stack, tmp_path):
    before, file = stack.settings, tmp_path / "stack.tar"
    stack.run("backup", str(file))
    assert file.stat().st_mode & 0o777 == 0o600
    stack.run("down", "--volumes")
    assert not (stack.home / "notemill" / "stack" / "stack.json").exists()
    assert f"notemill-{PORT}" not in docker("volume", "ls", "-q")
    stack.run("status", code=2)
    stack.run("restore", str(file))
    assert stack.settings == before and "kept" in str(holds_all(stack))
    put_file(stack, "b.txt", "b", "main")
    wait_until(lambda: len(stack.drone("GET", "/repos/notemill/one/builds")) == 3)
    assert stack.build(3) == ("push", "success")
