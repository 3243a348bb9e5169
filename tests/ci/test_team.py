"""What a team does, on the real stack: push, pull requests good and bad, retrain. NOTEMILL_STACK: its stack.json."""

import json
import shutil

import pytest
from team import (
    STACK, add_user, all_logs, build_of, clone, comments, edit, ended, git, log_of, merged, notemill, open_pull,
    propose, pull, start_project, state, states, until,
)

from notemill.ci import drone, gitea
from notemill.ci.http import call

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800),
              pytest.mark.skipif(not STACK, reason="NOTEMILL_STACK names no stack.json: notemill stack up makes one")]
DRONE, STEWARD = "continuous-integration/drone/pr", "notemill/steward"


@pytest.fixture(scope="module")
def team(tmp_path_factory):
    """A project from `notemill init`, connected and pushed; ann and bob are members, mallory is not."""
    found = start_project(tmp_path_factory.mktemp("team"), prepare)
    for person, right in (("ann", "write"), ("bob", "write"), ("mallory", None)):
        add_user(found, person, right)
    return found


def prepare(folder):
    """Nothing is deployed: test_team_deploy.py does that, and here it would only take time. Ten rows wait to be scored.
    """
    edit(folder / "notebooks" / "pipeline.yaml", "risk: low ",
         "promote: auto\nscore: {input: new/*.csv, output: scored/}\nrisk: low ")
    table = (folder.parent / "cells.csv").read_text().splitlines()[:11]
    (folder / "new").mkdir()
    (folder / "new" / "rows.csv").write_text("".join(f"{row.rpartition(',')[0]}\n" for row in table))
    file = folder / ".drone.yml"
    pipelines = file.read_text().split("---\n")
    file.write_text("---\n".join(one for one in pipelines if "\nname: staging\n" not in one))


def readme(words):
    return lambda folder: (folder / "README.md").write_text(f"{words}\n")


def pushed(team):
    return git(team.project, "rev-parse", "HEAD").strip()


@pytest.mark.core
def test_a_push_is_built_and_told(team):
    built = build_of(team, pushed(team))
    assert built["status"] == "success", all_logs(team, built)
    log = log_of(team, built, "train")
    assert "prepare" in log and "ran" in log and "roc_auc" in log and "summary: http" in log
    assert "champion" in all_logs(team, built)


def test_what_changes_only_the_readme_trains_nothing(team):
    readme("only words")(team.project)
    git(team.project, "commit", "-qam", "words")
    git(team.project, "push", "-q")
    built = build_of(team, pushed(team))
    log = log_of(team, built, "train")
    assert built["status"] == "success", log
    plan = [line.split() for line in log.splitlines() if line.split()[:1] in (["prepare"], ["train"], ["evaluate"])]
    assert plan and not [line for line in plan if "ran" in line], log


@pytest.mark.core
def test_a_passing_pull_request_merges_by_itself(team):
    number = propose(team, "ann", "ann/words", readme("better words"))
    found = merged(team, number)
    assert found["merged_by"]["login"] == "steward"
    until(lambda: any("roc_auc" in one["body"] for one in comments(team, number)), "the comment tells the verdict", 60)
    assert len(comments(team, number)) == 1


SEARCH = '''"""What a pull request's steps can see."""

import os
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(os.environ["DRONE_BUILD_EVENT"] != "pull_request", reason="a build of main has logins")


def test_no_login_is_within_reach():
    assert not Path("~/.netrc").expanduser().exists() and not Path("/var/run/docker.sock").exists()
    words = ("PASSWORD", "SECRET", "NETRC", "TOKEN")
    assert {name for name in os.environ if any(word in name for word in words)} <= {"NOTEMILL_DROP_TOKEN"}


def test_the_store_is_to_read():
    try:
        Path("/store/cache/written").write_text("x")
    except OSError:
        return
    raise AssertionError("a pull request writes to what main reads")
'''


def test_the_steps_of_a_pull_request_hold_no_login(team):
    def change(folder):
        (folder / "tests" / "test_search.py").write_text(SEARCH)
    number = propose(team, "ann", "ann/search", change)
    merged(team, number)
    built = build_of(team, pull(team, number)["head"]["sha"], "pull_request")
    assert "test_search.py .." in log_of(team, built, "check")  # both ran


def test_one_whose_test_fails_stays_open(team):
    def change(folder):
        (folder / "tests" / "test_more.py").write_text("def test_more():\n    assert 1 == 2\n")
    number = propose(team, "ann", "ann/failing", change)
    state(team, number, DRONE, "failure")
    assert not pull(team, number)["merged"]


