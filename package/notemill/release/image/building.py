"""BuildKit, by Docker's command line (the SDK has none): secrets reach one command of a build, and no layer."""

import configparser
import io
import os
import re
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from notemill.errors import NotemillError, UsageError
from notemill.release.image.command_line import can_build, clients, proxies, secrets, without_login
from notemill.text import printable

BUILDX = "apt-get install docker-buildx, or name another client: NOTEMILL_DOCKER=/usr/bin/docker"
INSTALL = "install it: apt-get install docker.io (Debian, Ubuntu), or see docs.docker.com/engine/install"
INDEXES = {"index-url": ("PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL"),
           "extra-index-url": ("PIP_EXTRA_INDEX_URL", "UV_INDEX"), "trusted-host": ("PIP_TRUSTED_HOST",)}
MOST_LINES = 30
ENGINE = "unix:///var/run/docker.sock"  # the SDK knows no contexts: both talk to the same engine


def build(folder: Path, base: str, labels: Mapping[str, str], environ: Mapping[str, str]) -> str:
    """The id of the image that the Dockerfile in `folder` makes. It gets no name."""
    named = [word for name, value in labels.items() for word in ("--label", f"{name}={value}")]
    pip = pip_settings(environ)
    with secrets(environ, pip=pip) as given, tempfile.TemporaryDirectory(prefix="notemill-") as place:
        written = Path(place, "id")
        words = [client(environ), "build", "--progress", "plain", "--iidfile", str(written), "--build-arg",
                 f"BASE={base}", *proxies(environ), *named, *given, str(folder)]
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True,
                              env={**os.environ, "DOCKER_HOST": ENGINE, **environ, "DOCKER_BUILDKIT": "1"})
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
    kept = [without_login(printable(line)) for line in lines]
    return "failed\n  " + "\n  ".join(kept[-MOST_LINES:])
