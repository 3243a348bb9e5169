"""Fixtures that run the starter notebooks; each table is run once for all its tests."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def kernel_environment(tmp_path, monkeypatch):
    """A kernel logs into a folder of its own, and leaves the machine's settings alone."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "mlflow").as_uri())
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))


@pytest.fixture(scope="session")
def milled_tables():
    return {}


@pytest.fixture
def mill(milled_tables, tmp_path_factory, kernel_environment):
    """name -> Milled; the notebooks run the first time that a table is asked for."""
    from starter import CASES, Milled, run_starter

    def get(name):
        if name not in milled_tables:
            folder = tmp_path_factory.mktemp(name)
            source = CASES[name].source(folder)
            run_starter(CASES[name], folder, source)
            milled_tables[name] = Milled(CASES[name], folder, [source] if isinstance(source, str) else source)
        return milled_tables[name]
    return get
