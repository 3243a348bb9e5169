"""Fixtures that run the starter notebooks; each table is run once for all its tests."""

import shutil
import sys
import tempfile
from pathlib import Path

import pytest

from notemill.execute.warm.process import WarmProcess

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def runtime():
    """A folder, short enough for sockets, in which the warm process is found again; it ends with the tests."""
    folder = Path(tempfile.mkdtemp(prefix="starter-"))
    yield folder
    for place in folder.glob("notemill/*/"):
        WarmProcess(place).ask("stop")
    shutil.rmtree(folder)


@pytest.fixture
def kernel_environment(tmp_path, monkeypatch, runtime):
    """A kernel logs into a folder of its own, and leaves the machine's settings alone."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    monkeypatch.setenv("NOTEMILL_WARM", "1")
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
    from starter import CASES, PLAIN, Milled, run_starter

    def get(name):
        if name not in milled_tables:
            folder = tmp_path_factory.mktemp(name)
            source = CASES[name].source(folder)
            run_starter(CASES[name], folder, source, warm=name not in PLAIN)
            milled_tables[name] = Milled(CASES[name], folder, [source] if isinstance(source, str) else source)
        return milled_tables[name]
    return get
