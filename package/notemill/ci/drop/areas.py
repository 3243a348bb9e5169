"""Who may add where, how much, and how long it stays."""

from dataclasses import dataclass

NAMES = ("pull-request", "main")
DAYS = {"pull-request": 14, "main": 180}
MB = {"pull-request": 2000, "main": 8000}


@dataclass(frozen=True)
class Area:
    """One part of the drop: all that builds of one kind put. `token` is who may add to it."""

    name: str
    token: str
    days: float
    most: int  # bytes


@dataclass(frozen=True)
class Limits:
    """What one caller may take of the service."""

    file: int = 64 * 1024 * 1024
    connections: int = 64
    bodies: int = 12        # of these, how many may be files on their way in
    head: float = 10.0      # seconds in which a request's head has to come
    idle: float = 10.0      # seconds without a single byte
    whole: float = 180.0    # seconds for the whole of a file, in or out
    spare: int = 200_000_000  # bytes of the disk that are never taken
