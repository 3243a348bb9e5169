"""The parts by themselves: processes, doors, sites, and what an engine or HAProxy answers."""

import contextlib
import http.server
import os
import shutil
import socket
import struct
import subprocess
import threading
import time
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import pytest
from deploy_samples import Load, free_port

from notemill.errors import NotemillError, UsageError
from notemill.release.deploy import deploying, haproxy, running, sites
from notemill.release.deploy.door import Failed, counters, is_ready
from notemill.release.deploy.lasting import check_same_kind, lasting_of
from notemill.release.deploy.plain import Plain
from notemill.release.deploy.process import Http, Process, find_haproxy
from notemill.release.deploy.state import PORT, WATCHING, Coming, Release, State
from notemill.release.deploy.targets import Target
from notemill.release.image.inside import received

ENVIRON = {"PATH": os.environ["PATH"]}


def release(deployment="d1", slot="s1", **more):
    return Release(deployment, 1, "plain", "c", "m", "nowhere", "0" * 64, slot, "now", **more)


def site_in(folder, kind=Process, **facts):
    target = Target("here", "plain", folder, "process", **{"port": 8100, "ready": 5.0, **facts})
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
    monkeypatch.setattr(deploying, "hidden", lambda project, text: text)
    site, state = site_in(tmp_path, Taken), State(coming=Coming(release()))
    site.save(state)
    done = deploying.undone(deploying.Work(None, site.target, site, print), state, Failed("somebody has the port"))
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
    with pytest.raises(NotemillError, match="its container is gone") as told:  # who only looks makes nothing
        site.read()
    assert made == [] and "--again" in told.value.hint
    site.lock = "mine"
    assert site.read() == State() and made == ["proxy"]


def test_who_lost_the_lock_changes_nothing(tmp_path, monkeypatch):
    """It ends with the engine, and somebody else may have it when that is back."""
    site, written = docker_site(monkeypatch, tmp_path, "plain", "here"), []
    monkeypatch.setattr(site.proxy, "put", lambda name, data: written.append(name))
    site.lock = "mine"
    for now in (None, SimpleNamespace(id="another", status="running"), SimpleNamespace(id="mine", status="exited")):
        monkeypatch.setattr(site.owned, "container", lambda name, now=now: now)
        for act in (partial(site.save, State()), partial(site.ensure, State()), partial(site.back, release(), None)):
            with pytest.raises(NotemillError, match="the lock of this command is gone") as told:
                act()
            assert "--again" in told.value.hint
    assert written == []
    monkeypatch.setattr(site.owned, "container", lambda name: SimpleNamespace(id="mine", status="running"))
    site.save(State())
    assert written == ["state.json"]


def test_a_lock_that_is_taken_away_again_and_again(monkeypatch):
    docker = pytest.importorskip("docker")
    from notemill.release.deploy.docker import lock

    def begun(owned, image, what):
        tried.append(what)
        raise docker.errors.NotFound("no such container")

    tried, owned = [], SimpleNamespace(target=SimpleNamespace(name="here"), called=str, container=lambda name: None)
    monkeypatch.setattr(lock, "begun", begun)
    with pytest.raises(NotemillError, match="is being changed by somebody"):
        lock.take(owned, "image", "what", time.monotonic() + 1)
    assert len(tried) < 6


def test_a_file_beside_the_proxy_is_there_whole_or_as_it_was(tmp_path):
    from notemill.release.deploy.docker.proxy import MOVE

    new, old = tmp_path / ".state.new", tmp_path / "state"
    old.write_text("old")
    words = ["bash", "-c", MOVE, "-", str(new), str(old), str(tmp_path)]
    assert subprocess.run(words, capture_output=True).returncode and old.read_text() == "old"
    new.write_text("new")
    assert subprocess.run(words).returncode == 0 and old.read_text() == "new" and not new.exists()


@pytest.mark.parametrize("now, told", [
    ({"keys": "k"}, "serves with keys: none, and the file now says keys: FILE"),
    ({"proxy": "haproxy:3.0"}, "serves with proxy: none, and the file now says proxy: haproxy:3.0"), ({}, None)])
def test_what_a_proxy_s_container_cannot_get_while_it_serves(tmp_path, now, told):
    before, after = (Target("here", "plain", tmp_path, "docker", port=8100, **facts) for facts in ({}, now))
    state = State(release(**lasting_of(before)))
    if told is None:
        return check_same_kind(after, state)
    with pytest.raises(UsageError, match=told) as found:
        check_same_kind(after, state)
    check_same_kind(after, State(release()))  # of an older notemill, which did not write it down
    assert "notemill undeploy here" in found.value.hint


# the way back
def test_containers_are_gone_back_to_where_they_are_now(tmp_path, monkeypatch):
    """After the engine's restart they may have exchanged their addresses."""
    site, told, now = docker_site(monkeypatch, tmp_path, "plain", "here"), [], "172.18.0.2"
    found = SimpleNamespace(attrs={"NetworkSettings": {"Networks": {site.owned.called(): {"IPAddress": now}}},
                                   "State": {"Running": True}})
    monkeypatch.setattr(site, "container", lambda one, part: found)
    monkeypatch.setattr(site.traffic, "tell", lambda words: told.append(words) or answer(words))
    old = site.back(release("d2", "s2"), release(addresses={"score": "172.18.0.3:8000"}))
    assert old.addresses == {"score": f"{now}:8000"} and "172.18.0.3" not in str(told)
    assert f"set server score/s1 addr {now} port 8000" in told and "set server score/s1 state ready" in told


def answer(words):
    """Of a HAProxy whose s1 is up, and in maintenance."""
    if words.startswith("show servers state"):
        columns = ["1", "score", "1", "s1", "127.0.0.1", "2", "1", *"----", "3", *"------", "1"]
        return " ".join(columns)
    return "Pid: 1" if words == "show info" else ""


@pytest.mark.skipif(find_haproxy() is None, reason="HAProxy is not installed (apt-get install haproxy)")
def test_nobody_s_request_fails_on_the_way_back(tmp_path):
    """The old one is somewhere else than it was, where the new one is by now, and is not ready yet."""
    class Moved(Process):
        def fresh(self, one):
            return replace(one, addresses={"score": there})

    with serving("1", late=2) as there, serving("2") as here:
        old, new = (release(f"d{number}", f"s{number}", addresses={"score": here}) for number in (1, 2))
        site = site_in(tmp_path, Moved, port=free_port(), ready=20.0)
        try:
            site.ensure(State(old, Coming(new, WATCHING, old)))
            with Load(site.target.port, {"a": 1}, threads=2) as load:
                assert running.until(lambda: load.done > 5, 20)
                back = site.back(new, old)
                load.versions.clear()
                assert running.until(lambda done=load.done: load.done > done + 5, 20)
            assert load.failed == [] and load.versions == {"1"} and back.addresses == {"score": there}
        finally:
            site.close()


@contextlib.contextmanager
def serving(version, late=0):
    """Where a service of that version answers; it is not ready for the first `late` seconds after it was asked."""
    begun = []

    class Answers(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            begun.append(time.monotonic())
            self.send_response(200 if time.monotonic() >= begun[0] + late else 503)
            self.send_header("x-model-version", version)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_POST = do_GET

        def log_message(self, *words):
            """Nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


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
