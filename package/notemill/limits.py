"""What a step may take."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """How long a step may take, and how much memory its processes may hold together; None is no limit."""

    seconds: float | None = None
    memory_mb: float | None = None
