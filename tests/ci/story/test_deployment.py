"""The end of a deployment's log: where it serves, or why not; the same as a file for the steward."""

import io
import json
import re

import pytest
from drop_process import TOKENS, get, running
from story_samples import COMMIT, EVIL
from tiny import make_project, notebook

from notemill.ci.story import tell
from notemill.files import write_json

SERVES = {"format": 1, "build": "7", "target": "staging", "status": "serving", "version": 3, "from": 2, "reason": None,
          "address": "http://127.0.0.1:8200", "demo": "http://127.0.0.1:8201", "problem": None}


@pytest.fixture(scope="module")
def drop(tmp_path_factory):
    with running(tmp_path_factory.mktemp("drop")) as found:
        yield found


@pytest.fixture
def told(tmp_path, drop):
    """(what is said of facts that a deployment has left, what the drop has then)."""
    project = make_project(tmp_path, steps={"one": {"notebook": "one.ipynb"}},
                           notebooks={"one.ipynb": notebook("a = 1")})
    environ = {"DRONE_BUILD_NUMBER": "7", "DRONE_COMMIT_SHA": COMMIT, "DRONE_BUILD_EVENT": "promote",
               "NOTEMILL_DROP": drop.url, "NOTEMILL_DROP_TOKEN": TOKENS["main"]}

    def tell_of(left, after="deploy", **more):
        if left is not None:
            write_json(project / ".notemill" / "deployment.json", left)
        stream = io.StringIO()
        tell(project, after, False, {**environ, **more}, stream)
        said = stream.getvalue()
        address = re.search(r"\ndeployment: (\S+)\n$", said)
        return said, json.loads(get(address[1])[2]) if address else None
    return tell_of


def test_the_addresses_stand_at_the_end(told, drop):
    said, kept = told(SERVES)
    assert said.startswith("\ndeployed to staging: version 3\n  service  http://127.0.0.1:8200\n"
                           "  demo     http://127.0.0.1:8201\n\ndeployment: " + drop.url + "/main/")
    assert kept == {"format": 1, "commit": COMMIT, "event": "promote", "build": 7, "target": "staging", "before": 2,
                    "status": "serving", "version": 3, "address": SERVES["address"], "demo": SERVES["demo"],
                    "words": ""}


def test_what_was_refused_says_why_and_what_to_do(told):
    said, kept = told({"format": 1, "build": "7", "target": "production", "status": "failed",
                       "reason": "version 3: nobody has approved it; notemill approve 3"})
    assert "\nNOT deployed to production:\n  version 3: nobody has approved it; notemill approve 3\n" in said
    assert (kept["status"], kept["version"], kept["address"]) == ("failed", None, None)


def test_what_was_taken_back_says_so(told):
    said, kept = told({**SERVES, "status": "rolled-back", "reason": "it died"})
    assert "NOT deployed to staging:\n  it died\n  version 3 was started, and taken back\n" in said
    assert kept["words"] == "it died"


@pytest.mark.parametrize("left", [None, {**SERVES, "build": "6"}, {**SERVES, "status": "x"}, [], "x"])
def test_nothing_is_said_of_another_build_and_of_nothing(told, left):
    assert told(left) == ("", None)


@pytest.mark.parametrize("after", ["image", "approve"])
def test_other_sessions_of_a_deployment_leave_no_summary(told, after):
    """The newest summary of a build of main is what pull requests are compared with."""
    assert told(None, after) == ("", None)


def test_what_a_project_says_cannot_pass_for_a_line_of_ours(told, drop):
    said, kept = told({**SERVES, "status": "failed", "reason": EVIL * 20, "target": EVIL})
    assert len(kept["words"]) <= 500 and not {"\n", "\x1b", "\u202e"} & set(kept["words"] + kept["target"])
    assert len(re.findall(r"(?m)^(?:summary|deployment): ", said)) == 1 and "\x1b" not in said


def test_without_a_drop_it_is_told_all_the_same(told):
    said, kept = told(SERVES, NOTEMILL_DROP="")
    assert said.endswith("demo     http://127.0.0.1:8201\n") and kept is None
