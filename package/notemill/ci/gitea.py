"""The API of the forge, Gitea (and Forgejo), as far as it is needed here; a repository is `OWNER/NAME`."""

from collections.abc import Mapping

from notemill.ci.http import Refused, Server, call, find, join

MOST = 50       # what one page gives


def server(url: str, token: str, *, direct: bool = False) -> Server:
    return Server("the forge", url.rstrip("/"), f"token {token}", direct=direct)


def of(slug: str, *parts: object) -> str:
    return join("api", "v1", "repos", *slug.split("/", 1), *parts)


def user(forge: Server) -> dict:
    return call(forge, "GET", "/api/v1/user")


def repository(forge: Server, slug: str) -> dict | None:
    return find(forge, of(slug))


def make_repository(forge: Server, slug: str, mine: bool) -> dict:
    """An empty private one; of the token's user (`mine`), or of an organisation."""
    owner, name = slug.split("/", 1)
    path = "/api/v1/user/repos" if mine else join("api", "v1", "orgs", owner, "repos")
    return call(forge, "POST", path, body={"name": name, "private": True, "default_branch": "main"})


def hooks(forge: Server, slug: str) -> list[dict]:
    return call(forge, "GET", of(slug, "hooks"), query={"limit": MOST}) or []


def protection(forge: Server, slug: str, branch: str) -> dict | None:
    return find(forge, of(slug, "branch_protections", branch))


def protect(forge: Server, slug: str, branch: str, rule: Mapping[str, object]) -> dict:
    return call(forge, "POST", of(slug, "branch_protections"), body={"rule_name": branch, **rule})


def change_protection(forge: Server, slug: str, branch: str, rule: Mapping[str, object]) -> dict:
    return call(forge, "PATCH", of(slug, "branch_protections", branch), body=dict(rule))


def person(forge: Server, name: str) -> dict | None:
    return find(forge, join("api", "v1", "users", name))


def is_member(forge: Server, organisation: str, name: str) -> bool:
    """False, too, where the token's user may not know, and where there is no such organisation."""
    try:
        call(forge, "GET", join("api", "v1", "orgs", organisation, "members", name))
    except Refused as refused:
        if refused.status in (302, 303, 403, 404):
            return False
        raise
    return True


def collaborates(forge: Server, slug: str, name: str) -> bool:
    try:
        call(forge, "GET", of(slug, "collaborators", name))
    except Refused as refused:
        if refused.status == 404:
            return False
        raise
    return True


def add_collaborator(forge: Server, slug: str, name: str, right: str) -> None:
    call(forge, "PUT", of(slug, "collaborators", name), body={"permission": right})


def branch(forge: Server, slug: str, name: str) -> dict | None:
    return find(forge, of(slug, "branches", name))


def open_pulls(forge: Server, slug: str) -> list[dict]:
    """The newest; an empty repository has no such thing as a pull request, Gitea says."""
    return find(forge, of(slug, "pulls"), query={"state": "open", "limit": MOST}) or []


def reviews(forge: Server, slug: str, number: int) -> list[dict]:
    return call(forge, "GET", of(slug, "pulls", number, "reviews"), query={"limit": MOST}) or []


def statuses(forge: Server, slug: str, commit: str) -> list[dict]:
    """The latest of each context: context, status, description, target_url."""
    found = call(forge, "GET", of(slug, "commits", commit, "status"), query={"limit": MOST}) or {}
    return found.get("statuses") or []
