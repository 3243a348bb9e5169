"""What `up` refuses before it touches anything."""

import pytest

from notemill.ci.stack import settings as own
from notemill.ci.stack import up
from notemill.errors import UsageError


@pytest.fixture
def settings():
    return own.new(None, 7300, "172.30.73.0/24", "172.30.73.1", False)


class Engine:
    def __init__(self, *volumes, root="/"):
        self.volumes, self.root = volumes, root

    def ask(self, *words):
        return "there" if words[-1] in self.volumes else None


@pytest.mark.parametrize("asked, said", [({"port": 7400}, "7400: this user's stack is at 7300"),
                                         ({"host": "box"}, "box: this user's stack is at 172.30.73.1"),
                                         ({"build": True}, "official images")])
def test_what_a_stack_was_made_with_stays(settings, asked, said):
    with pytest.raises(UsageError, match=said):
        up.check_asked(settings, asked)


@pytest.mark.parametrize("asked", [{}, {"port": None, "host": None, "build": False}, {"port": 7300},
                                   {"host": "172.30.73.1"}])
def test_the_same_again_or_nothing_is_fine(settings, asked):
    up.check_asked(settings, asked)
    up.check_asked({**settings, "built": True}, {"build": True})


def test_until_there_is_something_in_it_it_may_be_made_anew(settings):
    assert not up.holds_anything(Engine(), settings)
    assert up.holds_anything(Engine("notemill-7300-store"), settings)


def test_two_at_once_are_not_let_in(tmp_path):
    environ = {"XDG_DATA_HOME": str(tmp_path)}
    with up.alone(environ), pytest.raises(UsageError, match="another one is at work"), up.alone(environ):
        pass
    with up.alone(environ):
        pass


class Recorded:
    """A project of Compose that keeps what it was asked for."""

    def __init__(self, settings):
        self.settings, self.asked = settings, []

    def run(self, *words):
        self.asked.append(words)

    def environ(self):
        return {"CLIENT": str(self.settings.get("oauth")), "STEWARD": str(self.settings["tokens"].get("forge_steward"))}


@pytest.fixture
def start(settings, monkeypatch):
    """`up.start` with servers that answer; gives what Compose was asked for, less the services' names."""
    monkeypatch.setattr(up.health, "wait", lambda *words: None)
    monkeypatch.setattr(up.login, "linked", lambda settings: True)
    settings["mlflow"]["hash"] = settings["registry"]["hash"] = "$6$"

    def start(**made):
        def set_up(compose, settings, save):
            settings["oauth"] = {**settings.get("oauth", {}), **made.get("oauth", {})}
            settings["tokens"] |= made.get("tokens", {})
        monkeypatch.setattr(up.forge, "set_up", set_up)
        compose = Recorded(settings)
        up.start(compose, lambda: None, up.Told(lambda text, nl: None))
        return ["gitea" in words for words in compose.asked]
    return start


def test_drone_waits_for_what_the_forge_gives_it(start):
    assert start(oauth={"client_id": "a"}, tokens={"forge_steward": "t"}) == [True, False]


def test_a_later_start_starts_all_at_once_and_again_what_was_given_something_new(start, settings):
    settings["oauth"], settings["tokens"]["forge_steward"] = {"client_id": "a"}, "t"
    assert start() == [False]
    assert start(tokens={"forge_steward": "another"}) == [False, False]
    assert start(oauth={"client_id": "b"}) == [False, False]


def test_a_full_disk_is_told_of_with_how_much_is_needed(settings, monkeypatch, tmp_path):
    monkeypatch.setattr(up.shutil, "disk_usage", lambda place: type("Usage", (), {"free": 3 * up.GB}))
    with pytest.raises(UsageError, match="3.0 GB are free") as caught:
        up.check_disk(Engine(root=tmp_path / "no" / "such"), settings)
    assert caught.value.allowed == "8 GB"
    up.check_disk(Engine(up.images.STEP, root=tmp_path), settings)
