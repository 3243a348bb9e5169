"""The steward as a process, with a real Gitea and a real drop; what Drone says is told by a fake."""

import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import drop_process
import fake_drone
import pytest
import real_gitea
import yaml
from steward_samples import PIPELINE, PROJECT, summary

from notemill.ci import gitea
from notemill.ci.http import call, find
from notemill.ci.stack import compose
from notemill.ci.stack.forge import STEWARD_MAY
from notemill.ci.steward import forge as forge_api
from notemill.ci.steward.comment import MARK

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
SLUG, ME = "ann/cells", "notemill-steward"
DRONE, STEWARD = "continuous-integration/drone/pr", "notemill/steward"
RULE = {"rule_name": "main", "enable_push": True, "enable_push_whitelist": True, "push_whitelist_usernames": ["ann"],
        "enable_status_check": True, "status_check_contexts": [DRONE, STEWARD], "dismiss_stale_approvals": True}


@pytest.fixture(scope="module")
def forge(tmp_path_factory):
    """ann owns a project that bob may write to; mallory may not."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(real_gitea, "write_settings", as_in_the_stack)
        yield from with_people(tmp_path_factory.mktemp("forge"))


def as_in_the_stack(root, port, write=real_gitea.write_settings):
    """Its own program puts into app.ini what the stack's variables say of pull requests."""
    write(root, port)
    told = yaml.safe_load((compose.FILES / "compose.yaml").read_text())["services"]["gitea"]["environment"]
    environ = {name: value for name, value in told.items() if "pull_0X2D_request" in name}
    words = ["config", "edit-ini", "--in-place", "--apply-env", "--config", root / "app.ini"]
    subprocess.run([real_gitea.FOLDER / "gitea", *words], env={**real_gitea.environ(root), **environ}, check=True,
                   capture_output=True)


def with_people(root):
    with real_gitea.running(root) as found:
        for name in ("ann", "bob", "mallory", ME):
            real_gitea.add_user(found, name)
        found.work = real_gitea.make_repository(found, SLUG, PROJECT, writers=["bob", ME])
        call(found.users["ann"], "POST", gitea.of(SLUG, "branch_protections"), body=RULE)
        found.token = real_gitea.token(found, ME, STEWARD_MAY)
        yield found


@pytest.fixture(scope="module")
def drop(tmp_path_factory):
    with drop_process.running(tmp_path_factory.mktemp("drop")) as found:
        yield found


@pytest.fixture(scope="module")
def drone():
    with fake_drone.running() as found:
        yield found


@contextmanager
def watching(forge, drone, drop, log, **more):
    environ = {**os.environ, "NOTEMILL_FORGE_URL": forge.url, "NOTEMILL_FORGE_TOKEN": forge.token,
               "NOTEMILL_DRONE_URL": drone.url, "NOTEMILL_DRONE_TOKEN": "d" * 32, "NOTEMILL_REPORTS_URL": drop.url,
               "NOTEMILL_STEWARD_SECONDS": "0.3", "NOTEMILL_STEWARD_HOST": "127.0.0.1", "NOTEMILL_STEWARD_PORT": "0",
               "PYTHONPATH": drop_process.environ()["PYTHONPATH"], **more}
    with open(log, "a") as told:
        process = subprocess.Popen([sys.executable, "-m", "notemill.ci.steward"], env=environ, stdout=told, stderr=told)
    try:
        until(lambda: "watches" in Path(log).read_text(), "it has begun")
        yield process
    finally:
        process.terminate()
        ended = process.wait(20)
    assert ended == 0, Path(log).read_text()


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    return tmp_path_factory.mktemp("log") / "steward.log"


@pytest.fixture(scope="module")
def steward(forge, drone, drop, log):
    with watching(forge, drone, drop, log) as process:
        yield process


def until(seen, what, seconds=60):
    end = time.monotonic() + seconds
    while True:
        found = seen()
        if found:
            return found
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.2)


