"""The forge's client: what is asked of which address. Against a fake; on the real one: connect/test_real.py."""

import pytest
from fake_server import fake_server

from notemill.ci import gitea
from notemill.ci.http import Refused

HERE = "/api/v1/repos/ada/house"


@pytest.fixture
def fake():
    with fake_server() as server:
        yield server


@pytest.fixture
def asked(fake):
    return gitea.server(fake.url, "t0ken", direct=True)


def test_a_repository_is_made_private_for_oneself_or_an_organisation(fake, asked):
    fake.answers |= {"POST /api/v1/user/repos": (201, {}), "POST /api/v1/orgs/team/repos": (201, {})}
    gitea.make_repository(asked, "ada/house", mine=True)
    gitea.make_repository(asked, "team/house", mine=False)
    assert [one["body"] for one in fake.asked] == [{"name": "house", "private": True, "default_branch": "main"}] * 2
    assert fake.asked[0]["headers"]["Authorization"] == "token t0ken"


def test_who_collaborates_is_known_by_the_answer(fake, asked):
    fake.answers |= {f"GET {HERE}/collaborators/bob": (204, None), f"GET {HERE}/collaborators/eve": (403, None)}
    assert gitea.collaborates(asked, "ada/house", "bob") and not gitea.collaborates(asked, "ada/house", "ann")
    with pytest.raises(Refused, match="does not allow it"):
        gitea.collaborates(asked, "ada/house", "eve")


def test_the_latest_statuses_of_a_commit(fake, asked):
    fake.answers |= {f"GET {HERE}/commits/abc/status": (200, {"statuses": [{"context": "a"}]}),
                     f"GET {HERE}/commits/new/status": (200, {"statuses": None})}
    assert gitea.statuses(asked, "ada/house", "abc") == [{"context": "a"}]
    assert gitea.statuses(asked, "ada/house", "new") == []


def test_a_branch_with_a_slash_is_one_part_of_the_address(fake, asked):
    assert gitea.protection(asked, "ada/house", "feature/x") is None
    assert fake.words() == [f"GET {HERE}/branch_protections/feature%2Fx"]
