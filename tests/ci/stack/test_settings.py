"""The stack's own file: made once, whole, for one user's eyes."""

import json
import stat

import pytest

from notemill.ci.stack import settings as own
from notemill.errors import NotemillError, UsageError


@pytest.fixture
def environ(tmp_path):
    return {"XDG_DATA_HOME": str(tmp_path)}


def new(host=None, port=7300):
    return own.new(host, port, "172.30.73.0/24", "172.30.73.1", True)


def test_one_address_and_five_ports():
    assert new()["urls"] == {"forge": "http://172.30.73.1:7300", "drone": "http://172.30.73.1:7301",
                             "registry": "http://172.30.73.1:7302", "mlflow": "http://172.30.73.1:7303",
                             "reports": "http://172.30.73.1:7304"}
    assert new("box.example", 8000)["urls"]["mlflow"] == "http://box.example:8003"
    assert new("fd00::2")["urls"]["forge"] == "http://[fd00::2]:7300"


def test_what_is_written_is_read_by_this_user_alone(environ):
    made = new()
    own.write(made, environ)
    assert own.read(environ) == made
    assert stat.S_IMODE(own.path(environ).stat().st_mode) == 0o600
    assert stat.S_IMODE(own.folder(environ).stat().st_mode) & 0o077 == 0


def test_no_two_secrets_are_the_same_and_all_are_known_to_be_hidden():
    made, other = new(), new()
    kept = [value for name in ("tokens", "secrets") for value in made[name].values()]
    kept += [made[name]["password"] for name in ("admin", "steward", "mlflow", "registry")]
    assert len(set(kept)) == len(kept) and not set(kept) & set(own.hidden(other))
    assert set(kept) <= set(own.hidden(made))
    assert "mlflow" not in own.hidden(made) and "notemill" not in own.hidden(made)
    assert all(len(secret) >= 32 and secret.replace("-", "").replace("_", "").isalnum() for secret in kept)


def test_where_there_is_none_what_to_do_is_said(environ):
    assert own.read(environ) is None
    with pytest.raises(UsageError, match="no stack was started by this user") as caught:
        own.needed(environ)
    assert caught.value.hint == "notemill stack up"


@pytest.mark.parametrize("content", ["{", json.dumps({"format": 99}), "[]"])
def test_a_file_that_is_not_understood_is_not_written_over(environ, content):
    own.path(environ).parent.mkdir(parents=True)
    own.path(environ).write_text(content)
    with pytest.raises(NotemillError, match="stack.json"):
        own.read(environ)
    assert own.path(environ).read_text() == content
