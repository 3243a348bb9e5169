"""A version that fails in a Docker engine: the old one serves, the state is true, and it is said clearly."""

import contextlib
import re
from functools import partial

import httpx
import pytest
from deploy_samples import PATIENCE, Load, deploy, deploy_process, ended, free_port, serves, targets
from docker_samples import addresses, as_before, begun, containers, docker, images, is_at, known, left
from real_engine import asked
from test_killed import DIES, dying
from tiny import cli

from notemill.project import open_project
from notemill.registry import open_records
from notemill.registry.deployed import read_deployments
from notemill.release.deploy import running

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800), asked]
# where the writes of test_killed.DIES are made in this kind
DOCKER_DIES = DIES.replace("Site = process.Process\n", """
from notemill.release.deploy.docker import owned, proxy, site
Site, Proxy = site.Docker, proxy.Proxy
Site.begin = watched(Site.begin, "start", lambda site, container: "score")
owned.Owned.remove = watched(owned.Owned.remove, "remove", lambda site, container: "container")
""").replace("Site.render = watched(Site.render", "Proxy.render = watched(Proxy.render") \
    .replace("Site.tell = watched(Site.tell", "Proxy.tell = watched(Proxy.tell")


@pytest.fixture
def port(engine):
    """Where version 1 is served."""
    return begun(engine)


@pytest.mark.parametrize("label, words", [
    ("asleep", "the score did not start: .*out of paper"),
    ("changed", "the score did not start: .*does not say what it said when it was judged"),
    ("two-faced", "it answers its golden rows otherwise"),
    ("mortal", "its score died: (exit code 9|the engine had to start it again)")])
def test_the_old_one_serves(engine, port, row, numbers, label, words):
    with Load(port, row, threads=1) as load:
        done = deploy(engine, numbers[label], "--reason", "a trial")
    assert (done.code, done.json["status"], done.json["from"]) == (4, "rolled-back", 1), done
    assert re.search(words, done.json["reason"], re.S) and "Traceback" not in done.err
    assert load.lost_with(died=label == "mortal"), load.failed
    assert load.versions <= ({"1", str(numbers[label])} if label == "mortal" else {"1"})
    assert as_before(engine, 1, port=port, row=row)
    told = read_deployments(open_records(open_project(engine)), "plain").entries[-1]
    assert (told["status"], told["version"], told["from"]) == ("rolled-back", numbers[label], 1)


def test_one_that_fails_its_trial_touches_nothing(engine, port, row, numbers):
    before = containers(), images()
    done = deploy(engine, numbers["silent"])
    assert done.code == 1 and "out of paper" in done.json["error"]["got"] and "Traceback" not in done.err, done
    assert as_before(engine, 1, port=port, row=row) and (containers(), images()) == before


def test_a_first_one_that_fails_leaves_nothing(engine, numbers):
    targets(engine, kind="docker", ready=300)
    done = deploy(engine, numbers["asleep"])
    assert (done.code, done.json["from"], done.json["problem"]) == (4, None, None) and left() == [], done


def test_two_at_once(engine, port, row):
    targets(engine, kind="docker", port=port, watch=1, ready=300)
    first = deploy_process(engine, 2)
    assert running.until(lambda: docker("inspect", "deployed-here.lock_plain").returncode == 0, 4 * PATIENCE)
    second = deploy(engine, 2)
    assert second.code == 1 and f"process {first.pid}" in second.json["error"]["got"], second
    assert "notemill deploy 2 --to here" in second.json["error"]["got"]
    third = deploy(engine, 1, "--wait", 4 * PATIENCE)
    assert ended(first).code == 0 and third.code == 0 and third.json["from"] == 2, third
    assert as_before(engine, 1, port=port, row=row)


def test_a_port_that_is_taken(engine, port, row):
    """By another target: nothing of this one stays."""
    text = (engine / "deploy" / "targets.yaml").read_text()
    (engine / "deploy" / "targets.yaml").write_text(text.replace("here:", "there:"))
    done = cli("deploy", 2, "--to", "there", "--json", project=engine)
    assert (done.code, done.json["problem"]) == (4, None) and "port is already allocated" in done.json["reason"], done
    (engine / "deploy" / "targets.yaml").write_text(text)
    assert as_before(engine, 1, port=port, row=row)
    assert docker("ps", "-aq", "--filter", "label=notemill.target=plain/there").stdout == ""


POINTS = {"after save starting": 1, "after start score": 1, "state ready": 1, "after save watching": 1,
          "after save passed": 2, "before remove container": 2, "before save done": 2}


@pytest.mark.parametrize("wanted", POINTS)
def test_killed_at(engine, row, tmp_path, wanted):
    """With -9, of which nothing can be told to anybody: the next command finishes or undoes it."""
    port, listed = begun(engine, watch=0.2), tmp_path / "points"
    with Load(port, row, threads=1) as load:
        points = dying(engine, wanted, listed, "deploy", "2", "--to", "here", program=DOCKER_DIES)
        assert points[0] == -9 and re.search(wanted, points[1][-1]), points
        told = cli("deployments", "--again", "--json", project=engine)
    assert (told.code, told.json["targets"][0]["status"]) == (0, "serving"), told
    assert as_before(engine, POINTS[wanted], port=port, row=row) and load.failed == []
    entry = read_deployments(open_records(open_project(engine)), "plain").serving("here")
    assert entry["deployment"] == known(engine)[0].serving.deployment


def test_it_is_gone_back_to_where_the_old_one_is_by_now(engine, row):
    """Killed while it watches; then the containers get other addresses, as after the engine's restart."""
    port = begun(engine, watch=300)
    process = deploy_process(engine, 2)
    assert running.until(partial(is_at, engine, process, "watching"), 4 * PATIENCE, 0.3)
    process.kill()
    process.communicate(timeout=PATIENCE)
    before = addresses()
    (old, _), (new, _) = before["1"], before["2"]
    assert docker("stop", old, new).returncode == 0
    assert docker("start", new).returncode == 0 and docker("start", old).returncode == 0  # in the other order
    assert addresses()["1"] != before["1"], before
    assert running.until(partial(somebody_serves, port, row), 4 * PATIENCE, 0.3)
    with Load(port, row, threads=2) as load:
        told = cli("deployments", "--again", "--json", project=engine)
    assert (told.code, told.json["targets"][0]["version"]) == (0, 1), told
    assert load.failed == [] and load.versions <= {"1", "2"} and as_before(engine, 1, port=port, row=row)


def somebody_serves(port, row):
    with contextlib.suppress(httpx.HTTPError, AssertionError):
        return serves(port, row) in (1, 2)
    return False


def test_a_worker_that_dies_while_it_is_watched(engine, row, numbers):
    """The service starts it again by itself, and nothing but its counters tells."""
    port = begun(engine, watch=30, workers=2)
    with Load(port, row, threads=2) as load:
        done = deploy(engine, numbers["mortal"])
    assert done.code == 4 and "a worker of its service died" in done.json["reason"], done
    assert as_before(engine, 1, port=port, row=row) and load.versions == {"1", str(numbers["mortal"])}


def test_other_ports_in_the_file_touch_nothing(engine, port, row):
    before = containers()
    targets(engine, kind="docker", port=free_port(), watch=1)
    done = deploy(engine, 2)
    assert done.code == 2 and "and the file now says" in done.json["error"]["got"] and containers() == before
