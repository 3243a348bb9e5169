"""Run cells as a step's job, without a pipeline."""

import os

import pytest
from tiny import notebook

from notemill.execute import Job, Pool, execute
from notemill.execute.kernel import kernel_environment
from notemill.pipeline import Limits


@pytest.fixture(scope="session")
def pool():
    """Warm processes that end with the tests."""
    with Pool() as pool:
        yield pool


@pytest.fixture
def unmeasured(monkeypatch):
    """Without what measures coverage in kernels and warm processes: it takes memory, opens files, and is a module."""
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
    monkeypatch.delenv("COVERAGE_PROCESS_START", raising=False)


@pytest.fixture(params=["process", "warm"])
def kernel(request):
    """Every test of what a notebook does is of both kinds of kernel."""
    return request.param


@pytest.fixture
def make_job(tmp_path, pool, kernel):
    def make(*cells, parameters="given = 0", values=None, names=(), threads=1, seconds=None, memory_mb=None, **more):
        (tmp_path / "notebooks").mkdir(exist_ok=True)
        return Job("step", notebook(*cells, parameters=parameters), {"given": 1} if values is None else values,
                   saved=tmp_path / "saved.ipynb", cwd=tmp_path / "notebooks", root=tmp_path,
                   env=kernel_environment(os.environ, names, threads), threads=threads,
                   limits=Limits(seconds, memory_mb), **{"kernel": kernel, "pool": pool, **more})
    return make


@pytest.fixture
def execute_cells(make_job):
    """The Executed of a notebook whose first cell is `parameters`; `cells` are numbered from 2."""
    return lambda *cells, **more: execute(make_job(*cells, **more))


def text_of(notebook):
    """All that a notebook's cells printed or showed."""
    return "".join("".join(output.get("text") or output.get("data", {}).get("text/plain", ""))
                   for cell in notebook["cells"] for output in cell.get("outputs", []))


@pytest.fixture
def printed():
    return text_of
