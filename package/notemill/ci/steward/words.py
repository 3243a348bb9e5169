"""Which of a project's modules a notebook may use: those whose names stand in its code, and in theirs, and so on.

Names are enough: whatever way a module is brought in, it is called by its name. Nothing is run, or even parsed.
"""

import json
import re
from collections.abc import Callable, Iterable
from pathlib import PurePosixPath

from notemill.ci.steward.facts import Tree

WORD = re.compile(r"[^\W\d]\w*")
MOST_FILES = 200


def closure(notebooks: Iterable[str], tree: Tree, read: Callable[[str], bytes]) -> frozenset[str] | None:
    """All names in the code of these files and of the modules that they may use; None where there are too many."""
    words: set[str] = set()
    for path in notebooks:
        if path in tree:
            words |= words_of(path, read(path))
    left, count = [path for path in tree if path.endswith(".py") and folder(path)], 0
    while found := [path for path in left if used(path, words)]:
        left = [path for path in left if path not in found]
        count += len(found)
        if count > MOST_FILES:
            return None
        for path in found:
            words |= words_of(path, read(path))
    return frozenset(words)


def used(path: str, words: Iterable[str]) -> bool:
    """Whether a file may be part of a module of one of these names."""
    parts = PurePosixPath(path).with_suffix("").parts[1:] if folder(path) else ()
    if not path.endswith(".py"):  # what a module reads beside it, or a library in another language
        parts = tuple(part.partition(".")[0] for part in parts[:1])
    return bool(parts) and all(part in words or part == "__init__" for part in parts)


def folder(path: str) -> bool:
    """Modules stand in package/, and beside the notebooks. Notemill itself is looked at by other rules (paths.py)."""
    if path.startswith("package/notemill/"):
        return False
    return path.startswith("package/") or bool(re.fullmatch(r"notebooks/[^/]+\.(py|so)", path))


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
