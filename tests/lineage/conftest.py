"""What the tests of lineage share: a project, a server, and what a real process logged."""

from pathlib import Path

import pytest
from lineage_toy import LOGS_MUCH, Project, log_in, running_server


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
    with running_server(tmp_path_factory.mktemp("server")) as server:
        yield server
