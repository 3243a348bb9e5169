"""A project whose page is made, through the command line."""

import pytest
from overview_samples import sample_project
from tiny import cli


@pytest.fixture
def root(tmp_path):
    """Two steps, a module, a table; no gate, no git, no run."""
    return sample_project(tmp_path / "project")


@pytest.fixture
def told():
    """`told(root)`: the facts that `notemill report --json` prints."""
    def tell(root, *words):
        result = cli("report", "--json", *words, project=root)
        assert result.code == 0, result.err
        return result.json
    return tell


@pytest.fixture
def about(told):
    """`about(root, topic)`: (state, words and items) of what is said to be tracked."""
    def find(root, topic):
        one = next(one for one in told(root)["tracked"] if one["topic"] == topic)
        return one["state"], " ".join([one["words"], *one["items"]])
    return find
