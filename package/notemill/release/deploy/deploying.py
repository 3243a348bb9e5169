"""A deployment, from the version to the traffic, and back where anything fails. What is under way is written down
before it is done, so that of a killed deployment the next command finishes or undoes the rest."""

import contextlib
import json
import time
from collections.abc import Callable, Mapping
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
from notemill.release.deploy.sites import opened
from notemill.release.deploy.state import (LEAVING, PASSED, SWITCHING, UNDONE, WATCHING, Coming, Release, State,
                                           new_id)
from notemill.release.deploy.targets import FILE, Target, find_target
from notemill.release.packaged import manifest_of
from notemill.release.promote import person
from notemill.release.trust import check_version

LOOK = 0.25  # seconds between two looks at a new version
CUT = "the deployment was cut off: the process, or the machine, ended"
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


def deploy(project: Project, asked: str, to: str, by: str | None = None, reason: str | None = None, *,
           wait: float = 0, told: Told = lambda words: None) -> Outcome:
    """Deploy a version (a number, an alias, `previous`) to a target.

    Raises UsageError and NotemillError for what fails before anything was started.
    """
    target, by = find_target(project.root, project.pipeline.name, to), person(project, by)
    with opened(target, project, told) as site, site.held(f"notemill deploy {asked} --to {to}", wait):
        state = settled(project, target, site, told)
        check_settled(target, state)
        records, move = open_records(project), PREVIOUS if asked == PREVIOUS else DEPLOY
        manifest = version_of(project, asked, target, records, told)
        if target.production:
            noted.check_promotable(project, manifest, records, by)
        package, digest = site.prepare(manifest, wheel.package_files(manifest, records.read))
        release = Release(
            deployment=new_id(), version=manifest["version"], name=manifest["name"], content=manifest["content"],
            manifest=records.keep_for_good(manifest), package=package, digest=digest, slot=site.free_slot(state),
            since=datetime.now(UTC).isoformat(timespec="seconds"), urls=urls_of(target), move=move, by=by,
            reason=reason)
        return rolled(project, target, site, state, release, golden_of(manifest, records), told)


def version_of(project: Project, asked: str, target: Target, records: Records, told: Told) -> dict:
    """The manifest of what is to be deployed, which may be loaded. `previous` needs the records alone."""
    if asked != PREVIOUS:
        return manifest_of(project, asked, records, told)
    entry = read_deployments(records, project.pipeline.name).before(target.name)
    if entry is None:
        raise UsageError(f"target '{target.name}'", "has served no other version before",
                         "a version's number, or champion", f"notemill deploy VERSION --to {target.name}")
    manifest = fetch_kept(entry, records)
    check_version(records, manifest, project.environ)
    return manifest


def golden_of(manifest: Mapping, records: Records) -> dict:
    """The golden rows as the records have them, whatever the package says."""
    digest = manifest["files"].get("golden.json")
    return json.loads(records.read(digest)) if digest else {}


def urls_of(target: Target) -> dict[str, str]:
    return {part: url for part in ("score", "demo") if (url := target.url(part))}


def check_same_place(target: Target, state: State) -> None:
    """Raise UsageError where targets.yaml has other ports by now than the target serves at."""
    if state.serving and dict(state.serving.urls) != urls_of(target):
        raise UsageError(f"{FILE}: target '{target.name}'", f"serves at {', '.join(state.serving.urls.values())}, and "
                         f"the file now says {', '.join(urls_of(target).values())}", None,
                         f"notemill undeploy {target.name}, then deploy again")


def check_settled(target: Target, state: State) -> None:
    """Raise NotemillError where an earlier deployment could still not be undone: two at once nobody could undo."""
    if state.coming:
        left_over = state.coming.release.deployment
        raise NotemillError(f"target '{target.name}'", f"deployment {left_over} is not undone yet",
                            "what it left is put back first", "put right what the warnings say, then notemill "
                            f"deployments --again; or notemill undeploy {target.name}")


