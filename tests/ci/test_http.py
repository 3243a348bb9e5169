"""One call: what is sent, what comes back, and how a failure is told. Against a fake server."""

import socket

import pytest
from fake_server import fake_server

from notemill.ci.http import Refused, Server, Unreachable, call, find, join, origin
from notemill.errors import NotemillError

TOKEN = "0123456789abcdef-secret"


@pytest.fixture
def fake():
    with fake_server() as server:
        yield server


def asking(fake, **more):
    return Server("Drone", fake.url, f"Bearer {TOKEN}", direct=True, **more)


def test_a_call_sends_token_query_and_body_and_gives_json(fake):
    fake.answers["POST /api/x"] = (200, {"a": 1})
    assert call(asking(fake), "POST", "/api/x", query={"k": "a&b=c é"}, body={"b": [1]}) == {"a": 1}
    one = fake.asked[0]
    assert one["query"] == {"k": ["a&b=c é"]} and one["body"] == {"b": [1]}
    assert one["headers"]["Authorization"] == f"Bearer {TOKEN}"


def test_an_empty_answer_is_none(fake):
    fake.answers["DELETE /api/x"] = (204, None)
    assert call(asking(fake), "DELETE", "/api/x") is None


@pytest.mark.parametrize(("status", "words"), [(401, "does not accept the token"), (403, "does not allow"),
                                               (404, "no such thing"), (500, "answers with an error (500)"),
                                               (422, "does not take it")])
def test_a_refusal_is_told_in_words_without_the_token(fake, status, words):
    fake.answers["GET /api/x"] = (status, {"message": f"no\x1b[31m {TOKEN}\nmore"})
    with pytest.raises(Refused) as refused:
        call(asking(fake), "GET", "/api/x")
    text = str(refused.value)
    assert words in text and refused.value.status == status and "no [31m ****** more" in text
    assert TOKEN not in text + repr(refused.value) and "\x1b" not in text and fake.url in text


def test_what_is_not_there_is_found_as_none_and_only_that(fake):
    assert find(asking(fake), "/api/nowhere") is None
    fake.answers["GET /api/x"] = (403, None)
    with pytest.raises(Refused):
        find(asking(fake), "/api/x")


def test_a_question_is_asked_again_after_a_fault_and_nothing_else_is(fake):
    fake.answers["GET /api/x"] = [(500, None), (200, {"a": 1})]
    assert call(asking(fake), "GET", "/api/x") == {"a": 1}
    fake.answers |= {"GET /api/x": (503, None), "POST /api/x": (500, None)}
    for method in ("GET", "POST"):
        with pytest.raises(Refused):
            call(asking(fake), method, "/api/x")
    assert fake.words() == ["GET /api/x"] * 5 + ["POST /api/x"]


def test_a_redirect_is_not_followed_with_the_token(fake):
    fake.answers["GET /api/x"] = (302, f"{fake.url}/elsewhere".encode())
    with pytest.raises(Refused, match="points elsewhere"):
        call(asking(fake), "GET", "/api/x")
    assert fake.words() == ["GET /api/x"]


def test_a_page_in_place_of_json_is_told(fake):
    fake.answers["GET /api/x"] = (200, b"<html>a page</html>")
    with pytest.raises(NotemillError, match="no JSON"):
        call(asking(fake), "GET", "/api/x")


def test_more_than_anything_that_is_asked_for(fake, monkeypatch):
    monkeypatch.setattr("notemill.ci.http.MOST_BYTES", 10)
    fake.answers["GET /api/x"] = (200, b'"0123456789"')
    with pytest.raises(NotemillError, match="more than 10 bytes"):
        call(asking(fake), "GET", "/api/x")


def test_nobody_there():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(Unreachable, match="cannot be reached"):
            call(Server("Drone", url, f"Bearer {TOKEN}", direct=True), "GET", "/api/x")


def test_one_who_never_answers_is_not_waited_for():
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        server = Server("Drone", f"http://127.0.0.1:{silent.getsockname()[1]}", "", seconds=0.3, direct=True)
        with pytest.raises(Unreachable, match="did not answer within 0.3 s"):
            call(server, "GET", "/api/x")


def test_no_password_of_netrc_goes_in_place_of_the_token(fake, tmp_path, monkeypatch):
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login eve password wrong\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    fake.answers["GET /api/x"] = (200, {})
    call(Server("Drone", fake.url, f"Bearer {TOKEN}"), "GET", "/api/x")
    assert fake.asked[0]["headers"]["Authorization"] == f"Bearer {TOKEN}"


def test_a_server_on_this_machine_is_asked_without_a_proxy(fake, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    fake.answers["GET /api/x"] = (200, {})
    assert call(asking(fake), "GET", "/api/x") == {}
    with pytest.raises(Unreachable, match="proxy"):
        call(Server("Drone", fake.url, ""), "GET", "/api/x")


def test_a_part_of_a_path_cannot_leave_its_place():
    assert join("api", "repos", "a/../b", "x?y#z", 3) == "/api/repos/a%2F..%2Fb/x%3Fy%23z/3"
    for part in ("..", ".", ""):
        with pytest.raises(NotemillError):
            join("api", "repos", part)


def test_a_server_shows_itself_without_the_token():
    assert TOKEN not in repr(Server("Drone", "http://drone", f"Bearer {TOKEN}"))


@pytest.mark.parametrize(("url", "found"), [
    ("http://a:7300/x", ("http", "a", 7300)), ("https://A.example", ("https", "a.example", 443)),
    (" http://[fd00::1]:1/ ", ("http", "fd00::1", 1)), ("a:7300", None), ("no-address", None), ("http://a:x", None),
    ("", None), ("ssh://git@a/b", None)])
def test_an_address_is_known_by_scheme_host_and_port(url, found):
    assert origin(url) == found
