"""Registered versions: their files in the project's records, and in MLflow, whose aliases say which is which."""

from notemill.registry.champion import current_champion, may_have_champion
from notemill.registry.records import Held, Records, content_of, open_records
from notemill.registry.versions import Version, fetch, find_version, has_run, register, registry, take_up, versions

__all__ = ["Held", "Records", "Version", "content_of", "current_champion", "fetch", "find_version", "has_run",
           "may_have_champion", "open_records", "register", "registry", "take_up", "versions"]
