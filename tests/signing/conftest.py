"""A file, and a key that has signed it."""

import pytest
from keys import make_keys

from notemill import signing


@pytest.fixture
def keys(tmp_path):
    return make_keys(tmp_path)


@pytest.fixture
def signed(tmp_path, keys):
    """A file with its signature beside it."""
    path = tmp_path / "model-1-py3-none-any.whl"
    path.write_bytes(b"a wheel, or whatever is handed over")
    signing.sign(path, keys.signs)
    return path
