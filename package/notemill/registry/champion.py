"""The version in production: the one that the ledger says, whatever became of MLflow's alias, version or files."""

from notemill.errors import NotemillError
from notemill.registry.fetching import fetch_entry, kept_whole
from notemill.registry.following import CHAMPION, Seen, glance, look, read_followed
from notemill.registry.records import Records
from notemill.registry.tracked import registry


def current_champion(uri: str, name: str, records: Records) -> dict | None:
    """The champion's manifest, its files in the records; None where there is none yet.

    Raises NotemillError where the ledger is not whole, or the files are gone; and where there is no ledger, but
    somebody has set MLflow's alias: who that champion is, nothing tells. MLflow is imported only if it has to be asked.
    """
    seen = ask(uri, name)
    ledger = read_followed(seen, name, records)
    if ledger.champion is None:
        if not ledger.number and CHAMPION in seen.aliases:
            raise by_hand(name, seen.aliases[CHAMPION])
        return None
    manifest = kept_whole(ledger.champion, records)
    if manifest is None:
        with registry(uri) as client:
            manifest = fetch_entry(client, ledger.champion, records)
    return manifest


def ask(uri: str, name: str) -> Seen:
    """What MLflow says of a model."""
    seen = glance(uri, name)
    if seen is None:
        with registry(uri) as client:
            seen = look(client, name)
    return seen


def by_hand(name: str, number: int) -> NotemillError:
    return NotemillError(f"version {number} of '{name}'", "has MLflow's alias `champion`, and no ledger says that it "
                         "was promoted", hint=f"notemill promote {number}; or, if that alias means nothing, take it "
                         "away: notemill registry check --fix")
