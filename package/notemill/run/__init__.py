"""Plan -> Run: execute what has to be, keep what came of it, and leave a complete record."""

from notemill.run.run import run

__all__ = ["run"]