def propose(forge, branch, files, author="bob", title="a change", base="main", **more):
    """(number, commit) of a pull request from a branch of the repository itself."""
    commit = real_gitea.push(forge, forge.work, SLUG, branch, files, author, base=base, **more)
    return real_gitea.open_pull(forge, SLUG, branch, author, title=title), commit


def pull(forge, number):
    return find(forge.users["ann"], gitea.of(SLUG, "pulls", number))


def status(forge, commit):
    found = {one["context"]: one for one in reversed(gitea.statuses(forge.users["ann"], SLUG, commit))}
    return found.get(STEWARD)


def is_status(forge, commit, state):
    return until(lambda: (status(forge, commit) or {}).get("status") == state, f"{STEWARD} is {state}")


def comments(forge, number):
    return find(forge.users["ann"], gitea.of(SLUG, "issues", number, "comments")) or []


def timeline(forge, number):
    return [one["type"] for one in find(forge.users["ann"], gitea.of(SLUG, "issues", number, "timeline"))]


def turn_green(forge, commit, state="success"):
    call(forge.users["chief"], "POST", gitea.of(SLUG, "statuses", commit), body={"context": DRONE, "state": state})


def built(drone, drop, number, commit, status="success", area="pull-request", **more):
    """A build of Drone's, whose log names what it put into the drop."""
    code, url = drop_process.put(drop, summary(commit, **more), "summary.json", area)
    assert code in (200, 201)
    event = {"pull": number} if area == "pull-request" else {"event": "push"}
    return drone.add(SLUG, commit, status=status, log=f"Training\nsummary: {url}", **event)


def approve(forge, number, commit, by="ann", event="APPROVED"):
    call(forge.users[by], "POST", gitea.of(SLUG, "pulls", number, "reviews"),
         body={"event": event, "body": "seen", "commit_id": commit})


def test_a_deployment_of_main_is_a_click_away(forge, drone, drop, steward):
    commit, demo = gitea.branch(forge.users["ann"], SLUG, "main")["commit"]["id"], "http://127.0.0.1:8201"
    facts = {"format": 1, "commit": commit, "target": "staging", "status": "serving", "version": 3, "demo": demo}
    address = drop_process.put(drop, json.dumps(facts).encode(), "deployment.json", "main")[1]
    drone.add(SLUG, commit, event="push", log=f"deployment: {address}")
    context = "notemill/deployed/staging"

    def told():
        there = gitea.statuses(forge.users["ann"], SLUG, commit)
        return next((one for one in there if one["context"] == context), None)
    found = until(told, f"{context} is set")
    assert (found["status"], found["target_url"], found["creator"]["login"]) == ("success", demo, ME)


def test_its_token_is_enough_where_an_organisation_owns_the_repository(forge):
    slug, ann = "team/cells", forge.users["ann"]
    call(ann, "POST", "/api/v1/orgs", body={"username": "team"})
    call(ann, "POST", "/api/v1/orgs/team/repos", body={"name": "cells", "auto_init": True, "default_branch": "main"})
    for name in ("bob", ME):
        gitea.add_collaborator(ann, slug, name, "write")
    mine = gitea.server(forge.url, forge.token, direct=True)
    assert slug in forge_api.repositories(mine) and forge_api.open_pulls(mine, slug) == []
    assert "bob" in forge_api.writers(mine, slug) and forge_api.writes(mine, slug, "mallory") in (None, False)
    assert forge_api.tree(mine, slug, forge_api.tip(mine, slug, "main"))


