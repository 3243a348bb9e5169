"""Where main's builds have deployed to, as statuses of their commits: the address is a click away at the forge.

Only builds of main count, by what Drone says of them; a pull request's build can name what it likes in its log.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from notemill.ci import drone
from notemill.ci.http import Server, origin
from notemill.ci.steward import forge as forge_api
from notemill.ci.steward.builds import FINISHED, MAIN, Builds
from notemill.ci.steward.facts import same
from notemill.ci.steward.fetching import addresses, fetch
from notemill.ci.steward.markdown import plain
from notemill.ci.steward.summary import SHA, NoSummary, mapping, matching, optional, refuse, text

EVENTS = ("push", "cron", "custom", "promote")
FILE, WORD = "deployment.json", "deployment"
TARGET = re.compile(r"[a-z][a-z0-9-]{0,39}", re.ASCII)
STATUS = re.compile(r"serving|rolled-back|failed")
MOST_BUILDS, MOST_WORDS, MOST_KEPT = 25, 200, 500
PREFIX = "notemill/deployed/"     # before the target's name: none is called as a status that a merge waits for


@dataclass(frozen=True)
class Deployment:
    """What a build of main says of one. `page`: the build's, by Drone."""

    commit: str
    target: str
    status: str
    version: int | None
    address: str | None
    words: str
    page: str

    @property
    def body(self) -> dict[str, str]:
        """As the forge has it. Where it serves, the demo is what people open; where it failed, the log."""
        serves = self.status == "serving"
        version = f"version {self.version}" if self.version else "it"
        said = f"{version} serves" + (f": {self.address}" if self.address else "") if serves else \
            f"{version} was taken back: {self.words}" if self.status == "rolled-back" else self.words
        return {"context": PREFIX + self.target, "state": "success" if serves else "failure",
                "description": plain(said, MOST_WORDS), "target_url": (serves and self.address) or self.page}


class Deployments:
    """Looks them up; what an ended build left does not change, and is kept, as is what was set."""

    def __init__(self, builds: Builds, forge: Server, me: str):
        self.builds, self.forge, self.me, self.kept, self.set = builds, forge, me, {}, {}

    def tend(self, slug: str, main: str) -> list[str]:
        """Set what is not set yet, newest build first: of a commit that was deployed twice the last one counts."""
        wanted: dict[tuple[str, str], dict[str, str]] = {}
        ours = (one for one in self.builds.listed(slug)
                if one["event"] in EVENTS and one["ref"] == f"refs/heads/{main}" and one["status"] in FINISHED)
        for one in islice(ours, MOST_BUILDS):
            for found in self.of_build(slug, one):
                wanted.setdefault((found.commit, PREFIX + found.target), found.body)
        return [said for (commit, context), body in wanted.items() if (said := self.put(slug, commit, context, body))]

    def of_build(self, slug: str, one: Mapping) -> list[Deployment]:
        """Raises Away."""
        key = slug, one["number"]
        if key not in self.kept:
            self.kept[key] = list(self.read(slug, one))
            while len(self.kept) > MOST_KEPT:
                del self.kept[next(iter(self.kept))]
        return self.kept[key]

    def read(self, slug: str, one: Mapping) -> Iterator[Deployment]:
        page, seen = drone.page(self.builds.server, slug, one["number"]), set()
        for log in self.builds.logs(slug, one["number"]):
            for address, sha256 in islice(addresses(log, self.builds.reports, MAIN, WORD, FILE), 1):
                try:
                    found = read_deployment(fetch(address, sha256), page)
                except NoSummary as error:
                    print(f"{slug} build {one['number']}: deployment passed over: {error}", flush=True)
                    continue
                if found.commit == one["after"] and found.target not in seen:
                    seen.add(found.target)
                    yield found

    def put(self, slug: str, commit: str, context: str, body: Mapping[str, str]) -> str | None:
        """What was set, in words; None where it stands there already."""
        if self.set.get((slug, commit, context)) == body:
            return None
        now = forge_api.status(self.forge, slug, commit, context)
        stands = now and same((now.get("creator") or {}).get("login", ""), self.me) and \
            (now["status"], now["description"], now["target_url"]) == \
            (body["state"], body["description"], body["target_url"])
        if not stands:
            forge_api.set_status(self.forge, slug, commit, body)
        self.set[slug, commit, context] = body
        while len(self.set) > MOST_KEPT:
            del self.set[next(iter(self.set))]
        return None if stands else f"{context} of {commit[:10]} is {body['state']}: {body['description']}"


def read_deployment(content: bytes, page: str) -> Deployment:
    """Raises NoSummary."""
    try:
        body = mapping(json.loads(content.decode(), parse_constant=refuse), "it")
    except (ValueError, RecursionError) as error:
        raise NoSummary(f"it is no JSON ({type(error).__name__})") from None
    if body.get("format") != 1 or isinstance(body["format"], bool):
        raise NoSummary("its format is not 1")
    version = body.get("version")
    if version is not None and (not isinstance(version, int) or isinstance(version, bool) or not 0 < version < 10**9):
        raise NoSummary("version is no number")
    return Deployment(matching(body, "commit", SHA), matching(body, "target", TARGET), matching(body, "status", STATUS),
                      version, optional(body, "demo", link) or optional(body, "address", link),
                      text(body.get("words", ""), "words"), page)


def link(raw: object, name: str) -> str:
    """An address without a login. Raises NoSummary."""
    found = text(raw, name)
    if origin(found) is None or not found.isascii() or not found.isprintable() or set(found) & set(" @<>\"'`\\"):
        raise NoSummary(f"{name} is no address")
    return found
