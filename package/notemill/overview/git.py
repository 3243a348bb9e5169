"""What git knows of the project's files."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

PATIENCE = 10       # seconds for each question


def git_of(root: Path, covered: Sequence[str]) -> dict | None:
    """{"commit", "branch", "committed", "changed", "untracked", "records"}: the `covered` files by their state, and
    whether the records are committed; None outside a repository."""
    if ask(root, "rev-parse", "--is-inside-work-tree") != "true":
        return None
    known = split(ask(root, "ls-files", "-z"))
    head = ask(root, "log", "-1", "--format=%H%n%cI")
    differing = split(ask(root, "diff", "--name-only", "-z", "--relative", "HEAD")) if head else known
    there = [name for name in covered if os.path.exists(root / name) and not os.path.isabs(name)]
    commit, _, when = (head or "").partition("\n")
    return {"commit": commit or None, "when": when or None, "branch": ask(root, "rev-parse", "--abbrev-ref", "HEAD"),
            "committed": [name for name in there if name in known and name not in differing],
            "changed": [name for name in there if name in known and name in differing],
            "untracked": [name for name in there if name not in known],
            "records": any(name.startswith(".notemill-records/") for name in known)}


def ignored(root: Path, names: Sequence[str]) -> list[str]:
    """Those of the files that git ignores."""
    given = "".join(f"{name}\0" for name in names).encode("utf-8", "surrogateescape")
    found = split(ask(root, "check-ignore", "-z", "--stdin", given=given)) if names else set()
    return [name for name in names if name in found]


def split(listed: str | None) -> set[str]:
    return set(filter(None, (listed or "").split("\0")))


def ask(root: Path, *words: str, given: bytes = b"") -> str | None:
    """What git says; None where it fails, or takes too long."""
    try:
        done = subprocess.run(["git", "--no-optional-locks", "-C", str(root), *words], capture_output=True,
                              timeout=PATIENCE, input=given)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode("utf-8", "replace").strip("\n") if done.returncode == 0 else None
