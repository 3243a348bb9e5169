"""`notemill ci` on a real Gitea and a real Drone: a project is connected twice, signed, pushed, built, retrained.

NOTEMILL_STACK names the stack.json of a stack that runs; NOTEMILL_STEP_IMAGE an image that its runners have.
"""

import contextlib
import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from tiny import cli_process, make_project

import notemill
from notemill.ci import drone, gitea
from notemill.ci.connect import find_servers
from notemill.ci.http import Refused, call

STACK = os.environ.get("NOTEMILL_STACK", "")
IMAGE = os.environ.get("NOTEMILL_STEP_IMAGE") or f"notemill/step:{notemill.__version__}"
pytestmark = [pytest.mark.slow, pytest.mark.skipif(
    not STACK, reason="NOTEMILL_STACK names no stack.json: needs a real Gitea and Drone (notemill stack up)")]
PATIENCE = 120
TEMPLATE = Path(notemill.__file__).parent / "init" / "templates" / "drone.yml"


def pipelines():
    """A .drone.yml that only speaks, for the same events and runners as that of a new project."""
    found = [one for one in yaml.safe_load_all(TEMPLATE.read_text()) if one and one.get("kind") == "pipeline"]
    steps = [{"name": "check", "image": IMAGE, "pull": "if-not-exists",
              "commands": ["printf 'reason=%s\\n' \"$NOTEMILL_REASON\""]}]
    kept = ("kind", "type", "name", "node", "trigger")
    made = [{**{key: one[key] for key in kept if key in one}, "steps": steps} for one in found]
    return "# A build that only speaks.\n" + "---\n".join(yaml.safe_dump(one, sort_keys=False) for one in made)


HOSTILE = "drift: $(id) `id` ${HOME} \"; id; ' <b>x</b> &branch=evil %0A | é \x1b[31m\nsecond line"


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """A project in a git repository that has been connected once."""
    root = tmp_path_factory.mktemp("real")
    (root / "data" / "notemill" / "stack").mkdir(parents=True)
    shutil.copy(STACK, root / "data" / "notemill" / "stack" / "stack.json")
    environ = {"XDG_DATA_HOME": str(root / "data"), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
               "GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_GLOBAL": os.devnull}
    name = f"tiny-{secrets.token_hex(4)}"
    project = make_project(root / name, steps={"one": {"notebook": "one.ipynb"}}, notebooks={"one.ipynb": ["1"]},
                           files={".drone.yml": pipelines()})
    (project / "notebooks" / "pipeline.yaml").write_text(f"name: {name}\nsteps: {{one: {{notebook: one.ipynb}}}}\n")
    servers = find_servers(None, environ)
    found = SimpleNamespace(project=project, environ=environ, servers=servers, slug=f"{servers.git.name}/{name}")
    git(found, "init", "-q", "-b", "main")
    found.first = ci(found, "connect", "--json").json
    git(found, "add", "--all")
    git(found, "commit", "-q", "-m", "signed")
    git(found, "push", "-q", "-u", "origin", "main")
    yield found
    for server, path in ((servers.drone, drone.of(found.slug)), (servers.forge, gitea.of(found.slug))):
        with contextlib.suppress(Refused):
            call(server, "DELETE", path)


def ci(real, *words, code=0):
    told = cli_process("ci", *words, project=real.project, **real.environ)
    assert told.code == code and "Traceback" not in told.err, told
    assert not [word for word in tokens() if word in told.out + told.err]
    return told


def tokens():
    stack = json.loads(Path(STACK).read_text())
    return [*stack["tokens"].values(), stack["admin"]["password"], stack["mlflow"]["password"]]


