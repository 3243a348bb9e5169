"""An engine of these tests' own is stopped in the middle of a deployment, and started again; and has no disk left."""

import contextlib
import shutil
import tempfile
from functools import partial
from pathlib import Path

import httpx
import pytest
from deploy_samples import PATIENCE, Load, deploy, deploy_process, ended, home, serves, targets
from docker_samples import HAPROXIES, as_before, docker, gone, images, is_at
from own_engine import own_engine
from real_engine import asked
from tiny import cli

from notemill.release.deploy import running
from notemill.release.image.base import OWN

USUAL = "python:3.11-slim"
LONG, LOOK = 6 * PATIENCE, 0.3  # seconds: who looks keeps the engine busy
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800), asked]


@pytest.fixture(scope="module")
def engine(engine_there, made):
    """An engine that may be stopped, with a copy of the project, of which it serves version 1, before each test."""
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="nm-", ignore_cleanup_errors=True))
        own = stack.enter_context(own_engine(Path(folder, "engine")))
        usual = [name for name in (*HAPROXIES, OWN, USUAL) if docker("image", "inspect", name).returncode == 0]
        own.load(*usual, *(name for names in images().values() for name in names if name.endswith("-service")))
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        for name, value in {"XDG_DATA_HOME": f"{folder}/data", "PYTHONPATH": home(), "DOCKER_HOST": own.host}.items():
            patch.setenv(name, value)
        own.project = shutil.copytree(made, Path(folder, "project"))
        own.port = targets(own.project, kind="docker", watch=12, ready=300)["port"]
        assert deploy(own.project, 1).code == 0
        yield own
        gone(own.project)


def shown(root, *more):
    return cli("deployments", "--json", *more, project=root).json["targets"][0]


def well(engine, row, version=1):
    """It serves there, alone, and the state is true."""
    return as_before(engine.project, version, partial(engine.within, serves), engine.port, row)


def somebody_serves(engine, row):
    with contextlib.suppress(httpx.HTTPError, AssertionError):
        return engine.within(serves, engine.port, row) in (1, 2)
    return False


@contextlib.contextmanager
def loaded(engine, row):
    """Requests in its network: a thread is where the one was that started it."""
    load = Load(engine.port, row, threads=2)
    engine.within(load.__enter__)
    try:
        yield load
    finally:
        load.__exit__()


# docker's SDK closes no socket at which nobody answers
@pytest.mark.filterwarnings("ignore:unclosed <socket.socket:ResourceWarning")
@pytest.mark.parametrize("step, killed", [("watching", False), ("starting", False), ("watching", True)])
def test_stopped_in_the_middle(engine, row, step, killed):
    """In order, and by -9; whoever of the two serves then, after the next command it is the old one, and nobody's
    request fails on the way."""
    root = engine.project
    process = deploy_process(root, 2)
    assert running.until(partial(is_at, root, process, step), LONG, LOOK)
    engine.stop(killed)
    now = shown(root)
    assert now["status"] == "broken" and "docker" in now["reason"], now
    done = ended(process)
    assert done.code == 4 and "Traceback" not in done.err and done.json["problem"], done
    assert "not all could be put back" in done.err, done
    engine.start()
    assert running.until(partial(somebody_serves, engine, row), LONG, LOOK)  # before anybody looks
    with loaded(engine, row) as load:
        again = shown(root, "--again")
    assert load.failed == [] and load.done > 0
    assert (again["status"], again["version"], again["reason"]) == ("serving", 1, None), again
    assert well(engine, row)


@pytest.mark.parametrize("when", ["before", "starting", "watching"])
def test_a_full_disk(engine, row, when):
    """The engine's own, where the state is kept: the old one serves all the time."""
    root = engine.project
    try:
        if when == "before":
            engine.fill()
            done = deploy(root, 2)
        else:
            process = deploy_process(root, 2)
            assert running.until(partial(is_at, root, process, when), LONG, LOOK)
            engine.fill()
            done = ended(process)
        assert done.code == (1 if when == "before" else 4), done
        assert "o space left" in done.out and "Traceback" not in done.err, done
        assert engine.within(serves, engine.port, row) == 1
    finally:
        engine.free()
    again = shown(root, "--again")
    assert (again["status"], again["version"], again["reason"]) == ("serving", 1, None), again
    assert well(engine, row)


def test_it_goes_on(engine, row):
    assert deploy(engine.project, 2).code == 0 and well(engine, row, 2)
