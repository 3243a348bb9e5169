"""A deployment, from the version to the traffic, and back where anything fails. What is under way is written down
before it is done, so that of a killed deployment the next command finishes or undoes the rest."""

import contextlib
import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol

from notemill import wheel
from notemill.errors import NotemillError, UsageError
from notemill.project import Project
from notemill.registry import Records, open_records
from notemill.registry.deployed import DEPLOY, GONE, PREVIOUS, ROLLED_BACK, SERVING, UNDEPLOY, read_deployments
from notemill.registry.fetching import fetch_kept
from notemill.release.deploy import noted
from notemill.release.deploy.door import Counters, Door, Failed, check_golden, counters, faults
from notemill.release.deploy.lasting import check_same_kind, lasting_of
from notemill.release.deploy.sites import opened
from notemill.release.deploy.state import (LEAVING, PASSED, SWITCHING, UNDONE, WATCHING, Coming, Release, State,
                                           new_id)
from notemill.release.deploy.targets import FILE, Target, find_target
from notemill.release.deploy.words import hidden, in_words
from notemill.release.packaged import manifest_of
from notemill.release.promote import person
from notemill.release.trust import check_version

LOOK = 0.25  # seconds between two looks at a new version
CUT = "the deployment was cut off: the process, or the machine, ended"
AGAIN = "notemill deployments --again"
FAILURES = (Failed, NotemillError, OSError)
Told = Callable[[str], None]


class Site(Protocol):
    """What a kind of target can do; `Process` has the words."""

    def held(self, what: str, wait: float) -> AbstractContextManager: ...
    def read(self) -> State: ...
    def save(self, state: State) -> None: ...
    def forget(self) -> None: ...
    def prepare(self, manifest: Mapping, files: Mapping[str, bytes]) -> tuple[str, str]: ...
    def start(self, release: Release) -> None: ...
    def until_ready(self, release: Release) -> Release: ...
    def door(self, release: Release) -> Door | None: ...
    def dead(self, release: Release) -> str | None: ...
    def down(self, release: Release) -> str | None: ...
    def fresh(self, release: Release) -> Release: ...
    def free_slot(self, state: State) -> str: ...
    def unwell(self, state: State) -> str | None: ...
    def ensure(self, state: State) -> None: ...
    def switch(self, new: Release, old: Release | None) -> Release: ...
    def back(self, new: Release, old: Release | None) -> Release | None: ...
    def retire(self, old: Release) -> None: ...
    def end(self, release: Release) -> None: ...
    def revive(self, release: Release) -> Release: ...
    def close(self) -> None: ...
    def tidy(self, state: State) -> None: ...


@dataclass(frozen=True)
class Work:
    """What all that is done to a target needs, while its lock is held."""

    project: Project
    target: Target
    site: Site
    told: Told

    def hidden(self, text: str) -> str:
        """What may be kept and shown of it."""
        return hidden(self.project, text)

    def warn(self, words: str) -> None:
        self.told(self.hidden(words))


@dataclass(frozen=True)
class Outcome:
    """How a deployment ended. `status`: serving, rolled-back or undeployed."""

    deployment: str
    target: str
    version: int
    status: str
    address: str | None
    reason: str | None
    demo: str | None = None
    before: int | None = None
    problem: str | None = None  # what could not be put back: the next command tries it again

    def as_json(self) -> dict:
        return {"deployment": self.deployment, "target": self.target, "version": self.version, "status": self.status,
                "address": self.address, "demo": self.demo, "from": self.before, "reason": self.reason,
                "problem": self.problem}


class Unfinished(NotemillError):
    """The new version serves, but what follows from that could not all be done."""

    def __init__(self, outcome: Outcome, why: str):
        super().__init__(f"target '{outcome.target}'", f"version {outcome.version} serves, and not all of that is "
                         f"written down or put right: {why}", None, f"once that is mended: {AGAIN}")
        self.outcome = replace(outcome, problem=why)


def deploy(project: Project, asked: str, to: str, by: str | None = None, reason: str | None = None, *,
           wait: float = 0, told: Told = lambda words: None) -> Outcome:
    """Deploy a version (a number, an alias, `previous`) to a target.

    Raises UsageError and NotemillError for what fails before anything was started, and after the new one has passed.
    """
    target, by = find_target(project.root, project.pipeline.name, to, project.environ), person(project, by)
    with opened(target, project, told) as site, site.held(f"notemill deploy {asked} --to {to}", wait):
        work, records = Work(project, target, site, told), open_records(project)
        state = settled(work)
        check_settled(target, state)
        manifest = version_of(work, asked, records)
        golden = golden_of(target, manifest, records)
        if target.production:
            noted.check_promotable(project, manifest, records, by)
        release = prepared(work, state, manifest, records)
        move = PREVIOUS if asked == PREVIOUS else DEPLOY
        return rolled(work, state, replace(release, move=move, by=by, reason=reason), golden)


