"""Told to end, it answers what has begun; several workers share a port, and their figures add up."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest
from serving_samples import command, environment, serving

from notemill.serve.log import read
from notemill.serve.options import parser
from notemill.serve.workers import Team

PATIENCE = 60


def begun(service, body):
    """A connection on which half of a request has been sent; `finish` sends the rest and gives the answer."""
    host, port = service.url.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)), PATIENCE)
    connection.sendall(b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
                       b"content-length: %d\r\n\r\n" % len(body) + body[:5])
    time.sleep(0.3)

    def finish():
        connection.sendall(body[5:])
        found = b""
        while piece := connection.recv(65536):
            found += piece
        connection.close()
        return found
    return finish


def test_what_has_begun_is_answered_and_nobody_new_let_in(packages, row):
    with serving(packages()) as running:
        finish = begun(running, json.dumps(row).encode())
        running.process.send_signal(signal.SIGTERM)
        end = time.monotonic() + PATIENCE
        while reachable(running) and time.monotonic() < end:
            time.sleep(0.05)
        assert not reachable(running) and running.process.poll() is None
        answer = finish()
        assert b" 200 " in answer[:15] and b"prediction" in answer
        assert running.process.wait(PATIENCE) == 0


def reachable(service):
    try:
        return httpx.get(f"{service.url}/ping").status_code == 200
    except httpx.TransportError:
        return False


def test_ctrl_c_ends_it_with_130(packages):
    with serving(packages()) as running:
        assert running.stop(signal.SIGINT) == 130


def test_it_may_say_first_that_it_ends(packages, row):
    with serving(packages(), "--drain", 3) as running, httpx.Client(base_url=running.url) as client:
        assert client.get("/v2/health/ready").status_code == 200
        running.process.send_signal(signal.SIGTERM)
        end = time.monotonic() + 3
        while client.get("/v2/health/ready").status_code == 200 and time.monotonic() < end:
            time.sleep(0.02)
        answer = httpx.get(f"{running.url}/v2/health/ready")
        assert answer.status_code == 503 and answer.headers["retry-after"] == "1"
        assert httpx.post(f"{running.url}/predict", json=row).status_code == 200
        assert client.get("/ping").status_code == 503 and client.get("/v2/health/live").status_code == 200
        assert running.process.wait(PATIENCE) == 0


def test_a_port_that_is_taken(packages):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        words = [port if word == "0" else word for word in command(packages())]
        done = subprocess.run(words, capture_output=True, text=True, env=environment(), timeout=120)
    assert done.returncode == 1 and "in use" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("words", [["--port", "70000"], ["--workers", "0"], ["--seconds", "x"], ["--max", "3"], []])
def test_wrong_usage_ends_with_2(words):
    done = subprocess.run([sys.executable, "-m", "notemill.serve", *words, "--json"], capture_output=True, text=True,
                          env=environment())
    assert done.returncode == 2 and "Traceback" not in done.stderr and json.loads(done.stdout)["error"]["got"]


@pytest.mark.parametrize("words", [["--seconds", "0"], ["--seconds", "nan"], ["--drain", "-1"]])
def test_no_time_at_all(packages, words):
    done = subprocess.run(command(packages(), *words), capture_output=True, text=True, env=environment(), timeout=120)
    assert done.returncode == 2 and f"argument {words[0]}: '{words[1]}'" in json.loads(done.stdout)["error"]["got"]


def test_ending_at_once_may_be_said():
    assert parser("").parse_args(["x", "--drain", "0"]).drain == 0


@pytest.mark.parametrize("words, prog", [([], "python -m notemill.serve"), (["--called", "notemill serve"],
                                                                            "notemill serve")])
def test_a_mistake_is_told_of_the_command_that_was_called(words, prog):
    for wrong in (["--workers", "0"], []):
        done = subprocess.run([sys.executable, "-m", "notemill.serve", *words, *wrong], capture_output=True, text=True,
                              env=environment())
        assert done.returncode == 2 and done.stderr.startswith(f"{prog}: ")
        assert f"\n  {prog} --help" in done.stderr or not wrong


@pytest.mark.parametrize("name, words", [
    ("file", "is a file, and the log is a folder"), ("file/in", "no log can be kept: Not a directory")])
def test_a_log_that_cannot_be(packages, tmp_path, name, words):
    (tmp_path / "file").write_text("")
    done = subprocess.run([*command(packages()), "--log", tmp_path / name], capture_output=True, text=True,
                          env=environment(), timeout=120)
    assert done.returncode == 2 and f"--log {tmp_path / name}: {words}" in done.stderr
    assert "Traceback" not in done.stderr and json.loads(done.stdout)["error"]["got"]


# those who hold a connection
def talk(service, row, found):
    """Ask on one connection, with pauses, until it is told to close: the statuses, or what went wrong."""
    connection = http.client.HTTPConnection(service.url.removeprefix("http://"), timeout=PATIENCE)
    connection.connect()
    connection.auto_open = False  # a closed one is not quietly replaced
    try:
        while True:
            connection.request("POST", "/predict", json.dumps(row), {"content-type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            found.append(answer.status)
            if answer.getheader("connection") == "close":
                return
            time.sleep(0.2)
    except OSError as error:
        found.append(repr(error))
    finally:
        connection.close()


@pytest.mark.parametrize("drain", [0, 1])
def test_who_holds_a_connection_hears_that_it_closes(packages, row, drain):
    with serving(packages(), "--drain", drain) as running:
        found = [[] for _ in range(6)]
        threads = [threading.Thread(target=talk, args=(running, row, one)) for one in found]
        for thread in threads:
            thread.start()
            time.sleep(0.03)  # so that some are idle whenever it is told
        time.sleep(0.5)
        assert running.stop() == 0
        for thread in threads:
            thread.join(PATIENCE)
    assert all(one and set(one) == {200} for one in found), found


def test_who_holds_one_and_says_nothing_does_not_hold_it_up(packages):
    with serving(packages()) as running, httpx.Client(base_url=running.url) as client:
        client.get("/ping")
        began = time.monotonic()
        assert running.stop() == 0 and time.monotonic() - began < 20


# several workers
@pytest.fixture(scope="module")
def team(packages, tmp_path_factory):
    with serving(packages(), "--workers", 2, "--log", tmp_path_factory.mktemp("log") / "log",
                 faultless=False) as running:
        yield running


def workers(service):
    """The processes' ids (Linux)."""
    own = service.process.pid
    found = Path(f"/proc/{own}/task/{own}/children").read_text().split()
    return [int(pid) for pid in found if b"--inherited" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def scored(service):
    text = httpx.get(f"{service.url}/metrics").text
    return int(re.search(r'notemill_rows_total\{outcome="scored"\} (\d+)', text)[1])


def test_figures_of_all_workers_add_up(team, row):
    assert team.said["workers"] == 2 and len(workers(team)) == 2
    before, ids = scored(team), set()
    for _ in range(40):
        ids.add(httpx.post(f"{team.url}/predict", json=row).json()["request"].partition("-")[0])
    assert len(ids) == 2  # both have answered
    assert [scored(team) - before for _ in range(6)] == [40] * 6


def test_a_worker_that_dies_is_replaced_and_its_figures_stay(team, row):
    httpx.post(f"{team.url}/predict", json=row)
    before, (gone, left) = scored(team), workers(team)
    for _ in range(2):  # the second dies at once: the other one goes on all the same
        os.kill(gone, signal.SIGKILL)
        wait_for(lambda gone=gone: gauge(team, "workers") == 1 and gone not in workers(team))
        assert httpx.post(f"{team.url}/predict", json=row).status_code == 200
        wait_for(lambda: set(workers(team)) - {left})
        (gone,) = set(workers(team)) - {left}
    wait_for(lambda: gauge(team, "workers") == 2)
    assert left in workers(team) and scored(team) == before + 2
    assert httpx.post(f"{team.url}/predict", json=row).status_code == 200


def wait_for(found):
    end = time.monotonic() + PATIENCE
    while not found():
        assert time.monotonic() < end
        time.sleep(0.05)


def gauge(service, name):
    return int(re.search(rf"^notemill_{name} (\d+)$", httpx.get(f"{service.url}/metrics").text, re.MULTILINE)[1])


def test_the_log_of_those_that_live(packages, row, tmp_path):
    with serving(packages(), "--workers", 2, "--log", tmp_path / "log", faultless=False) as running:
        for _ in range(60):
            assert httpx.post(f"{running.url}/predict", json=row).status_code == 200
        wait_for(lambda: gauge(running, "log_waiting_rows") == 60)
        os.kill(workers(running)[0], signal.SIGKILL)
        wait_for(lambda: gauge(running, "workers") == 1)
        assert 0 < gauge(running, "log_waiting_rows") < 60  # those of the worker that lives
        wait_for(lambda: gauge(running, "workers") == 2)
        assert gauge(running, "log_trouble") == gauge(running, "log_damaged_lines") == 0
        assert 0 < gauge(running, "log_bytes") < gauge(running, "log_limit_bytes") == 1024 * 10**6
        assert read(tmp_path / "log").count_rows() == 60


def test_pauses_grow_and_end(tmp_path, capsys):
    team = Team([], None, tmp_path, 1)
    found = []
    for lived in (0.1, 0.1, 0.1, 9.0, 0.1):
        team.running[0] = None, 0.0
        team.ended(0, -9, lived)
        found.append(team.pauses[0])
    assert found == [1, 2, 4, 0, 1] and not team.running and team.due
    assert "worker 0 ended with -9: another one starts in 4 s" in capsys.readouterr().err


def test_they_end_together(packages):
    with serving(packages(), "--workers", 2) as running:
        pids = workers(running)
        assert running.stop() == 0
        assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_they_do_not_outlive_their_supervisor(packages):
    with serving(packages(), "--workers", 2) as running:
        pids = workers(running)
        running.process.kill()
        end = time.monotonic() + PATIENCE
        while (left := [pid for pid in pids if alive(pid)]) and time.monotonic() < end:
            time.sleep(0.1)
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        assert left == []


def alive(pid):
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_workers_that_cannot_start_end_it(fresh):
    (fresh / "card.md").write_text("better")
    done = subprocess.run(command(fresh, "--workers", 2), capture_output=True, text=True, env=environment(),
                          timeout=120)
    assert done.returncode == 1 and "card.md has changed" in done.stderr
