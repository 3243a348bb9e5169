"""What all tests share: tiny.py is importable in them, and no variable of this machine steers notemill."""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

STEERING = ("MLFLOW_", "NOTEMILL_", "DRONE_")


@pytest.fixture(autouse=True, scope="session")
def no_repository_around(tmp_path_factory):
    """Projects in temporary folders are in no repository, though these folders are in that of the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path_factory.getbasetemp()))
        yield


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch):
    """As on a laptop, outside CI, without colours."""
    for name in [name for name in os.environ if name.startswith(STEERING) or name == "CI"]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("NO_COLOR", "1")
