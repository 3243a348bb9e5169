"""Where and why a run happens: commit, machine, environment, build."""

import fnmatch
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from notemill import text
from notemill.files import canonical_json
from notemill.project import Project
from notemill.redact import Redactor
from notemill.store import Store

REASONS = {"push": "push", "tag": "push", "pull_request": "pull request", "cron": "schedule", "custom": "custom",
           "promote": "promote", "rollback": "promote"}
MINE = (".", ":(exclude).notemill", ":(exclude)reports", ":(exclude)mlflow.db*")  # but for what a run itself writes
MOST_BYTES = 5_000_000  # of new files in a diff
MOST_NAMED = 20
LONGEST_REASON = 500
SECRET = (".env*", "*.pem", "*.key", "*.p12", "*_rsa", "*_ed25519")


def git(root: Path, store: Store, redactor: Redactor) -> dict | None:
    """Commit, branch, author and unsaved changes (their diff kept in the store); None outside a repository.

    New files are part of the diff, but for those that `left_out` names with their reason.
    """
    commit = _git(root, "log", "-1", "--format=%H%n%an <%ae>")
    if commit is None:
        return None
    status = _git(root, "status", "--porcelain", "--", *MINE)
    new, left_out = _new_files(root) if "?? " in f"{status}" else ([], [])
    diff = _diff(root, new) if status else None
    return {"commit": commit.splitlines()[0], "branch": _git(root, "rev-parse", "--abbrev-ref", "HEAD"),
            "author": commit.splitlines()[1], "dirty": bool(status),
            "diff": store.add_bytes(redactor.bytes(diff)) if diff else None, "left_out": left_out}


def _new_files(root: Path) -> tuple[list[bytes], list[str]]:
    """Files that git does not know and does not ignore: those for the diff, smallest first, and those left out."""
    listed = (_git_output(root, "ls-files", "--others", "--exclude-standard", "-z", "--", *MINE) or b"").split(b"\0")
    sizes = {name: _size(os.path.join(os.fsencode(root), name)) for name in filter(None, listed)}
    taken, left_out, total = [], [], 0
    for name, size in sorted(sizes.items(), key=lambda pair: (pair[1] or 0, pair[0])):
        why = _why_not(os.fsdecode(name), size, total)
        if why:
            left_out.append(f"{name.decode('utf-8', 'replace')} ({why})")
        else:
            taken.append(name)
            total += size
    more = len(left_out) - MOST_NAMED
    return taken, [*left_out[:MOST_NAMED], *([f"{more} more"] if more > 0 else [])]


def _size(path: bytes) -> int | None:
    """Bytes of a file; None for what is none: a repository within this one."""
    with suppress(OSError):
        return None if os.path.isdir(path) and not os.path.islink(path) else os.lstat(path).st_size
    return None


def _why_not(name: str, size: int | None, total: int) -> str | None:
    if size is None:
        return "no file"
    if any(fnmatch.fnmatch(os.path.basename(name), pattern) for pattern in SECRET):
        return "may hold secrets"
    return None if total + size <= MOST_BYTES else text.size(size)


def _diff(root: Path, new: list[bytes]) -> bytes | None:
    """The changes since the last commit, with these new files; in an index of its own, so that nothing is touched."""
    words = ["diff", "--binary", "--no-ext-diff", "--no-color", "HEAD", "--", *MINE]
    if not new:
        return _git_output(root, *words)
    index = _git(root, "rev-parse", "--path-format=absolute", "--git-path", "index")
    with tempfile.TemporaryDirectory() as folder:
        own = {"GIT_INDEX_FILE": os.path.join(folder, "index")}
        with suppress(OSError):  # a repository without an index
            shutil.copyfile(index or "", own["GIT_INDEX_FILE"])
        _git_output(root, "--literal-pathspecs", "add", "--intent-to-add", "--pathspec-from-file=-",
                    "--pathspec-file-nul", given=b"\0".join(new), **own)
        return _git_output(root, *words, **own)


def _git(root: Path, *words: str) -> str | None:
    output = _git_output(root, *words)
    return None if output is None else output.decode("utf-8", "surrogateescape").strip()


def _git_output(root: Path, *words: str, given: bytes | None = None, **environ: str) -> bytes | None:
    """What git says, to the byte: a diff without its last blank line cannot be applied."""
    try:
        done = subprocess.run(["git", "--no-optional-locks", "-C", str(root), *words], capture_output=True, timeout=60,
                              input=given, env={**os.environ, **environ})
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def contract(project: Project) -> dict | None:
    """The contract that the source is held against, kept in the store: what it says today is not what it said then."""
    path = project.pipeline.contract
    try:
        return path and {"file": project.name_of(path), "sha256": project.store.add_bytes(path.read_bytes())}
    except OSError:  # whoever holds the data against it says so
        return None


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
    """Why the run happens: NOTEMILL_REASON as one line, for anybody may have written it; else Drone's event."""
    given = " ".join(text.printable(environ.get("NOTEMILL_REASON", "")).split())
    return text.clip(given, LONGEST_REASON) or REASONS.get(environ.get("DRONE_BUILD_EVENT", ""), "by hand")
