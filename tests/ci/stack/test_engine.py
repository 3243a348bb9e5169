"""Which Docker is taken, and what is said where there is none."""

import os

import pytest

from notemill.ci.stack import engine
from notemill.errors import NotemillError, UsageError

INFO = '{"ServerVersion": "20.10.24", "DockerRootDir": "/var/lib/docker"}'


def script(folder, name, text):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)
    return folder / name


def docker(folder, version, *, buildx=False, plugin=False, info=f"echo '{INFO}'"):
    return script(folder, "docker", f"""case "$1" in
version) echo {version} ;;
info) {info} ;;
buildx) exit {0 if buildx else 1} ;;
compose) exit {0 if plugin else 1} ;;
esac""")


@pytest.fixture
def environ(tmp_path, monkeypatch):
    """A PATH of folders of this test alone, a/ first."""
    path = os.pathsep.join(str(tmp_path / name) for name in "abc")
    monkeypatch.setenv("PATH", path)
    return {"PATH": path}


def test_without_a_client_how_to_get_one_is_said(environ):
    with pytest.raises(UsageError, match="not on the PATH") as caught:
        engine.find(environ)
    assert "apt-get install docker.io" in caught.value.hint


def test_without_an_engine_how_to_start_it_is_said(tmp_path, environ):
    said = '{"ServerErrors": ["Cannot connect to the Docker daemon"]}'
    docker(tmp_path / "a", "20.10.24", info=f"echo '{said}'; exit 1")
    with pytest.raises(UsageError, match="Cannot connect") as caught:
        engine.find(environ)
    assert "systemctl start docker" in caught.value.hint


def test_the_client_that_builds_goes_before_one_that_does_not(tmp_path, environ):
    docker(tmp_path / "a", "29.1.0")
    older = docker(tmp_path / "b", "20.10.24+dfsg1")
    script(tmp_path / "c", "docker-compose", "exit 0")
    found = engine.find(environ)
    assert found.docker == (str(older),) and found.builds and found.compose == (str(tmp_path / "c" / "docker-compose"),)


def test_a_new_client_with_its_plugins_is_taken(tmp_path, environ):
    new = docker(tmp_path / "a", "29.1.0", buildx=True, plugin=True)
    docker(tmp_path / "b", "20.10.24")
    found = engine.find(environ)
    assert found.docker == (str(new),) and found.compose == (str(new), "compose") and found.builds


def test_without_compose_how_to_get_it_is_said(tmp_path, environ):
    docker(tmp_path / "a", "20.10.24")
    with pytest.raises(UsageError, match="compose") as caught:
        engine.find(environ)
    assert "docker-compose" in caught.value.hint


def test_one_may_be_named(tmp_path, environ):
    docker(tmp_path / "a", "20.10.24", plugin=True)
    named = docker(tmp_path / "elsewhere", "29.1.0", plugin=True)
    found = engine.find({**environ, "NOTEMILL_DOCKER": str(named)})
    assert found.docker == (str(named),) and not found.builds


def test_a_failure_is_told_without_secrets():
    with pytest.raises(NotemillError) as caught:
        engine.output(["/bin/sh", "-c", "echo 'password geheim is wrong' >&2; exit 1"], hidden=["geheim"])
    assert caught.value.got == "password ****** is wrong"


def test_where_the_socket_is():
    assert engine.socket({}) == "/var/run/docker.sock"
    assert engine.socket({"DOCKER_HOST": "unix:///run/user/7/docker.sock"}) == "/run/user/7/docker.sock"
    assert engine.socket({"DOCKER_HOST": "tcp://192.0.2.1:2376"}) == "/var/run/docker.sock"
