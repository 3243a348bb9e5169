"""The parts by themselves: processes, doors, sites, and what an engine or HAProxy answers."""

import http.server
import os
import shutil
import socket
import struct
import subprocess
import threading
import time
from types import SimpleNamespace

import pytest

from notemill.errors import NotemillError
from notemill.release.deploy import deploying, haproxy, running, sites
from notemill.release.deploy.door import Failed, counters, is_ready
from notemill.release.deploy.plain import Plain
from notemill.release.deploy.process import Http, Process
from notemill.release.deploy.state import PORT, Coming, Release, State
from notemill.release.deploy.targets import Target
from notemill.release.image.inside import received

ENVIRON = {"PATH": os.environ["PATH"]}


def release(deployment="d1", slot="s1", **more):
    return Release(deployment, 1, "plain", "c", "m", "nowhere", "0" * 64, slot, "now", **more)


def site_in(folder, kind=Process, **facts):
    target = Target("here", "plain", folder, "process", port=8100, **{"ready": 5.0, **facts})
    return kind(target, {**ENVIRON, "XDG_DATA_HOME": str(folder)}, print)


@pytest.fixture
def sleeper(tmp_path):
    """A program that lives; it is ended after the test."""
    places = []

    def started(place=tmp_path / "one", *words):
        running.start(place, words or ["sleep", "100"], ENVIRON)
        places.append(place)
        assert running.until(lambda: running.numbers(place), 10)
        return place

    yield started
    for place in places:
        running.stop(place)


# processes
def test_its_number_is_its_own(sleeper):
    number, group = running.numbers(sleeper())
    assert os.getpgid(number) == group != os.getpgid(0)


def test_what_runs_is_not_started_again(sleeper):
    place = sleeper()
    known, began = running.numbers(place), time.monotonic()
    with pytest.raises(OSError, match="it runs already"):
        running.start(place, ["sleep", "100"], ENVIRON)
    assert running.numbers(place) == known and time.monotonic() - began < 10


