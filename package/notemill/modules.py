"""The project's modules and the installed distributions that code imports, found without running it."""

import ast
import hashlib
import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from notemill.files import canonical_json, sha256_text
from notemill.memory import Memory
from notemill.notebook import PYTHON, code_of, imports_of

RULES = 2
INSTALLED = (".dist-info", ".egg-info", ".egg")  # how what describes a distribution is called


@dataclass(frozen=True)
class Imports:
    """What a notebook's code rests on.

    `modules`: path in the project -> digest of its code; `through`: path -> the file that imports it;
    `distributions`: name -> version (None: not installed).
    """

    modules: Mapping[str, str]
    through: Mapping[str, str]
    distributions: Mapping[str, str | None]


class Importer:
    """Follows imports through a project. `root` is its folder; `memory` spares parsing the same file twice."""

    def __init__(self, root: Path, memory: Memory):
        self.root, self.memory, self._seen = root, memory, {}
        self._found: dict[tuple[str, Path], list[Path]] = {}
        self._listed: dict[Path, Listing] = {}
        self._distributions: dict | None = None

    def follow(self, names: Iterable[str], notebook: Path) -> Imports:
        """All that importing `names` from `notebook` leads to: modules beside it and in package/, and distributions."""
        folders = [notebook.parent, self.root / "package"]
        modules, through, outside = {}, {}, set()
        queue = deque((name, notebook.name) for name in names)
        while queue:
            name, by = queue.popleft()
            files = self._files(name, folders)
            if not files:
                outside.add(name)
            elif name.endswith(".*"):
                queue.extend((name[:-1] + one, by) for one in self._read(files[-1])[2])
            for file in files:
                path = file.relative_to(self.root).as_posix() if file.is_relative_to(self.root) else str(file)
                if path not in modules:
                    modules[path], inner, _ = self._read(file)
                    through[path] = by
                    queue.extend((absolute, short_name(path)) for absolute in _absolute(inner, file, folders))
        return Imports(dict(sorted(modules.items())), through, self._owners(outside))

    def _files(self, name: str, folders: list[Path]) -> list[Path]:
        """As `_files_of`, once for each name."""
        key = name, folders[0]
        if key not in self._found:
            self._found[key] = list(_files_of(name, folders, self._listing))
        return self._found[key]

    def _listing(self, folder: Path) -> "Listing":
        if folder not in self._listed:
            self._listed[folder] = Listing.of(folder)
        return self._listed[folder]

    def _read(self, file: Path) -> tuple[str, list[str], list[str]]:
        """Digest of a module's code, the names that it imports, and those in its `__all__`."""
        if file in self._seen:
            return self._seen[file]
        raw = file.read_bytes()
        key = f"{RULES}:{PYTHON}:{hashlib.sha256(raw).hexdigest()}"
        known = self.memory.get(key)
        if known is None:
            known = _describe(raw)
            self.memory.set(key, known)
        self._seen[file] = tuple(known)
        return self._seen[file]

    def _owners(self, names: set[str]) -> dict[str, str | None]:
        """The distributions that `names` come from, with versions; the standard library is Python's own version."""
        found: dict[str, str | None] = {}
        for name in sorted({dotted.partition(".")[0] for dotted in names} - sys.stdlib_module_names - {""}):
            owners = self.distributions["imports"].get(name)
            for owner in owners or [name]:
                found[owner] = self.distributions["versions"].get(owner)
        return dict(sorted(found.items()))

    @property
    def distributions(self) -> dict:
        """{"imports": top-level name -> distributions, "versions": distribution -> version} of this interpreter."""
        if self._distributions is None:
            key, stamp = "distributions:" + sys.prefix, _stamp_of_environment()
            known = self.memory.get(key)
            if not known or known["stamp"] != stamp:
                known = {"stamp": stamp, **installed()}
                self.memory.set(key, known)
            self._distributions = known
        return self._distributions


