"""The drop as a process: what it takes, what it gives, what it refuses, and what a killed one leaves."""

import hashlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import drop_process
import pytest
from drop_process import TOKENS, get, put, running, sha


@pytest.fixture(scope="module")
def drop(tmp_path_factory):
    with running(tmp_path_factory.mktemp("drop")) as found:
        yield found


def raw(drop, text, *, more=b"", seconds=20):
    """What comes back of bytes sent as they are."""
    host, port = drop.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=seconds) as one:
        one.sendall(text.encode("latin-1") + more)
        found = b""
        while chunk := one.recv(65536):
            found += chunk
    return found


def head_of(path, size, token=TOKENS["pull-request"], *lines):
    more = "".join(f"{line}\r\n" for line in lines)
    return f"PUT {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Length: {size}\r\n{more}\r\n"


def files(drop):
    return sorted(str(path.relative_to(drop.folder)) for path in drop.folder.rglob("*") if path.is_file())


def test_what_is_put_is_given_and_stays(drop):
    content = b"<p>one</p>"
    assert put(drop, content)[0] == 201
    status, url = put(drop, content)
    assert status == 200
    status, headers, given = get(url)
    assert (status, given) == (200, content) and headers["Content-Type"] == "text/html; charset=utf-8"
    assert "sandbox allow-scripts; default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff" and headers["Referrer-Policy"] == "no-referrer"
    assert headers["Access-Control-Allow-Origin"] is None
    assert get(url, "HEAD")[0] == 200 and get(url, "HEAD")[2] == b""


def test_an_empty_file_is_a_file(drop):
    status, url = put(drop, b"", "empty.txt")
    assert status == 201 and get(url)[2] == b""


@pytest.mark.parametrize("name, kind, saved", [
    ("a.json", "application/json", False), ("a.png", "image/png", False), ("a.svg", "image/svg+xml", True),
    ("a.md", "text/plain; charset=utf-8", False), ("a-1.0+x_y.whl", "application/zip", True),
    ("a.zip", "application/zip", True)])
def test_the_ending_says_how_a_browser_takes_it(drop, name, kind, saved):
    _, url = put(drop, b"<script>alert(1)</script>", name)
    headers = get(url)[1]
    assert headers["Content-Type"] == kind
    assert (headers["Content-Disposition"] == f'attachment; filename="{name}"') is saved
    assert headers["Content-Security-Policy"].startswith("sandbox;")


def test_only_a_cards_template_is_for_other_origins(drop):
    _, url = put(drop, b"{}", "build.card.json")
    assert get(url)[1]["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("area, token", [
    ("main", TOKENS["pull-request"]), ("pull-request", TOKENS["main"]), ("pull-request", ""), ("main", "m" * 23),
    ("elsewhere", TOKENS["main"]), ("..", TOKENS["main"]), ("pull-request", "pé" * 12)])
def test_a_token_opens_its_own_area_alone(drop, area, token):
    before = files(drop)
    request = head_of(f"/{area}/{sha(b'x')}/a.html", 1, token)
    assert b" 401 " in raw(drop, request, more=b"x").splitlines()[0]
    assert files(drop) == before


@pytest.mark.parametrize("path", [
    "/pull-request/{sha}/../../main/{sha}/a.html", "/pull-request/{sha}/%2e%2e%2fa.html", "/pull-request/{sha}/.a.html",
    "/pull-request/{sha}/a.exe", "/pull-request/{sha}/a", "/pull-request/{sha}/.html", "/pull-request/{sha}/a..html",
    "/pull-request/{sha}/b/a.html", "/pull-request/{sha}/a.html?x", "/pull-request/{upper}/a.html",
    "/pull-request/a.html", "/pull-request/{sha}/\xe4.html",
    "/pull-request/{sha}/" + "a" * 200 + ".html",
    "/pull-request/{sha}/a.HTML", "/pull-request/{sha}/a;.html",
    "/pull-request/" + "0" * 63 + "/a.html", "/pull-request/.new/a.html"])