def test_a_passing_one_merges_by_itself(forge, drone, drop, steward):
    number, commit = propose(forge, "words", {"README.md": "better words\n"}, title="Words [ci skip]")
    is_status(forge, commit, "success")
    until(lambda: "pull_scheduled_merge" in timeline(forge, number), "the merge is asked for")
    assert not pull(forge, number)["merged"]
    built(drone, drop, number, commit)
    until(lambda: any("roc_auc" in one["body"] for one in comments(forge, number)), "the comment tells of the build")
    turn_green(forge, commit)
    merged = until(lambda: pull(forge, number)["merged"] and pull(forge, number), "it merges")
    assert merged["merged_by"]["login"] == ME
    gone = find(forge.users["ann"], gitea.of(SLUG, "branches", "words"))
    assert gone is None
    squashed = call(forge.users["ann"], "GET", gitea.of(SLUG, "git", "commits", merged["merge_commit_sha"]))
    assert squashed["commit"]["message"].startswith(f"Words (ci skip) (#{number})")
    assert len(comments(forge, number)) == 1


def test_no_name_has_drone_skip_mains_build(forge, drone, steward):
    """Gitea would write the author's name into the squashed commit's message, where Drone takes it for an order."""
    real_gitea.push(forge, forge.work, SLUG, "name", {"README.md": "by a name\n"}, "bob")
    real_gitea.git(forge, forge.work, "commit", "-q", "--amend", "-m", "a change", "--author",
                   "Eve [skip ci] <bob@forge.example>", author="bob")
    real_gitea.git(forge, forge.work, "push", "-q", "--force", f"{forge.url}/{SLUG}.git", "HEAD:refs/heads/name",
                   author="bob")
    commit = real_gitea.git(forge, forge.work, "rev-parse", "HEAD", author="bob")
    number = real_gitea.open_pull(forge, SLUG, "name", "bob", title="Fix ***NO_CI***")
    is_status(forge, commit, "success")
    until(lambda: "pull_scheduled_merge" in timeline(forge, number), "the merge is asked for")
    turn_green(forge, commit)
    merged = until(lambda: pull(forge, number)["merged"] and pull(forge, number), "it merges")
    squashed = call(forge.users["ann"], "GET", gitea.of(SLUG, "git", "commits", merged["merge_commit_sha"]))["commit"]
    assert squashed["author"]["name"] == "Eve [skip ci]"
    assert squashed["message"].strip() == f"Fix *NO_CI* (#{number})"


def test_a_red_one_stays(forge, drone, drop, steward):
    number, commit = propose(forge, "red", {"package/cells/__init__.py": "x = 1\n"})
    failed = {"passed": False, "checks": [{"check": "champion", "passed": False, "warning": False, "figure": -0.1,
                                           "interval": [-0.2, -0.05], "limit": "-0.01", "words": "surely worse"}]}
    built(drone, drop, number, commit, status="failure", verdict=failed)
    turn_green(forge, commit, "failure")
    said = until(lambda: next((one["body"] for one in comments(forge, number) if "surely worse" in one["body"]), None),
                 "the comment tells why")
    assert "is **red**" in said and "**refused**" in said
    assert not pull(forge, number)["merged"]


@pytest.mark.parametrize("branch, files", [
    ("drone", {".drone.yml": "kind: none\n"}), ("nox", {"noxfile.py": "# mine\n"}),
    ("gate", {"notebooks/pipeline.yaml": PIPELINE.replace("floor: 0.9", "floor: 0.1")}),
    ("linked", {"README.md": Path("noxfile.py")}), ("shadow", {"notebooks/pandas/__init__.py": "# mine\n"})])
def test_one_that_loosens_waits_until_another_member_approves_this_commit(forge, drone, steward, branch, files):
    number, commit = propose(forge, branch, files)
    is_status(forge, commit, "pending")
    turn_green(forge, commit)
    until(lambda: "Waits for a person" in "".join(one["body"] for one in comments(forge, number)), "it says so")
    time.sleep(1)
    assert not pull(forge, number)["merged"] and "pull_scheduled_merge" not in timeline(forge, number)
    if branch == "gate":
        approve(forge, number, commit)
        is_status(forge, commit, "success")
        until(lambda: pull(forge, number)["merged"], "it merges")


