"""A small model, and rows for it."""

import pytest

from notemill.runtime.model import Model


@pytest.fixture
def model(bundle):
    return Model(bundle())


@pytest.fixture
def rows(trained):
    return trained("mixed", "linear").rows()
