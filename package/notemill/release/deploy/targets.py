"""deploy/targets.yaml: where a version can be deployed to. Checked whole before anything is started."""

import ipaddress
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

from notemill import schemas
from notemill.errors import UsageError, did_you_mean
from notemill.schemas.check import check, where
from notemill.yaml_places import Places, read_yaml

FILE = "deploy/targets.yaml"
HOST = "NOTEMILL_DEPLOY_HOST"    # `notemill stack up --host` hands it to its runner of deployments
LOOPBACK = "127.0.0.1"
PROCESS, DOCKER, COMMAND = "process", "docker", "command"
NEEDED = {PROCESS: ("port",), DOCKER: ("port",), COMMAND: ("start", "check", "stop")}
OF_COMMANDS = ("start", "check", "switch", "stop", "address")
OF_SERVERS = ("port", "demo", "demo_open", "host", "origin", "keys", "workers", "proxy")
STRANGE = {PROCESS: (*OF_COMMANDS, "proxy"), DOCKER: OF_COMMANDS, COMMAND: OF_SERVERS}
WORDS = ("version", "package", "deployment", "target", "name", "content")  # that a command's words may have in {}


@dataclass(frozen=True)
class Target:
    """One place to deploy to. Times are seconds; `errors`: how many a new one may have while it is watched."""

    name: str
    project: str
    root: Path
    kind: str
    production: bool = False
    host: str = LOOPBACK
    port: int | None = None
    demo: int | None = None
    demo_open: bool = False
    origin: str | None = None
    keys: str | None = None
    workers: int = 1
    proxy: str | None = None
    ready: float = 120.0
    watch: float = 60.0
    errors: int = 0
    keep: float = 0.0
    address: str | None = None
    start: tuple[str, ...] = ()
    check: tuple[str, ...] = ()
    switch: tuple[str, ...] = ()
    stop: tuple[str, ...] = ()
    places: Places = field(default_factory=dict, repr=False, compare=False)

    @property
    def parts(self) -> dict[str, int]:
        """{part: the port where it is reached}."""
        return {"score": self.port, **({"demo": self.demo} if self.demo else {})} if self.port else {}

    def host_of(self, part: str) -> str:
        """Where a part is published. The demo asks for no key: others reach it only where the target says so."""
        return LOOPBACK if part == "demo" and not self.demo_open and not is_loopback(self.host) else self.host

    def listens(self, part: str) -> str:
        """The same as an address: an engine that is given a name would listen everywhere."""
        host = self.host_of(part)
        return LOOPBACK if host == "localhost" else host

    def url(self, part: str) -> str | None:
        """Where people reach a part; None where it has none."""
        if self.kind == COMMAND:
            return self.address if part == "score" else None
        host = self.host_of(part)
        host = f"[{host}]" if ":" in host else host
        return f"http://{host}:{self.parts[part]}" if part in self.parts else None

    def stays(self, urls: Mapping[str, str]) -> "Target":
        """At the address where it serves already, where nobody names one: a server's builds know one that a shell does
        not. Without keys nothing stays where others reach it."""
        host, named = urlsplit(urls.get("score", "")).hostname, ("targets", self.name, "host") in self.places
        asked = self.kind != DOCKER or named or self.host != LOOPBACK
        return replace(self, host=host) if host and self.keys and not asked else self


def read_targets(root: Path, project: str, environ: Mapping[str, str] | None = None) -> dict[str, Target]:
    """All targets of the project at `root`. Raises UsageError with place and line."""
    environ = os.environ if environ is None else environ
    if not (root / FILE).is_file():
        raise UsageError(FILE, "there is no such file", "it names the places to deploy to",
                         "targets: {laptop: {kind: process, port: 8100}}")
    raw, places = read_yaml(root / FILE, FILE)
    check({} if raw is None else raw, schemas.load("targets"), places, FILE)
    targets = {name: one(name, body, root, project, places, environ) for name, body in raw["targets"].items()}
    for problem in (*ports_twice(targets, places), *(found for target in targets.values() for found in wrong(target))):
        raise problem
    return targets


