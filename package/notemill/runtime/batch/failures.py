"""What the disk refuses, told with the file that is meant and with what came of it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def named(error: OSError, path: Path | str, outcome: str = "") -> OSError:
    """The error about that file, if it names none itself: a full disk never does."""
    reason = os.strerror(error.errno) if error.errno else str(error)  # Arrow's own words are long
    told = OSError(error.errno, f"{reason}; {outcome}" if outcome else reason, str(error.filename or path))
    if outcome:
        told.outcome = outcome
    return told


@contextmanager
def telling(path: Path | str, outcome: str) -> Iterator[None]:
    """Within, an OSError says what came of it, and names this file where it names none. The innermost knows best."""
    try:
        yield
    except OSError as error:
        if isinstance(error, BrokenPipeError) or hasattr(error, "outcome"):
            raise
        raise named(error, path, outcome) from None
