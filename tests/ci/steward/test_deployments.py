"""Where main's builds have deployed to, as statuses of their commits; Drone and forge are fakes, the drop is real."""

import json

import drop_process
import fake_drone
import pytest

from notemill.ci import drone as client
from notemill.ci.steward import deployments
from notemill.ci.steward.builds import Builds
from notemill.ci.steward.deployments import Deployments, read_deployment
from notemill.ci.steward.summary import NoSummary

SLUG, HEAD, OTHER = "ann/cells", "a" * 40, "b" * 40
DEMO = "http://127.0.0.1:8201"


@pytest.fixture(scope="module")
def drop(tmp_path_factory):
    with drop_process.running(tmp_path_factory.mktemp("drop")) as found:
        yield found


@pytest.fixture
def drone():
    with fake_drone.running() as found:
        yield found


@pytest.fixture
def forge(monkeypatch):
    """{(commit, context): status} of a forge that takes what it is told; `calls`: how often it was."""
    class Forge(dict):
        calls = 0

        def get_status(self, server, slug, commit, context):
            return self.get((commit, context))

        def set_status(self, server, slug, commit, body):
            self.calls += 1
            self[commit, body["context"]] = {"status": body["state"], "description": body["description"],
                                             "target_url": body["target_url"], "creator": {"login": "steward"}}
    found = Forge()
    monkeypatch.setattr(deployments.forge_api, "status", found.get_status)
    monkeypatch.setattr(deployments.forge_api, "set_status", found.set_status)
    return found


@pytest.fixture
def tend(drone, drop, forge):
    def again():
        builds = Builds(client.server(drone.url, "d" * 32, direct=True), drop.url)
        return Deployments(builds, None, "steward").tend(SLUG, "main")
    return again


def facts(**more):
    return json.dumps({"format": 1, "commit": HEAD, "target": "staging", "status": "serving", "version": 3,
                       "address": "http://127.0.0.1:8200", "demo": DEMO, "words": "", **more}).encode()


def line(drop, content=None, area="main"):
    content = facts() if content is None else content
    return f"deployment: {drop_process.put(drop, content, 'deployment.json', area)[1]}"


def test_the_address_is_a_click_away(drone, drop, forge, tend):
    drone.add(SLUG, HEAD, event="push", log=line(drop))
    (said,) = tend()
    assert said == f"notemill/deployed/staging of {HEAD[:10]} is success: version 3 serves: {DEMO}"
    assert forge[HEAD, "notemill/deployed/staging"]["target_url"] == DEMO
    assert tend() == [] and forge.calls == 1  # also when the steward is started anew


@pytest.mark.parametrize(("more", "words"), [
    ({"status": "failed", "version": None, "words": "nobody has approved it"}, "nobody has approved it"),
    ({"status": "rolled-back", "words": "it died"}, "version 3 was taken back: it died")])
def test_a_failure_leads_to_the_build(drone, drop, forge, tend, more, words):
    built = drone.add(SLUG, HEAD, event="promote", status="failure", log=line(drop, facts(**more)))
    assert tend()
    status = forge[HEAD, "notemill/deployed/staging"]
    assert (status["status"], status["description"]) == ("failure", words)
    assert status["target_url"] == f"{drone.url}/{SLUG}/{built['number']}"


def test_the_last_one_of_a_commit_counts(drone, drop, forge, tend):
    drone.add(SLUG, HEAD, event="push", log=line(drop))
    drone.add(SLUG, HEAD, event="promote", status="failure", log=line(drop, facts(status="failed", words="no")))
    drone.add(SLUG, HEAD, event="promote", status="running", log="")
    assert tend() and forge[HEAD, "notemill/deployed/staging"]["status"] == "failure" and forge.calls == 1


def test_a_status_that_somebody_else_has_set_is_set_again(drone, drop, forge, tend):
    drone.add(SLUG, HEAD, event="push", log=line(drop))
    tend()
    forge[HEAD, "notemill/deployed/staging"]["target_url"] = "http://evil.example"
    assert tend() and forge[HEAD, "notemill/deployed/staging"]["target_url"] == DEMO


def test_builds_of_pull_requests_crowd_none_out(drone, drop, forge, tend):
    """Main's build may take longer than many of theirs."""
    drone.add(SLUG, HEAD, event="push", log=line(drop))
    for number in range(30):
        drone.add(SLUG, OTHER, pull=number)
    assert tend() and forge[HEAD, "notemill/deployed/staging"]["status"] == "success"


@pytest.mark.parametrize("more", [{"event": "pull_request", "pull": 7}, {"event": "promote", "pull": 7},
                                  {"event": "pull_request"}, {"event": "push", "target": "development"}])
def test_only_main_has_deployments(drone, drop, forge, tend, more):
    """What a pull request's build names in its log is anybody's word; also where somebody promotes that build."""
    drone.add(SLUG, HEAD, log=line(drop), **more)
    assert tend() == [] and forge == {}


def test_what_lies_elsewhere_is_not_read(drone, drop, forge, tend):
    logs = [line(drop, area="pull-request"), f"deployment: http://evil.example/main/{'0' * 64}/deployment.json",
            f"x {line(drop)}", line(drop, facts(commit=OTHER)), line(drop, b"no json")]
    for log in logs:
        drone.add(SLUG, HEAD, event="push", log=log)
    assert tend() == [] and forge == {}


@pytest.mark.parametrize("more", [
    {"format": 2}, {"format": True}, {"commit": "x"}, {"target": "../steward"}, {"target": "Staging"},
    {"status": "fine"}, {"version": "3"}, {"version": True}, {"version": -1}, {"words": 1}, {"words": "x" * 501},
    {"demo": "javascript:alert(1)"}, {"demo": "http://a b"},
    {"demo": "http://ann:pw@127.0.0.1/"},  # pragma: allowlist secret
    {"demo": "http://x/<script>"}, {"demo": "http://x/\n"}, {"demo": ["http://x"]}, {"address": 5, "demo": None}])
def test_what_is_not_of_its_form_is_refused(more):
    with pytest.raises(NoSummary):
        read_deployment(facts(**more), "page")


def test_no_target_can_pass_for_what_a_merge_waits_for():
    for target in ("steward", "drone"):
        body = read_deployment(facts(target=target), "page").body
        assert body["context"] not in ("notemill/steward", "continuous-integration/drone/pr")
        assert body["context"].startswith("notemill/deployed/")