def prepared(work: Work, state: State, manifest: Mapping, records: Records) -> Release:
    """What is to be started: its files are where the site needs them."""
    package, digest = work.site.prepare(manifest, wheel.package_files(manifest, records.read))
    return Release(deployment=new_id(), version=manifest["version"], name=manifest["name"],
                   content=manifest["content"], manifest=records.keep_for_good(manifest), package=package,
                   digest=digest, slot=work.site.free_slot(state), urls=urls_of(work.target, state),
                   since=datetime.now(UTC).isoformat(timespec="seconds"), **lasting_of(work.target))


def version_of(work: Work, asked: str, records: Records) -> dict:
    """The manifest of what is to be deployed, which may be loaded. `previous` needs the records alone."""
    project, name = work.project, work.target.name
    if asked != PREVIOUS:
        return manifest_of(project, asked, records, work.told)
    entry = read_deployments(records, project.pipeline.name).before(name)
    if entry is None:
        raise UsageError(f"target '{name}'", "has served no other version before",
                         "a version's number, or champion", f"notemill deploy VERSION --to {name}")
    manifest = fetch_kept(entry, records)
    check_version(records, manifest, project.environ)
    return manifest


def golden_of(target: Target, manifest: Mapping, records: Records) -> dict:
    """The golden rows as the records have them, whatever the package says. Raises NotemillError where a version that
    is to be asked them has none."""
    digest = manifest["files"].get("golden.json")
    golden = json.loads(records.read(digest)) if digest else {}
    if not golden.get("rows") and target.url("score"):
        raise NotemillError(f"{manifest['name']} version {manifest['version']}", "has no golden rows (golden.json), by "
                            "which to tell whether it answers rightly", None,
                            "register the model again, with a gate")
    return golden


def urls_of(target: Target, state: State) -> dict[str, str]:
    target = target.stays(state.serving.urls) if state.serving else target
    return {part: url for part in ("score", "demo") if (url := target.url(part))}


def check_same_place(target: Target, state: State) -> None:
    """Raise UsageError where targets.yaml has other ports by now than the target serves at."""
    if state.serving and dict(state.serving.urls) != (asked := urls_of(target, state)):
        raise UsageError(f"{FILE}: target '{target.name}'", f"serves at {', '.join(state.serving.urls.values())}, and "
                         f"the file now says {', '.join(asked.values())}", None,
                         f"notemill undeploy {target.name}, then deploy again")


def check_settled(target: Target, state: State) -> None:
    """Raise NotemillError where an earlier deployment could still not be undone: two at once nobody could undo."""
    if state.coming:
        left_over = state.coming.release.deployment
        raise NotemillError(f"target '{target.name}'", f"deployment {left_over} is not undone yet",
                            "what it left is put back first", "put right what the warnings say, then notemill "
                            f"deployments --again; or notemill undeploy {target.name}")


# the recipe
def rolled(work: Work, state: State, release: Release, golden: Mapping) -> Outcome:
    """Each step is written down before it is done. On any failure the old one serves."""
    state = begun = replace(state, coming=Coming(release, old=state.serving))
    try:
        for state in steps(work, begun, golden):
            work.site.save(state)
    except FAILURES as error:
        if not is_written(work, state, error):
            return undone(work, unpassed(state), error)
    except BaseException as error:  # interrupted, or a fault of its own: the old one serves in any case
        if state.coming.step == PASSED:  # but here, where by what is written the next command finishes or undoes it
            work.warn(f"{state.coming.release} has passed: what is left to do, {AGAIN} does")
        else:
            undone(work, state, error)
        raise
    return finished(work, state)


def steps(work: Work, state: State, golden: Mapping) -> Iterator[State]:
    """Start, prove, switch, watch: the state at each step, to be written down."""
    site, release, old = work.site, state.coming.release, state.coming.old
    yield state
    site.ensure(state)
    site.start(release)
    release = site.until_ready(release)
    prove(site, release, golden)
    before = borne_before(site, release)
    yield (state := state.at(SWITCHING, release=release))
    release = site.switch(release, old)
    yield (state := state.at(WATCHING, release=release))
    site.ensure(state)
    watch(work.target, site, release, golden, before)
    keep_warm(work.target, site, release)
    yield replace(state, serving=release).at(PASSED)


