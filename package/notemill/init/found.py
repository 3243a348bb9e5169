"""The notebooks and scripts of a folder that one would run, in the order of their names."""

import ast
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from notemill.errors import UsageError
from notemill.memory import Memory
from notemill.notebook import Notebook, load_cells, read_notebook

SKIPPED = {"venv", "env", "node_modules", "build", "dist", "tests", "test", "docs", "__pycache__", "site-packages",
           "reports",
           "htmlcov", "mlruns", "mlartifacts", "wheels"}
HOUSE = re.compile(r"(setup|noxfile|conftest|tasks|fabfile|manage|__\w+__|test_.*|.*_test)\.py")
DEEP = 6        # folders
MOST = 200


@dataclass(frozen=True)
class Found:
    """A notebook or script; `path` is relative to the folder, `kernel` None for Python."""

    path: str
    parameters: tuple[str, ...] = ()
    kernel: str | None = None


@dataclass(frozen=True)
class Left:
    """A file that is no step, and why."""

    path: str
    why: str


def find_notebooks(folder: Path) -> tuple[list[Found], list[Left]]:
    """What can be run, by name (2 before 10), and what was left out."""
    paths = sorted(_walk(folder), key=in_order)
    if len(paths) > MOST:
        raise UsageError(str(folder), f"has more than {MOST} notebooks and scripts",
                         hint="name the folder that holds those meant")
    read = {path: _read(folder, path) for path in paths}
    imported = {name.lstrip(".") for notebook in read.values() if isinstance(notebook, Notebook)
                for name in notebook.imports}
    found, left = [], []
    for path, notebook in read.items():
        why = notebook if isinstance(notebook, str) else _why_not(folder, path, notebook, paths, imported)
        left.append(Left(path, why)) if why else found.append(_found(folder, path, notebook))
    return found, left


def _walk(folder: Path) -> Iterator[str]:
    """Files that could be meant; not those of environments, builds, tests and hidden folders."""
    for top, folders, files in os.walk(folder):
        here = Path(top).relative_to(folder)
        folders[:] = [name for name in folders if not name.startswith(".") and name.lower() not in SKIPPED
                      and not Path(top, name, "pyvenv.cfg").exists() and len(here.parts) < DEEP]
        for name in files:
            if name.endswith((".ipynb", ".py")) and not name.startswith(".") and not HOUSE.fullmatch(name):
                yield (here / name).as_posix()


def in_order(path: str) -> list:
    """By numbered folders, then by the file's own name; numbers count as numbers: 2-train before 10-report."""
    *folders, name = Path(path).parts
    return [[_by_numbers(folder) for folder in folders if folder[0].isdecimal()], _by_numbers(name),
            [_by_numbers(folder) for folder in folders]]


def _by_numbers(name: str) -> list:
    parts = filter(None, re.split(r"(\d+)", name))
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part.lower()) for part in parts]


def _read(folder: Path, path: str) -> Notebook | str:
    """The notebook, or why it cannot be one."""
    try:
        return read_notebook(folder / path, Memory(Path(os.devnull)), path)
    except UsageError as error:
        return str(error).removeprefix(f"{path}: ").partition("\n")[0]


def _why_not(folder: Path, path: str, notebook: Notebook, paths: Iterable[str], imported: set[str]) -> str | None:
    if not notebook.cells:
        return "there is no code in it"
    if path.endswith(".ipynb"):
        return None
    if f"{path.removesuffix('.py')}.ipynb" in paths:
        return "the notebook of the same name is run"
    if (folder / path).parent.joinpath("__init__.py").exists():
        return "it is a module of a package"
    if _dotted(path) & imported:
        return "it is a module that others import"
    return "it only defines things: nothing would happen" if _only_defines((folder / path).read_bytes()) else None


def _dotted(path: str) -> set[str]:
    """The names by which it could be imported: b, a.b."""
    parts = Path(path).with_suffix("").parts
    return {".".join(parts[n:]) for n in range(len(parts))}


def _only_defines(source: bytes) -> bool:
    """Whether a script has but definitions, imports, constants and words."""
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError):
        return False        # magics: it is a notebook
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
    return all(isinstance(node, kinds) or isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
               or isinstance(node, ast.Assign | ast.AnnAssign) and not _calls(node) for node in body)


def _calls(node: ast.AST) -> bool:
    return any(isinstance(inner, ast.Call) for inner in ast.walk(node))


def _found(folder: Path, path: str, notebook: Notebook) -> Found:
    names = tuple(notebook.parameters)
    if notebook.language == "python":
        return Found(path, names)
    metadata = load_cells(folder / path, (folder / path).read_bytes(), path)["metadata"]
    return Found(path, names, (metadata.get("kernelspec") or {}).get("name"))
