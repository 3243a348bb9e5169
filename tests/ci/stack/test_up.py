"""What `up` refuses before it touches anything."""

import pytest
from tiny import cli

from notemill.ci.stack import settings as own
from notemill.ci.stack import up
from notemill.commands import stack as command
from notemill.errors import NotemillError, UsageError


@pytest.fixture
def settings():
    return own.new(None, 7300, "172.30.73.0/24", "172.30.73.1", False)


class Engine:
    def __init__(self, *volumes, root="/"):
        self.volumes, self.root = volumes, root

    def ask(self, *words):
        return "there" if words[-1] in self.volumes else None


class Holding:
    """An engine that has these volumes and containers."""

    def __init__(self, volumes="", containers=""):
        self.said = {"volume": volumes, "ps": containers}

    def run(self, *words):
        return self.said[words[0]]


@pytest.mark.parametrize("there", [Holding("notemill-7300-store\nnotemill-7300-gitea"), Holding(containers="4f2a")])
def test_a_stack_that_is_somebody_elses_is_not_taken_over(settings, there):
    with pytest.raises(UsageError, match="a stack 'notemill-7300' already, whose passwords are not in"):
        up.check_unused(there, settings)


def test_a_port_that_no_stack_has_is_free(settings):
    up.check_unused(Holding(), settings)


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


@pytest.mark.parametrize("asked, kept", [({}, 1), ({"reviews": None}, 1), ({"reviews": 0}, 0), ({"reviews": 2}, 2)])
def test_how_many_reviews_the_steward_waits_for_stays_until_it_is_said_anew(settings, asked, kept):
    settings["reviews"] = 1
    up.keep_asked(settings, asked)
    assert settings["reviews"] == kept


@pytest.mark.parametrize("words, environ, asked", [
    ([], {}, None), (["--reviews", "2"], {}, 2), ([], {"NOTEMILL_STEWARD_REVIEWS": "3"}, 3),
    (["--reviews", "0"], {"NOTEMILL_STEWARD_REVIEWS": "3"}, 0)])
def test_the_option_goes_before_the_variable(monkeypatch, words, environ, asked):
    seen = []
    monkeypatch.setattr("notemill.commands.stack.bring_up", lambda asked, wheel, told: seen.append(asked["reviews"])
                        or own.new(None, 7300, "172.30.73.0/24", "172.30.73.1", False))
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert cli("stack", "up", *words).code == 0 and seen == [asked]


@pytest.mark.parametrize("words, environ", [(["--reviews", "21"], {}), ([], {"NOTEMILL_STEWARD_REVIEWS": "two"})])
def test_no_number_of_reviews_is_refused(monkeypatch, words, environ):
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    told = cli("stack", "up", *words)
    assert told.code == 2 and "reviews" in told.err.lower()


def test_until_there_is_something_in_it_it_may_be_made_anew(settings):
    assert not up.holds_anything(Engine(), settings)
    assert up.holds_anything(Engine("notemill-7300-store"), settings)


@pytest.fixture
def bring_up(monkeypatch, tmp_path):
    """`up.up` on an engine that has nothing; it ends where images are made, as by a full disk. Gives the settings."""
    monkeypatch.setattr(up.engines, "find", lambda environ: Bare())
    monkeypatch.setattr(up.network, "listeners", lambda: [])
    monkeypatch.setattr(up, "check_disk", lambda *words: None)
    monkeypatch.setattr(up.images, "ensure", lambda *words: (_ for _ in ()).throw(NotemillError("docker", "full")))
    environ = {"XDG_DATA_HOME": str(tmp_path)}

    def again(lines=None, **asked):
        given = {"host": None, "port": None, "build": False, "reviews": None, **asked}
        with pytest.raises(NotemillError, match="full"):
            up.up(given, lambda: None, up.Told(lambda text, nl: (lines if lines is not None else []).append(text)),
                  environ)
        return own.read(environ)
    return again


class Bare(Holding):
    def __init__(self):
        super().__init__()
        self.said["network"] = ""

    def ask(self, *words):
        return None


def test_what_a_first_start_was_asked_for_outlives_its_failure(bring_up):
    bring_up(port=7400, build=True, host="192.0.2.7", reviews=2)
    found = bring_up()
    assert (found["port"], found["built"], found["host"], found["reviews"]) == (7400, True, "192.0.2.7", 2)
    found = bring_up(port=7500, reviews=0)
    assert (found["port"], found["built"], found["reviews"], found["own_address"]) == (7500, True, 0, False)


def test_its_own_address_is_chosen_anew(bring_up):
    bring_up()
    assert bring_up()["own_address"]


@pytest.mark.parametrize(("found", "told"), [("192.0.2.7", 0), ("0.0.0.0", 1)])
def test_where_a_name_opens_every_address_that_is_said(bring_up, monkeypatch, found, told):
    monkeypatch.setattr(up.network, "resolve", lambda host, before: found)
    lines = []
    assert bring_up(lines, host="box.example")["bind"] == found
    assert len([line for line in lines if "published on all" in line]) == told


def test_two_at_once_are_not_let_in(tmp_path):
    environ = {"XDG_DATA_HOME": str(tmp_path)}
    with up.alone(environ), pytest.raises(UsageError, match="another one is at work"), up.alone(environ):
        pass
    with up.alone(environ):
        pass


@pytest.mark.parametrize("words", [["down"], ["down", "--volumes"], ["backup", "FILE"], ["restore", "FILE"]])
def test_nothing_is_taken_from_one_that_another_is_at_work_on(settings, monkeypatch, tmp_path, words):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setattr(command, "here", lambda: None)
    monkeypatch.setattr(command.engines, "find", lambda: None)
    monkeypatch.setattr(command.images, "ensure", lambda *words: None)
    for name in ("down", "backup", "restore"):
        monkeypatch.setattr(command.backups, name, lambda *words: pytest.fail("it was touched"))
    monkeypatch.setattr(command.backups, "check", lambda file: settings)
    with up.alone():
        told = cli("stack", *(word.replace("FILE", str(tmp_path / "b.tar")) for word in words))
    assert told.code == 2 and "another one is at work" in told.err


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
    monkeypatch.setattr(up.state, "wait", lambda compose: None)
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
