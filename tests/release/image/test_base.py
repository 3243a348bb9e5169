"""What an image may stand on, and an engine that is not there."""

import dataclasses
import io
import sys
import tarfile

import pytest

from notemill.errors import MissingExtra, UsageError
from notemill.release.image import base as bases
from notemill.release.image import engine as engines
from notemill.release.image.base import Base, check_python, find_base
from notemill.release.image.source import find_source

OLD = Base("debian:buster", "sha256:0", 1, (3, 7, 3), "x86_64")


def test_another_python_than_the_wheel_wants_is_refused(wheel):
    source = find_source(None, str(wheel), {}, print)
    with pytest.raises(UsageError) as told:
        check_python(source, OLD)
    assert f"debian:buster: has Python 3.7, and {wheel.name} wants >=3.11" in str(told.value)
    assert "--base IMAGE, or NOTEMILL_BASE_IMAGE, as python:3.11-slim" in str(told.value)
    check_python(source, dataclasses.replace(OLD, python=(3, 11, 0)))
    check_python(source, dataclasses.replace(OLD, python=(3, 12, 1)))


def test_what_can_be_had_is_looked_at(engine):
    client, base = engine
    found = find_base(client, base.name, "python:3.11-slim", print)
    assert found == base and found.python[:2] >= (3, 11) and found.machine in ("x86_64", "aarch64") and found.size > 1e6


def test_one_that_cannot_be_had_is_told(engine, capsys):
    with pytest.raises(UsageError) as told:
        find_base(engine[0], "registry.invalid/python:3", "python:3.11-slim", print)
    words = str(told.value)
    assert words.startswith("registry.invalid/python:3: is not here, and cannot be fetched: ")
    assert "docker pull or docker load it; or name another one: --base IMAGE, or NOTEMILL_BASE_IMAGE" in words
    assert capsys.readouterr().out == "fetching registry.invalid/python:3\n"


def test_one_without_python_is_told(engine):
    client, made = engine[0], io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("nothing"))
    client.api.import_image_from_data(made.getvalue(), repository="notemill-test/empty", tag="1")
    try:
        with pytest.raises(UsageError, match="is no base for an image: it has no python3"):
            find_base(client, "notemill-test/empty:1", "python:3.11-slim", print)
        assert not client.containers.list(all=True, filters={"ancestor": "notemill-test/empty:1"})
    finally:
        client.images.remove("notemill-test/empty:1", force=True)


@pytest.mark.parametrize("machine, libc", [("s390x", ["glibc", "2.36"]), ("amd64", ["", ""]),
                                           ("amd64", ["glibc", "2.17"])])
def test_one_that_wheels_are_not_made_for_is_told(monkeypatch, machine, libc):
    image = type("Image", (), {"attrs": {"Architecture": machine, "Size": 1}, "id": "sha256:0"})
    monkeypatch.setattr(bases, "asked_of", lambda *more: {"python": [3, 11, 2], "libc": libc})
    with pytest.raises(UsageError, match="amd64 or arm64, with glibc 2.28 or later"):
        bases.looked_at(None, "odd:1", image)


def test_without_an_engine_it_says_how_to_start_one():
    with pytest.raises(UsageError, match="systemctl start docker") as told:
        engines.connect({"DOCKER_HOST": "unix:///nowhere/docker.sock"})
    assert told.value.exit_code == 2


def test_without_the_sdk_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "docker", None)
    with pytest.raises(MissingExtra, match=r"pip install 'notemill\[docker\]'"):
        engines.connect({})
