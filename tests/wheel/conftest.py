"""A model and the records that hold its version."""

import pytest
from model_samples import make_version, mixed_files, train

from notemill.registry import Records


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """estimator -> Trained."""
    made = {}

    def get(estimator="linear"):
        if estimator not in made:
            folder = tmp_path_factory.mktemp(estimator)
            made[estimator] = train(folder, estimator=estimator, **mixed_files(folder))
        return made[estimator]
    return get


@pytest.fixture
def records(tmp_path):
    return Records(tmp_path / "records")


@pytest.fixture
def version(trained, records):
    """A manifest of version 3; words change it."""
    def get(estimator="linear", **more):
        return {**make_version(records, trained(estimator), **more), "version": more.get("version", 3)}
    return get