def git(real, *words):
    environ = {**os.environ, **real.environ, "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    who = ["-c", "user.name=Ada", "-c", "user.email=ada@team.example"]
    done = subprocess.run(["git", *who, *words], cwd=real.project, env=environ, capture_output=True, text=True,
                          timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def until(found):
    """What `found` gives once it gives something."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if result := found():
            return result
        time.sleep(0.5)
    raise AssertionError("it never came")


def ended(real, event, commit=None):
    def look():
        told = ci(real, "status", "--json").json["builds"]
        return next((one for one in told if one["event"] == event and one["status"] not in ("pending", "running")
                     and commit in (None, one["commit"])), None)
    return until(look)


def test_the_first_time_makes_all_and_the_second_nothing(real):
    assert {step["step"] for step in real.first["steps"] if step["changed"]} >= {
        "repository", "drone", "settings", "secrets", "cron", "steward", "branch main", "branch development",
        "signature", "remote", "login"}
    before = state(real)
    second = ci(real, "connect", real.servers.drone.url, "--json").json
    assert [step["step"] for step in second["steps"] if step["changed"]] == []
    assert state(real) == before and git(real, "status", "--porcelain") == ""
    known = before["drone"]
    assert known["protected"] and not known["trusted"] and known["ignore_forks"] and known["timeout"] == 60
    assert {one["name"] for one in before["secrets"]} == {"MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"}
    assert not [one for one in before["secrets"] if one.get("pull_request") or one.get("data")]
    assert len(before["hooks"]) == 1 and [one["branch"] for one in before["crons"]] == ["main"]


def state(real):
    """All that both servers say of the repository, but for when they were asked."""
    forge, server, slug = real.servers.forge, real.servers.drone, real.slug
    hooks = [(one["id"], one["active"], sorted(one["events"])) for one in gitea.hooks(forge, slug)]
    found = {"drone": drone.repository(server, slug), "hooks": hooks,
             "secrets": list(drone.secrets(server, slug).values()), "crons": list(drone.crons(server, slug).values()),
             "branches": [gitea.protection(forge, slug, name) for name in ("main", "development")]}
    for one in (found["drone"], *found["secrets"]):
        for name in ("version", "updated", "synced", "counter"):
            one.pop(name, None)
    return found


def test_a_push_with_the_login_of_notemill_is_built(real):
    built = ended(real, "push", git(real, "rev-parse", "HEAD"))
    assert built["status"] == "success", json.dumps(built)
    assert built["reason"] == "signed" and built["branch"] == "main"
    shown = ci(real, "status").out
    assert built["link"] in shown and "success" in shown and "waits for" not in shown


def test_the_reason_of_a_retraining_reaches_the_build_as_words(real):
    told = ci(real, "retrain", "--reason", HOSTILE, "--json").json
    words = "drift: $(id) `id` ${HOME} \"; id; ' <b>x</b> &branch=evil %0A | é [31m second line"
    assert told["reason"] == words and told["branch"] == "main"
    built = ended(real, "custom")
    assert built["build"] == told["build"] and built["reason"] == words and built["status"] == "success"
    log = drone.log(real.servers.drone, real.slug, told["build"], 1, 2)
    assert f"reason={words}" in log and "uid=" not in log
    assert built["commit"] == git(real, "rev-parse", "HEAD") and "\x1b" not in ci(real, "status").out


def test_signing_again_changes_nothing_and_after_an_edit_the_signature(real):
    path, before = real.project / ".drone.yml", (real.project / ".drone.yml").read_text()
    assert "signed already" in ci(real, "sign").out and path.read_text() == before
    path.write_text(before.replace("only speaks", "speaks"))
    assert ci(real, "sign", "--json").json["changed"]
    after = path.read_text()
    assert after.count("kind: signature") == 1 and after.count("hmac") == 1 and after != before
    path.write_text(before)


def test_a_pull_request_that_edits_the_pipeline_waits_for_a_person(real):
    git(real, "checkout", "-q", "-b", "other")
    path = real.project / ".drone.yml"
    path.write_text(path.read_text().replace("reason=", "because="))
    git(real, "commit", "-qam", "other words")
    git(real, "push", "-q", "origin", "other")
    git(real, "checkout", "-q", "main")
    call(real.servers.forge, "POST", gitea.of(real.slug, "pulls"), body={
        "head": "other", "base": "main", "title": "<script>alert(1)</script> \x1b[31m"})
    told = until(lambda: [one for one in ci(real, "status", "--json").json["waiting"]
                          if one["for"] == "an administrator of Drone"])
    assert "approve or decline" in told[0]["why"]
    words = [one["why"] for one in ci(real, "status", "--json").json["waiting"]]
    assert [one for one in words if one.startswith("notemill/steward: pending")]
    assert "\x1b" not in ci(real, "status").out


def test_reviews_stay_until_another_number_is_asked_for(real):
    assert "2 reviews" in ci(real, "connect", "--reviews", "2").out
    again = ci(real, "connect", "--json").json["steps"]
    assert [one["changed"] for one in again if one["step"] == "branch main"] == [False]
    assert gitea.protection(real.servers.forge, real.slug, "main")["required_approvals"] == 2
    waiting = ci(real, "status", "--json").json["waiting"]
    assert [one for one in waiting if one["for"] == "reviewers" and one["why"] == "0 of 2 approving reviews"]
    assert "0 reviews" in ci(real, "connect", "--reviews", "0").out


def test_a_webhook_that_is_gone_is_made_anew(real):
    for hook in gitea.hooks(real.servers.forge, real.slug):
        call(real.servers.forge, "DELETE", gitea.of(real.slug, "hooks", hook["id"]))
    told = ci(real, "connect", "--json").json["steps"]
    assert [one["step"] for one in told if one["changed"]] == ["drone"]
    assert len(gitea.hooks(real.servers.forge, real.slug)) == 1


def test_what_is_not_there_yet_is_refused_in_words(real, tmp_path):
    name = f"empty-{secrets.token_hex(4)}"
    project = make_project(tmp_path / name, steps={"one": {"notebook": "one.ipynb"}}, notebooks={"one.ipynb": ["1"]})
    empty = SimpleNamespace(**{**vars(real), "project": project, "slug": f"{real.servers.git.name}/{name}"})
    git(empty, "init", "-q", "-b", "main")
    assert "no git remote is at" in ci(empty, "retrain", "--reason", "x", code=2).err
    try:
        told = ci(empty, "connect", "--name", empty.slug, "--json").json["steps"]
        assert [one for one in told if "there is no .drone.yml yet" in one["words"]]
        assert "there is no branch main" in ci(empty, "retrain", "--reason", "x", code=1).err
        assert "there is no build" in ci(empty, "status").out
        assert "notemill init" in ci(empty, "sign", code=2).err
    finally:
        for server, path in ((real.servers.drone, drone.of(empty.slug)), (real.servers.forge, gitea.of(empty.slug))):
            call(server, "DELETE", path)


def test_an_organisation_that_is_not_there(real, tmp_path):
    project = make_project(tmp_path, steps={"one": {"notebook": "one.ipynb"}}, notebooks={"one.ipynb": ["1"]})
    other = SimpleNamespace(**{**vars(real), "project": project})
    git(other, "init", "-q", "-b", "main")
    assert "no organisation 'nobody-here'" in ci(other, "connect", "--name", "nobody-here/x", code=2).err
