"""The prediction log: what was asked and answered, on disk before the answer goes out, then as a Parquet dataset.

log.py: the door; journal.py: the file that one process appends to; compact.py: a short-lived process that turns
journals into Parquet files; reading.py: everything as one dataset; folder.py: what lies where.
"""

from .errors import LogError, LogFull, UnknownRequest
from .reading import read, read_labelled, read_marks

__all__ = ["Log", "LogError", "LogFull", "UnknownRequest", "read", "read_labelled", "read_marks"]


def __getattr__(name: str):
    """Only who writes needs msgspec: reading works without the service's extra."""
    if name == "Log":
        from .log import Log

        return Log
    raise AttributeError(name)
