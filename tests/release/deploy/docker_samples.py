"""A target of kind docker, in a real engine: what runs there, and what is written down. `from docker_samples import`"""

import json
import shutil
import subprocess

import pytest
from deploy_samples import deploy, ended, free_port, serves, targets
from tiny import cli

MINE = "label=notemill.target=plain/here"
HAPROXIES = ("haproxy:2.8", "notemill/haproxy:2.6")


def docker(*words, host=None):
    return subprocess.run(["docker", *(["--host", host] if host else []), *words], capture_output=True, text=True)


def engine_or_skip():
    """An engine that can make images, and one with HAProxy."""
    pytest.importorskip("docker")
    if not shutil.which("docker") or docker("info").returncode:
        pytest.skip("no Docker engine answers")
    if not any(docker("image", "inspect", name).returncode == 0 for name in HAPROXIES):
        pytest.skip(f"there is no image with HAProxy: docker pull {HAPROXIES[0]}")


def left(host=None):
    """Containers, volumes and networks of the target."""
    return [name for words in (("ps", "-aq"), ("volume", "ls", "-q"), ("network", "ls", "-q"))
            for name in docker(*words, "--filter", MINE, host=host).stdout.split()]


def containers(host=None):
    """VERSION STATE of each; the proxy's has no version."""
    found = docker("ps", "-a", "--filter", MINE, "--format", '{{.Label "notemill.version"}} {{.State}}', host=host)
    return sorted(line.strip() for line in found.stdout.splitlines())


def site_of(root):
    """As the commands see it; to be closed by its `done`."""
    from notemill.project import open_project
    from notemill.release.deploy.sites import site_of as found
    from notemill.release.deploy.targets import find_target

    project = open_project(root)
    return found(find_target(root, project.pipeline.name, "here"), project, print)


def is_at(root, process, step):
    """Whether the deployment under way has come so far."""
    assert process.poll() is None, ended(process)
    site = site_of(root)
    try:
        coming = site.read().coming
        return coming and coming.step == step
    finally:
        site.done()


def addresses():
    """{version: (the container of its service, its address)}."""
    found = {}
    for name in docker("ps", "-aq", "--filter", MINE, "--filter", "label=notemill.part=score").stdout.split():
        [facts] = json.loads(docker("inspect", name).stdout)
        [network] = facts["NetworkSettings"]["Networks"].values()
        found[facts["Config"]["Labels"]["notemill.version"]] = name, network["IPAddress"]
    return found


def known(root):
    """(the state, the lines of the proxy's servers: {slot: words})."""
    site = site_of(root)
    try:
        text = site.proxy.got("haproxy.cfg").decode()
        lines = [line.split() for line in text.splitlines() if line.startswith("    server ")]
        return site.read(), {line[1]: line[2:] for line in lines}
    finally:
        site.done()


def as_before(root, version, asks=serves, port=None, row=None, host=None):
    """The version serves alone, nothing is under way, and the proxy's file says so."""
    state, servers = known(root)
    assert asks(port, row) == version == state.serving.version and state.coming is None
    assert [slot for slot, words in servers.items() if "disabled" not in words] == [state.serving.slot]
    assert containers(host) == [f"{version} running", "running"]
    return True


def begun(root, **facts):
    """The port where version 1 is served."""
    port = targets(root, **{"kind": "docker", "port": free_port(), "watch": 4, "ready": 300, **facts})["port"]
    done = deploy(root, 1)
    assert (done.code, done.json.get("address")) == (0, f"http://127.0.0.1:{port}"), done
    return port


def gone(root):
    """Nothing of the target is left, whatever happened."""
    cli("undeploy", "here", project=root)
    for kind, words in (("container", ["-f"]), ("network", []), ("volume", [])):
        listed = ["ps", "-aq"] if kind == "container" else [kind, "ls", "-q"]
        if names := docker(*listed, "--filter", MINE).stdout.split():
            docker(kind, "rm", *words, *names)


def images():
    """Those of the project's versions: {id: names}."""
    found = docker("images", "--no-trunc", "--filter", "label=notemill.package=plain_model", "--format",
                   "{{.ID}} {{.Repository}}:{{.Tag}}").stdout.splitlines()
    known: dict[str, list[str]] = {}
    for line in found:
        number, _, name = line.partition(" ")
        known.setdefault(number, []).append(name)
    return known
