"""A model, the records that hold its version, and two MLflows: a database, and a real server."""

import hashlib
from dataclasses import replace

import pytest
import skops.io
from lineage_toy import running_server
from model_samples import make_version, mixed_files, train

from notemill.registry import Records


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("linear")
    return train(folder, **mixed_files(folder))


@pytest.fixture(scope="session")
def other(trained):
    """A model that answers the opposite."""
    import copy

    pipeline = copy.deepcopy(trained.pipeline)
    pipeline[-1].coef_ *= -1
    pipeline[-1].intercept_ *= -1
    return replace(trained, pipeline=pipeline, skops=skops.io.dumps(pipeline))


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    with running_server(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture(params=["database", "server"])
def uri(request, tmp_path):
    """Where MLflow is: both ways."""
    return request.getfixturevalue("server").uri if request.param == "server" else f"sqlite:///{tmp_path / 'mlflow.db'}"


@pytest.fixture
def records(tmp_path):
    return Records(tmp_path / "records")


@pytest.fixture
def name(request):
    """A name of its own for each test: they share the server."""
    return f"toy-{hashlib.sha256(request.node.name.encode()).hexdigest()[:12]}"


@pytest.fixture
def version(records, trained, name):
    """A manifest; words change it."""
    return lambda made=trained, **more: make_version(records, made, name=name, **more)