def is_written(work: Work, state: State, error: BaseException) -> bool:
    """Whether it has passed and that is written down, though writing failed: the next command would finish it.
    Raises NotemillError where nobody knows."""
    if state.coming.step != PASSED:
        return False
    try:
        return work.site.read() == state
    except FAILURES:
        raise NotemillError(
            f"target '{work.target.name}'", f"{state.coming.release} has passed its watch, and whether that is "
            f"written down is not known: {work.hidden(in_words(error))}", None, f"{AGAIN} finishes or undoes it") \
            from None


def unpassed(state: State) -> State:
    """What could not be written down is not so."""
    step = WATCHING if state.coming.step == PASSED else state.coming.step
    return replace(state, serving=state.coming.old).at(step)


def prove(site: Site, release: Release, golden: Mapping) -> None:
    """The golden rows through its own door."""
    door = site.door(release)
    if door:
        check_golden(door, golden)


def borne_before(site: Site, release: Release) -> float:
    """The faults of its own that it had before it got any traffic; without end where its door opens only with that."""
    door = site.door(release)
    return faults(door) if door else math.inf


def watch(target: Target, site: Site, release: Release, golden: Mapping, before: float = math.inf) -> None:
    """Look at its own counters, and whether it lives; at the end its golden rows again. `before`: the faults that it
    had without traffic. Raises Failed."""
    door, end = site.door(release), time.monotonic() + target.watch
    borne = target.errors + (min(before, faults(door)) if door else 0)
    while True:
        last = time.monotonic() >= end
        if why := site.dead(release):
            raise Failed(why)
        if door:
            check_counters(target, counters(door), borne)
        if last:
            break
        time.sleep(min(LOOK, max(0.0, end - time.monotonic())))
    prove(site, release, golden)


def check_counters(target: Target, now: Counters, borne: int) -> None:
    """Raise Failed where it could not answer, or lacks a worker: one that dies is started again by the service itself.
    """
    if now.faults > borne:
        raise Failed(f"it failed on {now.faults - borne + target.errors} requests, of which {target.errors} are borne "
                     f"(errors: in {FILE})")
    if now.workers < target.workers:
        raise Failed(f"a worker of its service died: {now.workers} of {target.workers} serve")


def keep_warm(target: Target, site: Site, release: Release) -> None:
    """Once more as long as `keep` says: the old one would take over by itself."""
    end = time.monotonic() + target.keep
    while time.monotonic() < end:
        if why := site.dead(release):
            raise Failed(why)
        time.sleep(min(LOOK, max(0.0, end - time.monotonic())))


def finished(work: Work, state: State) -> Outcome:
    """It has passed: the old one ends, and all is written down. Done again it does no more. Raises Unfinished."""
    new, old = state.coming.release, state.coming.old
    done = outcome(work.target, new, SERVING, new.reason, old and old.version)
    try:
        concluded(work, state)
    except FAILURES as error:
        raise Unfinished(done, work.hidden(in_words(error))) from None
    return done


def concluded(work: Work, state: State) -> None:
    new, old, site = state.coming.release, state.coming.old, work.site
    site.ensure(replace(state, coming=None))
    if old:
        with warned(work, f"{old} may still run"):
            site.retire(old)
    noted.note(work.project, new, work.target.name, SERVING, new.move, new.reason, old and old.version, work.told)
    if work.target.production:
        noted.promoted(work.project, new, work.told)
    state = replace(state, coming=None)
    site.save(state)
    site.tidy(state)


def undone(work: Work, state: State, error: BaseException) -> Outcome:
    """Back to the old one, as far as that goes. What did not go stays written down, and is tried again."""
    new, old, again = state.coming.release, state.serving, state.coming.step == UNDONE
    why, before = work.hidden(reason_of(work.site, state, error)), old and old.version
    state, problems, lasting = put_back(work.site, state, why)
    unnoted: list[str] = []
    with gathered(unnoted):
        noted.note(work.project, new, work.target.name, ROLLED_BACK, new.move, why, before, work.told)
    give_up = again and not problems and not unnoted  # one that cannot be ended does not keep the target from going on
    if give_up or not (problems or lasting or unnoted):
        with gathered(problems):
            forgotten(work.site, state)
    for problem in (*problems, *unnoted, *lasting):
        work.warn(f"{new} may still run: {problem}" if give_up and problem in lasting else
                  f"not all could be put back, and the next notemill command on this target tries again: {problem}")
    return replace(outcome(work.target, new, ROLLED_BACK, why, before),
                   problem=work.hidden("; ".join(problems)) or None)


def put_back(site: Site, state: State, why: str) -> tuple[State, list[str], list[str]]:
    """(the state then; what went wrong; what keeps the new one from ending)."""
    new, problems, lasting = state.coming.release, [], []
    with gathered(problems):
        state = replace(state, serving=site.back(new, state.serving))
    if not problems:  # else it may be the one that has the traffic
        with gathered(lasting):
            site.end(new)
    state = state.at(UNDONE, why=why)
    with gathered(problems):
        site.save(state)
    if state.serving:
        with gathered(problems):
            site.ensure(replace(state, coming=None))
    return state, problems, lasting


