"""The page of a project: its pipeline, what is tracked of it and what is not, coverage, runs, versions."""

from notemill.overview.facts import collect
from notemill.overview.page import write

__all__ = ["collect", "write"]
