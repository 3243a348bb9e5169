"""What one caller may take of the drop's time and room: small limits, in this process."""

import socket
import threading
import time
from contextlib import contextmanager

import drop_process
import pytest
from drop_process import TOKENS, get, put

from notemill.ci.drop.areas import Area, Limits
from notemill.ci.drop.server import Server
from notemill.ci.drop.shelf import Full, Shelf

AREAS = {name: Area(name, token, 14, 10_000_000) for name, token in TOKENS.items()}


@contextmanager
def serving(folder, **limits):
    server = Server(("127.0.0.1", 0), Shelf(folder, AREAS), Limits(**limits))
    server.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def connect(server):
    return socket.create_connection(("127.0.0.1", server.server_port), timeout=20)


def answer(one):
    found = b""
    while chunk := one.recv(65536):
        found += chunk
    return found


def slowly(one, content, pause):
    for byte in content:
        try:
            one.sendall(bytes([byte]))
        except OSError:
            return
        time.sleep(pause)


def head_of(size):
    return (f"PUT /pull-request/{'a' * 64}/a.txt HTTP/1.1\r\nHost: x\r\n"
            f"Authorization: Bearer {TOKENS['pull-request']}\r\nContent-Length: {size}\r\n\r\n").encode()


def test_a_head_that_comes_byte_by_byte_is_cut(tmp_path):
    with serving(tmp_path, head=0.5) as server, connect(server) as one:
        began = time.monotonic()
        slowly(one, b"GET /healthz HTTP/1.1\r\nHost: abcdefghijklmnopqrstuvwxyz\r\n\r\n", 0.05)
        assert time.monotonic() - began < 3 and b"200" not in safe(one)


def safe(one):
    try:
        return answer(one)
    except ConnectionError:
        return b""


@pytest.mark.parametrize("limits", [{"idle": 0.4}, {"whole": 0.6}])
def test_a_body_that_comes_too_slowly_is_cut(tmp_path, limits):
    with serving(tmp_path, **limits) as server, connect(server) as one:
        one.sendall(head_of(100))
        if "whole" in limits:
            slowly(one, b"x" * 12, 0.06)
        assert b" 408 " in answer(one).splitlines()[0]
        assert not any((tmp_path / ".new").iterdir()) and server.shelf.held["pull-request"] == 0


def test_no_more_bodies_at_once_than_allowed(tmp_path):
    with serving(tmp_path, bodies=1) as server, connect(server) as one:
        one.sendall(head_of(100) + b"x")
        time.sleep(0.3)
        assert put(server, b"other", "b.txt")[0] == 503
        assert get(f"{server.url}/healthz")[0] == 200
        one.sendall(b"x" * 99)
        assert b" 422 " in answer(one)
        assert put(server, b"other", "b.txt")[0] == 201


def test_no_more_connections_at_once_than_allowed(tmp_path):
    with serving(tmp_path, connections=2) as server:
        held = [connect(server) for _ in range(2)]
        time.sleep(0.3)
        with connect(server) as third:
            assert b" 503 " in answer(third)
        for one in held:
            one.close()
        time.sleep(0.3)
        assert get(f"{server.url}/healthz")[0] == 200


def test_room_that_was_reserved_is_given_back(tmp_path):
    shelf = Shelf(tmp_path, AREAS)
    with pytest.raises(ValueError), shelf.reserved("main", 1000):
        raise ValueError
    assert shelf.held["main"] == 0


def test_the_disk_keeps_some_room(tmp_path):
    shelf = Shelf(tmp_path, AREAS, spare=10**18)
    with pytest.raises(Full, match="disk"), shelf.reserved("main", 1):
        pass


def test_what_is_held_is_counted_anew_at_the_start(tmp_path):
    with serving(tmp_path) as server:
        put(server, b"x" * 5000, "a.txt")
        held = dict(server.shelf.held)
    assert held["pull-request"] == 3 * 4096 and Shelf(tmp_path, AREAS).held == held
    assert drop_process.sha(b"x" * 5000) in str(next((tmp_path / "pull-request").glob("*/*")))
