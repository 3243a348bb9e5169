"""Where and why a run happens: commit, machine, environment, build."""

import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from notemill.files import canonical_json
from notemill.project import Project
from notemill.redact import Redactor
from notemill.store import Store

REASONS = {"push": "push", "tag": "push", "pull_request": "pull request", "cron": "schedule", "custom": "custom",
           "promote": "promote", "rollback": "promote"}


def git(root: Path, store: Store, redactor: Redactor) -> dict | None:
    """Commit, branch, author and unsaved changes (their diff kept in the store); None outside a repository."""
    commit = _git(root, "rev-parse", "HEAD")
    if commit is None:
        return None
    dirty = bool(_git(root, "status", "--porcelain", "--", "."))
    diff = _git_output(root, "diff", "--binary", "--no-ext-diff", "--no-color", "HEAD", "--", ".") if dirty else None
    return {"commit": commit, "branch": _git(root, "rev-parse", "--abbrev-ref", "HEAD"),
            "author": _git(root, "log", "-1", "--format=%an <%ae>"), "dirty": dirty,
            "diff": store.add_bytes(redactor.bytes(diff)) if diff else None}


def _git(root: Path, *words: str) -> str | None:
    output = _git_output(root, *words)
    return None if output is None else output.decode("utf-8", "surrogateescape").strip()


def _git_output(root: Path, *words: str) -> bytes | None:
    """What git says, to the byte: a diff without its last blank line cannot be applied."""
    try:
        done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def environment(project: Project) -> dict:
    """Python, and all installed distributions (kept in the store)."""
    versions = project.importer.distributions["versions"]
    return {"python": platform.python_version(), "implementation": sys.implementation.name,
            "distributions": project.store.add_bytes(canonical_json(versions).encode())}


def machine() -> dict:
    """The machine by name, system, processors and memory (MB)."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 0
    return {"host": platform.node(), "system": f"{platform.system()} {platform.release()} {platform.machine()}",
            "cpus": cpus(), "memory_mb": pages // 1_000_000}


def cpus() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def ci(environ: Mapping[str, str]) -> dict | None:
    """The Drone build that this runs in, or None."""
    if not environ.get("DRONE_BUILD_NUMBER"):
        return None
    return {"build": environ["DRONE_BUILD_NUMBER"], "link": environ.get("DRONE_BUILD_LINK")}


def reason(environ: Mapping[str, str]) -> str:
    """Why the run happens: NOTEMILL_REASON, else Drone's event, else by hand."""
    return environ.get("NOTEMILL_REASON") or REASONS.get(environ.get("DRONE_BUILD_EVENT", ""), "by hand")
