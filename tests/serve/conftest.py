"""Model packages and services that several tests share: made once."""

import httpx
import pytest
from serving_samples import golden, make_wheel, plain_files, serving, unpacked


@pytest.fixture(scope="session")
def wheels(tmp_path_factory):
    """(estimator, compiled, target) -> a wheel; each is made once."""
    made = {}

    def get(estimator="linear", compiled=True, target="answer"):
        key = estimator, compiled, target
        if key not in made:
            folder = tmp_path_factory.mktemp("wheel")
            made[key] = make_wheel(folder, plain_files(folder / "made", target), estimator=estimator, compiled=compiled)
        return made[key]
    return get


@pytest.fixture(scope="session")
def packages(wheels, tmp_path_factory):
    """The same, as a package's folder."""
    made = {}

    def get(*which):
        if which not in made:
            made[which] = unpacked(wheels(*which), tmp_path_factory.mktemp("package"))
        return made[which]
    return get


@pytest.fixture
def fresh(wheels, tmp_path):
    """A package of one's own, to spoil."""
    return unpacked(wheels(), tmp_path / "fresh")


@pytest.fixture(scope="session")
def service(packages, tmp_path_factory):
    """A service with a scoring plan and a prediction log."""
    with serving(packages(), "--log", tmp_path_factory.mktemp("log") / "log") as running:
        yield running


@pytest.fixture(scope="session")
def uncompiled(packages):
    """A service in which scikit-learn answers."""
    with serving(packages("linear", False)) as running:
        yield running


@pytest.fixture
def ask(service):
    """An HTTP client of the service."""
    with httpx.Client(base_url=service.url, timeout=30) as client:
        yield client


@pytest.fixture(scope="session")
def known(packages):
    """The golden rows: rows, predictions, probabilities."""
    return golden(packages())


@pytest.fixture
def row(known):
    """One good row."""
    return dict(known["rows"][0])
