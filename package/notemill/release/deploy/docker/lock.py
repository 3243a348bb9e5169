"""A target's lock in an engine, for whoever reaches it from wherever: a container that lives as long as the process
that made it holds its standard input, and not longer."""

import contextlib
import time
from collections.abc import Iterator
from datetime import UTC, datetime

from notemill.errors import NotemillError
from notemill.release.deploy import running
from notemill.release.deploy.docker.owned import NO_RIGHTS, Owned
from notemill.release.deploy.lock import busy_words, holder
from notemill.release.image.engine import in_words
from notemill.release.image.inside import shut

LOOK, PREFIX = 0.5, "notemill."
GRACE = 2.0  # seconds in which the engine sees that a holder has ended
YOUNG = 20.0  # seconds: who has made it is about to start it
CONFLICT = 409


@contextlib.contextmanager
def held(owned: Owned, image: str, what: str, wait: float) -> Iterator[str]:
    """The number of its container. Raises NotemillError that names the holder, after `wait` seconds."""
    with in_words(owned.where):
        number, connection = take(owned, image, what, time.monotonic() + max(wait, GRACE))
    try:
        yield number
    finally:
        with contextlib.suppress(OSError, NotemillError):  # an engine that is away holds nothing
            shut(connection)
            running.until(lambda: number != number_of(owned.container(owned.called("lock"))), running.PATIENCE)


def check_held(owned: Owned, number: str) -> None:
    """Raise NotemillError where it is lost, as after the engine's restart: somebody else may have it by now."""
    container = owned.container(owned.called("lock"))
    if number_of(container) != number or container.status != "running":
        raise NotemillError(owned.where, "the lock of this command is gone: the engine was restarted meanwhile", None,
                            "notemill deployments --again finishes or undoes what was begun")


def number_of(container) -> str | None:
    return container and container.id


def take(owned: Owned, image: str, what: str, until: float) -> tuple:
    """(the container's number, the connection that holds it)."""
    import docker.errors

    while True:
        try:
            return begun(owned, image, what)
        except docker.errors.ImageNotFound:
            raise
        except docker.errors.NotFound:  # somebody took it for one that was left behind
            free = False
        except docker.errors.APIError as error:
            if error.status_code != CONFLICT:
                raise
            free = cleared(owned)
        if not free:
            if time.monotonic() >= until:
                raise busy(owned)
            time.sleep(LOOK)


def begun(owned: Owned, image: str, what: str) -> tuple:
    """The same. Of two who make one the engine refuses the second."""
    api, facts = owned.client.api, {f"{PREFIX}{key}": str(value) for key, value in holder(what).items()}
    limits = api.create_host_config(auto_remove=True, network_mode="none", **NO_RIGHTS)
    made = api.create_container(image, entrypoint=["cat"], command=[], name=owned.called("lock"), stdin_open=True,
                                labels=facts, host_config=limits, use_config_proxy=False)["Id"]
    connection = api.attach_socket(made, params={"stdin": 1, "stream": 1})
    api.start(made)
    return made, connection


def cleared(owned: Owned) -> bool:
    """Whether it is free now: nobody has it, or who had it was killed before it began, or with the engine."""
    import docker.errors

    container = owned.container(owned.called("lock"))
    if container is None:
        return True
    if container.status == "running" or container.status == "created" and age(container) < YOUNG:
        return False
    with contextlib.suppress(docker.errors.APIError):  # it is being removed
        container.remove(force=True)
    return running.until(lambda: number_of(owned.container(owned.called("lock"))) != container.id, running.PATIENCE)


def age(container) -> float:
    """Seconds since it was made, by the clocks of two machines."""
    return (datetime.now(UTC) - datetime.fromisoformat(container.attrs["Created"][:19] + "+00:00")).total_seconds()


def busy(owned: Owned) -> NotemillError:
    container = owned.container(owned.called("lock"))
    labels = container.labels if container else {}
    return busy_words(owned.target.name, {key.removeprefix(PREFIX): value for key, value in labels.items()})
