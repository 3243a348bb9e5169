"""Who is champion: promoted, rolled back, approved. The ledger first, then MLflow's alias."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from notemill import lineage
from notemill.errors import NotemillError, UsageError
from notemill.project import Project
from notemill.registry import (Ledger, Records, align, append, fetch, fetch_entry, fetch_kept, find_version, moves,
                               open_records, read_ledger, registry)
from notemill.registry.following import champion_in_mlflow
from notemill.registry.people import check_person
from notemill.release.described import demand_words
from notemill.release.trust import check_version
from notemill.release.who import default_person


UNSEEN = "written while MLflow was away: the ledger was not held against what MLflow had seen of it"
LATER = "MLflow's alias `champion` stays where it was until notemill registry check --fix, or the next move"


@dataclass(frozen=True)
class Moved:
    """What a command did: the ledger after it, and the entry that it wrote, None where there was nothing to do."""

    ledger: Ledger
    entry: Mapping | None
    warnings: tuple[str, ...] = ()


def promote(project: Project, asked: str | None, by: str | None = None, reason: str | None = None) -> Moved:
    """Make a version the champion: the challenger unless told otherwise."""
    by = person(project, by)
    return moving(project, lambda client, ledger, records: promoting(project, client, asked, records, by, reason))


def promoting(project: Project, client, asked: str | None, records: Records, by: str, reason: str | None) -> Callable:
    """The decision, once all files of the version are in the records."""
    manifest = found(project, client, asked, records)
    check_version(records, manifest, project.environ)
    verdict = passed(manifest, records)
    risk = moves.stricter(manifest.get("risk"), project.pipeline.risk)
    demand_words(project, risk)  # it may have been raised since it was registered
    records.keep_for_good(manifest)
    made = {**manifest, **records.made_again(manifest["content"])}
    return lambda ledger: moves.promote(ledger, manifest, verdict, risk, by, reason, made)


def promote_by_itself(project: Project, manifest: Mapping) -> Moved | None:
    """What `promote: auto` does once a version is registered; None where pipeline.yaml does not ask for it."""
    if project.pipeline.promote != "auto":
        return None
    if moves.stricter(manifest.get("risk"), project.pipeline.risk) != "low":
        return not_by_itself(Ledger(project.pipeline.name), f"it was registered with `risk: {manifest['risk']}`")
    by = person(project, None)

    def decision(client, ledger, records):
        decide = promoting(project, client, str(manifest["version"]), records, by, "promote: auto")
        return lambda now: None if manifest["content"] in now.left else decide(now)

    moved = moving(project, decision)
    left = moved.ledger.left.get(manifest["content"])
    if left and not moved.entry:
        return not_by_itself(moved.ledger, f"it was left by the rollback of {left['at'][:16].replace('T', ' ')}")
    return moved


def not_by_itself(ledger: Ledger, why: str) -> Moved:
    return Moved(ledger, None, (f"not promoted by itself: {why}; by hand: notemill promote",))


def rollback(project: Project, by: str | None = None, reason: str | None = None, *, retire: bool = False) -> Moved:
    """Back to the champion before; with `retire` to none at all. It waits for no MLflow that is away."""
    by = person(project, by)
    if retire and not reason:
        raise UsageError("notemill rollback --retire", "says no reason", "--reason '...'")

    def decision(client, ledger, records):
        seen = moves.check_champion(ledger)["number"]
        if retire:
            return lambda now: moves.retire(now, seen, by, reason)
        return lambda now: fit(project, client, records, now, moves.rollback(now, seen, by, reason))

    try:
        return moving(project, decision)
    except lineage.Away as error:
        return moving_alone(project, decision, error)


def fit(project: Project, client, records: Records, now: Ledger, move: dict) -> dict:
    """The rollback, if what it goes back to is whole and may be loaded; `client`: None while MLflow is away."""
    entry = now.line[-2]
    manifest = fetch_entry(client, entry, records) if client else fetch_kept(entry, records)
    check_version(records, manifest, project.environ)
    return move


def approve(project: Project, asked: str, by: str, reason: str) -> Moved:
    """Write down that somebody else than the author answers for a version."""
    by = check_person(by, "--by")
    if not reason.strip():
        raise UsageError("--reason", "says nothing", "why this version may go into production, in words")

    def decision(client, ledger, records):
        manifest = found(project, client, asked, records)
        passed(manifest, records)
        records.keep_for_good(manifest)
        risk = moves.stricter(manifest.get("risk"), project.pipeline.risk)
        made = {**manifest, **records.made_again(manifest["content"])}
        return lambda now: moves.approve(now, manifest, risk, by, reason, made)

    return moving(project, decision)


def moving(project: Project, decision: Callable) -> Moved:
    """Finish what others left half done, decide, write, and let MLflow follow."""
    name, records = project.pipeline.name, open_records(project)
    uri = lineage.tracking_uri(project.root, project.environ)
    with registry(uri) as client:
        ledger = align(client, name, records)
        ledger, entry = append(records, name, decision(client, ledger, records), ledger)
    if entry is None:
        return Moved(ledger, None)
    try:
        with registry(uri) as client:
            ledger = align(client, name, records)
            away = ledger.champion and champion_in_mlflow(client, ledger) is None
    except NotemillError as error:  # the move stands: who comes next lets MLflow follow
        return Moved(ledger, entry, (*entry["notes"], "the ledger has it, but MLflow's alias `champion` does not "
                                     f"follow yet: {error.where}: {error.got}; notemill registry check --fix"))
    return Moved(ledger, entry, (*entry["notes"], *([gone(ledger)] if away else [])))


def moving_alone(project: Project, decision: Callable, away: lineage.Away) -> Moved:
    """Decide and write by the ledger alone, while nobody answers for MLflow; the entry says so."""
    name, records = project.pipeline.name, open_records(project)
    ledger = read_ledger(records, name)
    decide = decision(None, ledger, records)

    def noted(now: Ledger) -> dict:
        move = decide(now)
        return {**move, "notes": [*move["notes"], UNSEEN]}

    ledger, entry = append(records, name, noted, ledger)
    return Moved(ledger, entry, (*entry["notes"], f"{away.where}: {away.got}", LATER))


def gone(ledger: Ledger) -> str:
    return (f"MLflow does not have version {ledger.champion['version']} any more: no version has its alias `champion` "
            "now; its files are in the records, and package, export and the gate take them from there")


def found(project: Project, client, asked: str | None, records: Records) -> dict:
    """The manifest of the version that was asked for, its files in the records."""
    name, uri = project.pipeline.name, lineage.tracking_uri(project.root, project.environ)
    version = find_version(client, name, asked, uri, records)
    return fetch(client, name, version.version, records)


def passed(manifest: Mapping, records: Records) -> dict:
    """The version's verdict. Raises NotemillError unless it passed, and is about this very content."""
    verdict = json.loads(records.read(manifest["files"]["verdict.json"]))
    where = f"version {manifest['version']} of '{manifest['name']}'"
    if verdict.get("verdict") != "passed":
        raise NotemillError(where, f"has the verdict '{verdict.get('verdict')}'", "only what passed the gate",
                            "notemill register")
    if verdict.get("content", manifest["content"]) != manifest["content"]:
        raise NotemillError(where, "has a verdict on another content", f"content {manifest['content']}",
                            "notemill register")
    return verdict


def person(project: Project, by: str | None) -> str:
    """Who moves: as told, else as git knows this user, else the login."""
    return check_person(default_person(project.root) if by is None else by, "--by")
