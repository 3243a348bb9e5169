"""The project's git repository: its remotes, its name at the forge, and who tells git the login."""

import subprocess

import pytest

from notemill.ci.connect import repository
from notemill.errors import UsageError

FORGE = "http://forge.example:7300"


@pytest.fixture
def folder(tmp_path):
    git(tmp_path, "init", "-q", "-b", "main")
    return tmp_path


def git(folder, *words):
    return subprocess.run(["git", "-C", str(folder), *words], check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize(("url", "slug"), [
    (f"{FORGE}/ada/house.git", "ada/house"), (f"{FORGE}/ada/house/", "ada/house"),
    ("http://ada@forge.example:7300/ada/house.git", "ada/house"), ("http://other.example/ada/house.git", None),
    (f"{FORGE}/ada", None), (f"{FORGE}/a/b/c", None), ("git@forge.example:ada/house.git", None),
    (f"{FORGE}/../x", None), ("http://forge.example:7301/ada/house", None)])
def test_a_remote_names_the_repository_where_it_is_at_the_forge(url, slug):
    assert repository.slug_at(FORGE, url) == slug


def test_a_forge_below_a_path():
    assert repository.slug_at("https://x.example/git", "https://x.example/git/ada/house.git") == "ada/house"


def test_origin_goes_before_other_remotes(folder):
    git(folder, "remote", "add", "a", f"{FORGE}/one/a")
    assert repository.known_slug(folder, FORGE) == "one/a"
    git(folder, "remote", "add", "origin", f"{FORGE}/two/b.git")
    assert repository.known_slug(folder, FORGE) == "two/b"
    assert repository.known_slug(folder, "http://elsewhere.example") is None


def test_a_remote_is_added_and_none_is_changed(folder):
    assert repository.add_remote(folder, FORGE, "ada/house") == ("origin", f"{FORGE}/ada/house.git")
    assert repository.add_remote(folder, FORGE, "ada/other")[0] == "forge"
    assert repository.remotes(folder) == {"origin": f"{FORGE}/ada/house.git", "forge": f"{FORGE}/ada/other.git"}
    with pytest.raises(UsageError, match="can add no remote 'forge'"):
        repository.add_remote(folder, FORGE, "ada/third")


def test_the_helper_is_set_once_and_stands_alone(folder):
    assert repository.use_helper(folder, FORGE)
    before = (folder / ".git" / "config").read_text()
    assert not repository.use_helper(folder, FORGE) and (folder / ".git" / "config").read_text() == before
    values = git(folder, "config", "--local", "--get-all", f"credential.{FORGE}.helper").split("\n")
    assert values[0] == "" and values[1].endswith("notemill ci credential") and values[1].startswith("!")


def test_another_helper_for_that_host_is_replaced(folder):
    git(folder, "config", f"credential.{FORGE}.helper", "store")
    assert repository.use_helper(folder, FORGE)
    assert "store" not in git(folder, "config", "--local", "--get-all", f"credential.{FORGE}.helper")


def test_the_repository_may_be_above_the_project(folder):
    (folder / "models" / "house").mkdir(parents=True)
    assert repository.top(folder / "models" / "house") == folder.resolve()


def test_outside_a_repository(tmp_path):
    with pytest.raises(UsageError, match="git init -b main"):
        repository.top(tmp_path)
