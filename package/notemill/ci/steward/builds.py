"""What Drone says of builds, and the summaries that these left."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from notemill.ci import drone
from notemill.ci.http import Server
from notemill.ci.steward.fetching import addresses, fetch
from notemill.ci.steward.summary import NoSummary, Summary, read_summary

PULL_REQUEST, MAIN = "pull-request", "main"  # areas of the drop
MAIN_EVENTS = ("push", "cron", "custom")
MOST_PAGES, MOST_TRIED = 4, 5
MOST_SUMMARIES = 3  # of one build: each session ends with one, and the last has seen most
MOST_KEPT = 500
FINISHED = ("success", "failure", "error", "killed", "declined", "skipped")


@dataclass(frozen=True)
class Build:
    """`number`, `state` and `page` are Drone's; `summary` is what the build says, None where that is nothing."""

    number: int
    state: str
    page: str
    commit: str
    summary: Summary | None = None


class Builds:
    """Looks builds up; what a finished one left does not change, and is kept."""

    def __init__(self, server: Server, reports: str):
        self.server, self.reports, self.kept = server, reports, {}

    def of_pull(self, slug: str, number: int, head: str) -> Build | None:
        """The newest build of that commit, as this pull request's."""
        for one in self.listed(slug):
            if one["event"] == "pull_request" and one["after"] == head and one["ref"] == f"refs/pull/{number}/head":
                return self.looked_into(slug, one, PULL_REQUEST)
        return None

    def of_branch(self, slug: str, branch: str, before: int | None = None) -> Build | None:
        """Its newest green build that left a summary; `before`: of those before the build of that number."""
        green = (one for one in self.listed(slug) if one["event"] in MAIN_EVENTS and one["target"] == branch
                 and one["status"] == "success" and (before is None or one["number"] < before))
        for one in islice(green, MOST_TRIED):
            found = self.looked_into(slug, one, MAIN)
            if found.summary:
                return found
        return None

    def listed(self, slug: str) -> Iterator[Mapping]:
        """Newest first."""
        for page in range(1, MOST_PAGES + 1):
            found = drone.builds(self.server, slug, page)
            yield from found
            if len(found) < 25:
                return

    def looked_into(self, slug: str, one: Mapping, area: str) -> Build:
        """Raises Away."""
        number, state = one["number"], one["status"]
        if state in FINISHED and (slug, number) not in self.kept:
            self.kept[slug, number] = self.summary(slug, one, area)
            while len(self.kept) > MOST_KEPT:
                del self.kept[next(iter(self.kept))]
        state = "blocked" if state == "pending" and self.is_blocked(slug, number) else state
        return Build(number, state, drone.page(self.server, slug, number), one["after"],
                     self.kept.get((slug, number)) if state in FINISHED else None)

    def is_blocked(self, slug: str, number: int) -> bool:
        """An administrator of Drone has to let it run: Drone says that of its stages alone."""
        build = drone.build(self.server, slug, number) or {}
        return any(stage["status"] == "blocked" for stage in build.get("stages") or ())

    def summary(self, slug: str, one: Mapping, area: str) -> Summary | None:
        """The last that the build's own log names and that is of this build's commit."""
        for tried, (address, sha256) in enumerate(self.named(slug, one["number"], area)):
            if tried == MOST_SUMMARIES:
                return None
            try:
                found = read_summary(fetch(address, sha256))
            except NoSummary as error:
                print(f"{slug} build {one['number']}: summary passed over: {error}", flush=True)
                continue
            if found.commit == one["after"]:
                return found
        return None

    def named(self, slug: str, number: int, area: str) -> Iterator[tuple[str, str]]:
        for log in self.logs(slug, number):
            yield from addresses(log, self.reports, area)

    def logs(self, slug: str, number: int) -> Iterator[str]:
        """Of all its steps, the last one first."""
        build = drone.build(self.server, slug, number) or {}
        places = [(stage["number"], step["number"]) for stage in build.get("stages") or ()
                  for step in stage.get("steps") or ()]
        for stage, step in reversed(places):
            yield drone.log(self.server, slug, number, stage, step) or ""
