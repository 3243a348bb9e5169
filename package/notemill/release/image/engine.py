"""The Docker engine, by its SDK; and failures of it in words."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from notemill.errors import MissingExtra, NotemillError, UsageError
from notemill.release.image.building import ENGINE
from notemill.text import clip, printable

START = ("start it: systemctl start docker, or dockerd as root; and be in the group docker, or root; "
         "an engine elsewhere is named by DOCKER_HOST")


def connect(environ: Mapping[str, str]):
    """A docker.DockerClient that answers. Raises MissingExtra, UsageError."""
    try:
        import docker
    except ImportError:
        raise MissingExtra("images", "docker") from None
    host = environ.get("DOCKER_HOST") or ENGINE
    if host.startswith("unix://") and not Path(host.removeprefix("unix://")).exists():
        raise UsageError("docker", f"there is no engine at {host}", hint=START)
    try:
        client = docker.from_env(environment=dict(environ))
        client.ping()
    except (docker.errors.DockerException, OSError) as error:
        raise UsageError("docker", clip(printable(error), 300), hint=START) from None
    return client


@contextlib.contextmanager
def made(client, image: str, words: Sequence[str] = (), **options) -> Iterator:
    """A container of it, not started, which leaves nothing behind, whatever happens."""
    container = client.containers.create(image, list(words), **options)
    try:
        yield container
    finally:
        container.remove(force=True, v=True)


@contextlib.contextmanager
def in_words(where: str, hint: str | None = None) -> Iterator[None]:
    """What the engine refuses, or that it has gone away, as an error that can be told."""
    import docker.errors
    import requests

    try:
        yield
    except docker.errors.APIError as error:
        raise NotemillError(where, clip(printable(error.explanation or error), 600), hint=hint) from None
    except (docker.errors.DockerException, requests.exceptions.RequestException) as error:
        raise NotemillError(where, clip(printable(error), 300), hint=START) from None
