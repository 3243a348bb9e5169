"""A version that fails: the old one serves, the state is true, and it is said clearly."""

import os
import shutil
import subprocess
import threading
import time

import httpx
import pytest
from deploy_samples import (
    PATIENCE, Load, deploy, deploy_process, ended, free_port, proxy_of, serves, state_of, targets,
)
from tiny import cli

from notemill.release.deploy import running
from notemill.release.deploy.process import Process


def as_before(root, port, row, version=1):
    """The version serves, nothing is under way, and the proxy's file says so."""
    state, proxy = state_of(root), proxy_of(root)
    assert serves(port, row) == version == state["serving"]["version"] and state["coming"] is None
    on = {slot: words for slot, words in proxy.items() if "disabled" not in words}
    assert {slot: words[0] for slot, words in on.items()} == {
        state["serving"]["slot"]: state["serving"]["addresses"]["score"]}
    return True


@pytest.fixture
def port(project):
    """Where version 1 is served."""
    port = targets(project, watch=4)["port"]
    assert deploy(project, 1).code == 0
    return port


@pytest.mark.parametrize("label, words", [
    ("silent", "did not start: plain_model: out of paper"), ("liar", "answers its golden rows otherwise"),
    ("mortal", "its score died")])
def test_the_old_one_serves(project, port, row, numbers, label, words):
    with Load(port, row, threads=1) as load:
        done = deploy(project, numbers[label], "--reason", "a trial")
    assert (done.code, done.json["status"]) == (4, "rolled-back") and words in done.json["reason"], done
    assert done.json["from"] == 1 and "Traceback" not in done.err
    assert load.lost_with(died=label == "mortal"), load.failed
    assert as_before(project, port, row)
    assert load.versions <= ({"1", str(numbers[label])} if label == "mortal" else {"1"})
    told = cli("deploy", numbers["silent"], "--to", "here", project=project)
    assert told.code == 4 and told.out == "" and "was not taken; version 1 serves as before" in told.err


def test_errors_in_its_own_counters(project, port, row, numbers):
    asking = threading.Event()

    def ask_for_pink():
        while not asking.is_set():
            httpx.post(f"http://127.0.0.1:{port}/predict", json={**row, "colour": "pink"}, trust_env=False)
            time.sleep(0.05)

    thread = threading.Thread(target=ask_for_pink)
    thread.start()
    done = deploy(project, numbers["sick"])
    asking.set()
    thread.join()
    assert done.code == 4 and "requests, of which 0 are borne" in done.json["reason"], done
    assert as_before(project, port, row)


def test_errors_before_anybody_looks(project, port, row, numbers, monkeypatch):
    """Between the switch and the watch, in which the old one may end what it has begun, it has all the traffic."""
    switch = Process.switch

    def switched(site, new, old):
        done = switch(site, new, old)
        for _ in range(3):
            httpx.post(f"http://127.0.0.1:{port}/predict", json={**row, "colour": "pink"}, trust_env=False)
        return done

    monkeypatch.setattr(Process, "switch", switched)
    done = deploy(project, numbers["sick"])
    assert done.code == 4 and "it failed on 3 requests, of which 0 are borne" in done.json["reason"], done
    assert as_before(project, port, row)


def test_errors_that_are_borne(project, row, numbers):
    port = targets(project, watch=0.5, errors=5)["port"]
    assert deploy(project, numbers["sick"]).code == 0 and serves(port, row) == numbers["sick"]


def test_a_first_one_that_fails_leaves_nothing(project, numbers):
    port = targets(project)["port"]
    done = deploy(project, numbers["silent"])
    assert done.code == 4 and done.json["from"] is None
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{port}/", trust_env=False)
    assert cli("deployments", "--json", project=project).json["targets"][0]["status"] == "nothing"


def test_a_port_that_somebody_has(project, row):
    import socket

    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        targets(project, port=other.getsockname()[1])
        done = deploy(project, 1)
    assert done.code == 4 and "HAProxy of target 'here': does not start" in done.json["reason"]
    assert "ddress already in use" in done.json["reason"]


