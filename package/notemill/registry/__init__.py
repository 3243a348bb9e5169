"""Registered versions: their files in the project's records, and in MLflow; and the ledger, which names the champion.
"""

from notemill.registry import moves
from notemill.registry.builds import note_build
from notemill.registry.champion import current_champion
from notemill.registry.checking import Finding, check, mend
from notemill.registry.fetching import fetch, fetch_entry, fetch_kept
from notemill.registry.following import align
from notemill.registry.ledger import Ledger, append, read_ledger
from notemill.registry.records import Held, Records, content_of, open_records
from notemill.registry.sending import register
from notemill.registry.shown import shown_file
from notemill.registry.tracked import has_run, in_mlflow, registry
from notemill.registry.versions import Version, find_version, take_up, versions

__all__ = ["Finding", "Held", "Ledger", "Records", "Version", "align", "append", "check", "content_of",
           "current_champion", "fetch", "fetch_entry", "fetch_kept", "find_version", "has_run", "in_mlflow", "mend",
           "moves", "note_build", "open_records", "read_ledger", "register", "registry", "shown_file", "take_up",
           "versions"]
