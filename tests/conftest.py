"""What all tests share: tiny.py is importable in them, and no variable of this machine steers notemill."""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

# Importing streamlit sets MPLBACKEND: kernels that inherit it show no pictures.
STEERING = ("MLFLOW_", "NOTEMILL_", "DRONE_", "MPLBACKEND")


@pytest.fixture(autouse=True, scope="session")
def no_repository_around(tmp_path_factory):
    """Projects in temporary folders are in no repository, though these folders are in that of the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path_factory.getbasetemp()))
        yield


@pytest.fixture(autouse=True, scope="session")
def own_cache(tmp_path_factory):
    """What notemill learns in tests stays among them; the installers' caches are the user's."""
    with pytest.MonkeyPatch.context() as patch:
        users = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        for name in ("pip", "uv", "pre-commit"):
            variable = "PRE_COMMIT_HOME" if name == "pre-commit" else f"{name.upper()}_CACHE_DIR"
            patch.setenv(variable, os.environ.get(variable) or str(users / name))
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))
        yield


@pytest.fixture(autouse=True, scope="session")
def own_data(tmp_path_factory):
    """No test comes to this user's stack by itself; those that are for it are told where its file is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.getbasetemp() / "data"))
        yield


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch):
    """As on a laptop, outside CI, without colours."""
    for name in [name for name in os.environ if name.startswith(STEERING) or name in ("CI", "DRONE")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("NO_COLOR", "1")
