"""A project with versions that can be deployed, made once."""

import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from deploy_samples import SPOILT, ends, home, make_versions, row_of  # noqa: E402
from docker_samples import docker, engine_or_skip, gone, images  # noqa: E402
from tiny import cli  # noqa: E402
from notemill.release.deploy.process import find_haproxy  # noqa: E402

GOOD = ("good", "good", "good")


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """Versions 1 to 3 are good; 4 and on as SPOILT has them. Tests take a copy."""
    folder = tmp_path_factory.mktemp("versions")
    return make_versions(folder / "project", folder, *GOOD, *SPOILT)


@pytest.fixture
def numbers():
    """{label: version} of those that fail."""
    return {label: number for number, label in enumerate(SPOILT, 1 + len(GOOD))}


@pytest.fixture
def project(made, tmp_path, monkeypatch):
    """A copy of the project; what was deployed is ended after the test."""
    if find_haproxy() is None:
        pytest.skip("HAProxy is not installed (apt-get install haproxy)")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("PYTHONPATH", home())
    root = shutil.copytree(made, tmp_path / "project")
    yield root
    ends(root)


@pytest.fixture(scope="session")
def row(made):
    return row_of(made)[0]


# in a Docker engine
@pytest.fixture(scope="session")
def engine_there(made):
    """With the images of the good versions, and what they need pinned. Of images only those stay that were there."""
    engine_or_skip()
    before = images()
    for version in (1, 2):
        done = cli("image", version, "--no-demo", project=made)
        assert done.code == 0, done
    yield
    for number, names in images().items():
        if number not in before:
            docker("rmi", *names)


@pytest.fixture
def engine(engine_there, made, tmp_path, monkeypatch):
    """A copy of the project; nothing of its target is left in the engine."""
    gone(made)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("PYTHONPATH", home())
    root = shutil.copytree(made, tmp_path / "project")
    yield root
    gone(root)
