"""One round: every open pull request of every repository that the steward is let into."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from notemill.ci import drone, gitea
from notemill.ci.http import Server
from notemill.ci.steward import acting
from notemill.ci.steward import forge as forge_api
from notemill.ci.steward.builds import Build, Builds
from notemill.ci.steward.comment import Told, comment
from notemill.ci.steward.decide import CONTEXT, PENDING, Decision, decide
from notemill.ci.steward.deployments import Deployments
from notemill.ci.steward.facts import Pull, Reason
from notemill.ci.steward.looking import Looks
from notemill.ci.steward.markdown import plain
from notemill.ci.steward.settings import Settings
from notemill.errors import NotemillError

CHECKS = "continuous-integration/drone/pr"
UNSEEN = (Reason("cannot be looked at (the log of the steward says why)"),)


@dataclass(frozen=True)
class Steward:
    """The servers, as whom it speaks, and what it has looked up. `troubles`: what went wrong in the last round."""

    forge: Server
    looks: Looks
    builds: Builds
    deployments: Deployments
    me: str
    settings: Settings
    troubles: dict[str, str] = field(default_factory=dict)


def hire(settings: Settings) -> Steward:
    """Raises NotemillError where the forge does not know the token."""
    forge = gitea.server(settings.forge, settings.forge_token, direct=True)
    me = gitea.user(forge)["login"]
    drone_server = drone.server(settings.drone, settings.drone_token, direct=True)
    builds = Builds(drone_server, settings.reports)
    return Steward(forge, Looks(forge, me), builds, Deployments(builds, forge, me), me, settings)


def go_round(steward: Steward) -> int:
    """How many pull requests were looked at. What fails for one is told, and keeps nobody else waiting."""
    count = 0
    for slug in forge_api.repositories(steward.forge):
        with trouble_told(steward, slug):
            count += tend_repository(steward, slug)
        with trouble_told(steward, f"{slug} deployments"):
            tell_deployments(steward, slug)
    return count


def tell_deployments(steward: Steward, slug: str) -> None:
    """Where main's builds have deployed to, as statuses of their commits."""
    main = gitea.repository(steward.forge, slug)["default_branch"]
    for said in steward.deployments.tend(slug, main):
        print(f"{slug}: {said}", flush=True)


@contextmanager
def trouble_told(steward: Steward, place: str) -> Iterator[None]:
    """Whatever it is, and once: the same again is not said again."""
    try:
        yield
    except Exception as error:
        words = told(error)
        if steward.troubles.get(place) != words:
            print(f"{place}: {words}", flush=True)
        steward.troubles[place] = words
    else:
        steward.troubles.pop(place, None)


def told(error: Exception) -> str:
    """In one line."""
    words = f"{error.where}: {error.got}" if isinstance(error, NotemillError) else f"{type(error).__name__}: {error}"
    return plain(words, 400)


def tend_repository(steward: Steward, slug: str) -> int:
    """Look at all of them first: a status belongs to a commit, and two pull requests may be of one."""
    raws = forge_api.open_pulls(steward.forge, slug)
    main = gitea.repository(steward.forge, slug)["default_branch"] if raws else ""
    decided: list[tuple[Mapping, Pull, Decision]] = []
    for raw in raws:
        decided.append((raw, *look(steward, slug, raw, main)))
    strictest = {pull.head: one for _, pull, one in sorted(decided, key=lambda three: not three[2].waits, reverse=True)}
    for raw, pull, decision in decided:
        with trouble_told(steward, f"{slug}#{pull.number}"):
            tend(steward, slug, raw, pull, strictest[pull.head] if strictest[pull.head].waits else decision)
    for raw in forge_api.just_closed(steward.forge, slug):
        with trouble_told(steward, f"{slug}#{raw['number']}"):
            finish(steward, slug, raw)
    return len(raws)


def look(steward: Steward, slug: str, raw: Mapping, main: str) -> tuple[Pull, Decision]:
    """One that cannot be looked at waits: it may have been green before, and its commit may be another one's, too."""
    with trouble_told(steward, f"{slug}#{raw['number']} cannot be looked at"):
        pull = steward.looks.pull(slug, raw, main)
        return pull, decide(pull, steward.settings.reviews)
    pull = Pull(raw["number"], raw["head"]["sha"], raw["base"]["ref"], author="", loosens=UNSEEN)
    return pull, Decision(PENDING, f"waits: it {UNSEEN[0].words}", UNSEEN)


def finish(steward: Steward, slug: str, raw: Mapping) -> None:
    """A merge may come before the comment has told of the build."""
    build = steward.builds.of_pull(slug, raw["number"], raw["head"]["sha"])
    main = steward.builds.of_branch(slug, raw["base"]["ref"], before=build.number) if build else None
    ended = f"Merged as `{raw['merge_commit_sha'][:10]}`." if raw.get("merged") else "Closed."
    told_now = Told(None, raw["head"]["sha"], build, main, steward.settings.reports, ended=ended)
    acting.keep_comment(steward.forge, slug, raw["number"], comment(told_now), steward.me)


def tend(steward: Steward, slug: str, raw: Mapping, pull: Pull, decision: Decision) -> None:
    """One pull request: set the status, keep the comment, ask for the merge; in this order."""
    acting.set_status(steward.forge, slug, pull, decision, steward.me, raw["html_url"])
    unprotected = why_unprotected(steward, slug, pull) if decision.merge else ""
    told_now = Told(decision, pull.head, *builds_of(steward, slug, pull), reports=steward.settings.reports,
                    unprotected=unprotected, draft=pull.draft)
    acting.keep_comment(steward.forge, slug, pull.number, comment(told_now), steward.me)
    if wants_merge(pull, decision, unprotected):
        acting.ask_merge(steward.forge, slug, pull)


def wants_merge(pull: Pull, decision: Decision, unprotected: str) -> bool:
    return decision.merge and pull.mergeable and not unprotected


def why_unprotected(steward: Steward, slug: str, pull: Pull) -> str:
    """Without these checks the forge would merge at once, whatever the build says."""
    there = forge_api.demanded(steward.forge, slug, pull.base)
    missing = [one for one in (CHECKS, CONTEXT) if one not in there]
    return f"its target does not ask for {' and '.join(f'`{one}`' for one in missing)} (notemill ci connect)" \
        if missing else ""


def builds_of(steward: Steward, slug: str, pull: Pull) -> tuple[Build | None, Build | None]:
    """The pull request's, and the newest green one of its target. Without Drone, status and merge still go on."""
    with trouble_told(steward, f"{slug}#{pull.number} builds"):
        return steward.builds.of_pull(slug, pull.number, pull.head), steward.builds.of_branch(slug, pull.base)
    return None, None
