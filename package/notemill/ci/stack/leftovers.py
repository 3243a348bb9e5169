"""What still holds the stack's volumes when its parts are gone: builds that were cut short, and strangers.

Runners label all that they make with the address of their Drone, so that no other Drone's is taken for this one's.
"""

from collections.abc import Iterable

from notemill.ci.stack import settings as own
from notemill.ci.stack.engine import Engine
from notemill.errors import UsageError

LABEL = "notemill.stack"        # of what notemill itself starts beside Compose


def of_builds(settings: dict) -> tuple[str, ...]:
    """The filters that find what this stack's runners made."""
    return "--filter=label=io.drone=true", f"--filter=label=io.drone.system.host={own.drone_host(settings)}"


def remove(engine: Engine, settings: dict) -> None:
    """Containers first: they hold the rest."""
    listed = {found for filters in (of_builds(settings), of_notemill(settings))
              for found in engine.run("ps", "-aq", *filters).split()}
    if listed:
        engine.run("rm", "-f", "-v", *sorted(listed))
    for kind in ("network", "volume"):
        if found := engine.run(kind, "ls", "-q", *of_builds(settings)).split():
            engine.run(kind, "rm", *found)


def of_notemill(settings: dict) -> tuple[str, ...]:
    return (f"--filter=label={LABEL}={settings['project']}",)


def check(engine: Engine, settings: dict, volumes: Iterable[str]) -> None:
    """Raises UsageError where a container that is not the stack's holds one of its volumes."""
    holds = [f"--filter=volume={name}" for name in volumes]
    known = ((f"--filter=label=com.docker.compose.project={settings['project']}",), of_builds(settings),
             of_notemill(settings))
    found = _containers(engine, *holds).difference(*(_containers(engine, *filters) for filters in known))
    if found:
        names = sorted(engine.run("inspect", "-f", "{{.Name}}", *found).replace("/", "").split())
        raise UsageError("notemill stack down --volumes", f"{', '.join(names)} uses what is to be deleted, and is no "
                         "part of the stack", hint=f"docker rm -f {' '.join(names)}, if it is not needed")


def _containers(engine: Engine, *filters: str) -> set[str]:
    return set(engine.run("ps", "-aq", "--no-trunc", *filters).split())
