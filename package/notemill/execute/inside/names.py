"""The names of modules. Used on both sides: it imports nothing else of this package."""

import os
from importlib.machinery import EXTENSION_SUFFIXES, SOURCE_SUFFIXES

SUFFIXES = (*SOURCE_SUFFIXES, *EXTENSION_SUFFIXES)


def top_of(name: str) -> str:
    """The package that a module is of."""
    return name.partition(".")[0]


def modules_in(folder: str | os.PathLike) -> list[str]:
    """The modules and packages of a folder; without `__init__.py` a folder hides no library."""
    try:
        found = os.listdir(folder)
    except OSError:
        return []
    modules = [top_of(name) for name in found if name.endswith(SUFFIXES)]
    return [*modules, *(name for name in found if os.path.isfile(os.path.join(folder, name, "__init__.py")))]
