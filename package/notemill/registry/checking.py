"""Does MLflow say what the ledger says, and are the files whole? What differs is told in words, with its remedy."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from notemill.errors import NotemillError
from notemill.registry.deployed import read_deployments
from notemill.registry.fetching import fetch_entry, in_second_place, kept_whole
from notemill.registry.following import (CHALLENGER, CHAMPION, TAG, Seen, champion_in_mlflow, look, shown,
                                         told_otherwise, until_still)
from notemill.registry.ledger import Ledger, read_ledger
from notemill.registry.records import Records
from notemill.registry.tracked import COMPLETE, insist, in_mlflow, number_of, tags_of, whole_versions
from notemill.registry.versions import known

FIX = "notemill registry check --fix"
Describe = Callable[[object, Mapping, object], str | None]  # (client, manifest, version in MLflow) -> its description


@dataclass(frozen=True)
class Finding:
    """Something that differs: what, how, and the remedy. `fixable`: --fix mends it."""

    what: str
    got: str
    remedy: str
    fixable: bool = False

    def as_json(self) -> dict:
        return asdict(self)


def no_words(client, manifest: Mapping, version) -> None:
    """Where nobody knows what a description should be."""


def check(client, name: str, records: Records, describe: Describe = no_words) -> tuple[Ledger | None, list[Finding]]:
    """(the ledger, None where it is not whole; all that differs). Nothing is written."""
    seen = look(client, name)
    try:
        ledger = read_ledger(records, name)
    except NotemillError as error:
        return None, [Finding(error.where, f"{error.got}" + (f" ({error.allowed})" if error.allowed else ""),
                              error.hint or "")]
    champion = [] if told_otherwise(ledger, seen.tag) else champion_findings(client, ledger, seen)
    return ledger, [*tag_findings(ledger, seen, records), *deployment_findings(name, records), *champion,
                    *challenger_findings(client, name, seen),
                    *version_findings(client, ledger, records), *shown_findings(client, ledger, records, describe)]


def tag_findings(ledger: Ledger, seen: Seen, records: Records) -> Iterator[Finding]:
    """How far MLflow has seen the ledger go: entries that were cut off its end show here alone."""
    where = f"the ledger of '{ledger.name}' in {records.place_.shown()}"
    if problem := told_otherwise(ledger, seen.tag):
        got, allowed, remedy = problem
        yield Finding(where, f"{got} ({allowed})", remedy)
    elif ledger.number and seen.there and seen.tag != f"{ledger.number}:{ledger.head}":
        yield Finding(f"MLflow's tag `{TAG}`", f"is {seen.tag or 'not there'}, and the ledger's last entry is "
                      f"{ledger.number}", FIX, fixable=True)


def deployment_findings(name: str, records: Records) -> Iterator[Finding]:
    """The ledger of deployments, which has no other side to be held against."""
    try:
        read_deployments(records, name)
    except NotemillError as error:
        yield Finding(error.where, error.got, error.hint or "")


def champion_findings(client, ledger: Ledger, seen: Seen) -> Iterator[Finding]:
    now = seen.aliases.get(CHAMPION)
    if not ledger.number:
        if now is not None:
            yield Finding(f"MLflow's alias `{CHAMPION}`", f"names version {now}, and no ledger says that it was "
                          "promoted", f"notemill promote {now}, or take the alias away: {FIX}", fixable=True)
        return
    number = champion_in_mlflow(client, ledger)
    if now != number:
        why = "" if number or not ledger.champion else \
            f", version {ledger.champion['version']}, which MLflow does not have any more"
        yield Finding(f"MLflow's alias `{CHAMPION}`", f"names {shown(now)}; the champion is, by the ledger, "
                      f"{shown(number)}{why}", FIX, fixable=True)


def challenger_findings(client, name: str, seen: Seen) -> Iterator[Finding]:
    """Which version is the challenger, no ledger says: it has to be one that was registered."""
    there = sorted(int(one.version) for one in whole_versions(client, name))
    now = seen.aliases.get(CHALLENGER)
    if there and now not in there:
        yield Finding(f"MLflow's alias `{CHALLENGER}`", f"names {shown(now)}"
                      + (", which is not there, or was not registered by notemill" if now else ""),
                      f"{FIX} gives it to the newest, version {there[-1]}", fixable=True)


def version_findings(client, ledger: Ledger, records: Records) -> Iterator[Finding]:
    """Each version that the ledger names, by its last entry."""
    for entry in ledger.versions().values():
        where = f"version {entry['version']} of '{ledger.name}'"
        manifest, number = kept_whole(entry, records), number_in_mlflow(client, entry)
        if manifest is None or records.kept(entry["manifest"]) is None:
            mended = manifest or number
            yield Finding(where, f"is damaged in the records ({records.place_.shown()})", FIX if mended else
                          "bring the records back from a backup: MLflow does not have it any more", bool(mended))
        if number is None:
            remedy = f"what needs it takes it from the records; notemill register {entry['run']} gives it a new number"
            yield Finding(where, "is not in MLflow any more: it was deleted", remedy)
        elif manifest and number == entry["version"]:  # registered anew it has tags of its own
            yield from differing_tags(client, number, where, manifest)


def number_in_mlflow(client, entry: Mapping) -> int | None:
    """Where MLflow has the content of an entry; the entry's own number, though its tags were changed."""
    found = number_of(client, entry["name"], entry["content"])
    version = in_mlflow(client, entry["name"], entry["version"])
    return found or (entry["version"] if version and is_run_of(version, entry) else None)


