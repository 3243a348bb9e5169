"""Builds: which client, what is handed over, and that no image has any of it."""

from pathlib import Path

import pytest
from containers import docker, layers, once
from secret_samples import NAME, PASSWORD, SECRETS, certificates, index

from notemill.ci.stack import engine as stack
from notemill.distribution import own_wheel
from notemill.errors import NotemillError, UsageError
from notemill.release.image import building, command_line, context
from notemill.release.image.base import find_base
from notemill.release.image.own import small_wheel
from notemill.release.image.source import find_source
from notemill.release.image.trial import AS_IT_WILL_BE

SIX = ("six==1.17.0 \\\n    --hash=sha256:4721f391ed90541fddacab5acf947aa0d3dc7d27b2e1e8eda2be8970586c3274\n"
       "# {}\n")


def program(folder, name, text):
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)
    return folder


def test_a_client_that_cannot_build_is_passed_over(tmp_path):
    new = program(tmp_path / "new", "docker", '[ "$1" = version ] && echo 28.2.2 || exit 1')
    old = program(tmp_path / "old", "docker", "echo 20.10.24+dfsg1")
    both = {"PATH": f"{new}:{old}"}
    assert building.client(both) == str(old / "docker")
    with pytest.raises(UsageError, match="lacks its plugin buildx"):
        building.client({"PATH": str(new)})
    with pytest.raises(UsageError, match="is not on the PATH"):
        building.client({"PATH": str(tmp_path)})
    with pytest.raises(UsageError, match="cannot build"):
        building.client({**both, "NOTEMILL_DOCKER": str(new / "docker")})
    with pytest.raises(UsageError, match="NOTEMILL_DOCKER: there is no program '/nowhere/docker'"):
        building.client({"NOTEMILL_DOCKER": "/nowhere/docker"})
    silent = program(tmp_path / "silent", "docker", "exit 0")
    assert not command_line.can_build(str(silent / "docker")) and not command_line.can_build(str(tmp_path))
    assert building.client({"PATH": str(old), "NOTEMILL_DOCKER": "docker"}) == str(old / "docker")


def test_the_stack_looks_for_its_client_in_the_same_way(tmp_path):
    with pytest.raises(UsageError, match="NOTEMILL_DOCKER: there is no program '/nowhere/docker'"):
        stack.find({"NOTEMILL_DOCKER": "/nowhere/docker"})
    info = """case $1 in info) echo '{"ServerVersion": "1"}' ;; version) exit 0 ;; esac"""
    silent = program(tmp_path / "silent", "docker", info)
    assert not stack.find({"PATH": str(silent)}).builds


def test_what_is_handed_over_is_there_for_the_build_alone(tmp_path):
    (tmp_path / "ca").write_text("x")
    hostile = "export A='it\\'s $(id)'\n\xe4"
    with command_line.secrets({"SSL_CERT_FILE": str(tmp_path / "ca")}, index=hostile, pip="") as given:
        place = Path(given[3].partition("src=")[2])
        assert given == ["--secret", f"id=ca,src={tmp_path / 'ca'}", "--secret", f"id=index,src={place}"]
        assert place.read_text(encoding="utf-8") == hostile and place.stat().st_mode & 0o077 == 0
    assert not place.exists()
    with command_line.secrets({"SSL_CERT_FILE": str(tmp_path / "none")}, pip="") as given:
        assert given == []


def test_proxies_are_named_without_their_logins():
    login = "http://ada:secret@proxy.example"  # pragma: allowlist secret
    assert command_line.proxies({"HTTPS_PROXY": login, "no_proxy": ""}) == ["--build-arg", "HTTPS_PROXY"]


def test_pip_gets_the_index_that_the_user_has(tmp_path):
    (tmp_path / "pip.conf").write_text("[global]\ntimeout = 90\nindex-url = http://old/\n")
    text = building.pip_settings({"PIP_CONFIG_FILE": str(tmp_path / "pip.conf"), "PIP_INDEX_URL": "http://a%b@new/"})
    assert text == "[global]\ntimeout = 90\nindex-url = http://a%b@new/"
    assert building.pip_settings({"UV_DEFAULT_INDEX": "http://uv/"}) == "[global]\nindex-url = http://uv/"
    assert building.pip_settings({}) == ""