# the recipe
def rolled(project: Project, target: Target, site: Site, state: State, release: Release, golden: Mapping,
           told: Told) -> Outcome:
    """Start, prove, switch, watch; then the old one ends. On any failure the old one serves."""
    old = state.serving
    state = replace(state, coming=Coming(release, old=old))
    try:
        site.save(state)
        site.ensure(state)
        site.start(release)
        release = site.until_ready(release)
        prove(site, release, golden)
        state = advance(site, state, SWITCHING, release)
        release = site.switch(release, old)
        state = advance(site, state, WATCHING, release)
        site.ensure(state)
        watch(target, site, release, golden)
        keep_warm(target, site, release)
        state = replace(state, serving=release).at(PASSED)
        site.save(state)
    except FAILURES as error:
        if not is_written(site, state):
            return undone(project, target, site, unpassed(state, release, old), error, told)
    except BaseException as error:  # interrupted, or a fault of its own: the old one serves in any case
        undone(project, target, site, unpassed(state, release, old), error, told)
        raise
    return finished(project, target, site, state, old, told)


def is_written(site: Site, state: State) -> bool:
    """Whether it has passed and that is written down, though writing failed: the next command would finish it."""
    with contextlib.suppress(*FAILURES):
        return state.coming.step == PASSED and site.read() == state
    return False


def unpassed(state: State, release: Release, old: Release | None) -> State:
    """What could not be written down is not so."""
    return replace(state, serving=old, coming=replace(state.coming, release=release))


def advance(site: Site, state: State, step: str, release: Release) -> State:
    """Written down before it is done."""
    state = replace(state, coming=replace(state.coming, step=step, release=release))
    site.save(state)
    return state


def prove(site: Site, release: Release, golden: Mapping) -> None:
    """The golden rows through its own door."""
    door = site.door(release)
    if door:
        check_golden(door, golden)


def watch(target: Target, site: Site, release: Release, golden: Mapping) -> None:
    """Look at its own counters, and whether it lives; at the end its golden rows again. Raises Failed."""
    door, end = site.door(release), time.monotonic() + target.watch
    borne = target.errors + (faults(door) if door else 0)
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


def finished(project: Project, target: Target, site: Site, state: State, old: Release | None, told: Told) -> Outcome:
    """It has passed: the old one ends, and all is written down. Done again it does no more."""
    new, before = state.coming.release, old and old.version
    site.ensure(replace(state, coming=None))
    if old:
        with warned(told, f"{old} may still run"):
            site.retire(old)
    noted.note(project, new, target.name, SERVING, new.move, new.reason, before, told)
    if target.production:
        noted.promoted(project, new, told)
    state = replace(state, coming=None)
    site.save(state)
    site.tidy(state)
    return outcome(target, new, SERVING, new.reason, before)


def undone(project: Project, target: Target, site: Site, state: State, error: BaseException, told: Told) -> Outcome:
    """Back to the old one, as far as that goes. What did not go stays written down, and is tried again."""
    new, old, again = state.coming.release, state.serving, state.coming.step == UNDONE
    why, problems, lasting, unnoted = reason_of(site, state, error), [], [], []
    with gathered(problems):
        state = replace(state, serving=site.back(new, old))
    if not problems:  # else it may be the one that has the traffic
        with gathered(lasting):
            site.end(new)
    state = state.at(UNDONE, why=why)
    with gathered(problems):
        site.save(state)
    if old:
        with gathered(problems):
            site.ensure(replace(state, coming=None))
    with gathered(unnoted):
        noted.note(project, new, target.name, ROLLED_BACK, new.move, why, old and old.version, told)
    give_up = again and not problems and not unnoted  # one that cannot be ended does not keep the target from going on
    if give_up or not (problems or lasting or unnoted):
        with gathered(problems):
            forgotten(site, state)
    for problem in (*problems, *lasting, *unnoted):
        told(f"{new} may still run: {problem}" if give_up and problem in lasting else
             f"not all could be put back, and the next notemill command on this target tries again: {problem}")
    return replace(outcome(target, new, ROLLED_BACK, why, old and old.version), problem="; ".join(problems) or None)


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
def warned(told: Told, what: str):
    """What cannot be ended does not keep a target from going on."""
    try:
        yield
    except FAILURES as error:
        told(f"{what}: {in_words(error)}")


