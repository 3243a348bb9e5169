"""Builds as plain facts, what waits for whom, a reason. Against fakes; on the real servers: test_real.py."""

from types import SimpleNamespace

import pytest
from fake_server import fake_server

from notemill.ci import drone, gitea
from notemill.ci.connect import Servers, builds
from notemill.errors import NotemillError, UsageError

SLUG = "ada/house"
D, G = f"/api/repos/{SLUG}", f"/api/v1/repos/{SLUG}"
BUILD = {"number": 4, "event": "push", "status": "success", "created": 1795302704, "started": 1795302705,
         "finished": 1795302747, "source": "main", "target": "main", "message": "one\ntwo", "after": "abc"}
RULE = {"enable_status_check": True, "status_check_contexts": ["drone", "steward"], "required_approvals": 2}
PULL = {"number": 1, "base": {"ref": "main"}, "head": {"sha": "abc"}, "html_url": "http://pull/1", "mergeable": True}


@pytest.fixture
def fakes():
    with fake_server() as forge, fake_server() as server:
        servers = Servers(gitea.server(forge.url, "g", direct=True), drone.server(server.url, "d", direct=True))
        yield SimpleNamespace(forge=forge, drone=server, servers=servers)


def test_a_build_as_facts(fakes):
    fakes.drone.answers[f"GET {D}/builds"] = (200, [BUILD])
    assert builds.status(fakes.servers, SLUG) == {"repository": SLUG, "waiting": [], "builds": [
        {"build": 4, "event": "push", "branch": "main", "status": "success", "created": "2026-11-21T23:11:44+00:00",
         "seconds": 42, "reason": "one", "commit": "abc", "error": None, "link": f"{fakes.drone.url}/{SLUG}/4"}]}


@pytest.mark.parametrize(("more", "reason"), [
    ({"event": "custom", "params": {"NOTEMILL_REASON": "drift", "OTHER": "x"}}, "drift"),
    ({"event": "custom", "params": {"OTHER": "x"}}, "one"), ({"event": "cron", "cron": "nightly"}, "schedule nightly"),
    ({"event": "pull_request", "ref": "refs/pull/12/head", "title": "a title"}, "#12 a title"), ({"message": ""}, "")])
def test_why_there_was_a_build(more, reason):
    assert builds.reason({**BUILD, **more}) == reason


def test_a_build_that_has_not_begun_took_no_time(fakes):
    found = builds.facts(fakes.servers, SLUG, {**BUILD, "status": "running", "finished": 0})
    assert found["seconds"] is None


@pytest.mark.parametrize(("stage", "whom"), [("blocked", "an administrator of Drone"), ("pending", "a runner")])
def test_a_build_that_waits_says_for_whom(fakes, stage, whom):
    fakes.drone.answers |= {f"GET {D}/builds": (200, [{**BUILD, "status": "pending", "started": 0, "finished": 0}]),
                            f"GET {D}/builds/4": (200, {"stages": [{"status": stage}]})}
    found = builds.status(fakes.servers, SLUG)
    assert found["builds"][0]["status"] == stage and [one["for"] for one in found["waiting"]] == [whom]


def test_what_went_wrong_outside_of_steps_is_told(fakes):
    stages = [{"name": "check", "status": "error", "error": "no such image"}, {"name": "two", "status": "skipped"}]
    fakes.drone.answers |= {f"GET {D}/builds": (200, [{**BUILD, "status": "error"}]),
                            f"GET {D}/builds/4": (200, {"stages": stages})}
    assert builds.status(fakes.servers, SLUG)["builds"][0]["error"] == "check: no such image"


def waiting(fakes, pull=PULL, rule=RULE, states=(), reviews=()):
    fakes.drone.answers[f"GET {D}/builds"] = (200, [])
    fakes.forge.answers |= {f"GET {G}/pulls": (200, [pull]), f"GET {G}/branch_protections/main": (200, rule),
                            f"GET {G}/commits/abc/status": (200, {"statuses": list(states)}),
                            f"GET {G}/pulls/1/reviews": (200, list(reviews))}
    return [(one["for"], one["why"]) for one in builds.status(fakes.servers, SLUG)["waiting"]]


