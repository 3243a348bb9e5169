"""What the steward asks of the forge, and what it does there."""

import base64
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

from notemill.ci import gitea
from notemill.ci.gitea import of
from notemill.ci.http import Refused, Server, call, find
from notemill.ci.steward.facts import Entry, Tree

PAGE = 50
MOST_PAGES = 20         # of anything that strangers can make longer
MOST_ENTRIES = 40_000   # of a commit's files
JUST = timedelta(minutes=10)
SCHEDULED = ("pull_scheduled_merge", "pull_cancel_scheduled_merge")
WRITES = ("write", "admin", "owner")


class TooMuch(Exception):
    """There is more of it than is looked through."""


def pages(forge: Server, path: str, query: Mapping[str, object] | None = None) -> Iterator[dict]:
    """All of a list. Raises TooMuch."""
    for page in range(1, MOST_PAGES + 1):
        found = call(forge, "GET", path, query={**(query or {}), "limit": PAGE, "page": page}) or []
        yield from found
        if len(found) < PAGE:
            return
    raise TooMuch(f"{path} has more than {PAGE * MOST_PAGES}")


def repositories(forge: Server) -> list[str]:
    """Those that the steward may write to: `notemill ci connect` adds it."""
    return [one["full_name"] for one in pages(forge, "/api/v1/user/repos")
            if one["permissions"]["push"] and not one["archived"] and not one["empty"]]


def open_pulls(forge: Server, slug: str) -> list[dict]:
    return list(pages(forge, of(slug, "pulls"), {"state": "open"}))


def just_closed(forge: Server, slug: str) -> list[dict]:
    """Those of the last minutes."""
    found = call(forge, "GET", of(slug, "pulls"), query={"state": "closed", "sort": "recentupdate", "limit": 10}) or []
    now = datetime.now(UTC)
    return [one for one in found if now - datetime.fromisoformat(one["closed_at"]) < JUST]


def tree(forge: Server, slug: str, commit: str) -> Tree:
    """All that a commit holds, by path. Raises TooMuch."""
    found: dict[str, set[Entry]] = {}
    page, count = 0, 0
    while True:
        page += 1
        part = call(forge, "GET", of(slug, "git", "trees", commit), query={"recursive": "true", "page": page})
        entries = part.get("tree") or []
        count += len(entries)
        for one in entries:
            found.setdefault(one["path"], set()).add(Entry(one["mode"], one["sha"], one.get("size") or 0))
        if not part.get("truncated") or not entries:
            return {path: frozenset(there) for path, there in found.items()}
        if count > MOST_ENTRIES:
            raise TooMuch(f"more than {MOST_ENTRIES} files")


def content(forge: Server, slug: str, entry: Entry) -> bytes:
    return base64.b64decode(call(forge, "GET", of(slug, "git", "blobs", entry.sha))["content"])


def tip(forge: Server, slug: str, branch: str) -> str:
    """The newest commit of a branch. Raises Refused."""
    return call(forge, "GET", of(slug, "branches", branch))["commit"]["id"]


def writers(forge: Server, slug: str) -> list[str]:
    """Logins of those who may write; where the owner is an organisation also of teams that may only read."""
    return [one["login"] for one in call(forge, "GET", of(slug, "assignees")) or []]


def writes(forge: Server, slug: str, login: str) -> bool | None:
    """None where the steward may not ask that: then `writers` is what is known."""
    try:
        return call(forge, "GET", of(slug, "collaborators", login, "permission"))["permission"] in WRITES
    except Refused as refused:
        if refused.status in (403, 404):
            return None if refused.status == 403 else False
        raise


def reviews(forge: Server, slug: str, number: int) -> list[dict]:
    """Oldest first."""
    return sorted(pages(forge, of(slug, "pulls", number, "reviews")), key=lambda one: one["id"])


def commits(forge: Server, slug: str, number: int) -> list[dict]:
    return list(pages(forge, of(slug, "pulls", number, "commits"), {"files": "false", "stat": "false"}))


def comments(forge: Server, slug: str, number: int) -> list[dict]:
    """Gitea gives all of them at once."""
    return call(forge, "GET", of(slug, "issues", number, "comments")) or []


def comment(forge: Server, slug: str, number: int, body: str) -> None:
    call(forge, "POST", of(slug, "issues", number, "comments"), body={"body": body})


def change_comment(forge: Server, slug: str, comment_id: int, body: str) -> None:
    call(forge, "PATCH", of(slug, "issues", "comments", comment_id), body={"body": body})


def status(forge: Server, slug: str, commit: str, context: str) -> dict | None:
    """The newest of that context."""
    found = (one for one in gitea.statuses(forge, slug, commit) if one["context"] == context)
    return next(found, None)


def set_status(forge: Server, slug: str, commit: str, body: Mapping[str, str]) -> None:
    call(forge, "POST", of(slug, "statuses", commit), body=dict(body))


def demanded(forge: Server, slug: str, branch: str) -> list[str]:
    """The contexts that have to be green before anything is merged into the branch."""
    found = find(forge, of(slug, "branches", branch)) or {}
    return list(found.get("status_check_contexts") or []) if found.get("enable_status_check") else []


def was_scheduled(forge: Server, slug: str, number: int) -> bool:
    """Whether somebody has asked for the merge before, though they may have taken it back."""
    return any(one and one.get("type") in SCHEDULED for one in pages(forge, of(slug, "issues", number, "timeline")))


def ask_merge(forge: Server, slug: str, number: int, title: str, head: str) -> bool:
    """Squash it once all checks are green, and delete its branch; False where the forge cannot say yet."""
    body = {"Do": "squash", "merge_when_checks_succeed": True, "delete_branch_after_merge": True,
            "MergeTitleField": title, "head_commit_id": head}
    try:
        call(forge, "POST", of(slug, "pulls", number, "merge"), body=body)
    except Refused as refused:
        if refused.status == 405:  # it still works out whether it can be merged
            return False
        if refused.status != 409:  # asked already, or the head is another one by now
            raise
    return True
