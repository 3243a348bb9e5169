"""The first start's accounts, tokens and logins: made once, made again where they were lost, never told."""

import pytest
from fake_forge import running

from notemill.ci.stack import forge, login
from notemill.errors import NotemillError


class Exec:
    """What `compose exec gitea gitea ...` does; keeps the words that it was called with."""

    def __init__(self, fake):
        self.fake, self.words = fake, []

    def run(self, *words):
        self.words.append(words)
        if "create" in words:
            if "notemill" in self.fake.users:
                raise NotemillError("docker-compose exec", "CreateUser: user already exists [name: notemill]")
            self.fake.users["notemill"] = "a random one"
            return "generated random password is 'a random one'"
        return f"a warning\n{self.fake.token('notemill')}"


@pytest.fixture
def world():
    with running() as (fake, settings):
        yield fake, settings, Exec(fake)


def set_up(settings, exec_, saved=None):
    forge.set_up(exec_, settings, lambda: (saved if saved is not None else []).append(1))


def test_all_is_made_and_works(world):
    fake, settings, exec_ = world
    set_up(settings, exec_)
    assert fake.users == {name: settings[name if name == "steward" else "admin"]["password"]
                          for name in ("notemill", "steward")}
    assert fake.tokens[settings["tokens"]["forge_admin"]] == "notemill"
    assert fake.tokens[settings["tokens"]["forge_steward"]] == "steward"
    (application,) = fake.applications
    assert settings["oauth"] == {name: application[name] for name in ("client_id", "client_secret")}
    assert application["redirect_uris"] == [settings["urls"]["drone"] + "/login"]


def test_a_second_time_makes_nothing(world):
    fake, settings, exec_ = world
    set_up(settings, exec_)
    fake.asked.clear()
    exec_.words.clear()
    saved = []
    set_up(settings, exec_, saved)
    assert not exec_.words and not saved and {asked.split()[0] for asked in fake.asked} == {"GET"}


def test_no_secret_is_a_word_of_a_command(world):
    fake, settings, exec_ = world
    set_up(settings, exec_)
    said = str(exec_.words)
    assert not [who for who in ("admin", "steward") if settings[who]["password"] in said]
    assert not [token for token in fake.tokens if token in said]


@pytest.mark.parametrize("died_at", [1, 2, 3])
def test_one_that_was_killed_midway_is_taken_up(world, died_at):
    """As by kill -9 right before the settings are kept for the nth time: what was told only once is lost."""
    fake, settings, exec_ = world
    kept, count = [dict(settings, tokens=dict(settings["tokens"]))], [0]

    def save():
        count[0] += 1
        if count[0] == died_at:
            raise KeyboardInterrupt
        kept[0] = dict(settings, tokens=dict(settings["tokens"]))
    with pytest.raises(KeyboardInterrupt):
        forge.set_up(exec_, settings, save)
    again = kept[0]
    set_up(again, exec_)
    assert fake.users["notemill"] == again["admin"]["password"] and len(fake.applications) == 1
    assert fake.tokens[again["tokens"]["forge_steward"]] == "steward"
    assert again["oauth"]["client_secret"] == fake.applications[0]["client_secret"]


def test_a_token_that_was_taken_back_is_made_again(world):
    fake, settings, exec_ = world
    set_up(settings, exec_)
    gone = settings["tokens"]["forge_steward"]
    del fake.tokens[gone]
    set_up(settings, exec_)
    assert settings["tokens"]["forge_steward"] != gone
    assert fake.tokens[settings["tokens"]["forge_steward"]] == "steward"


def test_drone_is_linked_as_by_a_browser_the_first_and_any_later_time(world):
    fake, settings, exec_ = world
    set_up(settings, exec_)
    assert not login.linked(settings)
    login.link(settings)
    assert login.linked(settings) and fake.granted
    fake.linked = False
    login.link(settings)
    assert fake.linked and fake.asked.count("POST /login/oauth/grant") == 1


def test_a_wrong_password_is_told_in_words(world):
    fake, settings, exec_ = world
    set_up(settings, exec_)
    fake.users["notemill"] = "changed by hand"
    with pytest.raises(NotemillError, match="does not log notemill in") as caught:
        login.link(settings)
    assert settings["admin"]["password"] not in str(caught.value)


def test_hidden_fields_are_read_whatever_their_order_and_quotes():
    page = """<input value='1 "x"' name="a" type='hidden'><INPUT TYPE="hidden" NAME='b' value="&lt;">
              <input name="c" type="text"><input type="hidden" name="d">"""
    assert login.fields(page) == {"a": '1 "x"', "b": "<", "d": ""}