def test_what_a_pull_request_lacks(fakes):
    states = [{"context": "drone", "status": "failure", "description": "Build is failing"}]
    assert waiting(fakes, {**PULL, "draft": True, "mergeable": False}, states=states) == [
        ("its author", "it is a draft"), ("its author", "it conflicts with main"),
        ("its author", "drone: failure, Build is failing"), ("steward", "steward: pending, nothing was heard yet"),
        ("reviewers", "0 of 2 approving reviews")]


def test_a_pull_request_that_lacks_nothing_waits_for_nobody(fakes):
    states = [{"context": name, "status": "success", "description": ""} for name in ("drone", "steward")]
    reviews = [review("bob"), review("eve")]
    assert waiting(fakes, states=states, reviews=reviews) == []


def review(name, state="APPROVED", **more):
    return {"user": {"login": name}, "state": state, "official": True, **more}


@pytest.mark.parametrize(("reviews", "who"), [
    ([review("bob"), review("bob")], {"bob"}), ([review("bob"), review("bob", "REQUEST_CHANGES")], set()),
    ([review("bob", "REQUEST_CHANGES"), review("bob")], {"bob"}), ([review("bob", dismissed=True)], set()),
    ([review("bob", stale=True)], set()), ([review("bob"), review("bob", "COMMENT")], {"bob"}),
    ([{**review("bob"), "official": False}], set())])
def test_whose_approval_counts(reviews, who):
    assert builds.approvals(reviews) == who


@pytest.mark.parametrize(("text", "words"), [("  drift \n of\tage ", "drift of age"), ("a\x1b[31m\x00b", "a [31m b"),
                                             ("$(id) `x` <b>", "$(id) `x` <b>"), ("a\u202eb", "a b")])
def test_a_reason_is_one_line_of_words(text, words):
    assert builds.as_reason(text) == words


@pytest.mark.parametrize(("text", "got"), [("", "is empty"), ("\n\x00 ", "is empty"), ("x" * 501, "501 characters")])
def test_a_reason_that_is_none(text, got):
    with pytest.raises(UsageError, match=got):
        builds.as_reason(text)


@pytest.mark.parametrize(("answer", "words"), [
    ((200, None), "nothing in .drone.yml on main is for the event 'custom'"), ((404, None), "there is no branch main"),
    ((200, {**BUILD, "status": "error", "error": "yaml: line 3\x1b[31m"}), r"build 4: yaml: line 3 \[31m"),
    ((403, {"message": "Forbidden"}), "does not allow it"), ((500, None), "answers with an error")])
def test_a_retraining_that_is_refused_is_told(fakes, answer, words):
    fakes.drone.answers[f"POST {D}/builds"] = answer
    with pytest.raises(NotemillError, match=words) as refused:
        builds.retrain(fakes.servers, SLUG, "drift")
    assert refused.value.exit_code == 1


def test_a_retraining_that_starts(fakes):
    fakes.drone.answers[f"POST {D}/builds"] = (200, {**BUILD, "status": "pending"})
    assert builds.retrain(fakes.servers, SLUG, "drift ")["link"] == f"{fakes.drone.url}/{SLUG}/4"
    assert fakes.drone.asked[0]["query"] == {"branch": ["main"], "NOTEMILL_REASON": ["drift"]}


def test_a_promotion_starts_with_its_reason_as_words(fakes):
    fakes.drone.answers[f"POST {D}/builds/3/promote"] = (200, {**BUILD, "status": "pending"})
    told = builds.promote(fakes.servers, SLUG, 3, "approval", " I looked;\n$(id) ")
    assert (told["promoted"], told["build"], told["reason"]) == (3, 4, "I looked; $(id)")
    assert fakes.drone.asked[0]["query"] == {"target": ["approval"], "REASON": ["I looked; $(id)"]}


@pytest.mark.parametrize(("answer", "words"), [
    ((200, None), "starts no promotion of build 3 to 'moon'"), ((403, {"message": "Forbidden"}), "does not allow it"),
    ((200, {**BUILD, "status": "error", "error": "yaml: line 3"}), "build 4: yaml: line 3")])
def test_a_promotion_that_is_refused_is_told(fakes, answer, words):
    fakes.drone.answers[f"POST {D}/builds/3/promote"] = answer
    with pytest.raises(NotemillError, match=words):
        builds.promote(fakes.servers, SLUG, 3, "moon")
