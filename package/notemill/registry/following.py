"""MLflow's aliases follow the ledger: `champion` names what its last entry says, and a tag says how far it went."""

import contextlib
import re
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field

from notemill.errors import NotemillError
from notemill.lineage.uri import embedded_path, read_only
from notemill.registry.ledger import Ledger, read_ledger
from notemill.registry.records import Records
from notemill.registry.tracked import CONTENT, in_mlflow, insist, none_where_unknown, number_of

CHAMPION, CHALLENGER = "champion", "challenger"
TAG = "notemill.ledger"  # of the registered model: number and digest of the last entry that was followed
QUESTIONS = ("SELECT alias, version FROM registered_model_aliases WHERE name = ?",
             "SELECT value FROM registered_model_tags WHERE name = ? AND key = ?")


@dataclass(frozen=True)
class Seen:
    """What MLflow says of a model."""

    there: bool = False
    aliases: Mapping[str, int] = field(default_factory=dict)
    tag: str | None = None


def look(client, name: str) -> Seen:
    """What MLflow says. Look before the ledger is read: it only grows, so what MLflow has seen of it is there."""
    with none_where_unknown():
        model = client.get_registered_model(name)
        return Seen(True, {alias: int(number) for alias, number in model.aliases.items()}, model.tags.get(TAG))
    return Seen()


def glance(uri: str, name: str) -> Seen | None:
    """The same without MLflow, whose import takes seconds, from a database in a file; None where MLflow has to say."""
    path = embedded_path(uri)
    if path is None:
        return None
    if not path.exists():
        return Seen()
    try:
        with contextlib.closing(read_only(path, 1)) as database:
            aliases = dict(database.execute(QUESTIONS[0], (name,)).fetchall())
            tag = database.execute(QUESTIONS[1], (name, TAG)).fetchone()
    except sqlite3.Error:  # busy, or of another MLflow
        return None
    return Seen(True, {alias: int(number) for alias, number in aliases.items()}, tag and tag[0])


def read_followed(seen: Seen, name: str, records: Records) -> Ledger:
    """The ledger, held against what MLflow has seen of it. Raises NotemillError where that is not there any more."""
    ledger = read_ledger(records, name)
    if problem := told_otherwise(ledger, seen.tag):
        raise NotemillError(f"the ledger of '{name}' in {records.place_.shown()}", *problem)
    return ledger


def told_otherwise(ledger: Ledger, tag: str | None) -> tuple[str, str, str] | None:
    """How the ledger differs from what MLflow has seen of it, and the remedy."""
    if tag is None:
        return None
    found = re.fullmatch(r"([0-9]{1,9}):([0-9a-f]{64})", tag)
    if not found or found[1] == "0":
        return (f"cannot be held against MLflow: its tag `{TAG}` was changed to '{tag[:80]}'", "NUMBER:SHA256",
                f"when the ledger is known to be right, take the tag `{TAG}` off the registered model in MLflow")
    number = int(found[1])
    if number > ledger.number:
        return (f"lacks entries at its end: it has {ledger.number}, and MLflow has seen {number}",
                "entries are never taken out; or these are not the records that the project shares",
                "name the shared place (`records:` in pipeline.yaml), or bring the records back from a backup; where "
                f"entries are lost for good, take the tag `{TAG}` off the registered model in MLflow")
    if ledger.hashes[number - 1] != found[2]:
        return (f"has another entry {number} than the one that MLflow has seen", f"sha256 {found[2]}",
                "bring the records back from a backup; where this ledger is known to be the right one, take the tag "
                f"`{TAG}` off the registered model in MLflow")
    return None


def align(client, name: str, records: Records) -> Ledger:
    """Let MLflow follow the ledger, until the ledger has not moved meanwhile: the ledger.

    This also finishes what somebody who was killed has left half done.
    """
    ledger = read_followed(look(client, name), name, records)
    return until_still(client, ledger, records)[0]


def until_still(client, ledger: Ledger, records: Records) -> tuple[Ledger, list[str]]:
    """Follow until nobody has moved meanwhile: (the ledger, what was done)."""
    done: list[str] = []
    while True:
        done += follow(client, ledger)
        later = read_ledger(records, ledger.name, ledger)
        if later.number == ledger.number:
            return ledger, done
        ledger = later


def follow(client, ledger: Ledger) -> list[str]:
    """Set the tag and the alias `champion` where they differ: what was done. Without a ledger nothing is."""
    seen = look(client, ledger.name)
    if not seen.there or not ledger.number:
        return []
    done, tag = [], f"{ledger.number}:{ledger.head}"
    if seen.tag != tag:
        insist(client.set_registered_model_tag, ledger.name, TAG, tag)
        done.append(f"MLflow's tag `{TAG}` names entry {ledger.number}")
    number, now = champion_in_mlflow(client, ledger), seen.aliases.get(CHAMPION)
    if number == now:
        return done
    if number is None:
        insist(client.delete_registered_model_alias, ledger.name, CHAMPION)
    else:
        insist(client.set_registered_model_alias, ledger.name, CHAMPION, str(number))
    return [*done, f"MLflow's alias `{CHAMPION}` {shown(now)} -> {shown(number)}"]


def shown(number: int | None) -> str:
    return "none" if number is None else f"version {number}"


def champion_in_mlflow(client, ledger: Ledger) -> int | None:
    """The number under which MLflow has the champion: another than the ledger's where it was registered anew."""
    if ledger.champion is None:
        return None
    version = in_mlflow(client, ledger.name, ledger.champion["version"])
    if version and version.tags.get(CONTENT) == ledger.champion["content"]:
        return ledger.champion["version"]
    return number_of(client, ledger.name, ledger.champion["content"])
