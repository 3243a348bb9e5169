"""Whether the process that kernels are forked from may outlive the run."""

from collections.abc import Mapping

VARIABLE = "NOTEMILL_WARM"


def keep_warm(environ: Mapping[str, str], *, terminal: bool) -> bool:
    """As NOTEMILL_WARM says (0 or 1); else at a terminal, and never in CI."""
    asked = environ.get(VARIABLE, "").strip()
    return asked != "0" if asked else terminal and not environ.get("CI")
