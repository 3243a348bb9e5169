"""What notebooks import beyond what they say at their top, so that the next warm process has it ready. A cache."""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from notemill.files import read_json, sha256_text, write_json

KNOWN_GOOD = ("IPython", "matplotlib", "mlflow", "numpy", "pandas", "pyarrow", "scipy", "seaborn", "sklearn", "skops")
MOST_NAMES = 5000  # that one notebook imports
MOST_SETS = 200  # of imports; the oldest go


def place() -> Path:
    """The file, in the user's cache."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache, "notemill", "warm.json")


def to_import(imports: Iterable[str], private: bool = False) -> list[str]:
    """Modules for the warm process to import before it forks a kernel for a notebook with these imports; with
    secrets in its environment, only such as are known not to read them."""
    known = _known()
    first = [name for name in sorted(imports) if name.partition(".")[0] in KNOWN_GOOD]
    more = [] if private else known["learnt"].get(_key(imports), [])
    return [name for name in dict.fromkeys([*first, *more]) if name.partition(".")[0] not in known["never"]]


def learn(imports: Iterable[str], found: Iterable[str]) -> None:
    """A notebook with these imports has also imported what was `found`."""
    known, key = _known(), _key(imports)
    names = list(dict.fromkeys([*known["learnt"].pop(key, []), *found]))[:MOST_NAMES]
    if names:
        _write({**known, "learnt": dict([*known["learnt"].items(), (key, names)][-MOST_SETS:])})


def forbid(module: str) -> None:
    """This module starts threads when it is imported."""
    known = _known()
    _write({**known, "never": sorted({*known["never"], module.partition(".")[0]})})


def _known() -> dict:
    known = read_json(place(), None)
    fine = isinstance(known, dict) and isinstance(known.get("learnt"), dict) and isinstance(known.get("never"), list)
    return known if fine else {"learnt": {}, "never": []}


def _write(known: dict) -> None:
    with suppress(OSError):  # a home that may not be written: nothing is learnt
        place().parent.mkdir(parents=True, exist_ok=True)
        write_json(place(), known)


def _key(imports: Iterable[str]) -> str:
    return sha256_text("\n".join(sorted(imports)))[:16]