def test_a_failure_names_no_login():
    index = "https://ada:secret@index.example/simple"  # pragma: allowlist secret
    said = f"#5 0.123 Looking in indexes: {index}\n\n#5 ERROR: x\x1b[2J\n"
    text = building.failure(said)
    assert text == "failed\n  Looking in indexes: https://******@index.example/simple\n  ERROR: x [2J"


@pytest.fixture
def folder(engine, wheel, tmp_path):
    """What the Dockerfile copies, with a need of one small package that no earlier build has had."""
    source, base = find_source(None, str(wheel), {}, print), engine[1]
    parts = context.Parts(source, small_wheel(own_wheel()[1]), SIX.format(tmp_path).encode(),
                          context.dockerfile(None, source.python), base, False)
    context.lay(parts, tmp_path / "context")
    return tmp_path / "context"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_no_layer_and_no_history_has_a_secret(engine, folder, tmp_path):
    client, base = engine
    host = client.networks.get("bridge").attrs["IPAM"]["Config"][0].get("Gateway", "172.17.0.1")
    with index(host) as (environ, seen):
        environ = {**environ, **certificates(tmp_path), "GREETING": PASSWORD,
                   "no_proxy": f"{host},{PASSWORD}.example"}
        image = building.build(folder, base.name, {"notemill.test": "yes"}, environ)
    try:
        assert [path for path, login in seen if path.startswith("/simple/six") and login], "the login was not needed"
        settings, files = layers(client, image)
        assert [entry.name for _, entry, _ in files if entry.name.endswith("site-packages/six.py")]
        told = docker("history", "--no-trunc", "--format", "{{json .}}", image).stdout + settings
        assert "notemill-model" in told
        assert not [secret for secret in (*SECRETS, NAME) if secret in told]
        assert not [(entry.name, secret) for _, entry, content in files for secret in SECRETS
                    if secret.encode() in content or secret in entry.name]
    finally:
        client.images.remove(image, force=True)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_package_that_is_not_what_was_pinned_is_not_installed(engine, folder):
    pins = folder / "pins.txt"
    pins.write_text(pins.read_text().replace("sha256:4721", "sha256:4722"))
    with pytest.raises(NotemillError) as told:
        building.build(folder, engine[1].name, {}, {**certificates(folder.parent)})
    assert "DO NOT MATCH THE HASHES" in str(told.value) and "six" in str(told.value)


def test_a_full_context_is_laid_whole(folder):
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert {"Dockerfile", "pins.txt", "model.json", "files/entry.py", "files/trim.py", "files/compiled.py",
            "files/contents.py"} < names and len([name for name in names if name.endswith(".whl")]) == 2


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_it_stands_on_a_python_in_another_place(engine, folder, tmp_path):
    """As python:3.11-slim has it: in /usr/local, and not where Debian has its own."""
    client, base = engine
    (tmp_path / "moved").mkdir()
    (tmp_path / "moved" / "Dockerfile").write_text(
        f"FROM {base.name}\nRUN real=$(readlink -f $(command -v python3)) && rm -f /usr/bin/python3 && cp $real"
        " /usr/local/bin/python3.moved && rm $real && ln -s python3.moved /usr/local/bin/python3\n")
    tag, image = "notemill-test/moved:1", None
    assert docker("build", "-q", "-t", tag, str(tmp_path / "moved")).returncode == 0
    try:
        assert find_base(client, tag, "", print).python == base.python
        image = building.build(folder, tag, {}, certificates(tmp_path))
        code, said = once(client, image, "-c", "import six, sys; print(six.__version__, sys.executable)",
                          entrypoint="python3", **AS_IT_WILL_BE)
        assert (code, said) == (0, "1.17.0 /opt/needs/bin/python3\n")
        assert once(client, image, "health")[0] == 1
    finally:
        for one in filter(None, (image, tag)):
            client.images.remove(one, force=True)
