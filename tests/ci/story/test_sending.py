"""Files on their way into a real drop; and into what is none."""

import socket
import time
from contextlib import contextmanager

import pytest
from drop_process import TOKENS, get, running
from story_samples import build

from notemill.ci.story.offers import Offer
from notemill.ci.story.sending import Drop, drop_of, send

PAGE = Offer("verdict", "verdict.html", b"<p>passed")


@pytest.fixture(scope="module")
def drop(tmp_path_factory):
    with running(tmp_path_factory.mktemp("drop")) as found:
        yield found


def environ(url, area="main"):
    return {"NOTEMILL_DROP": url, "NOTEMILL_DROP_TOKEN": TOKENS[area]}


def test_it_is_there_under_its_content(drop):
    sent = send(drop_of(environ(drop.url), build()), [PAGE])
    assert sent.trouble is None and sent.kept["verdict"] == f"{drop.url}/main/{PAGE.path}"
    assert get(sent.kept["verdict"])[2] == PAGE.content
    assert send(drop_of(environ(drop.url), build()), [PAGE]).kept == sent.kept  # it was there already


def test_a_pull_request_has_a_place_of_its_own(drop):
    found = drop_of(environ(drop.url, "pull-request"), build(event="pull_request"))
    assert "/pull-request/" in send(found, [PAGE]).kept["verdict"]


def test_what_is_refused_does_not_keep_the_others(drop):
    sent = send(drop_of(environ(drop.url), build()), [Offer("odd", "odd.exe", b"x"), PAGE])
    assert list(sent.kept) == ["verdict"] and sent.trouble.startswith("odd.exe: 400 ") and not sent.away


def test_a_wrong_token_is_told_without_it(drop):
    sent = send(Drop(f"{drop.url}/main", "wrong-token"), [PAGE])
    assert sent.kept == {} and "401" in sent.trouble
    assert "wrong-token" not in sent.trouble + repr(Drop("", "wrong-token"))


def test_nobody_is_there():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and never listens
        sent = send(Drop(f"http://127.0.0.1:{taken.getsockname()[1]}/main", "t"), [PAGE, PAGE])
    assert sent.away and sent.kept == {} and "refused" in sent.trouble


@contextmanager
def silent():
    """Takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/main"


@pytest.mark.parametrize("size", [10, 40_000_000])  # which the buffers of a connection take, or do not
def test_nobody_answers(size):
    with silent() as url:
        began = time.monotonic()
        sent = send(Drop(url, "t"), [Offer("a", "a.html", b"x" * size), PAGE], seconds=0.7)
    assert sent.away and time.monotonic() - began < 5


def test_the_runner_names_none():
    assert drop_of({}, build()) is None and drop_of({"NOTEMILL_DROP": "file:///etc"}, build()) is None