def test_an_approval_is_of_one_commit(forge, drone, steward):
    number, commit = propose(forge, "again", {"noxfile.py": "# again\n"})
    is_status(forge, commit, "pending")
    approve(forge, number, commit)
    is_status(forge, commit, "success")
    newer = real_gitea.push(forge, forge.work, SLUG, "again", {"noxfile.py": "# worse\n"}, "bob")
    is_status(forge, newer, "pending")
    turn_green(forge, newer)
    time.sleep(1)
    assert not pull(forge, number)["merged"]


def test_a_strangers_waits(forge, drone, steward):
    call(forge.users["mallory"], "POST", gitea.of(SLUG, "forks"), body={})
    commit = real_gitea.push(forge, forge.work, "mallory/cells", "nice", {"README.md": "nice\n"}, "mallory")
    number = real_gitea.open_pull(forge, SLUG, "mallory:nice", "mallory")
    is_status(forge, commit, "pending")
    turn_green(forge, commit)
    approve(forge, number, commit, by="bob")
    is_status(forge, commit, "success")
    time.sleep(1)
    assert not pull(forge, number)["merged"] and "pull_scheduled_merge" not in timeline(forge, number)


def test_a_strangers_push_for_review_waits(forge, drone, steward):
    """Gitea makes a pull request of a push to refs/for/main: its head is no fork's."""
    real_gitea.git(forge, forge.work, "checkout", "-q", "--detach", "forge/main", author="mallory")
    real_gitea.lay(forge.work, {"README.md": "by another door\n"})
    real_gitea.git(forge, forge.work, "commit", "-qam", "by another door", author="mallory")
    real_gitea.git(forge, forge.work, "push", "-q", f"{forge.url}/{SLUG}.git", "HEAD:refs/for/main", "-o", "topic=door",
                   author="mallory")
    commit = real_gitea.git(forge, forge.work, "rev-parse", "HEAD", author="mallory")
    (number,) = [one["number"] for one in gitea.open_pulls(forge.users["ann"], SLUG) if one["head"]["sha"] == commit]
    is_status(forge, commit, "pending")
    turn_green(forge, commit)
    approve(forge, number, commit)
    is_status(forge, commit, "success")
    time.sleep(1)
    assert not pull(forge, number)["merged"] and "pull_scheduled_merge" not in timeline(forge, number)


HOSTILE = ("</td><script>alert(1)</script> @mallory @ann ![x](http://evil.example/x.png) `| #1 http://evil.example"
           " \u202e")


def test_hostile_words_stay_words(forge, drone, drop, steward):
    number, commit = propose(forge, "a$(touch${IFS}pwned)`id`;<b>x</b>", {"README.md": "hostile\n"}, title=HOSTILE,
                             message=HOSTILE)
    check = {"check": HOSTILE, "passed": True, "warning": True, "figure": 1e300, "interval": [-1e300, 1],
             "limit": HOSTILE, "words": HOSTILE}
    built(drone, drop, number, commit, verdict={"passed": True, "checks": [check]}, params={HOSTILE: HOSTILE},
          metrics=[{"name": HOSTILE, "value": 1}], links=[{"title": HOSTILE, "url": "http://evil.example/"}],
          error={"step": HOSTILE, "cell": 1, "words": HOSTILE, "report": "javascript:alert(1)"})
    said = until(lambda: next((one["body"] for one in comments(forge, number) if "Verdict" in one["body"]), None),
                 "the comment tells of the build")
    shown = rendered(forge, said)
    assert "<script" not in shown and "<img" not in shown and "mention" not in shown, shown
    own = f"{drone.url}/{SLUG}/{drone.builds[SLUG][0]['number']}"
    assert set(re.findall(r'href="([^"]+)"', shown)) <= {own}
    news = call(forge.users["mallory"], "GET", "/api/v1/notifications", query={"all": "true"}) or []
    assert not [one for one in news if one["subject"]["url"].endswith(f"/{number}") and "Verdict" in str(one)]


