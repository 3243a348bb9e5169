"""`stack up`: from nothing, or from whatever state it is in, to a whole running server."""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from filelock import FileLock, Timeout

from notemill.ci.stack import compose as composing
from notemill.ci.stack import engine as engines
from notemill.ci.stack import forge, health, images, login, network, state
from notemill.ci.stack import settings as own
from notemill.ci.stack.compose import Compose
from notemill.ci.stack.engine import Engine
from notemill.ci.stack.told import Told
from notemill.errors import UsageError

GB = 10 ** 9
WITHOUT_DRONE = ("proxy", "gitea", "registry", "postgres", "mlflow", "drop")


def up(asked: Mapping[str, object], wheel: Callable[[], images.Wheel], told: Told,
       environ: Mapping[str, str] = os.environ) -> dict:
    """The settings of the stack that runs then. `asked`: host, port, build, reviews; None where nothing was said."""
    if asked.get("host"):
        network.check_host(asked["host"])
    engine = engines.find(environ)
    with alone(environ):
        settings = agreed(engine, asked, told, environ)
        compose = Compose(engine, settings, own.folder(environ))
        if not running(compose):
            network.check(settings, network.listeners())
            network.check_subnet(settings, network.taken(engine, but=settings["project"]))
            check_disk(engine, settings)
        own.write(settings, environ)
        images.ensure(engine, settings["built"], wheel(), told, environ)
        composing.lay_files(compose.folder, settings)
        composing.lay_volumes(engine, settings)
        start(compose, lambda: own.write(settings, environ), told)
    return settings


def agreed(engine: Engine, asked: Mapping[str, object], told: Told, environ: Mapping[str, str]) -> dict:
    """The settings of the stack that is there, or of a new one, and what may change in them. Raises UsageError."""
    settings = own.read(environ)
    if settings is None or not holds_anything(engine, settings):
        settings = start_anew(engine, {**wished(settings), **said(asked)})
        check_unused(engine, settings)
    check_asked(settings, asked)
    keep_asked(settings, asked)
    keep_bind(settings, told)
    return settings


@contextmanager
def alone(environ: Mapping[str, str] = os.environ) -> Iterator[None]:
    """Two at once would each make an account that the other does not know."""
    own.folder(environ).mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        with FileLock(own.folder(environ) / "lock", timeout=0):
            yield
    except Timeout:
        raise UsageError("notemill stack", "another one is at work on this stack", hint="wait for its end") from None


def holds_anything(engine: Engine, settings: dict) -> bool:
    """Whether it ever came so far that its secrets are in use."""
    return engine.ask("volume", "inspect", composing.store(settings)) is not None


def wished(settings: Mapping[str, object] | None) -> dict[str, object]:
    """What a first start was asked for that came to no end: the next one need not be told again."""
    if settings is None:
        return {}
    host = {} if settings["own_address"] else {"host": settings["host"]}
    return {**host, "port": settings["port"], "build": settings["built"], "reviews": settings.get("reviews", 0)}


def said(asked: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in asked.items() if value is not None and value is not False}


def start_anew(engine: Engine, asked: Mapping[str, object]) -> dict:
    subnet, gateway = network.choose(network.taken(engine))
    made = own.new(asked.get("host"), asked.get("port") or own.PORT, subnet, gateway, bool(asked.get("build")))
    keep_asked(made, asked)
    return made


def check_unused(engine: Engine, settings: dict) -> None:
    """Raises UsageError where the engine has a stack of this name that is not this user's: it would get new secrets."""
    project = settings["project"]
    volumes = engine.run("volume", "ls", "-q", "--filter", f"name=^{project}-").split()
    if volumes or engine.run("ps", "-aq", "--filter", f"label=com.docker.compose.project={project}"):
        raise UsageError(
            f"port {settings['port']}",
            f"this engine has a stack '{project}' already, whose passwords are not in {own.path()}",
            "a port that no stack of this engine has",
            "--port N; or bring its stack.json back; of one that nobody needs, docker rm -f the containers with the "
            f"label com.docker.compose.project={project}, and docker volume rm {' '.join(volumes)}")


def check_asked(settings: dict, asked: Mapping[str, object]) -> None:
    """Raises UsageError for another address than the one that everything in the stack was made with."""
    for name in ("host", "port"):
        if asked.get(name) and asked[name] != settings[name]:
            raise UsageError(f"--{name}", f"{asked[name]}: this user's stack is at {settings[name]}",
                             "its addresses are in webhooks, clones and builds, and stay",
                             "notemill stack down --volumes removes it; XDG_DATA_HOME=DIR holds another one")
    if asked.get("build") and not settings["built"]:
        raise UsageError("--build", "this user's stack runs the official images, and what it holds is theirs",
                         hint="notemill stack up, without it")


def keep_asked(settings: dict, asked: Mapping[str, object]) -> None:
    """What may change from one start to the next; where nothing is said it stays as it is."""
    if asked.get("reviews") is not None:
        settings["reviews"] = asked["reviews"]


def keep_bind(settings: dict, told: Told) -> None:
    """Of a name, the address that its ports are published at; where all of them are, that is said."""
    if network.is_address(settings["host"]):
        return
    settings["bind"] = network.resolve(settings["host"], settings.get("bind"))
    if settings["bind"] in network.EVERY:
        told.say(f"{settings['host']} is not the name of one address of this machine: the ports are published on all")


def running(compose: Compose) -> bool:
    """Whether the ports are taken by this stack itself."""
    labels = {"project": compose.settings["project"], "service": "proxy"}
    filters = [f"--filter=label=com.docker.compose.{name}={value}" for name, value in labels.items()]
    return bool(compose.engine.run("ps", "-q", *filters))


def check_disk(engine: Engine, settings: dict) -> None:
    needed = 2 * GB if engine.ask("image", "inspect", images.STEP) is not None else 8 * GB
    root = next(place for place in (engine.root, *engine.root.parents) if place.exists())
    free = shutil.disk_usage(root).free
    if free < needed:
        raise UsageError("notemill stack up", f"{free / GB:.1f} GB are free on the disk of {engine.root}",
                         f"{needed // GB} GB", "docker system prune makes room; notemill gc too")


def start(compose: Compose, save: Callable[[], None], told: Told) -> None:
    settings = compose.settings
    hash_passwords(compose, save)
    if "oauth" not in settings:
        with told("the forge"):
            compose.run("up", "-d", *WITHOUT_DRONE)
            health.wait(settings, "forge")
    else:
        with told("all parts"):
            compose.run("up", "-d", "--remove-orphans")
            health.wait(settings, "forge")
    with told("its accounts and tokens"):
        known = compose.environ()
        forge.set_up(compose, settings, save)
    if compose.environ() != known:
        with told("Drone and its runners"):
            compose.run("up", "-d", "--remove-orphans")
    for part in own.PARTS[1:]:
        with told(f"{part} answers"):
            health.wait(settings, part)
    with told("Drone knows the forge"):
        if not login.linked(settings):
            login.link(settings)
    with told("every part is well"):
        state.wait(compose)


def hash_passwords(compose: Compose, save: Callable[[], None]) -> None:
    """HAProxy is given no password, but what it can check one with."""
    for who in (compose.settings["mlflow"], compose.settings["registry"]):
        if "hash" not in who:
            words = ("run", "--rm", "-i", "--entrypoint", "openssl", images.STEP, "passwd", "-6", "-stdin")
            who["hash"] = compose.engine.run(*words, stdin=who["password"].encode())
            save()
