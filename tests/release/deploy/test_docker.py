"""A target of kind docker: real containers behind a real HAProxy in a container."""

import shutil
import subprocess

import pytest
from deploy_samples import Load, deploy, free_port, serves, targets
from tiny import cli

pytestmark = pytest.mark.slow


def docker(*words):
    return subprocess.run(["docker", *words], capture_output=True, text=True)


@pytest.fixture
def engine(made, tmp_path, monkeypatch):
    """A copy of the project, with an engine that can make images of it."""
    pytest.importorskip("docker")
    if not shutil.which("docker") or docker("info").returncode:
        pytest.skip("no Docker engine answers")
    if not any(docker("image", "inspect", name).returncode == 0 for name in ("haproxy:2.8", "notemill/haproxy:2.6")):
        pytest.skip("there is no image with HAProxy: docker pull haproxy:2.8")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    root = shutil.copytree(made, tmp_path / "project")
    yield root
    cli("undeploy", "here", project=root)
    left = docker("ps", "-aq", "--filter", "label=notemill.target=plain/here").stdout.split()
    if left:
        docker("rm", "-f", *left)


def containers():
    found = docker("ps", "-a", "--filter", "label=notemill.target=plain/here", "--format",
                   '{{.Label "notemill.version"}} {{.State}}').stdout.splitlines()
    return sorted(line.strip() for line in found)


def test_versions_follow_each_other(engine, row, numbers):
    port = targets(engine, kind="docker", port=free_port(), watch=5, ready=300)["port"]
    first = deploy(engine, 1)
    assert (first.code, first.json["address"]) == (0, f"http://127.0.0.1:{port}"), first
    assert serves(port, row) == 1 and containers() == ["1 running", "running"]
    with Load(port, row, threads=3) as load:
        second, back = deploy(engine, 2), deploy(engine, "previous")
        failed = deploy(engine, numbers["mortal"])
    assert (second.code, back.json["version"], load.failed) == (0, 1, []), (second, back)
    assert failed.code == 4 and "its score died: exit code 9" in failed.json["reason"], failed
    assert serves(port, row) == 1 and containers() == ["1 running", "running"]
    assert cli("deployments", "--json", project=engine).json["targets"][0]["status"] == "serving"
    # the engine's restart: containers come back, perhaps with other addresses
    ids = docker("ps", "-q", "--filter", "label=notemill.target=plain/here").stdout.split()
    assert docker("kill", *ids).returncode == 0
    assert cli("deployments", "--json", project=engine).json["targets"][0]["status"] == "down"
    again = cli("deployments", "--again", "--json", project=engine)
    assert again.json["targets"][0]["status"] == "serving" and serves(port, row) == 1, again
    assert cli("undeploy", "here", project=engine).code == 0 and containers() == []
    assert not docker("volume", "ls", "-q", "--filter", "label=notemill.target=plain/here").stdout
    assert not docker("network", "ls", "-q", "--filter", "label=notemill.target=plain/here").stdout
