"""Docker's command line on this machine: which client is taken, and what a build by it is handed. For images of models
and for those of the stack."""

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from notemill.errors import UsageError
from notemill.text import clip, printable

START = ("start it: systemctl start docker, or dockerd as root; and be in the group docker, or root; "
         "an engine elsewhere is named by DOCKER_HOST")
# Docker knows these without being told, and keeps them out of the history.
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")


def clients(environ: Mapping[str, str]) -> list[str]:
    """Every docker on the PATH, the first one first; NOTEMILL_DOCKER names one. Raises UsageError where it does not."""
    path = environ.get("PATH", os.defpath)
    if named := environ.get("NOTEMILL_DOCKER"):
        found = shutil.which(named, path=path)
        if found is None:
            raise UsageError("NOTEMILL_DOCKER", f"there is no program '{clip(printable(named), 120)}'",
                             "a Docker client, as /usr/bin/docker")
        return [found]
    places = [shutil.which("docker", path=place) for place in path.split(os.pathsep)]
    return list(dict.fromkeys(place for place in places if place))


def can_build(client: str) -> bool:
    """BuildKit is inside the clients before 23; later ones need the plugin buildx."""
    try:
        version = subprocess.run([client, "version", "--format", "{{.Client.Version}}"], capture_output=True)
    except OSError:
        return False
    major = re.match(rb"\s*(\d+)", version.stdout)
    return bool(major) and (int(major[1]) < 23 or
                            subprocess.run([client, "buildx", "version"], capture_output=True).returncode == 0)


def proxies(environ: Mapping[str, str]) -> list[str]:
    """Options of `docker build` for what a build behind a proxy needs."""
    return [word for name in PROXIES if environ.get(name) for word in ("--build-arg", name)]


@contextlib.contextmanager
def secrets(environ: Mapping[str, str], **texts: str) -> Iterator[list[str]]:
    """Options of `docker build` that hand over, to one command and no layer, this machine's certificates (`ca`) and
    each of these texts that is not empty, by its name."""
    with tempfile.TemporaryDirectory(prefix="notemill-") as folder:
        found = {"ca": own_ca(environ)}
        for name, text in texts.items():
            if text:
                found[name] = Path(folder, name)
                found[name].touch(mode=0o600)
                found[name].write_text(text, encoding="utf-8")
        yield [word for name, path in found.items() if path for word in ("--secret", f"id={name},src={path}")]


def own_ca(environ: Mapping[str, str]) -> Path | None:
    """The certificates that this machine trusts, where its user says that they are not the usual ones."""
    file = environ.get("SSL_CERT_FILE")
    return Path(file) if file and Path(file).is_file() else None


def without_login(text: str) -> str:
    """Less the names and passwords in addresses."""
    return re.sub(r"(://)[^/@\s]+@", r"\1******@", text)