def rendered(forge, text):
    """As Gitea shows it."""
    request = urllib.request.Request(
        f"{forge.url}/api/v1/markdown", method="POST", headers={
            "Content-Type": "application/json", "Authorization": forge.users["ann"].authorization},
        data=json.dumps({"Text": text, "Mode": "comment", "Context": SLUG, "Wiki": False}).encode())
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as answer:
        return answer.read().decode()


def test_what_a_build_says_of_other_places_is_not_fetched(forge, drone, drop, steward):
    """Addresses of other servers, other areas, other commits, other content."""
    number, commit = propose(forge, "places", {"README.md": "places\n"})
    _, other = drop_process.put(drop, summary("b" * 40), "summary.json")
    _, main = drop_process.put(drop, summary(commit), "summary.json", "main")
    lines = [main, other, "http://evil.example/summary.json", f"{drop.url}@evil.example/{'a' * 64}/summary.json",
             f"{drop.url}/pull-request/../main/{'a' * 64}/summary.json",
             f"{drop.url}/pull-request/{'a' * 64}/summary.json"]
    drone.add(SLUG, commit, pull=number, log="\n".join(f"summary: {line}" for line in lines))
    until(lambda: "left no summary" in "".join(one["body"] for one in comments(forge, number)), "nothing is taken")


def test_changes_against_main_are_told(forge, drone, drop, steward):
    main = find(forge.users["ann"], gitea.of(SLUG, "branches", "main"))["commit"]["id"]
    built(drone, drop, None, main, area="main", event="push", coverage=90.0,
          metrics=[{"name": "roc_auc", "value": 0.95, "low": 0.9, "high": 0.97, "n": 171}])
    number, commit = propose(forge, "better", {"notebooks/train.ipynb": "{\"better\": 1}\n"})
    built(drone, drop, number, commit, params={"train.estimator": "boosting"}, data={"prepare.source": "c" * 64})
    said = until(lambda: next((one["body"] for one in comments(forge, number) if "boosting" in one["body"]), None),
                 "the comment compares")
    assert "| `roc_auc` | 0.95 (0.9 to 0.97) | 0.98 (0.96 to 0.99) | +0.03 |" in said
    assert "(main: 90.0 %)" in said and f"`{'c' * 12}`" in said


def test_somebody_elses_status_in_its_name_is_set_again(forge, drone, steward):
    number, commit = propose(forge, "forged", {".drone.yml": "kind: forged\n"})
    is_status(forge, commit, "pending")
    call(forge.users["bob"], "POST", gitea.of(SLUG, "statuses", commit), body={"context": STEWARD, "state": "success"})
    until(lambda: status(forge, commit)["status"] == "pending" and status(forge, commit)["creator"]["login"] == ME,
          "it is set again")


def test_who_takes_the_merge_back_has_the_last_word(forge, drone, steward):
    number, commit = propose(forge, "not-yet", {"README.md": "not yet at all\n"})
    until(lambda: "pull_scheduled_merge" in timeline(forge, number), "the merge is asked for")
    call(forge.users["bob"], "DELETE", gitea.of(SLUG, "pulls", number, "merge"))
    time.sleep(1.5)
    assert timeline(forge, number).count("pull_scheduled_merge") == 1


def test_started_anew_it_does_nothing_twice(forge, drone, drop, log, steward):
    """Beside the first, even: nothing is said or set again."""
    number, commit = propose(forge, "quiet", {"noxfile.py": "# quiet\n"})
    until(lambda: comments(forge, number), "the comment is there")
    time.sleep(1)
    before = log.read_text().count("#")
    with watching(forge, drone, drop, log):
        time.sleep(3)
    assert log.read_text().count("#") == before
    assert len(comments(forge, number)) == 1
    assert [one["body"].startswith(MARK) for one in comments(forge, number)] == [True]
