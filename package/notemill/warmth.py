"""Whether the process that kernels are forked from may outlive the run."""

from collections.abc import Mapping

from notemill.errors import UsageError

VARIABLE = "NOTEMILL_WARM"
YES, NO = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


def keep_warm(environ: Mapping[str, str], *, terminal: bool) -> bool:
    """As NOTEMILL_WARM says; else at a terminal, and never in CI. Raises UsageError."""
    asked = environ.get(VARIABLE, "").strip().lower()
    if asked and asked not in (*YES, *NO):
        raise UsageError(f"the environment variable {VARIABLE}", f"got '{environ[VARIABLE]}'", "0 or 1")
    in_ci = environ.get("CI", "").strip().lower() not in ("", *NO)
    return asked in YES if asked else terminal and not in_ci