def reason_of(site: Site, state: State, error: BaseException) -> str:
    """What failed; and where the new one died meanwhile, that first."""
    why = in_words(error)
    with contextlib.suppress(*FAILURES):
        dead = site.dead(state.coming.release) if state.coming.step in (SWITCHING, WATCHING) else None
        if dead and dead not in why and why != CUT:
            return f"{dead} ({why})"
    return why


def forgotten(site: Site, state: State) -> None:
    """Nothing is under way any more."""
    state = replace(state, coming=None)
    if state.serving:
        site.save(state)
    else:
        site.close()
        site.forget()
    site.tidy(state)


@contextlib.contextmanager
def gathered(problems: list[str]):
    """What goes wrong does not keep the rest from being done."""
    try:
        yield
    except FAILURES as error:
        problems.append(in_words(error))


@contextlib.contextmanager
def warned(work: Work, what: str):
    """What cannot be ended does not keep a target from going on."""
    try:
        yield
    except FAILURES as error:
        work.warn(f"{what}: {in_words(error)}")


def outcome(target: Target, release: Release, status: str, reason: str | None, before: int | None) -> Outcome:
    return Outcome(release.deployment, target.name, release.version, status, release.urls.get("score"),
                   reason, release.urls.get("demo"), before)


# what was left half done, and what a reboot took away
def settled(work: Work) -> State:
    """The state, once what others left half done is finished or undone, and what serves lives."""
    state = work.site.read()
    check_same_kind(work.target, state)
    check_same_place(work.target, state)
    if state.coming:
        state = resumed(work, state)
    if state.serving and not state.coming:
        state = revived(work, state)
    return state


def resumed(work: Work, state: State) -> State:
    """Finish or undo, by the step that was reached."""
    step, new = state.coming.step, state.coming.release
    if step == LEAVING:
        left(work, state)
    elif step == UNDONE:
        undone(work, state, Failed(state.coming.why or CUT))
    elif step == PASSED and not noted.has(work.project, new, ROLLED_BACK):
        work.warn(f"deployment {new.deployment} of {new} was cut off after it had passed: it is finished")
        try:
            finished(work, state)
        except Unfinished as error:  # of an earlier deployment: who goes on from here has deployed nothing
            raise NotemillError(error.where, error.got, None, error.hint) from None
    else:
        work.warn(f"deployment {new.deployment} of {new} was cut off: it is undone")
        undone(work, unpassed(state), Failed(CUT))
    return work.site.read()


def revived(work: Work, state: State) -> State:
    """Start again what should serve, and does not live."""
    site = work.site
    if why := site.down(state.serving):
        work.warn(f"{state.serving} should serve, and {why}: it is started again")
        try:
            state = replace(state, serving=site.revive(state.serving))
            site.save(state)
        except FAILURES as error:
            work.warn(f"{state.serving} cannot be started: {in_words(error)}")
    state = replace(state, serving=site.fresh(state.serving))
    site.ensure(state)
    return state


# taken away
def undeploy(project: Project, name: str, by: str | None = None, reason: str | None = None, *, wait: float = 0,
             told: Told = lambda words: None) -> Outcome:
    """End all that runs of a target."""
    target, by = find_target(project.root, project.pipeline.name, name, project.environ), person(project, by)
    with opened(target, project, told) as site, site.held(f"notemill undeploy {name}", wait):
        work, state = Work(project, target, site, told), site.read()
        check_same_kind(target, state, "kind")  # another one would end nothing
        if state.coming:
            state = resumed(work, state)
        if state.coming:  # what could not be undone goes with the rest
            with warned(work, f"{state.coming.release} may still run"):
                site.end(state.coming.release)
        if state.serving is None:
            if state.coming:
                forgotten(site, state)
            raise UsageError(f"target '{name}'", "serves nothing", hint="notemill deployments")
        leaving = replace(state.serving, by=by, reason=reason)
        state = replace(state, coming=Coming(leaving, LEAVING))
        site.save(state)
        return left(work, state)


def left(work: Work, state: State) -> Outcome:
    """Nothing serves any more. Done again it does no more."""
    site, release = work.site, state.coming.release
    site.close()
    with warned(work, f"{release} may still run"):
        site.end(release)
    noted.note(work.project, release, work.target.name, GONE, UNDEPLOY, release.reason, release.version, work.told)
    site.forget()
    return outcome(work.target, release, GONE, release.reason, release.version)
