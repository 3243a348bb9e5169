"""Which build is a pull request's, and what it says; Drone is a fake, the drop a real one."""

import drop_process
import fake_drone
import pytest
from steward_samples import summary

from notemill.ci import drone as client
from notemill.ci.steward.builds import Builds
from notemill.ci.steward.fetching import Away

SLUG, HEAD, OTHER = "ann/cells", "a" * 40, "b" * 40


@pytest.fixture(scope="module")
def drop(tmp_path_factory):
    with drop_process.running(tmp_path_factory.mktemp("drop")) as found:
        yield found


@pytest.fixture
def drone():
    with fake_drone.running() as found:
        yield found


@pytest.fixture
def builds(drone, drop):
    return Builds(client.server(drone.url, "d" * 32, direct=True), drop.url)


def put(drop, content, area="pull-request"):
    return f"summary: {drop_process.put(drop, content, 'summary.json', area)[1]}"


def test_the_newest_of_that_commit_and_pull_request(drone, drop, builds):
    drone.add(SLUG, HEAD, pull=7, log=put(drop, summary(HEAD)))
    drone.add(SLUG, HEAD, pull=7, status="failure", log=put(drop, summary(HEAD, coverage=1)))
    drone.add(SLUG, OTHER, pull=7)
    drone.add(SLUG, HEAD, pull=8)
    drone.add(SLUG, HEAD, event="push")
    found = builds.of_pull(SLUG, 7, HEAD)
    assert (found.number, found.state, found.summary.coverage) == (2, "failure", 1)
    assert found.page == f"{drone.url}/{SLUG}/2" and builds.of_pull(SLUG, 9, HEAD) is None


@pytest.mark.parametrize("log", ["", "summary: http://evil.example/summary.json"])
def test_one_that_names_nothing_says_nothing(drone, builds, log):
    drone.add(SLUG, HEAD, pull=7, log=log)
    assert builds.of_pull(SLUG, 7, HEAD).summary is None


def test_what_is_of_another_commit_is_passed_over(drone, drop, builds):
    lines = [put(drop, summary(HEAD, coverage=5)), put(drop, summary(OTHER)), put(drop, b"no json")]
    drone.add(SLUG, HEAD, pull=7, log="\n".join(lines))
    assert builds.of_pull(SLUG, 7, HEAD).summary.coverage == 5


def test_no_more_than_a_few_are_fetched(drone, drop, builds):
    lines = [put(drop, summary(HEAD)), *(put(drop, summary(OTHER, coverage=n)) for n in range(3))]
    drone.add(SLUG, HEAD, pull=7, log="\n".join(lines))
    assert builds.of_pull(SLUG, 7, HEAD).summary is None


def test_one_under_way_says_nothing_yet(drone, drop, builds):
    build = drone.add(SLUG, HEAD, pull=7, status="running", log=put(drop, summary(HEAD)))
    assert builds.of_pull(SLUG, 7, HEAD).summary is None
    build["status"] = "success"
    assert builds.of_pull(SLUG, 7, HEAD).summary


def test_one_that_is_not_signed_is_blocked(drone, builds):
    """As Drone tells it: the build is pending, its stage is blocked."""
    drone.add(SLUG, HEAD, pull=7, status="pending", stage="blocked")
    assert builds.of_pull(SLUG, 7, HEAD).state == "blocked"


def test_main_is_its_newest_green_build_that_says_something(drone, drop, builds):
    said = put(drop, summary(OTHER), "main")
    drone.add(SLUG, OTHER, event="push", log=said)
    drone.add(SLUG, OTHER, event="cron", log=said)
    drone.add(SLUG, OTHER, event="push", log="nothing")
    drone.add(SLUG, OTHER, event="push", status="failure", log=said)
    drone.add(SLUG, OTHER, event="push", target="development", log=said)
    drone.add(SLUG, OTHER, event="promote", log=said)
    drone.add(SLUG, OTHER, event="pull_request", pull=3, log=said)
    assert builds.of_branch(SLUG, "main").number == 2
    assert builds.of_branch(SLUG, "main", before=2).number == 1 and builds.of_branch(SLUG, "main", before=1) is None


def test_a_pull_requests_file_is_never_mains(drone, drop, builds):
    drone.add(SLUG, OTHER, event="push", log=put(drop, summary(OTHER)))
    assert builds.of_branch(SLUG, "main") is None


def test_a_drop_that_is_away_is_asked_again(drone, tmp_path):
    with drop_process.running(tmp_path) as drop:
        drone.add(SLUG, HEAD, pull=7, log=put(drop, summary(HEAD)))
    builds = Builds(client.server(drone.url, "d" * 32, direct=True), drop.url)
    with pytest.raises(Away):
        builds.of_pull(SLUG, 7, HEAD)
    with drop_process.running(tmp_path, port=drop.url.rpartition(":")[2]):
        assert builds.of_pull(SLUG, 7, HEAD).summary
