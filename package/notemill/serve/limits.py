"""What one worker takes on at most."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Sizes of one request, and how many at once."""

    body: int = 4 * 1024 * 1024  # bytes, also of a body whose length nobody told before
    rows: int = 10_000
    nesting: int = 8  # lists and objects in each other
    seconds: float = 30.0  # for the whole request: its body, its turn, its answer
    at_once: int = 256  # requests that score; what comes beyond is told to come again
    head: int = 32 * 1024  # bytes of the request's line and headers
    head_seconds: float = 10.0
