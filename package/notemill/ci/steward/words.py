"""Which of a project's modules a notebook may use: those whose names stand in its code, and in theirs, and so on.

Names are enough for the project's own code: whatever way it brings a module in, it calls it by its name. What
libraries import is seen to in importing.py. Nothing is run, or even parsed.
"""

import json
import re
from collections.abc import Callable, Iterable
from pathlib import PurePosixPath

from notemill.ci.steward.facts import Tree
from notemill.ci.steward.importing import NOTEBOOKS, PACKAGE, places, under

WORD = re.compile(r"[^\W\d]\w*")
MOST_FILES = 200
PLACES = (NOTEBOOKS, PACKAGE)


def closure(notebooks: Iterable[str], tree: Tree, read: Callable[[str], bytes]) -> frozenset[str] | None:
    """All names in the code of these files and of the modules that they may use; None where there are too many."""
    words: set[str] = set()
    notebooks = tuple(notebooks)
    for path in notebooks:
        if path in tree:
            words |= words_of(path, read(path))
    there, count = places(notebooks), 0
    left = [path for path in tree if path.endswith((".py", ".ipynb")) and within(path, there) and path not in notebooks]
    while found := [path for path in left if used(path, words, there)]:
        left = [path for path in left if path not in found]
        count += len(found)
        if count > MOST_FILES:
            return None
        for path in found:
            words |= words_of(path, read(path))
    return frozenset(words)


def used(path: str, words: Iterable[str], there: Iterable[str] = PLACES) -> bool:
    """Whether a file may be part of a module of one of these names, or a notebook that is run by its name."""
    parts = parts_of(path, within(path, there))
    return bool(parts) and all(part in words or part == "__init__" for part in parts)


def within(path: str, there: Iterable[str]) -> str:
    """From the first of these places on that it stands in. Notemill itself is looked at by other rules (paths.py)."""
    place = next((place for place in there if path != place and under(path, place)), None)
    if place is None or under(path, "package/notemill"):
        return ""
    return path.removeprefix(f"{place}/") if place else path


def parts_of(path: str, inner: str) -> tuple[str, ...]:
    """The words that name a file."""
    if not inner:
        return ()
    if path.endswith(".py"):
        return PurePosixPath(inner).with_suffix("").parts
    if path.endswith(".ipynb") and not under(path, PACKAGE):
        return (*WORD.findall(PurePosixPath(inner).stem), "ipynb")
    if under(path, PACKAGE) or path.endswith(".so"):  # what a module reads beside it, or a library in another language
        return tuple(part.partition(".")[0] for part in PurePosixPath(inner).parts[:1])
    return ()


def words_of(path: str, content: bytes) -> set[str]:
    text = content.decode("utf-8", "replace")
    return set(WORD.findall(code_of(text) if path.endswith(".ipynb") else text))


def code_of(text: str) -> str:
    """The code cells' text; the whole file where it is no notebook."""
    try:
        cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
        return "\n".join("".join(cell["source"]) for cell in cells)
    except (ValueError, KeyError, TypeError, RecursionError):
        return text
