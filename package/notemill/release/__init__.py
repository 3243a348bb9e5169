"""From a run to something that others can use: a registered version, and its wheel."""

from notemill.release.build import build
from notemill.release.register import judge, register

__all__ = ["build", "judge", "register"]