def installed() -> dict:
    """All installed distributions, by what they can be imported as."""
    imports, versions = {}, {}
    for name, owners in metadata.packages_distributions().items():
        imports[name] = sorted({owner for owner in owners if owner})  # None: a folder that an uninstallation left
    for distribution in metadata.distributions():
        if distribution.metadata["Name"]:
            versions.setdefault(distribution.metadata["Name"], distribution.version)  # the path's first is imported
    return {"imports": imports, "versions": versions}


def _stamp_of_environment() -> str:
    """Changes whenever a distribution is installed, upgraded or removed in any folder of sys.path."""
    found = [[folder, _described_in(folder or ".")] for folder in sys.path]
    return sha256_text(canonical_json([RULES, sys.version, [one for one in found if one[1]]]))


def _described_in(folder: str) -> list[list]:
    """Name and time of what describes each distribution there: other files come and go, as in the current folder."""
    try:
        with os.scandir(folder) as entries:
            return sorted([e.name, e.stat().st_mtime_ns] for e in entries if e.name.endswith(INSTALLED))
    except OSError:
        return []


def _describe(raw: bytes) -> list:
    """[digest, imports, `__all__`]; a module that does not parse counts by its bytes, and fails when it is imported."""
    try:
        tree = ast.parse(raw)
        return [sha256_text(code_of(tree)), sorted(set(imports_of(tree, ""))), sorted(set(_exported(tree)))]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return [hashlib.sha256(raw).hexdigest(), [], []]


def _exported(tree: ast.Module) -> Iterator[str]:
    """The texts in `__all__`: where one names a module of the package, `import *` imports it."""
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        value = getattr(node, "value", None)
        if value and any(getattr(target, "id", None) == "__all__" for target in targets):
            yield from (c.value for c in ast.walk(value) if isinstance(c, ast.Constant) and isinstance(c.value, str))


def short_name(path: str) -> str:
    """A module's file as a reason names it: `features.py`, `models/__init__.py`."""
    parts = path.split("/")
    return "/".join(parts[-2:] if parts[-1] == "__init__.py" else parts[-1:])


@dataclass(frozen=True)
class Listing:
    """What stands in a folder: all names, and those of compiled modules."""

    names: frozenset[str]
    compiled: tuple[str, ...]

    @classmethod
    def of(cls, folder: Path) -> "Listing":
        names = frozenset(os.listdir(folder)) if folder.is_dir() else frozenset()
        return cls(names, tuple(sorted(name for name in names if name.endswith((".so", ".pyd")))))


def _files_of(name: str, folders: list[Path], listing: Callable[[Path], Listing]) -> Iterator[Path]:
    """The files that `import name` runs: every package's __init__ on the way, and the module itself.

    A module ends the search; a bare folder does not: it is a part of a namespace, and others may follow.
    """
    parts = name.split(".")
    for folder in folders if parts[0] else ():
        place = folder
        for part in parts:
            yield from _module_files(place, part, listing)
            place = place / part
            if part not in listing(place.parent).names:
                break
        if any(_module_files(folder, parts[0], listing)):
            return


def _module_files(folder: Path, name: str, listing: Callable[[Path], Listing]) -> Iterator[Path]:
    """The file of the module `name` in `folder`; a package goes before a compiled module, that before source."""
    there = listing(folder)
    if name in there.names and "__init__.py" in listing(folder / name).names:
        yield folder / name / "__init__.py"
    elif compiled := [file for file in there.compiled if file.startswith(f"{name}.")]:
        yield from (folder / file for file in compiled)
    elif f"{name}.py" in there.names:
        yield folder / f"{name}.py"


def _absolute(names: Iterable[str], file: Path, folders: list[Path]) -> Iterator[str]:
    """Names as written in `file`, relative ones made absolute."""
    folder = next((f for f in folders if file.is_relative_to(f)), file.parent)
    package = file.parent.relative_to(folder).parts
    for name in names:
        level = len(name) - len(name.lstrip("."))
        if level:
            base = package[:len(package) - level + 1]
            yield ".".join([*base, *filter(None, [name[level:]])])
        else:
            yield name
