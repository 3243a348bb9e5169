"""Drone's API, as far as it is needed here; a repository is `OWNER/NAME`. Tried on Drone 1.10.1."""

from collections.abc import Mapping

from notemill.ci.http import Server, call, find, join


def server(url: str, token: str, *, direct: bool = False) -> Server:
    return Server("Drone", url.rstrip("/"), f"Bearer {token}", direct=direct)


def of(slug: str, *parts: object) -> str:
    """The path of a repository, and of something in it."""
    return join("api", "repos", *slug.split("/", 1), *parts)


def user(drone: Server) -> dict | None:
    """Whose token it is; by that name Drone asks the forge, too."""
    return find(drone, "/api/user")


def sync(drone: Server) -> None:
    """Ask the forge again which repositories there are."""
    call(drone, "POST", "/api/user/repos", query={"async": "false"})


def repository(drone: Server, slug: str) -> dict | None:
    return find(drone, of(slug))


def activate(drone: Server, slug: str) -> dict:
    """Have its pushes and pull requests built: registers the webhook at the forge."""
    return call(drone, "POST", of(slug))


def repair(drone: Server, slug: str) -> dict:
    """Register the webhook anew, and read branch and addresses from the forge."""
    return call(drone, "POST", of(slug, "repair"))


def change(drone: Server, slug: str, settings: Mapping[str, object]) -> dict:
    return call(drone, "PATCH", of(slug), body=dict(settings))


def secrets(drone: Server, slug: str) -> dict[str, dict]:
    """By name; Drone never gives a value back."""
    return {one["name"]: one for one in call(drone, "GET", of(slug, "secrets")) or []}


def add_secret(drone: Server, slug: str, name: str, value: str) -> None:
    """For builds of pushes, cron and the like; never of pull requests."""
    call(drone, "POST", of(slug, "secrets"),
         body={"name": name, "data": value, "pull_request": False, "pull_request_push": False})


def change_secret(drone: Server, slug: str, name: str, value: str) -> None:
    call(drone, "PATCH", of(slug, "secrets", name),
         body={"data": value, "pull_request": False, "pull_request_push": False})


def crons(drone: Server, slug: str) -> dict[str, dict]:
    return {one["name"]: one for one in call(drone, "GET", of(slug, "cron")) or []}


def add_cron(drone: Server, slug: str, name: str, expression: str, branch: str) -> None:
    call(drone, "POST", of(slug, "cron"), body={"name": name, "expr": expression, "branch": branch})


def remove_cron(drone: Server, slug: str, name: str) -> None:
    call(drone, "DELETE", of(slug, "cron", name))


def sign(drone: Server, slug: str, text: str) -> str:
    """The signature of what .drone.yml says; a signature that stands in it already does not count."""
    return call(drone, "POST", of(slug, "sign"), body={"data": text})["data"]


def builds(drone: Server, slug: str, page: int = 1) -> list[dict]:
    """25 a page, newest first."""
    return call(drone, "GET", of(slug, "builds"), query={"page": page}) or []


def build(drone: Server, slug: str, number: int) -> dict | None:
    """With its stages and steps."""
    return find(drone, of(slug, "builds", number))


def log(drone: Server, slug: str, number: int, stage: int, step: int) -> str | None:
    """A step's log as text; None where there is none (yet)."""
    lines = find(drone, of(slug, "builds", number, "logs", stage, step))
    return None if lines is None else "".join(line.get("out", "") for line in lines)


def start(drone: Server, slug: str, branch: str, parameters: Mapping[str, str]) -> dict | None:
    """A custom build; None where no pipeline in .drone.yml is for it."""
    return call(drone, "POST", of(slug, "builds"), query={**parameters, "branch": branch})


def promote(drone: Server, slug: str, number: int, target: str, parameters: Mapping[str, str]) -> dict | None:
    """A build of the same commit for `target`; None where no pipeline in .drone.yml is for it."""
    return call(drone, "POST", of(slug, "builds", number, "promote"), query={**parameters, "target": target})


def page(drone: Server, slug: str, number: int) -> str:
    """The address of a build's page."""
    return drone.url + join(*slug.split("/", 1), number)
