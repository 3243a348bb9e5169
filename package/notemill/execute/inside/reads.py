"""Which files of the project a notebook reads without having declared them."""

import json
import os
import sys


def watch_reads(root: str, declared: frozenset[str], log: str, installed: tuple[str, ...]) -> None:
    """Append to `log`, once each, the files below `root` that are opened for reading and are not `declared`."""
    seen: set[str] = set()
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    prefix = os.path.join(root, "")
    libraries = tuple(os.path.join(place, "") for place in installed if place.startswith(prefix))

    def hook(event: str, args: tuple) -> None:
        if event not in ("open", "sqlite3.connect") or not isinstance(args[0], str | bytes):
            return
        if event == "open" and not _is_read(args[1], args[2]):
            return
        path = source_of(os.path.abspath(os.fsdecode(args[0])))
        if not path.startswith(prefix) or path in seen:
            return
        seen.add(path)
        hidden = any(part.startswith(".") or part.endswith((".egg-info", ".dist-info"))
                     for part in path[len(prefix):].split(os.sep))
        if path not in declared and not hidden and not path.startswith(libraries) and os.path.isfile(path):
            os.write(handle, (json.dumps(path) + "\n").encode())

    sys.addaudithook(hook)


def _is_read(mode: object, flags: object) -> bool:
    if isinstance(mode, str):
        return "r" in mode
    return isinstance(flags, int) and flags & os.O_ACCMODE == os.O_RDONLY


def source_of(path: str) -> str:
    """The module's source for a file of `__pycache__`; any other path as it is."""
    folder, name = os.path.split(path)
    if os.path.basename(folder) == "__pycache__" and name.endswith(".pyc"):
        return os.path.join(os.path.dirname(folder), name.split(".")[0] + ".py")
    return path
