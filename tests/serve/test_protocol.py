"""HTTP itself: requests on one connection, one behind the other, and with parts of the server missing."""

import json
import signal
import socket
import subprocess
import sys

import httpx
import pytest
from serving_samples import environment


def connected(service):
    host, port = service.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), 60)


def request(row, more="", version="1.1", method="POST"):
    body = json.dumps(row).encode()
    return (f"{method} /predict HTTP/{version}\r\nhost: x\r\ncontent-type: application/json\r\n{more}"
            f"content-length: {len(body)}\r\n\r\n").encode() + body


def answers(connection, count):
    """(head, body) of so many."""
    file = connection.makefile("rb")
    found = []
    for _ in range(count):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = file.readline()
            assert line, head
            head += line
        length = next(int(one.split(b": ")[1]) for one in head.split(b"\r\n") if one.startswith(b"content-length"))
        found.append((head, json.loads(file.read(length))))
    return found


def test_requests_sent_together_are_answered_in_order(service, row):
    with connected(service) as connection:
        connection.sendall(b"".join(request(row, f"x-request-id: r{number}\r\n") for number in range(40)))
        assert [body["request"] for _, body in answers(connection, 40)] == [f"r{number}" for number in range(40)]


@pytest.mark.parametrize("more, version", [("connection: close\r\n", "1.1"), ("", "1.0")])
def test_who_wants_one_answer_gets_one_and_an_end(service, row, more, version):
    with connected(service) as connection:
        connection.sendall(request(row, more, version))
        ((head, body),) = answers(connection, 1)
        assert b"connection: close\r\n" in head and body["prediction"]
        assert connection.recv(1) == b""


def test_who_waits_for_leave_to_send_gets_it(service, row):
    whole = request(row, "expect: 100-continue\r\n")
    place = whole.index(b"\r\n\r\n") + 4
    with connected(service) as connection:
        connection.sendall(whole[:place])
        assert connection.recv(100).startswith(b"HTTP/1.1 100 Continue")
        connection.sendall(whole[place:])
        assert b" 200 " in answers(connection, 1)[0][0]


def test_an_answer_has_a_date_and_says_its_length(service, row):
    answer = httpx.post(f"{service.url}/predict", json=row)
    assert answer.headers["date"].endswith("GMT") and int(answer.headers["content-length"]) == len(answer.content)
    assert "server" not in answer.headers


def test_what_is_no_http_is_refused(service):
    with connected(service) as connection:
        connection.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 200)
        assert connection.recv(100).startswith(b"HTTP/1.1 400")


PLAIN = """import sys
from notemill.serve import main, server
server.find_spec = lambda name: None
sys.exit(main.main(sys.argv[1:]))
"""


def test_without_httptools_and_uvloop_it_answers_the_same(packages, row, known):
    process = subprocess.Popen([sys.executable, "-c", PLAIN, str(packages()), "--port", "0", "--json"], text=True,
                               stdout=subprocess.PIPE, env=environment())
    try:
        url = json.loads(process.stdout.readline())["url"]
        answer = httpx.post(f"{url}/predict", json=row)
        refused = httpx.post(f"{url}/predict", json={})
    finally:
        process.send_signal(signal.SIGTERM)
        code = process.wait(60)
        process.stdout.close()
    assert answer.json()["prediction"] == known["predictions"][0] and answer.headers["x-model-version"]
    assert (refused.status_code, refused.headers["content-type"], code) == (422, "application/problem+json", 0)