def test_on_a_full_disk_nothing_runs_without_a_number(tmp_path):
    place = tmp_path / "disk" / "one"
    place.parent.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place.parent)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting needs more rights than this user has")
    try:
        with pytest.raises(OSError), open(place.with_name("filler"), "wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
        running.start(place, ["sleep", "100"], ENVIRON)
        assert running.until(lambda: not running.lives(place), 5)
    finally:
        subprocess.run(["umount", "-l", str(place.parent)], check=True)


def test_what_cannot_be_ended_is_told(sleeper, monkeypatch, tmp_path):
    monkeypatch.setattr(running, "PATIENCE", 0.5)
    place = sleeper(tmp_path / "two", "sh", "-c", "setsid sh -c 'touch gone; exec sleep 5' & exec sleep 100")
    assert running.until((tmp_path / "gone").exists, 10)
    with pytest.raises(OSError, match="does not end"):
        running.stop(place, 0.2)
    assert running.until(lambda: not running.lives(place), 20)


# sites
def test_a_part_that_the_file_has_no_more_ends_too(tmp_path, sleeper):
    site, old = site_in(tmp_path), release(urls={"score": "http://here:1", "demo": "http://here:2"})
    places = [sleeper(site.place(old, part)) for part in ("score", "demo")]
    site.end(old)
    assert [running.lives(place) for place in places] == [False, False] and "demo" not in site.target.parts


def test_without_haproxy_the_way_back_ends_what_still_lives(tmp_path, sleeper):
    site = site_in(tmp_path, Plain, demo=8101, ready=120.0)
    old = release(slot=PORT, urls={"score": "http://here:1", "demo": "http://here:2"})
    place = sleeper(site.place(old, "score"))
    with pytest.raises(Failed, match="did not start"):  # there is no such package
        site.back(release("d2", PORT), old)
    assert running.until(lambda: not running.lives(place), 60)  # also the new one, which said why before it ended


def test_what_was_begun_without_haproxy_stays_so(tmp_path, monkeypatch):
    monkeypatch.setattr(sites, "find_haproxy", lambda: "haproxy")
    site = site_in(tmp_path)
    project = SimpleNamespace(environ=site.environ)
    assert type(sites.site_of(site.target, project, print)) is Process
    site.save(State(coming=Coming(release(slot=site_in(tmp_path, Plain).free_slot(State())))))
    assert type(sites.site_of(site.target, project, print)) is Plain


def test_an_old_one_that_was_started_again_is_kept_warm(tmp_path, monkeypatch):
    class Restarted(Process):
        def dead(self, release):
            return "it was started again"

        def down(self, release):
            return None

    kept = []
    monkeypatch.setattr(haproxy, "admit", lambda *words: None)
    monkeypatch.setattr(haproxy, "switch", lambda tell, part, new, old, warm, patience: kept.append(warm))
    site_in(tmp_path, Restarted).switch(release("d2", "s2", addresses={"score": "127.0.0.1:2"}),
                                        release(addresses={"score": "127.0.0.1:1"}))
    assert kept == ["127.0.0.1:1"]


def test_a_first_one_that_fails_leaves_nothing_under_way(tmp_path, monkeypatch):
    class Taken(Process):
        def ensure(self, state):
            raise OSError("somebody has the port")

    monkeypatch.setattr(deploying.noted, "note", lambda *words: None)
    site, state = site_in(tmp_path, Taken), State(coming=Coming(release()))
    site.save(state)
    done = deploying.undone(None, site.target, site, state, Failed("somebody has the port"), print)
    assert done.problem is None and site.read() == State()


# answers
def test_an_answer_that_breaks_off_is_none():
    class Dying(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(500 if "error" in self.path else 200)
            self.send_header("Content-Length", "100")
            self.end_headers()
            self.wfile.write(b"half")

        def log_message(self, *words):
            """Nothing."""

    with http.server.HTTPServer(("127.0.0.1", 0), Dying) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        door = Http(f"http://127.0.0.1:{server.server_port}")
        for path in ("/metrics", "/error"):
            with pytest.raises(OSError, match="broke off"):
                door.ask("GET", path)
        assert not is_ready(door, "/healthz")
        server.shutdown()


def test_a_server_that_haproxy_does_not_tell_of():
    wanted = haproxy.layout(State(), "score")
    with pytest.raises(NotemillError, match="does not tell of score/s1"):
        haproxy.align(lambda words: "", "score", wanted)


def frame(number, data):
    return struct.pack(">BxxxL", number, len(data)) + data


@pytest.mark.parametrize("sent, said", [
    ((frame(1, b"Pid: "), frame(1, b"7\n")), (b"Pid: 7\n", b"")), ((), (b"", b"")),
    ((frame(1, b"out")[:5], frame(1, b"out")[5:] + frame(2, b"err")), (b"out", b"err")),
    ((frame(1, b"out"), frame(1, b"more")[:-1]), None), ((frame(1, b"out")[:3],), None)])
def test_an_engine_s_answer_is_whole_or_none(sent, said):
    here, there = socket.socketpair()
    with here, there:
        for piece in sent:
            there.sendall(piece)
        there.shutdown(socket.SHUT_WR)
        if said is None:
            with pytest.raises(ConnectionError, match="broke off"):
                received(here)
        else:
            assert received(here) == said


def docker_site(monkeypatch, folder, project, name):
    pytest.importorskip("docker")
    from notemill.release.deploy.docker import site

    monkeypatch.setattr(site, "connect", lambda environ: SimpleNamespace(
        volumes=SimpleNamespace(list=lambda filters: [SimpleNamespace(name=filters["name"])])))
    target = Target(name, project, folder, "docker", port=8100)
    return site.Docker(target, SimpleNamespace(environ={}), print)


def test_two_targets_never_have_the_same_names(tmp_path, monkeypatch):
    names = [site.owned.called(what) for site in (
        docker_site(monkeypatch, tmp_path, *one) for one in (("foo", "bar-x"), ("foo-bar", "x"), ("foo_x", "bar"),
                                                             ("foo", "x"), ("foo", "keys"), ("keys_foo", "x")))
             for what in ("", "keys", "proxy", "lock")]
    assert len(set(names)) == len(names)


def test_a_state_whose_proxy_is_gone_is_read(tmp_path, monkeypatch):
    site, made = docker_site(monkeypatch, tmp_path, "plain", "here"), []
    monkeypatch.setattr(site.proxy, "found", lambda: made or None)
    monkeypatch.setattr(site.proxy, "there", lambda: made.append("proxy"))
    monkeypatch.setattr(site.proxy, "got", lambda name: b'{"format": 1, "serving": null, "coming": null}')
    assert site.read() == State() and made == ["proxy"]


class Counting:
    """A service's door, which tells of so many faults and workers."""

    def __init__(self, **told):
        self.text = "".join(f"{line}\n" for line in told.values())

    def ask(self, method, path, body=None):
        return 200, self.text.encode()


FAULT = 'notemill_refusals_total{reason="fault"} 2'


@pytest.mark.parametrize("told, errors, why", [
    ({"faults": FAULT, "workers": "notemill_workers 2"}, 2, None), ({"faults": FAULT}, 2, "1 of 2 serve"),
    ({"faults": FAULT, "workers": "notemill_workers 2"}, 1, "failed on 2 requests, of which 1 are borne"),
    ({"faults": FAULT, "workers": "notemill_workers 1"}, 2, "a worker of its service died: 1 of 2 serve"),
    ({"workers": "notemill_workers 2"}, 2, "does not tell its counters")])
def test_a_service_s_own_counters(told, errors, why):
    target = Target("here", "plain", None, "process", port=8100, errors=errors, workers=2)
    if why is None:
        return deploying.check_counters(target, counters(Counting(**told)), errors)
    with pytest.raises(Failed, match=why):
        deploying.check_counters(target, counters(Counting(**told)), errors)
