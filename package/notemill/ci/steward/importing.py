"""What Python could take for something else: kernels look beside the notebook and in package/ before the libraries.

So a library's own imports can be met by a file whose name stands in no code of the project; children of a kernel look
there before the standard library, too. A name that is not there yet therefore waits, whatever it is.
"""

import functools
import posixpath
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import packages_distributions

from notemill.ci.steward.facts import FOLDER, Reason, Tree
from notemill.ci.steward.paths import changed, fold

PACKAGE, NOTEBOOKS = "package", "notebooks"
MODULES = (".py", ".pyc", ".so", ".pyd")
# beside the notebooks: what no import takes
HARMLESS = (".ipynb", ".yaml", ".yml", ".md", ".csv", ".tsv", ".json", ".txt", ".parquet", ".feather", ".xlsx", ".sql",
            ".png", ".jpg", ".jpeg", ".gif", ".webp", ".svg", ".pdf", ".html", ".rst", ".jsonl", ".gz", ".gitignore",
            ".gitkeep")


def imported(before: Tree, after: Tree, held_out: Iterable[str], steps: Iterable[str]) -> Iterator[Reason]:
    """Why a person has to look. `held_out`: the notebooks that make the held-out data; `steps`: those of all steps."""
    steps, roots = set(steps), [place for place in places(held_out) if not under(place, NOTEBOOKS)]
    known = {(root, name(path, root)) for path in before for root in roots}
    for path, entries in changed(before, after).items():
        if {entry.mode for entry in entries} == {FOLDER}:
            continue
        if under(fold(path), NOTEBOOKS) and not fold(path).endswith(HARMLESS) and not plain_step(path, steps):
            yield Reason("changes what can be imported beside the notebooks", path)
        elif found := [(root, name(path, root)) for root in roots if name(path, root)]:
            if any(one not in known for one in found):
                yield Reason("adds a module by a new name, which a library may import, too", path)
            elif any(one in libraries() for _, one in found):
                yield Reason("changes what is imported in place of a library", path)


def places(notebooks: Iterable[str]) -> tuple[str, ...]:
    """The folders that these notebooks import from, the innermost first; "" is the project's root."""
    found = {PACKAGE, NOTEBOOKS, *(posixpath.dirname(path) for path in notebooks)}
    return tuple(sorted(found, key=len, reverse=True))


def under(path: str, place: str) -> bool:
    return not place or path == place or path.startswith(f"{place}/")


def name(path: str, place: str) -> str:
    """By which a file in this place could be imported; nothing where it could not."""
    if path == place or not under(path, place):
        return ""
    first, slash, _ = path.removeprefix(f"{place}/" if place else "").partition("/")
    return first if slash else first.partition(".")[0] if first.casefold().endswith(MODULES) else ""


def plain_step(path: str, steps: set[str]) -> bool:
    """A script that is a step already is as ordinary as a notebook."""
    return path in steps and posixpath.basename(path).partition(".")[0] not in libraries()


@functools.cache
def libraries() -> frozenset[str]:
    """Of Python, and what is installed here: the image that steps run in is the steward's own."""
    return frozenset({*sys.stdlib_module_names, *packages_distributions()})
