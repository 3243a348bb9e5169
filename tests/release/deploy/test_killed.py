"""Killed with -9 between any two steps: the next command finishes or undoes it, and one version serves."""

import os
import re
import subprocess
import sys

import pytest
from deploy_samples import PATIENCE, Load, deploy, proxy_of, serves, state_of, targets
from ledger_samples import process_env
from tiny import cli

from notemill.project import open_project
from notemill.registry import open_records
from notemill.registry.deployed import read_deployments
from notemill.release.deploy import running

# run as a program: the words of a command, at which write it dies (its number, or words), and where they are listed
DIES = """
import os, re, sys
from notemill.registry.deployed import Records
from notemill.release.deploy import deploying, process, running
from notemill.cli import main

deadly, listed, words = sys.argv[1], sys.argv[2], sys.argv[3:]
seen = []

def point(text):
    seen.append(text)
    with open(listed, "a") as file:
        file.write(text + chr(10))
    if len(seen) == int(deadly) if deadly.isdigit() else re.search(deadly, text):
        os.kill(os.getpid(), 9)

def watched(act, name, label):
    def acting(*args, **more):
        told = label(*args)
        if told:
            point(f"before {name} {told}")
        found = act(*args, **more)
        if told:
            point(f"after {name} {told}")
        return found
    return acting

Site = process.Process
Site.save = watched(Site.save, "save", lambda site, state: state.coming.step if state.coming else "done")
Site.render = watched(Site.render, "render", lambda site, state: state.coming.step if state.coming else "done")
Site.tell = watched(Site.tell, "tell", lambda site, words: words.startswith("set ") and words)
running.start = watched(running.start, "start", lambda place, *rest: place.name)
running.stop = watched(running.stop, "stop", lambda place, *rest: place.name)
deploying.noted.note = watched(deploying.noted.note, "note", lambda project, release, target, status, *rest: status)
main(words)
"""


def dying(project, deadly, listed, *words, program=DIES):
    """The command, which dies at that point: its exit code, and the points that it came to."""
    listed.unlink(missing_ok=True)
    done = subprocess.run([sys.executable, "-c", program, str(deadly), str(listed), *words, "--project", str(project)],
                          capture_output=True, text=True, env=process_env(), timeout=8 * PATIENCE)
    text = listed.read_text() if listed.exists() else ""
    return done.returncode, re.sub(r"score/s[12]|127.0.0.1 port \d+", "IT", text).splitlines()


def settled(project, port, row):
    """After the next command one version serves, alone, and everything says so."""
    told = cli("deployments", "--again", "--json", project=project)
    [shown] = told.json["targets"]
    state, place = state_of(project), project.parent / "data/notemill/targets/plain/here"
    assert (told.code, shown["status"], state["coming"]) == (0, "serving", None), told
    on = {slot: words[0] for slot, words in proxy_of(project).items() if "disabled" not in words}
    assert on == {state["serving"]["slot"]: state["serving"]["addresses"]["score"]}
    alive = [path for path in place.glob("releases/*/score.lock") if running.lives(path.with_suffix(""))]
    assert [path.parent.name for path in alive] == [state["serving"]["deployment"]]
    entry = read_deployments(open_records(open_project(project)), "plain").serving("here")
    assert entry["deployment"] == state["serving"]["deployment"] and entry["version"] == shown["version"]
    assert serves(port, row) == shown["version"]
    return shown["version"]


@pytest.fixture
def port(project):
    port = targets(project, watch=0.2)["port"]
    assert deploy(project, 1).code == 0
    return port


POINTS = ["after save starting", "after start score", "before save switching", "tell .* state drain", "state ready",
          "before save watching", "after save watching", "before save passed", "after save passed", "before note",
          "after note", "before save done"]


@pytest.mark.parametrize("wanted", POINTS)
def test_killed_at(project, port, row, tmp_path, wanted):
    listed = tmp_path / "points"
    points = POINTS_OF or POINTS_OF.extend(dying(project, 0, listed, "deploy", "2", "--to", "here")[1]) or POINTS_OF
    deadly = next(number for number, point in enumerate(points, 1) if re.search(wanted, point))
    with Load(port, row, threads=1) as load:
        code, seen = dying(project, deadly, listed, "deploy", "3", "--to", "here")
        assert code == -9 and seen == points[:deadly]
        version = settled(project, port, row)
    passed = points.index("after save passed") + 1
    before = 2 if load.versions & {"2"} else 1
    assert version == (3 if deadly >= passed else before) and load.failed == []


POINTS_OF = []  # of a deployment that goes well, once one has been listed


@pytest.mark.skipif(not os.environ.get("NOTEMILL_TEST_ALL_POINTS"), reason="minutes: NOTEMILL_TEST_ALL_POINTS=1")
def test_killed_at_every_point(project, port, row, tmp_path):
    listed = tmp_path / "points"
    points = dying(project, 0, listed, "deploy", "2", "--to", "here")[1]
    for deadly in range(1, len(points) + 1):
        code, _ = dying(project, deadly, listed, "deploy", "3" if deadly % 2 else "2", "--to", "here")
        print(deadly, points[deadly - 1], code, flush=True)
        assert code == -9 and settled(project, port, row)
