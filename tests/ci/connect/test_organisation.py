"""Repositories of organisations, on a real Gitea and a real Drone: whose they are, and who sees them."""

import dataclasses
import subprocess

import pytest
import real_drone
import real_gitea

from notemill.ci import drone, gitea
from notemill.ci.connect import choose_slug, connect
from notemill.ci.http import Refused, call
from notemill.errors import UsageError

pytestmark = pytest.mark.slow
STEPS = ["repository", "drone", "settings", "cron", "steward", "branch main", "branch development", "signature",
         "remote"]


@pytest.fixture(scope="module")
def forge(tmp_path_factory):
    """`chief` administers it and owns Team; `ada` owns Others, and is only somebody in Team."""
    with real_gitea.running(tmp_path_factory.mktemp("forge")) as forge:
        for name in ("ada", "notemill-steward"):
            real_gitea.add_user(forge, name)
        for owner, name in (("chief", "Team"), ("ada", "Others")):
            call(forge.users[owner], "POST", "/api/v1/orgs", body={"username": name})
        yield forge


@pytest.fixture(scope="module")
def servers(forge, tmp_path_factory):
    with real_drone.running(tmp_path_factory.mktemp("drone"), forge) as servers:
        yield servers


@pytest.fixture
def folder(tmp_path):
    subprocess.run(["git", "init", "-q", "-b", "main", tmp_path], check=True)
    (tmp_path / ".drone.yml").write_text("kind: pipeline\n")
    return tmp_path


def connected(servers, folder, slug, asked=None):
    """{step: words} of what was changed."""
    assert choose_slug(servers, folder, "house", asked) == slug
    return {said.step: said.words for said in connect(servers, folder, slug, None) if said.changed}


def test_one_of_your_own_organisation_is_made_whole_and_left_so(servers, folder):
    first = connected(servers, folder, "Team/house", "Team/house")
    assert list(first) == STEPS and "administers" not in first["drone"]
    assert connected(servers, folder, "Team/house") == {}       # by the remote
    assert drone.repository(servers.drone, "Team/house")["protected"]
    assert gitea.collaborates(servers.forge, "Team/house", "notemill-steward")


def test_capitals_are_as_the_forge_has_them(servers, folder):
    """To Gitea they are all the same, and Drone knows the one way alone."""
    assert "drone" in connected(servers, folder, "Team/Garden", "team/Garden")
    assert choose_slug(servers, folder.parent, "house", "TEAM/garden") == "Team/Garden"
    subprocess.run(["git", "-C", folder, "remote", "set-url", "origin", f"{servers.forge.url}/team/gARDEN.git"])
    assert connected(servers, folder, "Team/Garden") == {}


def test_who_administers_the_forge_alone_is_let_into_that_of_others(servers, folder):
    said = connected(servers, folder, "Others/house", "Others/house")
    assert list(said) == STEPS and "chief, who connects Drone with the forge, administers it now" in said["drone"]
    assert connected(servers, folder, "Others/house") == {}


def test_drones_user_is_let_in_by_who_owns_it(forge, servers, folder):
    ada = gitea.server(forge.url, real_gitea.token(forge, "ada", ["all"]), direct=True)
    said = connected(dataclasses.replace(servers, forge=ada), folder, "Others/mine", "others/mine")
    assert list(said) == STEPS and "chief" in said["drone"]
    rule = gitea.protection(ada, "Others/mine", "main")
    assert rule["push_whitelist_usernames"] == ["ada"]
    assert connected(dataclasses.replace(servers, forge=ada), folder, "Others/mine") == {}


def test_where_one_may_make_none_that_is_said(forge, servers, folder):
    ada = gitea.server(forge.url, real_gitea.token(forge, "ada", ["all"]), direct=True)
    with pytest.raises(Refused, match="does not allow it to this user") as error:
        connected(dataclasses.replace(servers, forge=ada), folder, "Team/new", "team/new")
    assert "administrator" in error.value.hint


@pytest.mark.parametrize("owner", ["ada", "nobody-here"])
def test_another_persons_name_is_no_organisation(servers, folder, owner):
    with pytest.raises(UsageError, match=f"no organisation '{owner}'") as error:
        connected(servers, folder, f"{owner}/house", f"{owner}/house")
    assert error.value.allowed == "chief/house would be yours"
