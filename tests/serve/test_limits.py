"""Limits: bodies (in pieces, too), rows, time, heads, and how many at once."""

import json
import socket
import time

import httpx
import pytest
from serving_samples import serving

BODY, ROWS, SECONDS = 20_000, 50, 2


@pytest.fixture(scope="module")
def strict(packages):
    with serving(packages(), "--max-body", BODY, "--max-rows", ROWS, "--seconds", SECONDS, "--max-requests",
                 3) as running:
        yield running


@pytest.fixture
def client(strict):
    with httpx.Client(base_url=strict.url, timeout=30) as found:
        yield found


def connected(service):
    host, port = service.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), 30)


def head(length, more=""):
    return (f"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n{more}"
            f"content-length: {length}\r\n\r\n").encode()


def all_of(connection):
    """What comes until the other side closes."""
    found = b""
    while piece := connection.recv(65536):
        found += piece
    return found


def pieces(size):
    for _ in range(size // 1000):
        yield b" " * 1000


def test_a_body_too_large(client, row):
    answer = client.post("/predict", content=b" " * (BODY + 1), headers={"content-type": "application/json"})
    assert answer.status_code == 413 and f"{BODY:,} bytes" in answer.json()["detail"]
    assert client.post("/predict", json=row).status_code == 200


def test_a_body_too_large_of_which_nobody_told_the_length(client):
    answer = client.post("/predict", content=pieces(BODY + 2000), headers={"content-type": "application/json"})
    assert "content-length" not in answer.request.headers and answer.status_code == 413


def test_a_body_in_pieces_that_is_not_too_large(client, row):
    text = json.dumps(row).encode()
    answer = client.post("/predict", content=(text[i:i + 7] for i in range(0, len(text), 7)),
                         headers={"content-type": "application/json"})
    assert answer.status_code == 200


def test_a_body_without_end_is_given_up(strict):
    with connected(strict) as connection:
        connection.sendall(head(0).replace(b"content-length: 0", b"transfer-encoding: chunked"))
        sent = 0
        try:
            while sent < 100 * BODY:
                connection.sendall(b"3e8\r\n" + b" " * 1000 + b"\r\n")
                sent += 1000
        except OSError:  # closed on the way
            pass
        assert sent < 100 * BODY


def test_a_length_that_is_told_and_far_too_large_is_refused_at_once(strict):
    with connected(strict) as connection:
        connection.sendall(head(10**12) + b" ")
        assert b" 413 " in all_of(connection).split(b"\r\n")[0]


def test_too_many_rows(client, row):
    answer = client.post("/predict", json=[{}] * (ROWS + 1))
    assert answer.status_code == 413 and answer.json()["type"] == "/docs#too-many-rows"
    assert client.post("/predict", json=[row] * ROWS).status_code == 200


def test_a_body_that_does_not_come_in_time(strict):
    with connected(strict) as connection:
        began = time.monotonic()
        connection.sendall(head(100) + b"{")
        assert b" 408 " in all_of(connection).split(b"\r\n")[0]
        assert SECONDS / 2 < time.monotonic() - began < SECONDS * 5


def test_more_than_fit_at_once_are_told_to_come_again(strict, client, row):
    held = [connected(strict) for _ in range(3)]
    try:
        for connection in held:
            connection.sendall(head(100) + b"{")
        end = time.monotonic() + SECONDS
        while (answer := client.post("/predict", json=row)).status_code == 200 and time.monotonic() < end:
            time.sleep(0.01)
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
        assert client.get("/v2/health/ready").status_code == 200  # and other than scoring goes on
    finally:
        for connection in held:
            connection.close()
    end = time.monotonic() + 20
    while client.post("/predict", json=row).status_code != 200 and time.monotonic() < end:
        time.sleep(0.05)
    assert client.post("/predict", json=row).status_code == 200


@pytest.mark.parametrize("more", ["x: " + "y" * 40_000 + "\r\n", "".join(f"x{i}: y\r\n" for i in range(200))])
def test_a_head_too_large(strict, more):
    with connected(strict) as connection:
        connection.sendall(head(2, more) + b"{}")
        assert b" 431 " in all_of(connection).split(b"\r\n")[0]


def test_a_head_without_end_is_given_up(strict):
    with connected(strict) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nx: ")
        sent = 0
        try:
            while sent < 50_000_000:
                connection.sendall(b"y" * 10_000)
                sent += 10_000
        except OSError:
            pass
        assert sent < 50_000_000


@pytest.mark.slow
def test_a_head_that_does_not_come_in_time(strict):
    with connected(strict) as silent, connected(strict) as slow:
        slow.sendall(b"GET / HTTP/1.1\r\nx: ")
        assert b" 408 " in all_of(slow).split(b"\r\n")[0] and b" 408 " in all_of(silent).split(b"\r\n")[0]


def test_a_client_that_goes_away_leaves_nothing_behind(strict, client):
    for _ in range(5):
        with connected(strict) as connection:
            connection.sendall(head(100) + b"{")
    end = time.monotonic() + 20
    while "notemill_in_flight 0" not in client.get("/metrics").text and time.monotonic() < end:
        time.sleep(0.05)
    assert "notemill_in_flight 0" in client.get("/metrics").text