def test_two_at_once(project, port, row):
    targets(project, port=port, watch=4)
    first = deploy_process(project, 2)
    holder = project.parent / "data" / "notemill" / "targets" / "plain" / "here" / "holder.json"
    assert running.until(holder.exists, 4 * PATIENCE)
    second = deploy(project, 3)
    assert second.code == 1 and f"process {first.pid}" in second.json["error"]["got"]
    assert "notemill deploy 2 --to here" in second.json["error"]["got"]
    third = deploy(project, 3, "--wait", 4 * PATIENCE)
    assert ended(first).code == 0 and third.code == 0 and third.json["from"] == 2 and serves(port, row) == 3


def test_what_was_killed_in_service_is_started_again(project, port, row):
    state = state_of(project)
    place = project.parent / "data/notemill/targets/plain/here"
    for one in (place / "releases" / state["serving"]["deployment"] / "score", place / "haproxy"):
        os.kill(running.numbers(one)[0], 9)
        assert running.until(lambda one=one: not running.lives(one), PATIENCE)
    shown = cli("deployments", "--json", project=project)
    assert (shown.code, shown.json["targets"][0]["status"]) == (1, "down")
    again = cli("deployments", "--again", "--json", project=project)
    assert (again.code, again.json["targets"][0]["status"]) == (0, "serving"), again.err
    assert "is started again" in again.err and as_before(project, port, row)


def test_other_ports_in_the_file_touch_nothing(project, port, row):
    place = project.parent / "data/notemill/targets/plain/here"
    before = running.numbers(place / "releases" / state_of(project)["serving"]["deployment"] / "score")
    targets(project, port=port, demo=free_port())
    done = deploy(project, 2)
    assert done.code == 2 and "and the file now says" in done.json["error"]["got"], done
    again = cli("deployments", "--again", "--json", project=project)
    assert again.json["targets"][0]["status"] == "broken" and "and the file now says" in again.out
    after = running.numbers(place / "releases" / state_of(project)["serving"]["deployment"] / "score")
    assert before == after and serves(port, row) == 1
    assert cli("undeploy", "here", project=project).code == 0


def test_a_target_that_is_ill_is_shown_so(project, port):
    config = project.parent / "data/notemill/targets/plain/here/haproxy.cfg"
    config.unlink()
    config.mkdir()
    again = cli("deployments", "--again", "--json", project=project)
    assert (again.code, again.json["targets"][0]["status"]) == (1, "broken") and "haproxy.cfg" in again.out, again
    config.rmdir()


@pytest.fixture
def small_disk(tmp_path):
    """A disk of its own below the state of targets, and how to fill it; skipped where nothing can be mounted."""
    place = tmp_path / "data"
    place.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(place)]
    if not shutil.which("mount") or subprocess.run(words, capture_output=True).returncode:
        pytest.skip("mounting needs more rights than this user has")

    def fill():
        with open(place / "filler", "wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"x" * 4096)
            except OSError:
                pass

    yield fill
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.parametrize("when", ["before", "starting", "watching"])
def test_a_full_disk(small_disk, project, port, row, tmp_path, when):
    place = tmp_path / "data/notemill/targets/plain/here"
    if when == "before":
        small_disk()
        done = deploy(project, 2)
    else:
        process = deploy_process(project, 2)
        reached = running.until(lambda: (state_of(project)["coming"] or {}).get("step") == when, 4 * PATIENCE, 0.001)
        small_disk()
        done = ended(process)
        assert reached
    assert done.code == (1 if when == "before" else 4), done
    assert ("o space left" in done.out or "the disk is full" in done.out) and "Traceback" not in done.err
    assert serves(port, row) == 1
    (tmp_path / "data" / "filler").unlink()
    again = cli("deployments", "--again", "--json", project=project)
    assert again.json["targets"][0]["status"] == "serving" and as_before(project, port, row)
    assert sum(running.lives(path.with_suffix("")) for path in place.glob("releases/*/score.lock")) == 1