def find_target(root: Path, project: str, asked: str, environ: Mapping[str, str] | None = None) -> Target:
    """The target of that name. Raises UsageError."""
    targets = read_targets(root, project, environ)
    if asked not in targets:
        raise UsageError(f"{FILE}: target '{asked}'", "is not there", f"the targets are: {', '.join(targets)}",
                         did_you_mean(asked, targets))
    return targets[asked]


def one(name: str, body: dict, root: Path, project: str, places: Places, environ: Mapping[str, str]) -> Target:
    lacking = [key for key in NEEDED[body["kind"]] if key not in body]
    strange = [key for key in STRANGE[body["kind"]] if key in body]
    if lacking:
        raise UsageError(where(FILE, places, ("targets", name)), f"the key '{lacking[0]}' is missing",
                         f"a target of kind {body['kind']} has: {', '.join(NEEDED[body['kind']])}")
    if strange:
        raise UsageError(where(FILE, places, ("targets", name, strange[0])),
                         f"means nothing for a target of kind {body['kind']}")
    commands = {key: tuple(body[key]) for key in OF_COMMANDS if isinstance(body.get(key), list)}
    return Target(name, project, root, places=places, **{**usual(body, environ), **body, **commands})


def usual(body: Mapping, environ: Mapping[str, str]) -> dict[str, str]:
    """On a server that others reach, they reach what it deploys, too, where keys are asked for; else nobody does."""
    host = environ.get(HOST, "")
    shown = is_address(host) and not is_every(host)
    return {"host": host} if body["kind"] == DOCKER and body.get("keys") and shown else {}


def wrong(target: Target) -> Iterator[UsageError]:
    """What two keys say together."""
    def place(*path):
        return where(FILE, target.places, ("targets", target.name, *path))

    yield from wrong_host(target, place)
    if target.keys and not (target.root / target.keys).is_file():
        yield UsageError(place("keys"), f"there is no file '{target.keys}'", None,
                         f"notemill serve --keys {target.keys} --new-key NAME makes it")
    for key in ("start", "check", "switch", "stop"):
        for number, word in enumerate(getattr(target, key)):
            for name in re.findall(r"\{(.*?)\}", word):
                if name not in WORDS:
                    yield UsageError(place(key, number), f"'{{{name}}}' is not replaced by anything",
                                     f"allowed: {', '.join(WORDS)}", did_you_mean(name, WORDS))


def wrong_host(target: Target, place: Callable[..., str]) -> Iterator[UsageError]:
    """Of where it is published."""
    host = target.host
    if not is_loopback(host) and not target.keys:
        yield UsageError(place("host"), f"others can reach '{host}', and there are no keys", "127.0.0.1, or keys: FILE",
                         "notemill serve --keys FILE --new-key NAME makes one")
    if is_every(host):
        yield UsageError(place("host"), f"'{host}' is every address of a machine, and none that people can open",
                         "the one by which others reach this machine")
    if target.kind == DOCKER and not is_address(target.listens("score")):
        yield UsageError(place("host"), f"'{host}' is no address, and an engine would listen everywhere",
                         "an IP address, as 127.0.0.1")


def ports_twice(targets: dict[str, Target], places: Places) -> Iterator[UsageError]:
    taken: dict[int, str] = {}
    for target in targets.values():
        for part, port in target.parts.items():
            key = "port" if part == "score" else "demo"
            if port in taken:
                yield UsageError(where(FILE, places, ("targets", target.name, key)),
                                 f"the port {port} is taken by target '{taken[port]}'", "a port of its own")
            taken[port] = target.name


def is_address(host: str) -> bool:
    try:
        return bool(ipaddress.ip_address(host))
    except ValueError:
        return False


def is_every(host: str) -> bool:
    return is_address(host) and ipaddress.ip_address(host).is_unspecified


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
