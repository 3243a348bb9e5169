"""Registered versions: their files in the project's records, and in MLflow, whose aliases say which is which."""

from notemill.registry.records import Held, Records, content_of
from notemill.registry.versions import Version, fetch, find_version, has_run, register, registry, take_up, versions

__all__ = ["Held", "Records", "Version", "content_of", "fetch", "find_version", "has_run", "register", "registry",
           "take_up", "versions"]
