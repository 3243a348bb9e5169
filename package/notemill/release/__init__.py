"""From a run to something that others can use: a registered version, and its wheel."""

from notemill.release.build import build
from notemill.release.described import warning_of
from notemill.release.export import export
from notemill.release.register import judge, register
from notemill.release.trust import find_trusted
from notemill.release.verified import Verified, verify

__all__ = ["Verified", "build", "export", "find_trusted", "judge", "register", "verify", "warning_of"]
