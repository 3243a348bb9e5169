"""A deployment within a build of Drone: who asked for it, what it leaves for the log, what the build stands for."""

import json

import pytest
from deploy_samples import deploy, targets
from ledger_samples import ADA
from tiny import cli

from notemill.registry import open_records
from notemill.registry.deployed import read_deployments
from notemill.project import open_project
from notemill.release.deploy import for_build

PUSH = {"DRONE_BUILD_NUMBER": "7", "DRONE_COMMIT_SHA": "a" * 40, "DRONE_BUILD_EVENT": "push",
        "DRONE_BUILD_TRIGGER": "@hook", "DRONE_COMMIT_AUTHOR": "ann", "DRONE_BUILD_PARENT": "0"}
PROMOTE = {**PUSH, "DRONE_BUILD_NUMBER": "9", "DRONE_BUILD_EVENT": "promote", "DRONE_BUILD_TRIGGER": "bob",
           "DRONE_BUILD_PARENT": "7"}


@pytest.fixture
def within(monkeypatch):
    def enter(environ):
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
    return enter


def left(root):
    path = root / ".notemill" / for_build.FILE
    return json.loads(path.read_text()) if path.exists() else None


@pytest.mark.parametrize(("environ", "who", "why"), [
    ({}, None, None), ({"DRONE_BUILD_TRIGGER": "bob"}, None, None), (PUSH, "ann", "build 7"),
    (PROMOTE, "bob", "build 9, a promotion of build 7"),
    ({**PUSH, "DRONE_COMMIT_AUTHOR": ""}, None, "build 7"),
    ({**PUSH, "DRONE_COMMIT_AUTHOR": "\u0430nn"}, None, "build 7")])  # letters of two scripts: nobody
def test_who_asked_for_it_and_which_build_it_is(environ, who, why):
    assert (for_build.who(environ), for_build.why(environ)) == (who, why)


def test_a_promotion_stands_for_what_it_deployed(project, within):
    targets(project)
    within(PROMOTE)
    done = deploy(project, 2)
    assert done.code == 0, done
    assert left(project) == {"format": 1, "build": "9", **{name: value for name, value in done.json.items()
                                                           if name != "error"}}
    entry = read_deployments(open_records(open_project(project)), "plain").serving("here")
    assert (entry["by"], entry["reason"]) == ("bob", "build 9, a promotion of build 7")
    again = deploy(project, "build:9", "--by", ADA, "--reason", "again")
    assert (again.code, again.json["version"]) == (0, 2)


def test_what_is_refused_leaves_why(project, within):
    targets(project)
    within(PUSH)
    done = deploy(project, "build:7")
    assert done.code == 2 and left(project)["status"] == "failed"
    assert "build 7: has registered no version of 'plain'; a build of main" in left(project)["reason"]


def test_what_was_taken_back_does_not_stand_for_the_build(project, within, numbers):
    targets(project)
    within(PUSH)
    assert deploy(project, numbers["silent"]).code == 4 and left(project)["status"] == "rolled-back"
    assert deploy(project, "build:7").code == 2


def test_elsewhere_nothing_is_left(project):
    targets(project)
    assert deploy(project, 1).code == 0 and left(project) is None
    assert cli("undeploy", "here", project=project).code == 0