def is_run_of(version, entry: Mapping) -> bool:
    """Whether it is the version of the entry whatever its tags say: its artifacts' folder is named by the content."""
    return str(version.source).endswith(f"/notemill-{entry['content'][:12]}")


def shown_findings(client, ledger: Ledger, records: Records, describe: Describe) -> Iterator[Finding]:
    """What people read of a version in MLflow: its description; and tags, where the ledger does not name it yet."""
    for version in whole_versions(client, ledger.name):
        number, manifest = int(version.version), known(version, ledger, records)
        where = f"version {number} of '{ledger.name}'"
        if manifest and number not in ledger.versions():
            yield from differing_tags(client, number, where, manifest)
        if other_words(client, version, manifest, describe):
            yield Finding(where, "has another description in MLflow than it was registered with", FIX, fixable=True)


def other_words(client, version, manifest: Mapping | None, describe: Describe) -> str | None:
    """What its description should be, where it is not."""
    words = manifest and describe(client, manifest, version)
    return words if words is not None and (version.description or "") != words else None


def differing_tags(client, number: int, where: str, manifest: Mapping) -> Iterator[Finding]:
    if changed := changed_tags(client, number, manifest):
        yield Finding(where, f"has other tags in MLflow than it was registered with: {', '.join(sorted(changed))}", FIX,
                      fixable=True)


def changed_tags(client, number: int, manifest: Mapping) -> dict[str, str]:
    """What its tags should be, where they are not. The time of registering is nowhere else: now will do."""
    tags = in_mlflow(client, manifest["name"], number).tags
    kept = {COMPLETE: tags.get(COMPLETE) or datetime.now(UTC).isoformat(), **tags_of(manifest)}
    return {name: value for name, value in kept.items() if tags.get(name) != value}


# mending
def mend(client, name: str, records: Records, describe: Describe = no_words) -> list[str]:
    """Put right what can be without losing anything: what was done. The ledger itself is never touched."""
    seen = look(client, name)
    ledger = read_ledger(records, name)
    if told_otherwise(ledger, seen.tag):
        return []
    done = [text for entry in ledger.versions().values() for text in mend_version(client, entry, records)]
    done += [text for version in whole_versions(client, name)
             for text in mend_shown(client, version, ledger, records, describe)]
    done += take_away(client, name, seen) if not ledger.number else until_still(client, ledger, records)[1]
    return [*done, *mend_challenger(client, name)]


def mend_version(client, entry: Mapping, records: Records) -> Iterator[str]:
    """Tags from the records, then files from MLflow."""
    number = number_in_mlflow(client, entry)
    manifest = records.kept(entry["manifest"]) or in_second_place(entry, records)
    if manifest and number == entry["version"]:  # registered anew it has tags of its own
        yield from mend_tags(client, number, manifest)
    if kept_whole(entry, records) is None or records.kept(entry["manifest"]) is None:
        with contextlib.suppress(NotemillError):  # what is gone on both sides is told, not mended
            fetch_entry(client, entry, records)
            yield f"version {entry['version']}: files put back into the records"


def mend_tags(client, number: int, manifest: Mapping) -> Iterator[str]:
    changed = changed_tags(client, number, manifest)
    for name, value in changed.items():
        client.set_model_version_tag(manifest["name"], str(number), name, value)
    if changed:
        yield f"version {number}: tags put back: {', '.join(sorted(changed))}"


def mend_shown(client, version, ledger: Ledger, records: Records, describe: Describe) -> Iterator[str]:
    number, manifest = int(version.version), known(version, ledger, records)
    if manifest and number not in ledger.versions():
        yield from mend_tags(client, number, manifest)
    words = other_words(client, version, manifest, describe)
    if words is not None:
        insist(client.update_model_version, version.name, str(number), words)
        yield f"version {number}: description put back"


def take_away(client, name: str, seen: Seen) -> list[str]:
    if CHAMPION not in seen.aliases:
        return []
    client.delete_registered_model_alias(name, CHAMPION)
    return [f"MLflow's alias `{CHAMPION}` version {seen.aliases[CHAMPION]} -> none"]


def mend_challenger(client, name: str) -> list[str]:
    seen = look(client, name)
    there = sorted(int(one.version) for one in whole_versions(client, name))
    if not there or seen.aliases.get(CHALLENGER) in there:
        return []
    client.set_registered_model_alias(name, CHALLENGER, str(there[-1]))
    return [f"MLflow's alias `{CHALLENGER}` {shown(seen.aliases.get(CHALLENGER))} -> {shown(there[-1])}"]
