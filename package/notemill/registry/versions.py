"""Versions as people see them: what is registered, which is the challenger, and which, by the ledger, the champion."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from notemill.errors import NotemillError, UsageError
from notemill.lineage import shown_uri
from notemill.registry.builds import PREFIX, content_of_build
from notemill.registry.fetching import fetch, fetch_entry
from notemill.registry.following import CHALLENGER, CHAMPION, champion_in_mlflow, look, read_followed
from notemill.registry.ledger import Ledger
from notemill.registry.records import Records, digest_of
from notemill.registry.tracked import (CONTENT, DIGEST, FACTS, facts_of, in_mlflow, insist, number_of, tags_of,
                                       whole_versions)


@dataclass(frozen=True)
class Version:
    """One registered version, as people see it. `gone`: MLflow does not have it any more, the records do; `changed`:
    its tags in MLflow are not those that it was registered with."""

    version: int
    content: str
    run: str
    created: str
    verdict: str
    metric: str
    figure: float | None
    commit: str
    aliases: tuple[str, ...]
    gone: bool = False
    changed: bool = False

    def as_json(self) -> dict:
        return asdict(self)


def take_up(client, name: str, content: str, records: Records) -> dict | None:
    """The version that has this content already, as the challenger: its manifest as it was registered, or None."""
    number = number_of(client, name, content)
    if number is None:
        return None
    insist(client.set_registered_model_alias, name, CHALLENGER, str(number))
    return fetch(client, name, number, records)


def versions(client, name: str, records: Records) -> list[Version]:
    """All complete versions, newest first; the champion by the ledger, whatever MLflow's alias says.

    Raises NotemillError where the ledger is not whole.
    """
    seen = look(client, name)
    ledger = read_followed(seen, name, records)
    aliases = {alias: number for alias, number in seen.aliases.items() if alias != CHAMPION}
    number = champion_in_mlflow(client, ledger)
    aliases |= {CHAMPION: number} if number else {}
    found = [_version(one, aliases, known(one, ledger, records)) for one in whole_versions(client, name)]
    if ledger.champion and number is None:
        found.append(_gone(client, ledger.champion, records))
    return sorted(found, key=lambda one: -one.version)


def known(one, ledger: Ledger, records: Records) -> Mapping | None:
    """The manifest that a version in MLflow was registered with, by the ledger or its own digest; None where these
    records do not have it."""
    entry, content = ledger.versions().get(int(one.version)), one.tags[CONTENT]
    kept = records.kept(entry["manifest"]) if entry and entry["content"] == content else None
    if kept is None:
        found = records.manifest(content)
        kept = found if found and digest_of(found) == one.tags[DIGEST] else None
    return kept


def _version(one, aliases: Mapping[str, int], manifest: Mapping | None) -> Version:
    """Facts from the manifest: tags are anybody's."""
    tags, number = one.tags, int(one.version)
    told = facts_of(tags_of(manifest) if manifest else tags)
    return Version(version=number, content=tags[CONTENT], **told,
                   aliases=tuple(sorted(alias for alias, of in aliases.items() if of == number)),
                   changed=bool(manifest) and not tags.items() >= tags_of(manifest).items())


def _gone(client, entry: Mapping, records: Records) -> Version:
    """The champion, where MLflow's version was deleted. Raises NotemillError where its number is another's by now."""
    if in_mlflow(client, entry["name"], entry["version"]):
        raise NotemillError(f"version {entry['version']} of '{entry['name']}', the champion", "is another one in "
                            "MLflow than the ledger says: its tags were changed, or MLflow's database is a new one",
                            f"content {entry['content']}", "notemill registry check --fix puts its tags back; in a new "
                            "database register the champion's run again, or promote another version")
    manifest = fetch_entry(client, entry, records)
    return Version(version=entry["version"], aliases=(CHAMPION,), gone=True, content=entry["content"],
                   **{fact: manifest[fact] for fact in FACTS} | {"commit": manifest["commit"] or ""})


def find_version(client, name: str, asked: str | None, uri: str, records: Records) -> Version:
    """The version of that number, alias or build; the challenger unless told otherwise. Raises UsageError."""
    found = versions(client, name, records)
    if not found:
        raise UsageError(f"'{name}' in MLflow at {shown_uri(uri)}", "there is no registered version yet",
                         hint="notemill register")
    wanted = asked or CHALLENGER
    content = content_of_build(records, name, wanted) if wanted.startswith(PREFIX) else None
    for one in found:
        if wanted in (str(one.version), *one.aliases) or one.content == content:
            return one
    known = ", ".join(str(one.version) + "".join(f" ({alias})" for alias in one.aliases) for one in found[:10])
    raise UsageError(f"version '{wanted}'", "is not registered", f"the versions are: {known}",
                     "by the ledger there is no champion: notemill promote" if wanted == CHAMPION else None)
