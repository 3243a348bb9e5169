"""What the tests of lineage share: a project, a server, and what a real process logged."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from lineage_toy import LOGS_MUCH, Project, Server, log_in  # noqa: E402  the line above makes it importable


@pytest.fixture(scope="session")
def rich_spool(tmp_path_factory) -> Path:
    """What a notebook leaves that uses most of what mlflow has to offer."""
    folder = tmp_path_factory.mktemp("rich")
    done = log_in(folder / "mlflow", LOGS_MUCH, folder)
    (folder / "output.txt").write_text(done.stdout + done.stderr)
    return folder / "mlflow"


@pytest.fixture
def project(tmp_path) -> Project:
    return Project(tmp_path / "project")


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("server"))
    try:
        server.start()
        yield server
    finally:
        server.kill()
