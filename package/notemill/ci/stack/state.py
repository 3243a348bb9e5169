"""How each part is, as the engine and the part itself say."""

import json
import time
from dataclasses import dataclass

from notemill.ci.stack import health
from notemill.ci.stack.compose import SERVICES, Compose
from notemill.ci.stack.settings import PARTS
from notemill.errors import NotemillError

ADDRESS = {service: part for part, service in health.SERVICE.items()}


@dataclass(frozen=True)
class Part:
    """One service. `state`: running, starting, unhealthy, restarting, exited, missing."""

    name: str
    state: str
    says: str
    url: str | None = None

    @property
    def well(self) -> bool:
        return self.state == "running"

    def as_json(self) -> dict:
        return {"name": self.name, "state": self.state, "says": self.says, "url": self.url}


def parts(compose: Compose) -> list[Part]:
    """Every service of the stack, there or not."""
    project = compose.settings["project"]
    lines = compose.engine.run("ps", "-a", "--no-trunc", "--filter", f"label=com.docker.compose.project={project}",
                               "--format", "{{json .}}").splitlines()
    return read(lines, compose.settings["urls"])


def read(lines: list[str], urls: dict[str, str]) -> list[Part]:
    """From `docker ps --format '{{json .}}'`."""
    known = {label(one, "com.docker.compose.service"): one for one in map(json.loads, lines)}
    return [part(name, known.get(name), urls.get(ADDRESS.get(name, ""))) for name in SERVICES]


def part(name: str, facts: dict | None, url: str | None) -> Part:
    if facts is None:
        return Part(name, "missing", "was not started, or was removed", url)
    state, says = facts.get("State", ""), facts.get("Status", "")
    if state == "running":
        state = next((word for word in ("unhealthy", "starting") if f"({word})" in says.replace("health: ", "")), state)
    return Part(name, state, says, url)


def label(facts: dict, name: str) -> str:
    pairs = (pair.partition("=") for pair in facts.get("Labels", "").split(","))
    return next((value for key, _, value in pairs if key == name), "")


def wait(compose: Compose, seconds: float = 300) -> None:
    """Until every part is well. Raises NotemillError with what those are that are not."""
    until = time.monotonic() + seconds
    while unwell := [part for part in parts(compose) if not part.well]:
        if time.monotonic() > until:
            said = ", ".join(f"{part.name} is {part.state}" for part in unwell)
            raise NotemillError("the stack", f"after {seconds:g} s {said}",
                                hint=f"notemill stack logs {unwell[0].name}")
        time.sleep(0.5)


def unanswered(compose: Compose) -> list[str]:
    """The addresses behind which nobody answers."""
    return [part for part in PARTS if not health.answers(compose.settings, part)]