def test_other_addresses_are_refused(drop, path):
    before, path = files(drop), path.format(sha=sha(b"x"), upper=sha(b"x").upper())
    assert b" 400 " in raw(drop, head_of(path, 1), more=b"x").splitlines()[0]
    assert b" 404 " in raw(drop, f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").splitlines()[0]
    assert files(drop) == before


@pytest.mark.parametrize("path", ["/", "/main", "/main/", "/pull-request/", "/.new/", "/pull-request/{sha}/",
                                  "/etc/passwd", "//etc/passwd", "/../../etc/passwd"])
def test_nothing_is_listed(drop, path):
    path = path.format(sha=put(drop, b"listed?")[1].split("/")[-2])
    assert b" 404 " in raw(drop, f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").splitlines()[0]


def test_content_is_what_the_address_says_or_nothing(drop):
    before = files(drop)
    assert put(drop, b"other", digest=sha(b"one"))[0] == 422
    assert b" 422 " in raw(drop, head_of(f"/pull-request/{sha(b'xy')}/a.html", 2), more=b"x\n")
    assert files(drop) == before


@pytest.mark.parametrize("lines, status", [
    (("Transfer-Encoding: chunked",), 411), (("Content-Length: 2",), 400), (("Transfer-Encoding: identity",), 411)])
def test_lengths_that_can_be_read_in_two_ways_are_refused(drop, lines, status):
    request = head_of(f"/pull-request/{sha(b'x')}/b.html", 1, TOKENS["pull-request"], *lines)
    assert f" {status} ".encode() in raw(drop, request, more=b"x").splitlines()[0]


@pytest.mark.parametrize("size, status", [("-1", 400), ("1e3", 400), ("9" * 40, 400), ("67108865", 413), ("", 400)])
def test_sizes_are_numbers_within_the_limit(drop, size, status):
    assert f" {status} ".encode() in raw(drop, head_of(f"/pull-request/{sha(b'x')}/c.html", size)).splitlines()[0]


@pytest.mark.parametrize("text", ["\0\0\0\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "A" * 100_000 + "\r\n\r\n",
                                  "POST / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\n" + "a: b\r\n" * 500 + "\r\n",
                                  "GET / HTTP/1.1\r\na: " + "b" * 100_000 + "\r\n\r\n", "DELETE /x HTTP/1.1\r\n\r\n"])
def test_what_is_no_request_is_answered_and_forgotten(drop, text):
    assert raw(drop, text).startswith(b"HTTP/1.1 ") and get(f"{drop.url}/healthz")[0] == 200


def test_an_answer_always_has_a_head(drop):
    _, url = put(drop, b"<script>1</script>")
    assert raw(drop, f"GET /{url.split('/', 3)[3]}\r\n\r\n").startswith(b"HTTP/1.1 200 ")


def test_two_at_once_are_one(drop):
    content, found = os.urandom(3_000_000), []
    workers = [threading.Thread(target=lambda: found.append(put(drop, content, "both.zip")[0])) for _ in range(6)]
    for one in workers:
        one.start()
    for one in workers:
        one.join()
    assert sorted(found) == [200] * 5 + [201]


def test_curl_waits_to_be_asked_for_a_large_file(drop):
    content = b"x" * 100
    request = head_of(f"/pull-request/{sha(content)}/e.txt", 100, TOKENS["pull-request"], "Expect: 100-continue")
    assert raw(drop, request, more=content).startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 ")
    refused = head_of(f"/main/{sha(content)}/e.txt", 100, "wrong", "Expect: 100-continue")
    assert raw(drop, refused).startswith(b"HTTP/1.1 401 ")


def test_a_killed_one_leaves_nothing_half_done(tmp_path):
    content = os.urandom(200_000)
    with running(tmp_path) as drop:
        whole = put(drop, b"whole", "whole.txt")[1].removeprefix(drop.url)
        host, port = drop.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as one:
            one.sendall(head_of(f"/pull-request/{sha(content)}/half.zip", len(content)).encode() + content[:150_000])
            until(lambda: any((tmp_path / ".new").iterdir()))
            drop.process.send_signal(signal.SIGKILL)
            drop.process.wait()
    with running(tmp_path) as drop:
        assert files(drop) == [whole.strip("/")] and not any((tmp_path / ".new").iterdir())
        assert put(drop, content, "half.zip")[0] == 201


def until(seen, seconds=60):
    end = time.monotonic() + seconds
    while not seen():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_connection_that_ends_early_leaves_nothing(drop):
    before = files(drop)
    host, port = drop.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as one:
        one.sendall(head_of(f"/pull-request/{sha(b'x' * 900)}/f.txt", 900).encode() + b"x" * 400)
        time.sleep(0.3)
    until(lambda: not any((drop.folder / ".new").iterdir()))
    assert files(drop) == before


def test_a_full_area_takes_nothing_and_loses_nothing(tmp_path):
    with running(tmp_path, "--pull-request-mb", "0.1") as drop:
        first = put(drop, b"a" * 60_000, "a.txt")[1]
        assert put(drop, b"b" * 60_000, "b.txt")[0] == 507
        assert get(first)[0] == 200 and put(drop, b"a" * 60_000, "a.txt")[0] == 200
        assert put(drop, b"b" * 60_000, "b.txt", "main")[0] == 201
        many = [put(drop, str(n).encode(), "n.txt")[0] for n in range(12)]
        assert 507 in many and many.count(201) < 6  # small files take blocks, too


def test_what_is_too_old_goes(tmp_path):
    with running(tmp_path) as drop:
        old, new, kept = (put(drop, text, "a.txt")[1].removeprefix(drop.url) for text in (b"old", b"new", b"again"))
    for url in (old, kept):
        os.utime(tmp_path / url.strip("/"), (0, time.time() - 15 * 86400))
    with running(tmp_path, "--pull-request-days", "16") as drop:
        put(drop, b"again", "a.txt")  # named again: its days begin anew
    with running(tmp_path) as drop:
        assert [get(drop.url + url)[0] for url in (old, new, kept)] == [404, 200, 200]
        assert not (tmp_path / old.strip("/")).parent.exists()


def test_the_health_says_how_full_it_is(tmp_path):
    import json

    with running(tmp_path) as drop:
        put(drop, b"a" * 2_000_000, "a.txt")
        said = json.loads(get(f"{drop.url}/healthz")[2])
        assert said["status"] == "ok" and said["areas"]["pull-request"] == {"mb": 2.0, "of_mb": 2000.0}


@pytest.mark.parametrize("variables, words", [
    ({"NOTEMILL_DROP_TOKEN_MAIN": ""}, "NOTEMILL_DROP_TOKEN_MAIN: a token of at least 20"),
    ({"NOTEMILL_DROP_TOKEN_MAIN": "short"}, "at least 20"),
    ({"NOTEMILL_DROP_TOKEN_MAIN": TOKENS["pull-request"]}, "two areas have the same token"),
    ({"NOTEMILL_DROP_TOKEN_MAIN_FILE": "/nowhere"}, "cannot be read")])
def test_it_does_not_start_half_open(tmp_path, variables, words):
    done = subprocess.run([sys.executable, "-m", "notemill.ci.drop", "--folder", str(tmp_path), "--port", "0"],
                          env=drop_process.environ(**variables), capture_output=True, text=True, timeout=30)
    assert done.returncode == 2 and words in done.stderr and "Traceback" not in done.stderr


def test_a_token_may_stand_in_a_file(tmp_path):
    from notemill.ci.drop.main import read_token

    (tmp_path / "t").write_text("s" * 30 + "\n")
    assert read_token("X", {"X_FILE": str(tmp_path / "t")}) == "s" * 30


def test_a_port_that_is_taken_is_told(tmp_path, drop):
    done = subprocess.run([sys.executable, "-m", "notemill.ci.drop", "--folder", str(tmp_path), "--port",
                           drop.url.rpartition(":")[2]], env=drop_process.environ(), capture_output=True, text=True,
                          timeout=30)
    assert done.returncode == 1 and "Address already in use" in done.stderr and "Traceback" not in done.stderr


def test_digests_are_of_the_whole(drop):
    content = os.urandom(1_000_003)
    _, url = put(drop, content, "big.zip")
    assert hashlib.sha256(get(url)[2]).hexdigest() == url.split("/")[-2]
