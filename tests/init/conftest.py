"""Tables made of text, and `notemill init` called on them."""

import functools
import os
from pathlib import Path

import pytest
from init_samples import HEAD, csv_text, make_rows
from tiny import cli

from notemill import distribution

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


@pytest.fixture
def table(tmp_path):
    """A function that writes a CSV file: rows, or its text or bytes."""
    def write(content, name="in.csv", head=HEAD, encoding="utf-8", separator=","):
        if not isinstance(content, str | bytes):
            content = csv_text(content, head, separator)
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return path
    return write


@pytest.fixture
def rows():
    return make_rows()


@pytest.fixture(scope="session")
def packed_once():
    """notemill's own wheel takes most of the time of an init: one does for all; test_vendored.py makes it anew."""
    return functools.cache(distribution.local_wheel)


@pytest.fixture
def init(tmp_path, monkeypatch, packed_once):
    """A function that calls `notemill init` for a project in a folder of its own."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setattr(distribution, "local_wheel", packed_once)

    def call(data=None, target="bought", *words, folder=None):
        given = [] if data is None else ["--data", data, "--target", target]
        return cli("init", folder or tmp_path / "project", *given, *words)
    return call


@pytest.fixture
def shared_data():
    """The folder with the real tables."""
    if not DATA.is_dir():
        pytest.skip(f"there is no {DATA} with real tables")
    return DATA
