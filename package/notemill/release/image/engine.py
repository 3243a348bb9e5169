"""The Docker engine, by its SDK; and failures of it in words."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from notemill.errors import MissingExtra, NotemillError, UsageError
from notemill.release.image.building import ENGINE
from notemill.release.image.command_line import START
from notemill.text import clip, printable


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
    """A container of it, not started, which leaves nothing behind, whatever happens. What the user's settings of Docker
    say of proxies, perhaps with a login, is not for it."""
    container = client.containers.create(image, list(words), use_config_proxy=False, **options)
    try:
        yield container
    finally:
        container.remove(force=True, v=True)


def age(container) -> float:
    """Seconds since it was made, by the clocks of two machines."""
    begun = datetime.fromisoformat(container.attrs["Created"][:19] + "+00:00")
    return (datetime.now(UTC) - begun).total_seconds()


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
