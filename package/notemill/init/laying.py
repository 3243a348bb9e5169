"""Put files into a folder, all or none, and never over one that is there."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from notemill.errors import UsageError
from notemill.files import write_atomic

SHOWN = 40


def lay_out(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write all `files` (path in the folder: content). Raises UsageError that lists those which are there already."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(str(folder), "is a file", "a folder, new or there already")
    _refuse_existing(folder, files)
    above = next(parent for parent in (folder, *folder.absolute().parents) if parent.is_dir())
    try:
        with tempfile.TemporaryDirectory(prefix=".notemill-init-", dir=above) as temporary:
            for name, content in files.items():
                write_atomic(Path(temporary, name), content)
            _move(Path(temporary), folder, list(files))
    except PermissionError as error:
        raise UsageError(str(error.filename or folder), "may not be written by this user") from None


def _refuse_existing(folder: Path, files: Mapping[str, bytes]) -> None:
    there = sorted({name for name in files if os.path.lexists(folder / name)}
                   | {str(parent) for name in files for parent in Path(name).parents
                      if os.path.lexists(folder / parent) and not (folder / parent).is_dir()})
    if there:
        more = f", ... ({len(there)} in all)" if there[SHOWN:] else ""
        raise UsageError(str(folder), f"has files that would be overwritten: {', '.join(there[:SHOWN])}{more}",
                         hint="choose a new folder, or move these out of the way; nothing was written")


def _move(source: Path, folder: Path, names: list[str]) -> None:
    """Each file by a link that fails where a file has come to be meanwhile; what was put there goes again then."""
    placed, made = [], []
    try:
        for name in names:
            target = folder / name
            made += [parent for parent in reversed(target.parents) if _make(parent)]
            _place(source / name, target)
            placed.append(target)
    except BaseException:
        for target in placed:
            target.unlink(missing_ok=True)
        for parent in reversed(made):
            shutil.rmtree(parent, ignore_errors=True) if not any(parent.iterdir()) else None
        raise


def _make(folder: Path) -> bool:
    """Whether the folder had to be made."""
    try:
        folder.mkdir()
    except FileExistsError:
        return False
    return True


def _place(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except FileExistsError:
        raise UsageError(str(target), "has appeared while init was at work", hint="nothing was written") from None
    except OSError:     # a file system without links
        source.replace(target)


def git(folder: Path, *words: str) -> subprocess.CompletedProcess:
    """git in that folder, whatever repository a hook that called us is in."""
    own = {key: value for key, value in os.environ.items() if not key.startswith("GIT_") or "CEILING" in key}
    return subprocess.run(["git", *words], cwd=folder, env={**own, "LC_ALL": "C"}, text=True, capture_output=True)


def start_repository(folder: Path) -> str | None:
    """`git init`, unless the folder is in a repository. What was done, in words; None where there was nothing to do."""
    try:
        above = git(folder, "rev-parse", "--git-dir")
        if above.returncode == 0 or "dubious ownership" in above.stderr:  # somebody else's is one, too
            return None
        done = git(folder, "init", "--quiet", "--initial-branch=main")
    except FileNotFoundError:
        return "git is not installed: there is no repository yet, and `nox -s lint` needs one"
    return "a new git repository; nothing is committed yet" if done.returncode == 0 \
        else f"git init failed: {done.stderr.strip().splitlines()[-1:]}"