def in_words(error: BaseException) -> str:
    if isinstance(error, Failed):
        return str(error)
    if isinstance(error, NotemillError):
        return f"{error.where}: {error.got}"
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}" if error.filename and error.strerror else str(error)
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    return str(error) or type(error).__name__


def outcome(target: Target, release: Release, status: str, reason: str | None, before: int | None) -> Outcome:
    return Outcome(release.deployment, target.name, release.version, status, target.url("score"), reason,
                   target.url("demo"), before)


# what was left half done, and what a reboot took away
def settled(project: Project, target: Target, site: Site, told: Told) -> State:
    """The state, once what others left half done is finished or undone, and what serves lives."""
    state = site.read()
    check_same_place(target, state)
    if state.coming:
        state = resumed(project, target, site, state, told)
    if state.serving and not state.coming:
        state = revived(site, state, told)
    return state


def resumed(project: Project, target: Target, site: Site, state: State, told: Told) -> State:
    """Finish or undo, by the step that was reached."""
    step, new = state.coming.step, state.coming.release
    if step == LEAVING:
        left(project, target, site, state, told)
    elif step == PASSED:
        told(f"deployment {new.deployment} of {new} was cut off after it had passed: it is finished")
        finished(project, target, site, state, state.coming.old, told)
    elif step == UNDONE:
        undone(project, target, site, state, Failed(state.coming.why or CUT), told)
    else:
        told(f"deployment {new.deployment} of {new} was cut off: it is undone")
        undone(project, target, site, state, Failed(CUT), told)
    return site.read()


def revived(site: Site, state: State, told: Told) -> State:
    """Start again what should serve, and does not live."""
    if why := site.down(state.serving):
        told(f"{state.serving} should serve, and {why}: it is started again")
        try:
            state = replace(state, serving=site.revive(state.serving))
            site.save(state)
        except FAILURES as error:
            told(f"{state.serving} cannot be started: {in_words(error)}")
    state = replace(state, serving=site.fresh(state.serving))
    site.ensure(state)
    return state


# taken away
def undeploy(project: Project, name: str, by: str | None = None, reason: str | None = None, *, wait: float = 0,
             told: Told = lambda words: None) -> Outcome:
    """End all that runs of a target."""
    target, by = find_target(project.root, project.pipeline.name, name), person(project, by)
    with opened(target, project, told) as site, site.held(f"notemill undeploy {name}", wait):
        state = site.read()
        if state.coming:
            state = resumed(project, target, site, state, told)
        if state.coming:  # what could not be undone goes with the rest
            with warned(told, f"{state.coming.release} may still run"):
                site.end(state.coming.release)
        if state.serving is None:
            if state.coming:
                forgotten(site, state)
            raise UsageError(f"target '{name}'", "serves nothing", hint="notemill deployments")
        leaving = replace(state.serving, by=by, reason=reason)
        state = replace(state, coming=Coming(leaving, LEAVING))
        site.save(state)
        return left(project, target, site, state, told)


def left(project: Project, target: Target, site: Site, state: State, told: Told) -> Outcome:
    """Nothing serves any more. Done again it does no more."""
    release = state.coming.release
    site.close()
    with warned(told, f"{release} may still run"):
        site.end(release)
    noted.note(project, release, target.name, GONE, UNDEPLOY, release.reason, release.version, told)
    site.forget()
    return outcome(target, release, GONE, release.reason, release.version)
