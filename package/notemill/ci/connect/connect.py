"""`notemill ci connect`: every step that a project needs, in order; each can be done again."""

from collections.abc import Iterator
from pathlib import Path

from notemill.ci import drone, gitea
from notemill.ci.connect import drone_file, repository, steps
from notemill.ci.connect.servers import Servers
from notemill.ci.connect.steps import Said
from notemill.errors import UsageError


def choose_slug(servers: Servers, folder: Path, project: str, asked: str | None) -> str:
    """OWNER/NAME: what was asked for, else what the remotes say, else the token's user's, called as the project."""
    if asked is not None and not repository.is_slug(asked):
        raise UsageError("--name", f"'{asked}' is no name of a repository", "OWNER/NAME, as ada/house-prices")
    known = repository.known_slug(folder, servers.forge.url)
    if asked and known and asked.lower() != known.lower():
        raise UsageError("--name", f"the git remotes say {known}", hint="change the remote first: git remote set-url")
    return as_written(servers, known or asked or f"{gitea.user(servers.forge)['login']}/{project}")


def as_written(servers: Servers, slug: str) -> str:
    """As the forge writes it: to that, capitals are all the same, and to Drone they are not."""
    owner, name = slug.split("/", 1)
    there = gitea.repository(servers.forge, slug)
    person = None if there else gitea.person(servers.forge, owner)
    return there["full_name"] if there else f"{person['login'] if person else owner}/{name}"


def connect(servers: Servers, folder: Path, slug: str, reviews: int | None) -> Iterator[Said]:
    """Make `slug` ready; `folder` is the top of the git repository. Each step is told once it is done."""
    yield steps.repository(servers, slug)
    yield steps.activation(servers, slug)
    yield steps.settings(servers, slug)
    yield steps.secrets(servers, slug)
    yield steps.schedule(servers, slug)
    yield steps.steward(servers, slug)
    for branch in steps.BRANCHES:
        yield steps.protection(servers, slug, branch, reviews)
    yield signature(servers, folder, slug)
    yield remote(servers, folder, slug)
    if servers.git:
        yield helper(servers, folder)


def signature(servers: Servers, folder: Path, slug: str) -> Said:
    path = folder / drone_file.NAME
    if not path.exists():
        return Said("signature", False, f"there is no {path.name} yet: {drone_file.how_to_get_it()}, "
                                        "then: notemill ci sign")
    changed = drone_file.sign(path, lambda text: drone.sign(servers.drone, slug, text))
    return Said("signature", changed, f"{path.name} {'is signed now: commit it' if changed else 'is signed'}")


def remote(servers: Servers, folder: Path, slug: str) -> Said:
    if repository.known_slug(folder, servers.forge.url):
        return Said("remote", False, "git knows the repository")
    name, url = repository.add_remote(folder, servers.forge.url, slug)
    return Said("remote", True, f"git remote '{name}' is {url}")


def helper(servers: Servers, folder: Path) -> Said:
    changed = repository.use_helper(folder, servers.forge.url)
    return Said("login", changed, f"git asks notemill for the login of {servers.forge.url}, in this repository")


def what_next(servers: Servers, folder: Path, slug: str) -> list[str]:
    """What is left to do by hand."""
    found = repository.remotes(folder)
    name = next((name for name, url in found.items() if repository.slug_at(servers.forge.url, url) == slug), "origin")
    dirty = repository.git(folder, "status", "--porcelain", "--", drone_file.NAME)
    first = [f"git add {drone_file.NAME} && git commit -m 'Pipeline, signed'"] if dirty else []
    push = [] if gitea.branch(servers.forge, slug, "main") and not dirty else [f"git push -u {name} main"]
    return [*first, *push, "notemill ci status"]
