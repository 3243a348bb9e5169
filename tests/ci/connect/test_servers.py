"""Which servers are meant: the stack of this machine, or those of the environment; and git's login for the former."""

import json

import pytest

from notemill.ci.connect import answer, find_servers, known_servers
from notemill.errors import NotemillError, UsageError

FORGE, DRONE = "http://172.30.0.1:7300", "http://172.30.0.1:7301"
ELSEWHERE = {"GITEA_SERVER": "https://git.example", "GITEA_TOKEN": "g1tea-t0ken", "DRONE_SERVER": "https://ci.example/",
             "DRONE_TOKEN": "dr0ne-t0ken"}
STACK = {"format": 1, "urls": {"forge": FORGE, "drone": DRONE, "mlflow": "http://172.30.0.1:7303"},
         "admin": {"name": "notemill", "password": "adm1n-pass"},  # pragma: allowlist secret
         "steward": {"name": "steward"},
         "tokens": {"forge_admin": "f0rge-t0ken", "drone": "stack-dr0ne"},
         "mlflow": {"name": "ml", "password": "m1-pass"}}  # pragma: allowlist secret


@pytest.fixture
def stack(tmp_path):
    """The environment of a user who has a stack."""
    return with_stack(tmp_path, STACK)


def with_stack(folder, content):
    path = folder / "notemill" / "stack" / "stack.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(content))
    return {"XDG_DATA_HOME": str(folder)}


@pytest.mark.parametrize("url", [None, FORGE, DRONE + "/", f"{DRONE}/notemill/house"])
def test_the_stack_of_this_machine(stack, url):
    found = find_servers(url, stack)
    assert (found.forge.url, found.drone.url, found.steward) == (FORGE, DRONE, "steward") and found.forge.direct
    assert found.forge.authorization == "token f0rge-t0ken" and found.drone.authorization == "Bearer stack-dr0ne"
    assert (found.mlflow.name, found.mlflow.password) == ("ml", "m1-pass")


@pytest.mark.parametrize("url", [None, "https://git.example/", "https://ci.example:443"])
def test_servers_of_the_environment(tmp_path, url):
    found = find_servers(url, {"XDG_DATA_HOME": str(tmp_path), **ELSEWHERE, "NOTEMILL_STEWARD": "helper"})
    assert (found.forge.url, found.drone.url) == ("https://git.example", "https://ci.example")
    assert found.git is None and found.mlflow is None and found.steward == "helper" and not found.drone.direct


def test_an_address_chooses_between_stack_and_environment(stack):
    both = {**stack, **ELSEWHERE}
    assert find_servers(None, both).forge.url == FORGE
    assert find_servers("https://ci.example", both).forge.url == "https://git.example"
    assert [one.forge.url for one in known_servers(both)] == [FORGE, "https://git.example"]
    assert [one.forge.url for one in known_servers(stack)] == [FORGE]


def test_what_is_missing_is_said_with_where_it_comes_from(tmp_path):
    nothing = {"XDG_DATA_HOME": str(tmp_path)}
    for ask in (lambda: find_servers(DRONE, nothing), lambda: find_servers(None, nothing),
                lambda: known_servers(nothing)):
        with pytest.raises(UsageError, match="(?s)no stack on this machine .notemill stack up.*GITEA_TOKEN .made on"):
            ask()
    partly = {**nothing, **ELSEWHERE, "DRONE_TOKEN": ""}
    with pytest.raises(UsageError, match="lacks DRONE_TOKEN") as error:
        find_servers(None, partly)
    assert "GITEA_TOKEN" not in str(error.value)


def test_an_address_that_is_nobodys(stack):
    with pytest.raises(UsageError, match=f"has {FORGE} and {DRONE}, and for other servers"):
        find_servers("http://172.30.0.1:7303", stack)
    with pytest.raises(UsageError, match="neither GITEA_SERVER"):
        find_servers("http://other.example", {**stack, **ELSEWHERE})
    with pytest.raises(UsageError, match="is no address"):
        find_servers("172.30.0.1:7300", stack)


@pytest.mark.parametrize(("url", "words"), [
    ("git.example", "is no address"), ("https://a:s3cret@x.example", "login")])  # pragma: allowlist secret
def test_an_address_of_the_environment_that_is_none(tmp_path, url, words):
    with pytest.raises(UsageError, match=f"^GITEA_SERVER: .*{words}") as error:
        find_servers(None, {"XDG_DATA_HOME": str(tmp_path), **ELSEWHERE, "GITEA_SERVER": url})
    assert "s3cret" not in str(error.value)
    with pytest.raises(UsageError, match=f"^URL: .*{words}"):
        find_servers(url, {"XDG_DATA_HOME": str(tmp_path), **ELSEWHERE})


def test_a_stack_that_did_not_come_up(tmp_path):
    environ = with_stack(tmp_path, {**STACK, "tokens": {"drone": "x"}})
    with pytest.raises(NotemillError, match="did not come up to its end"):
        find_servers(None, environ)


def test_no_secret_shows(stack):
    shown = repr(known_servers({**stack, **ELSEWHERE}))
    assert not [word for word in ("t0ken", "stack-dr0ne", "m1-pass", "adm1n-pass") if word in shown]


def asked(host="172.30.0.1:7300", protocol="http", **more):
    return [f"{key}={value}\n" for key, value in {"protocol": protocol, "host": host, **more}.items()] + ["\n"]


def test_git_gets_the_login_of_the_stacks_forge(stack):
    assert answer("get", asked(), stack) == "username=notemill\npassword=f0rge-t0ken\n"
    assert answer("get", asked(username="notemill", path="a/b.git"), stack).startswith("username=notemill\n")


@pytest.mark.parametrize("lines", [
    asked("172.30.0.1:7301"), asked("172.30.0.1"), asked("evil.example:7300"), asked(protocol="https"), [],
    asked(username="eve"), ["host=172.30.0.1:7300\n"], asked("172.30.0.1:7300@evil.example"), ["no words\n", *asked()],
    ["protocol=http\n", "\n", "host=172.30.0.1:7300\n"]])
def test_git_gets_nothing_for_others(stack, lines):
    assert answer("get", lines, stack) == ""


def test_git_stores_nothing_and_gets_nothing_without_a_stack(stack, tmp_path):
    assert answer("store", asked(), stack) == answer("erase", asked(), stack) == ""
    assert answer("get", asked(), {"XDG_DATA_HOME": str(tmp_path / "none"), **ELSEWHERE}) == ""
