"""The project's modules and the installed distributions that code imports, found without running it."""

import ast
import hashlib
import os
import sys
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from notemill import interpreter
from notemill.files import sha256_text
from notemill.interpreter import OWN, PROCESS, Interpreter
from notemill.memory import Memory
from notemill.notebook import PYTHON, code_of, imports_of

RULES = 3


@dataclass(frozen=True)
class Imports:
    """What a notebook's code rests on.

    `modules`: path in the project -> digest of its code; `through`: path -> the file that imports it;
    `distributions`: name -> version (None: not installed).
    """

    modules: Mapping[str, str]
    through: Mapping[str, str]
    distributions: Mapping[str, str | None]
    interpreter: Interpreter = field(default_factory=lambda: Interpreter(interpreter.minor()), repr=False)


class Importer:
    """Follows imports through a project. `root` is its folder; `memory` spares parsing the same file twice."""

    def __init__(self, root: Path, memory: Memory, environ: Mapping[str, str] = os.environ):
        self.root, self.memory, self.environ, self._seen = root, memory, environ, {}
        self._found: dict[tuple[str, tuple[Path, ...]], list[Path]] = {}
        self._names: dict[Path, str] = {}
        self._listed: dict[Path, Listing] = {}
        self._interpreters: dict[str, Interpreter] = {}

    def interpreter(self, kernel: str = PROCESS, where: str = "") -> Interpreter:
        """What a kernel's code runs on. Raises UsageError, which names `where`, for a kernel that is not installed."""
        if kernel not in self._interpreters:
            self._interpreters[kernel] = interpreter.own(self.memory) if kernel in OWN else \
                interpreter.of_kernel(kernel, self.memory, self.environ, where)
        return self._interpreters[kernel]

    def follow(self, names: Iterable[str], notebook: Path, kernel: str = PROCESS, where: str = "") -> Imports:
        """All that importing `names` from `notebook` leads to: modules beside it and in package/, and distributions."""
        runs_on = self.interpreter(kernel, where)
        folders = (notebook.parent, self.root / "package") if kernel in OWN else \
            (self.root / "package", notebook.parent)  # by PYTHONPATH; a process's launcher puts it behind
        modules, through, outside = {}, {}, set()
        queue = deque((name, notebook.name) for name in names)
        while queue:
            name, by = queue.popleft()
            files = self._files(name, _open_to(name, folders, runs_on))
            if not files:
                outside.add(name)
            elif name.endswith(".*"):
                queue.extend((name[:-1] + one, by) for one in self._read(files[-1])[2])
            for file in files:
                path = self._name_of(file)
                if path not in modules:
                    modules[path], inner, _ = self._read(file)
                    through[path] = by
                    queue.extend((absolute, short_name(path)) for absolute in _absolute(inner, file, folders))
        return Imports(dict(sorted(modules.items())), through, _owners(outside, runs_on), runs_on)

    def _name_of(self, file: Path) -> str:
        """The file's path in the project, worked out once."""
        if file not in self._names:
            inside = file.is_relative_to(self.root)
            self._names[file] = file.relative_to(self.root).as_posix() if inside else str(file)
        return self._names[file]

    def _files(self, name: str, folders: tuple[Path, ...]) -> list[Path]:
        """As `_files_of`, once for each name."""
        key = name, folders
        if key not in self._found:
            self._found[key] = list(_files_of(name, folders, self._listing))
        return self._found[key]

    def _listing(self, folder: Path) -> "Listing":
        if folder not in self._listed:
            self._listed[folder] = Listing.of(folder)
        return self._listed[folder]

    def digest(self, file: Path) -> str:
        """Digest of a module's code, without comments and layout."""
        return self._read(file)[0]

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

    @property
    def distributions(self) -> dict:
        """{"imports": top-level name -> distributions, "versions": distribution -> version} of this interpreter."""
        here = self.interpreter()
        return {"imports": here.imports, "versions": here.versions}


def _open_to(name: str, folders: tuple[Path, ...], runs_on: Interpreter) -> tuple[Path, ...]:
    """The project's folders in which Python looks for that name before it finds it in the standard library."""
    top = name.partition(".")[0]
    if (runs_on.spec is None and top not in sys.stdlib_module_names) or top not in runs_on.standard:
        return folders
    return folders[:1] if runs_on.spec and top not in runs_on.builtin else ()


def _owners(names: set[str], runs_on: Interpreter) -> dict[str, str | None]:
    """The distributions that `names` come from, with versions; the standard library is Python's own version."""
    if runs_on.python is None:
        return {}
    tops = sorted({dotted.partition(".")[0] for dotted in names} - sys.stdlib_module_names - {""})
    tops = [top for top in tops if runs_on.spec is None or top not in runs_on.standard]
    return dict(sorted((owner, version) for name in tops for owner, version in runs_on.owners(name).items()))


def _describe(raw: bytes) -> list:
    """[digest, imports, `__all__`]; a module that does not parse counts by its bytes."""
    try:
        tree = ast.parse(raw)
        return [sha256_text(code_of(tree)), sorted(set(imports_of(tree, ""))), sorted(set(_exported(tree)))]
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # the kernel's Python may be a newer one
        imports = [] if b"\0" in raw else sorted(set(imports_of(None, raw.decode("utf-8", "replace"))))
        return [hashlib.sha256(raw).hexdigest(), imports, []]


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


def _files_of(name: str, folders: Iterable[Path], listing: Callable[[Path], Listing]) -> Iterator[Path]:
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


def _absolute(names: Collection[str], file: Path, folders: Iterable[Path]) -> Iterator[str]:
    """Names as written in `file`, relative ones made absolute."""
    if not any(name.startswith(".") for name in names):
        yield from names
        return
    folder = next((f for f in folders if file.is_relative_to(f)), file.parent)
    package = file.parent.relative_to(folder).parts
    for name in names:
        level = len(name) - len(name.lstrip("."))
        if level:
            base = package[:len(package) - level + 1]
            yield ".".join([*base, *filter(None, [name[level:]])])
        else:
            yield name


def files_behind(names: Iterable[str], folders: Iterable[Path]) -> Iterator[Path]:
    """The files in these folders that importing `names` runs, found as `Importer` finds them, without its memory."""
    folders, listings, seen = tuple(folders), {}, set()
    queue = deque(names)

    def listing(folder: Path) -> Listing:
        return listings.get(folder) or listings.setdefault(folder, Listing.of(folder))

    while queue:
        name = queue.popleft()
        if name in seen or name.partition(".")[0] in sys.stdlib_module_names:
            continue
        seen.add(name)
        for file in set(_files_of(name, folders, listing)) - seen:
            seen.add(file)
            yield file
            queue.extend(_absolute(_describe(file.read_bytes())[1], file, folders))
