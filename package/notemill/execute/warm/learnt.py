"""What notebooks import beyond what they say at their top, so that the next warm process has it ready. A cache."""

import os
import sys
import sysconfig
import time
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from importlib import machinery
from pathlib import Path

from notemill.execute.inside.names import modules_in, top_of
from notemill.files import read_json, sha256_text, write_json
from notemill.interpreter import stamp_of

KNOWN_GOOD = ("IPython", "matplotlib", "mlflow", "numpy", "pandas", "pyarrow", "scipy", "seaborn", "sklearn", "skops")
FORMAT = 2
MOST_NAMES, LONGEST = 2000, 120  # that one notebook imports, and characters of a name
MOST_OF_ALL = 20_000  # the oldest go
MOST_BYTES = 8_000_000  # of a file that is worth reading
MOST_FILES = 20  # one for each interpreter
AVOIDED = 86_400  # seconds in which nothing is imported for notebooks whose imports ended or blocked a warm process
NOTHING = {"learnt": [], "never": [], "avoid": {}}


def place() -> Path:
    """This interpreter's file, in the user's cache."""
    base = os.environ.get("XDG_CACHE_HOME") or Path(os.path.expanduser("~"), ".cache")
    return Path(base, "notemill", "warm", sha256_text(f"{sys.executable} {sys.version}")[:16] + ".json")


def to_import(imports: Iterable[str], private: bool = False, beside: Iterable[Path] = ()) -> list[str]:
    """Modules for the warm process to import before it forks a kernel for a notebook with these imports.

    With secrets in the kernel's environment (`private`) only such as are known not to read them; none that is called
    like a module in the folders `beside` the notebook.
    """
    known, key = _known(), _key(imports)
    if time.time() - known["avoid"].get(key, 0) < AVOIDED:
        return []
    names = [*(name for name in sorted(imports) if top_of(name) in KNOWN_GOOD), *dict(known["learnt"]).get(key, [])]
    never, taken = tuple(known["never"]), _modules_of(beside)
    return [name for name in dict.fromkeys(names) if not _is_under(name, never) and top_of(name) not in taken
            and (not private or top_of(name) in KNOWN_GOOD)]


def learn(imports: Iterable[str], found: Iterable[str], beside: Iterable[Path] = ()) -> None:
    """A notebook with these imports has also imported what was `found`; of that, what is installed is kept."""
    key, taken = _key(imports), _modules_of(beside)
    new = [name for name in found if len(name) <= LONGEST and top_of(name) not in taken and _is_installed(top_of(name))]

    def add(known: dict) -> dict:
        names = list(dict.fromkeys([*dict(known["learnt"]).get(key, []), *new]))[:MOST_NAMES]
        return {**known, "learnt": _newest([*(one for one in known["learnt"] if one[0] != key), [key, names]])}
    if new:
        _change(add)


def forbid(module: str) -> None:
    """This module starts threads when it is imported, or brings a project's; so may what belongs to it."""
    parts = module.split(".")
    name = ".".join(parts[:2] if parts[0] in KNOWN_GOOD else parts[:1])
    _change(lambda known: {**known, "never": sorted({*known["never"], name})[:MOST_NAMES]})


def avoid(imports: Iterable[str]) -> None:
    """What was imported for these ended a warm process, or took it too long: they are left alone for a day."""
    key, now = _key(imports), time.time()
    _change(lambda known: {**known, "avoid": {
        **{one: when for one, when in known["avoid"].items() if now - when < AVOIDED}, key: now}})


def _change(how) -> None:
    from filelock import FileLock

    with suppress(OSError):  # a home that may not be written, or a lock that somebody holds: nothing is learnt
        path = place()
        path.parent.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # code is kept in it, too (report.compiled)
        path.parent.mkdir(exist_ok=True)
        with FileLock(path.with_suffix(".lock"), timeout=1):
            known = _known()
            changed = how(known)
            if changed != known:
                write_json(path, {"format": FORMAT, "stamp": _stamp(), **changed})
                _keep_newest_files(path.parent)


def _known() -> dict:
    """What is written down; what an upgrade may have put right is forgotten with it."""
    path = place()
    with suppress(OSError):
        if path.stat().st_size > MOST_BYTES:
            return dict(NOTHING)
    found = read_json(path, None)
    if not _is_whole(found):
        return dict(NOTHING)
    kept = {name: found[name] for name in NOTHING}
    return kept if found.get("stamp") == _stamp() else {**kept, "never": [], "avoid": {}}


def _is_whole(found: object) -> bool:
    """Whether it is as this version writes it."""
    if not isinstance(found, dict) or found.get("format") != FORMAT or not NOTHING.keys() <= found.keys():
        return False
    sets, times = found["learnt"], found["avoid"]
    return _are_names(found["never"]) and isinstance(sets, list) and all(
        isinstance(one, list) and len(one) == 2 and isinstance(one[0], str) and _are_names(one[1]) for one in sets
    ) and isinstance(times, dict) and all(isinstance(when, int | float) for when in times.values())


def _are_names(found: object) -> bool:
    return isinstance(found, list) and all(isinstance(name, str) for name in found)


def _newest(sets: list) -> list:
    """As many of the last sets as may be kept."""
    while len(sets) > 1 and sum(len(names) for _, names in sets) > MOST_OF_ALL:
        sets = sets[1:]
    return sets


def _keep_newest_files(folder: Path) -> None:
    files = sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in files[MOST_FILES:]:
        path.unlink()
        path.with_suffix(".lock").unlink(missing_ok=True)


def _stamp() -> str:
    return stamp_of(sys.path, sys.version)


def _key(imports: Iterable[str]) -> str:
    return sha256_text("\n".join(sorted(imports)))[:16]


def _is_under(name: str, modules: tuple[str, ...]) -> bool:
    return any(name == module or name.startswith(f"{module}.") for module in modules)


def beside(cwd: Path | str, root: Path | str | None) -> list[Path]:
    """Where a notebook's own modules are: with it, and in its project."""
    return [Path(cwd), *([Path(root, "package")] if root else [])]


def _modules_of(folders: Iterable[Path]) -> set[str]:
    return {name for folder in folders for name in modules_in(folder)}


@cache
def _is_installed(top: str) -> bool:
    """Whether a distribution gives it, and not the standard library or a project."""
    places = [sysconfig.get_path(name) for name in ("purelib", "platlib")]
    with suppress(Exception):  # a finder of whatever is installed
        return machinery.PathFinder.find_spec(top, places) is not None
    return False
