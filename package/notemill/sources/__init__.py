"""Outside data: what an input names that no step makes, brought into the store by content."""

from notemill.sources.fetching import Fetched, fetch
from notemill.sources.kinds import FileSource, GlobSource, HttpSource, SklearnSource, Source, SqlSource, parse

__all__ = ["Fetched", "FileSource", "GlobSource", "HttpSource", "SklearnSource", "Source", "SqlSource",
           "fetch", "parse"]
