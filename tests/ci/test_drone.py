"""Drone's client: what is asked of which address. Against a fake; on the real one: connect/test_real.py."""

import pytest
from fake_server import fake_server

from notemill.ci import drone
from notemill.ci.http import Refused

HERE = "/api/repos/ada/house"


@pytest.fixture
def fake():
    with fake_server() as server:
        yield server


@pytest.fixture
def asked(fake):
    return drone.server(fake.url + "/", "t0ken", direct=True)


def test_a_secret_is_never_for_pull_requests(fake, asked):
    fake.answers |= {f"POST {HERE}/secrets": (200, {}), f"PATCH {HERE}/secrets/A": (200, {})}
    drone.add_secret(asked, "ada/house", "A", "hidden")
    drone.change_secret(asked, "ada/house", "A", "other")
    assert fake.body(f"POST {HERE}/secrets") == {"name": "A", "data": "hidden", "pull_request": False,
                                                 "pull_request_push": False}
    assert fake.body(f"PATCH {HERE}/secrets/A") == {"data": "other", "pull_request": False, "pull_request_push": False}


def test_a_log_is_one_text_and_none_where_there_is_none(fake, asked):
    fake.answers[f"GET {HERE}/builds/7/logs/1/2"] = (200, [{"pos": 0, "out": "a\n"}, {"pos": 1, "out": "b"}, {}])
    assert drone.log(asked, "ada/house", 7, 1, 2) == "a\nb"
    assert drone.log(asked, "ada/house", 7, 1, 3) is None


def test_lists_that_are_null_are_empty(fake, asked):
    fake.answers |= {f"GET {HERE}/{name}": (200, None) for name in ("builds", "cron", "secrets")}
    assert drone.builds(asked, "ada/house") == [] and drone.crons(asked, "ada/house") == {}
    assert drone.secrets(asked, "ada/house") == {}


def test_a_parameter_of_a_build_changes_no_other(fake, asked):
    fake.answers[f"POST {HERE}/builds"] = (200, {"number": 3})
    drone.start(asked, "ada/house", "main", {"R": "x&branch=evil&commit=1"})
    assert fake.asked[0]["query"] == {"R": ["x&branch=evil&commit=1"], "branch": ["main"]}


def test_a_refusal_of_the_token_names_drone(fake, asked):
    fake.answers[f"GET {HERE}"] = (401, {"message": "Unauthorized"})
    with pytest.raises(Refused, match=r"Drone \(http.*does not accept the token: Unauthorized") as refused:
        drone.repository(asked, "ada/house")
    assert "t0ken" not in str(refused.value)


def test_the_page_of_a_build(asked, fake):
    assert drone.page(asked, "ada/house", 3) == f"{fake.url}/ada/house/3"
