"""A model's wheel, and its image, built once by the real engine."""

import os
import sys
from pathlib import Path

import pytest
from serving_samples import make_wheel

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "demo")]  # rebuilding.py is there


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    """A compiled model, without a project."""
    return make_wheel(tmp_path_factory.mktemp("model"), name="imaged")


@pytest.fixture(scope="session")
def engine():
    """(the client, what images stand on)."""
    from containers import client_or_skip

    client, base = client_or_skip(os.environ)
    yield client, base
    client.close()


@pytest.fixture(scope="session")
def built(wheel, engine):
    """The image with service and demo."""
    from containers import forget

    from notemill.release import image

    said = []
    made = image.ensure(None, str(wheel), said.append, base=engine[1].name)
    yield made
    forget(engine[0], made.id)
