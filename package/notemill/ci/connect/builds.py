"""The builds of a project, what waits for whom, and a new one for a reason."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from notemill.ci import drone, gitea
from notemill.ci.connect.servers import Servers
from notemill.ci.http import Refused
from notemill.errors import NotemillError, UsageError
from notemill.run.facts import LONGEST_REASON
from notemill.text import printable

REASON = "NOTEMILL_REASON"
REASON_OF_PROMOTION = "REASON"  # what .drone.yml hands to notemill approve
BRANCH = "main"


def status(servers: Servers, slug: str, count: int = 10) -> dict:
    """The last builds as plain data, and what waits."""
    found = [in_full(servers, slug, one) for one in drone.builds(servers.drone, slug)]
    return {"repository": slug, "builds": [facts(servers, slug, one) for one in found[:count]],
            "waiting": [*waiting_builds(servers, slug, found), *waiting_pulls(servers, slug)]}


def in_full(servers: Servers, slug: str, build: Mapping) -> Mapping:
    """With what its stages alone say: that it waits for an approval (a list calls it `pending`), and errors."""
    if build["status"] not in ("pending", "running", "error"):
        return build
    stages = (drone.build(servers.drone, slug, build["number"]) or {}).get("stages") or []
    errors = "; ".join(f"{stage.get('name')}: {stage['error']}" for stage in stages if stage.get("error"))
    blocked = any(stage["status"] == "blocked" for stage in stages)
    return {**build, "status": "blocked" if blocked else build["status"], "error": build.get("error") or errors}


def facts(servers: Servers, slug: str, build: Mapping) -> dict:
    began = build.get("started") or None
    ended = build.get("finished") or None
    return {"build": build["number"], "event": build["event"], "branch": branch(build), "status": build["status"],
            "created": moment(build["created"]), "seconds": ended - began if began and ended else None,
            "reason": reason(build), "commit": build.get("after"), "error": build.get("error") or None,
            "link": drone.page(servers.drone, slug, build["number"])}


def branch(build: Mapping) -> str:
    if build["event"] == "pull_request":
        return f"{build.get('source')} -> {build.get('target')}"
    return build.get("target") or build.get("source") or ""


def reason(build: Mapping) -> str:
    """Why there was a build, in the words of whoever asked for it."""
    given = (build.get("params") or {}).get(REASON)
    if given:
        return given
    if build["event"] == "cron":
        return f"schedule {build.get('cron') or ''}".strip()
    first = ((build.get("title") or build.get("message") or "").strip().splitlines() or [""])[0]
    number = (build.get("ref") or "").removeprefix("refs/pull/").partition("/")[0]
    return f"#{number} {first}" if build["event"] == "pull_request" else first


def moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def waiting_builds(servers: Servers, slug: str, builds: list[Mapping]) -> Iterator[dict]:
    for build in builds:
        what, link = f"build {build['number']}", drone.page(servers.drone, slug, build["number"])
        if build["status"] == "blocked":
            yield waits(what, "an administrator of Drone", "its .drone.yml is not the signed one: look at it, then "
                        "approve or decline on the build's page", link)
        elif build["status"] == "pending":
            yield waits(what, "a runner", "none has taken it yet", link)


def waits(what: str, whom: str, why: str, link: str) -> dict:
    return {"what": what, "for": whom, "why": why, "link": link}


def waiting_pulls(servers: Servers, slug: str) -> Iterator[dict]:
    """What each open pull request still lacks."""
    rules: dict[str, Mapping] = {}
    for pull in gitea.open_pulls(servers.forge, slug):
        base = pull["base"]["ref"]
        if base not in rules:
            rules[base] = gitea.protection(servers.forge, slug, base) or {}
        what, link = f"pull request {pull['number']}", pull["html_url"]
        for whom, why in lacking(servers, slug, pull, rules[base]):
            yield waits(what, whom, why, link)


def lacking(servers: Servers, slug: str, pull: Mapping, rule: Mapping) -> Iterator[tuple[str, str]]:
    """(for whom it waits, why)."""
    if pull.get("draft"):
        yield "its author", "it is a draft"
    if pull.get("mergeable") is False:
        yield "its author", f"it conflicts with {pull['base']['ref']}"
    if rule.get("enable_status_check"):
        yield from unmet(rule, {one["context"]: one for one in
                                gitea.statuses(servers.forge, slug, pull["head"]["sha"])})
    needed = rule.get("required_approvals") or 0
    given = len(approvals(gitea.reviews(servers.forge, slug, pull["number"]))) if needed else 0
    if given < needed:
        yield "reviewers", f"{given} of {needed} approving reviews"


def unmet(rule: Mapping, states: Mapping[str, Mapping]) -> Iterator[tuple[str, str]]:
    for context in rule.get("status_check_contexts") or []:
        state = states.get(context) or {"status": "pending", "description": "nothing was heard yet"}
        if state["status"] != "success":
            whom = "its author" if state["status"] in ("failure", "error") else context
            yield whom, f"{context}: {state['status']}, {state.get('description') or 'no words'}"


def approvals(reviews: list[Mapping]) -> set[str]:
    """Who has approved, and has not said otherwise since."""
    last: dict[str, str] = {}
    for review in reviews:
        counts = review["state"] in ("APPROVED", "REQUEST_CHANGES") and review.get("official", True)
        if counts and not review.get("dismissed") and not review.get("stale"):
            last[review["user"]["login"]] = review["state"]
    return {name for name, state in last.items() if state == "APPROVED"}


def retrain(servers: Servers, slug: str, why: str) -> dict:
    """Start a custom build of main. Raises NotemillError where none comes of it."""
    words = as_reason(why)
    return {"branch": BRANCH, "reason": words, **_told(servers, slug, _started(servers, slug, words))}


def promote(servers: Servers, slug: str, number: int, target: str, why: str | None = None) -> dict:
    """Start the promotion of a build to a target. Raises NotemillError where none comes of it."""
    words = why and as_reason(why)
    build = drone.promote(servers.drone, slug, number, target, {REASON_OF_PROMOTION: words} if words else {})
    if not build:
        raise NotemillError("Drone", f"starts no promotion of build {number} to {target!r}: nothing in its .drone.yml "
                                     "is for that", hint="look at trigger: target: of the pipelines in .drone.yml")
    return {"promoted": number, "target": target, "reason": words or None, **_told(servers, slug, build)}


def _told(servers: Servers, slug: str, build: Mapping) -> dict:
    """Number, status and page of a build that was just made. Raises NotemillError where it ended at once."""
    number, link = build["number"], drone.page(servers.drone, slug, build["number"])
    if build["status"] == "error":
        raise NotemillError(f"build {number}", printable(build.get("error") or "ended with an error at once"),
                            hint=link, build=number, link=link)
    return {"build": number, "status": build["status"], "link": link}


def as_reason(text: str) -> str:
    """One line without control characters. Raises UsageError."""
    words = " ".join(printable(text).split())
    if not words:
        raise UsageError("--reason", "is empty", hint="say why, for those who look at the model later")
    if len(words) > LONGEST_REASON:
        raise UsageError("--reason", f"has {len(words)} characters", f"at most {LONGEST_REASON}")
    return words


def _started(servers: Servers, slug: str, words: str) -> Mapping:
    try:
        build = drone.start(servers.drone, slug, BRANCH, {REASON: words})
    except Refused as refused:
        if refused.status != 404:
            raise
        raise NotemillError("Drone", f"starts no build of {slug}: it does not know it, or there is no branch {BRANCH}",
                            hint=f"git push origin {BRANCH}, or notemill ci connect") from None
    if not build:
        raise NotemillError("Drone", f"starts no build of {slug}: nothing in .drone.yml on {BRANCH} is for the event "
                                     "'custom', or the last commit's message says [CI SKIP]",
                            hint=f"look at trigger: of the pipelines in .drone.yml on {BRANCH}")
    return build
