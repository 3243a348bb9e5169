"""BuildKit, by Docker's command line (the SDK has none): secrets reach one command of a build, and no layer."""

import configparser
import contextlib
import io
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from notemill.errors import NotemillError, UsageError
from notemill.text import printable

BUILDX = "apt-get install docker-buildx, or name another client: NOTEMILL_DOCKER=/usr/bin/docker"
INSTALL = "install it: apt-get install docker.io (Debian, Ubuntu), or see docs.docker.com/engine/install"
# Docker knows these without being told, and keeps them out of the history.
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
INDEXES = {"index-url": ("PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL"),
           "extra-index-url": ("PIP_EXTRA_INDEX_URL", "UV_INDEX"), "trusted-host": ("PIP_TRUSTED_HOST",)}
MOST_LINES = 30
ENGINE = "unix:///var/run/docker.sock"  # the SDK knows no contexts: both talk to the same engine


def build(folder: Path, base: str, labels: Mapping[str, str], environ: Mapping[str, str]) -> str:
    """The id of the image that the Dockerfile in `folder` makes. It gets no name."""
    docker = client(environ)
    passed = [word for name in PROXIES if environ.get(name) for word in ("--build-arg", name)]
    named = [word for name, value in labels.items() for word in ("--label", f"{name}={value}")]
    with secrets(environ) as given, tempfile.TemporaryDirectory(prefix="notemill-") as place:
        written = Path(place, "id")
        done = subprocess.run([docker, "build", "--progress", "plain", "--iidfile", str(written), "--build-arg",
                               f"BASE={base}", *passed, *named, *given, str(folder)], stdin=subprocess.DEVNULL,
                              env={**os.environ, "DOCKER_HOST": ENGINE, **environ, "DOCKER_BUILDKIT": "1"},
                              capture_output=True)
        if done.returncode:
            raise NotemillError("docker build", failure((done.stdout + done.stderr).decode(errors="replace")))
        return written.read_text(encoding="utf-8").strip()


def client(environ: Mapping[str, str]) -> str:
    """The first docker on the PATH that can build. Raises UsageError."""
    found = clients(environ)
    if not found:
        raise UsageError("docker", "is not on the PATH: images are built by its command line", hint=INSTALL)
    for one in found:
        if can_build(one):
            return one
    raise UsageError(found[0], "cannot build images: it lacks its plugin buildx", "Docker 20.10 or later", BUILDX)


def clients(environ: Mapping[str, str]) -> list[str]:
    """Every docker on the PATH, the first one first; NOTEMILL_DOCKER names one."""
    if environ.get("NOTEMILL_DOCKER"):
        return [environ["NOTEMILL_DOCKER"]]
    places = [shutil.which("docker", path=place) for place in environ.get("PATH", os.defpath).split(os.pathsep)]
    return list(dict.fromkeys(place for place in places if place))


def can_build(docker: str) -> bool:
    """BuildKit is inside the clients before 23; later ones need the plugin buildx."""
    try:
        version = subprocess.run([docker, "version", "--format", "{{.Client.Version}}"], capture_output=True)
    except OSError:
        return False
    major = re.match(rb"\s*(\d+)", version.stdout)
    return bool(major) and (int(major[1]) < 23 or
                            subprocess.run([docker, "buildx", "version"], capture_output=True).returncode == 0)


@contextlib.contextmanager
def secrets(environ: Mapping[str, str]) -> Iterator[list[str]]:
    """Options of `docker build` that hand over this machine's certificates and the index's address with its login."""
    with tempfile.TemporaryDirectory(prefix="notemill-") as folder:
        found = {"ca": own_ca(environ)}
        if settings := pip_settings(environ):
            found["pip"] = Path(folder, "pip.conf")
            found["pip"].touch(mode=0o600)
            found["pip"].write_text(settings, encoding="utf-8")
        yield [word for name, path in found.items() if path for word in ("--secret", f"id={name},src={path}")]


def own_ca(environ: Mapping[str, str]) -> Path | None:
    """The certificates that this machine trusts, where its user says that they are not the usual ones."""
    file = environ.get("SSL_CERT_FILE")
    return Path(file) if file and Path(file).is_file() else None


def pip_settings(environ: Mapping[str, str]) -> str:
    """The index that this machine asks, as pip's configuration file; empty for the usual one."""
    told = configparser.RawConfigParser()
    named = environ.get("PIP_CONFIG_FILE", "")
    if named and Path(named).is_file():
        told.read(named, encoding="utf-8")
    for option, names in INDEXES.items():
        value = next((environ[name] for name in names if environ.get(name)), None)
        if value:
            told.setdefault("global", {})
            told["global"][option] = value
    written = io.StringIO()
    told.write(written)
    return written.getvalue().strip()


def failure(said: str) -> str:
    """The end of what a build said, less its frames and logins."""
    lines = [re.sub(r"^#\d+ (?:[\d.]+ )?", "", line) for line in said.splitlines() if line.strip()]
    kept = [re.sub(r"(://)[^/@\s]+@", r"\1***@", printable(line)) for line in lines]
    return "failed\n  " + "\n  ".join(kept[-MOST_LINES:])
