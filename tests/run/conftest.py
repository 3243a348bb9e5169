"""Runs within this process: faster than the command in one of its own, and measured."""

import json
import sys
from pathlib import Path

import pytest
from tiny import cli

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def run_here():
    """`notemill run --offline --json ARGS`: the Result."""
    return lambda project, *args: cli("run", "--offline", "--json", *args, project=project)


@pytest.fixture
def statuses():
    """{step: status} of a Result."""
    return lambda result: {step["step"]: step["status"] for step in result.json["steps"]}


@pytest.fixture
def kept():
    """The parsed content of an object of the store."""
    def read(project, sha256):
        return json.loads(Path(project, ".notemill", "objects", sha256[:2], sha256[2:]).read_bytes())
    return read
