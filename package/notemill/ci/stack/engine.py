"""The Docker engine and Compose of this machine, by their own command lines."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from notemill.errors import NotemillError, UsageError
from notemill.release.image.command_line import START, can_build, clients, without_login
from notemill.text import clip, printable

INSTALL = "install it: apt-get install docker.io docker-compose (Debian, Ubuntu), or see docs.docker.com/engine/install"
COMPOSE = "install it: apt-get install docker-compose, or docker-compose-plugin from docs.docker.com/compose/install"
MOST_WORDS = 2000


@dataclass(frozen=True)
class Engine:
    """`docker` and `compose` are the beginnings of command lines."""

    docker: tuple[str, ...]
    compose: tuple[str, ...]
    builds: bool        # whether this client can build these images (BuildKit)
    root: Path          # where the engine keeps what it has
    socket: str

    def run(self, *words: str, stdin: bytes | None = None) -> str:
        return output([*self.docker, *words], stdin=stdin)

    def ask(self, *words: str) -> str | None:
        """None where the engine says no."""
        done = subprocess.run([*self.docker, *words], capture_output=True, stdin=subprocess.DEVNULL)
        return done.stdout.decode(errors="replace").strip() if done.returncode == 0 else None


def find(environ: Mapping[str, str] = os.environ) -> Engine:
    """Raises UsageError where there is none, or where it does not answer."""
    found = clients(environ)
    if not found:
        raise UsageError("docker", "is not on the PATH: the stack runs in containers", hint=INSTALL)
    client = next((one for one in found if can_build(one)), found[0])
    facts = subprocess.run([client, "info", "--format", "{{json .}}"], capture_output=True, stdin=subprocess.DEVNULL)
    info = _json(facts.stdout)
    if facts.returncode or not info.get("ServerVersion"):
        said = (info.get("ServerErrors") or [facts.stderr.decode(errors="replace").strip()])[0]
        raise UsageError("docker", clip(printable(said) or "its engine does not answer", 300), hint=START)
    return Engine((client,), find_compose(client), can_build(client), Path(info.get("DockerRootDir") or "/"),
                  socket(environ))


def find_compose(client: str) -> tuple[str, ...]:
    """The plugin, or the program of its own."""
    if subprocess.run([client, "compose", "version"], capture_output=True).returncode == 0:
        return (client, "compose")
    program = shutil.which("docker-compose")
    if program is None:
        raise UsageError("docker compose", "is not installed", hint=COMPOSE)
    return (program,)


def socket(environ: Mapping[str, str]) -> str:
    """Where runners find the engine on this machine."""
    host = environ.get("DOCKER_HOST", "")
    return host.removeprefix("unix://") if host.startswith("unix://") else "/var/run/docker.sock"


def output(words: Iterable[str], *, stdin: bytes | None = None, environ: Mapping[str, str] | None = None,
           hidden: Iterable[str] = ()) -> str:
    """What a command prints. Raises NotemillError with the end of what it said, less what is hidden."""
    words = list(words)
    given = {"input": stdin} if stdin is not None else {"stdin": subprocess.DEVNULL}
    done = subprocess.run(words, capture_output=True, env=environ, **given)
    if done.returncode:
        said = without(done.stderr.decode(errors="replace") or done.stdout.decode(errors="replace"), hidden).strip()
        raise NotemillError(" ".join([Path(words[0]).name, *words[1:4]]), said[-MOST_WORDS:] or "failed")
    return done.stdout.decode(errors="replace").strip()


def without(text: str, hidden: Iterable[str]) -> str:
    """And without the login of any address in it: of an index or a proxy of this machine's user."""
    for secret in hidden:
        text = text.replace(secret, "******")
    return without_login(text)


def _json(text: bytes) -> dict:
    try:
        return json.loads(text)
    except ValueError:
        return {}