@pytest.mark.core
def test_a_worse_model_is_refused_with_the_verdict_in_view(team):
    def change(folder):
        edit(folder / "notebooks" / "train.ipynb", '"binary = len(facts',
             '"y = np.random.default_rng(1).permutation(y)\\n",\n    "binary = len(facts')
    number = propose(team, "bob", "bob/worse", change)
    state(team, number, DRONE, "failure")
    head = pull(team, number)["head"]["sha"]
    log = log_of(team, build_of(team, head, "pull_request"), "train")
    assert "refused" in log.lower() and "roc_auc" in log, log
    until(lambda: any("roc_auc" in one["body"] for one in comments(team, number)), "the comment tells the verdict", 60)
    assert not pull(team, number)["merged"]


def test_one_that_edits_drone_yml_waits(team):
    def change(folder):
        edit(folder / ".drone.yml", "nox -s lint", "true; nox -s lint")
    number = propose(team, "ann", "ann/ci", change)
    state(team, number, STEWARD, "pending")
    assert states(team, pull(team, number)["head"]["sha"]).get(DRONE) in (None, "pending")
    assert not pull(team, number)["merged"]


@pytest.mark.parametrize("name, change", [
    ("noxfile", lambda folder: edit(folder / "noxfile.py", '"""', '"""Ours. ')),
    ("gate", lambda folder: edit(folder / "notebooks" / "pipeline.yaml", "margin: 0.01 ", "margin: 0.2 ")),
    ("held-out", lambda folder: edit(folder / "notebooks" / "pipeline.yaml", "test_size: 0.3", "test_size: 0.1"))])
def test_one_that_loosens_waits_for_a_person(team, name, change):
    number = propose(team, "ann", f"ann/{name}", change)
    state(team, number, STEWARD, "pending")
    state(team, number, DRONE, "success")
    assert not pull(team, number)["merged"]
    call(team.users["bob"][1], "POST", gitea.of(team.slug, "pulls", number, "reviews"),
         body={"event": "APPROVED", "body": "seen", "commit_id": pull(team, number)["head"]["sha"]})
    state(team, number, STEWARD, "success", 60)
    assert merged(team, number, 120)["merged"]


def test_one_from_a_fork_waits(team):
    call(team.forge, "PATCH", gitea.of(team.slug), body={"private": False})
    call(team.users["mallory"][1], "POST", gitea.of(team.slug, "forks"), body={})
    fork = f"mallory/{team.slug.partition('/')[2]}"
    until(lambda: gitea.repository(team.users["mallory"][1], fork), "the fork is there", 60)
    folder, user = clone(team, "mallory", fork)
    git(folder, "checkout", "-q", "-b", "nice")
    readme("from outside")(folder)
    git(folder, "commit", "-qam", "from outside")
    git(folder, "push", "-q", "origin", "nice", user=user)
    number = open_pull(team, "mallory", "mallory:nice", "from outside")
    state(team, number, STEWARD, "pending")
    assert not pull(team, number)["merged"]


def test_markup_and_shell_in_names_stay_words(team):
    hostile = "a$(touch${IFS}pwned)`id`;<b>x</b>"
    words = '"; touch /tmp/pwned; echo "</td><script>alert(1)</script> @ann ![x](http://evil.example/x)'
    number = propose(team, "ann", hostile, readme(words), message=words)
    merged(team, number)
    said = "\n".join(one["body"] for one in comments(team, number))
    assert "<script>" not in said and "http://evil.example" not in said


@pytest.mark.core
def test_a_retrain_has_its_reason(team):
    git(team.project, "pull", "-q")
    told = json.loads(notemill("ci", "retrain", "--reason", "drift of <b>radius</b>; $(id)", "--json",
                               cwd=team.project).stdout)
    built = ended(team, told["build"])
    assert built["status"] == "success", all_logs(team, built)
    assert "drift of <b>radius</b>; $(id)" in all_logs(team, built)


def test_the_schedule_scores_what_is_new(team):
    """The nightly build, brought forward: Drone's own clock starts it."""
    drone.remove_cron(team.drone, team.slug, "nightly")
    drone.add_cron(team.drone, team.slug, "nightly", "0 * * * * *", "main")
    number = until(lambda: next((one["number"] for one in drone.builds(team.drone, team.slug)
                                 if one["event"] == "cron"), None), "Drone's clock starts a build", 240)
    notemill("ci", "connect", team.stack["urls"]["drone"], cwd=team.project)
    assert drone.crons(team.drone, team.slug)["nightly"]["expr"] == "0 17 2 * * *"
    built = ended(team, number)
    assert built["status"] == "success", all_logs(team, built)
    assert "10 rows scored" in log_of(team, built, "score")


def test_what_is_there_is_told(team):
    told = json.loads(notemill("ci", "status", "--json", cwd=team.project).stdout)
    assert {one["event"] for one in told["builds"]} >= {"push", "pull_request", "custom"}
    assert shutil.which("git")
