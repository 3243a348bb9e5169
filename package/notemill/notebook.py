"""What a notebook says of itself: its parameters, what its code is, what it imports, what it is for."""

import ast
import hashlib
import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from notemill.errors import UsageError
from notemill.files import canonical_json, sha256_text
from notemill.memory import Memory
from notemill.parameters import Parameter, read_parameters

PYTHON = ".".join(map(str, sys.version_info[:2]))  # another Python has another syntax tree for the same code
RULES = 4  # raised when the same notebook would be read in another way
PAPERMILLS = {"injected-parameters", "papermill-error-cell-tag"}  # of an earlier run: it puts its own in again
EXPORT = "export"  # cells with this tag make a module that a model package can take along
TAGS_THAT_COUNT = ("parameters", "raises-exception", "skip-execution", EXPORT)
TEST = "test"  # cells with this tag run on the smoke set alone: they are no part of what a step gives
MAGIC_LINE = re.compile(r"^(\s*)((?:[\w., ]+=\s*)?)([%!?](?:.*\\\n)*.*|[\w.]+\?\??[ \t]*)$", re.M)
IMPORT_LINE = re.compile(r"^(?:[^#'\"\n]*?[:;])??[ \t]*((?:from|import)[ \t](?:[^(\n\\]|\\\n|\([^)]*\))*)", re.M)
IMPORTED = re.compile(r"(?:from|import)\s+([\w.]+)")
CODE_MAGIC = re.compile(r"^[\w., =]*%%?(?:time|timeit|prun|memit|mprun|lprun)[ \t](.*)$", re.M)
MAGIC_OPTIONS = re.compile(r"^(?:\s*-\w+(?:\s+\d+)?)*\s*")
AIMPORT = re.compile(r"^\s*%aimport[ \t]+(.*)$", re.M)
PYTHON_CELL_MAGICS = ("time", "timeit", "capture", "prun")


@dataclass(frozen=True)
class Cell:
    """A code cell: its number among all cells (from 1), and the digest of what it does.

    `settings` holds, for the parameters cell, the digest of each statement with the name that it sets.
    """

    number: int
    digest: str
    settings: tuple[tuple[str | None, str], ...] = ()


@dataclass(frozen=True)
class Notebook:
    """A notebook as a step sees it. `text` is the digest of all its sources, prose and comments included."""

    sha256: str
    language: str
    title: str
    purpose: str
    text: str
    has_parameters_cell: bool
    parameters: dict[str, Parameter] = field(default_factory=dict)
    cells: tuple[Cell, ...] = ()
    imports: tuple[str, ...] = ()


def read_notebook(path: Path, memory: Memory, name: str) -> Notebook:
    """What the notebook at `path` (.ipynb, or .py/.md in jupytext's formats) says; `name` stands in errors.

    Raises UsageError where it cannot be read. Remembered by content.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise UsageError(name, f"cannot be read: {error.strerror}") from None
    sha256 = hashlib.sha256(raw).hexdigest()
    key = f"{RULES}:{PYTHON}:{path.suffix}:{sha256}"
    if known := memory.get(key):
        return _from_json(known)
    notebook = describe(load_cells(path, raw, name), sha256, name)
    memory.set(key, _as_json(notebook))
    return notebook


def load_cells(path: Path, raw: bytes, name: str) -> dict:
    """The notebook as nbformat's dictionary, sources as text. Raises UsageError where it is none."""
    try:
        text = raw.decode("utf-8-sig")
        content = _a(dict, json.loads(text) if path.suffix == ".ipynb" else _jupytext(text, path.suffix), "it")
        content = content if _a(int, content.get("nbformat", 4), "nbformat") >= 4 else _upgraded(text)
        metadata = dict(_a(dict, content.get("metadata") or {}, "its metadata"))
        for key in ("kernelspec", "language_info"):
            for word in ("name", "language"):
                _a(str, _a(dict, metadata.get(key) or {}, key).get(word) or "", f"the {word} in {key}")
        cells = [_cell_of(_a(dict, cell, "a cell")) for cell in _a(list, content["cells"], "the list of cells")]
        own = [cell for cell in cells if not PAPERMILLS & set(tags_of(cell))]
        return {**content, "cells": own, "metadata": metadata}
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        why = f"it has no {error}" if isinstance(error, KeyError) else error
        raise UsageError(name, f"is not a notebook: {why}", hint="open it in Jupyter and save it again") from None


def _a(kind: type, value: object, what: str):
    """The value, if it is of that kind."""
    if not isinstance(value, kind):
        raise TypeError(f"{what} cannot be {json.dumps(value)[:40]}")
    return value


def _cell_of(cell: dict) -> dict:
    metadata = dict(_a(dict, cell.get("metadata") or {}, "a cell's metadata"))
    for tag in _a(list, metadata.get("tags") or [], "the list of tags"):
        _a(str, tag, "a tag")
    _a(str, cell["cell_type"], "a cell's type")
    source = cell.get("source", "")
    return {**cell, "source": source if isinstance(source, str) else "".join(_a(list, source, "a cell's source")),
            "metadata": metadata}


def _jupytext(text: str, suffix: str) -> dict:
    import jupytext

    try:
        return jupytext.reads(text, fmt="py:percent" if suffix == ".py" else "md")
    except Exception as error:  # its header is YAML, read by whichever parser: their errors have no common base
        raise ValueError(str(error).partition("\n")[0]) from error


def _upgraded(text: str) -> dict:
    """A notebook of Jupyter's first years, in today's format."""
    import nbformat

    try:
        return json.loads(nbformat.writes(nbformat.convert(nbformat.reads(text, as_version=nbformat.NO_CONVERT), 4)))
    except Exception as error:  # it meets what is wrong with whatever error comes of it
        raise ValueError(str(error).partition("\n")[0]) from error


def describe(content: dict, sha256: str, name: str) -> Notebook:
    """Read a notebook's dictionary; raises UsageError where its parameters cell does not parse."""
    metadata, cells = content["metadata"], content["cells"]
    kernel = metadata.get("kernelspec") or {}
    language = str(kernel.get("language") or (metadata.get("language_info") or {}).get("name") or "python").lower()
    title, purpose = _headline(cells)
    first = next((n for n, cell in enumerate(cells, 1) if "parameters" in tags_of(cell)), None)
    declares = first and language == "python"
    code = [(n, cell) for n, cell in enumerate(cells, 1)
            if cell.get("cell_type") == "code" and TEST not in tags_of(cell)]
    trees = [(n, cell, parse(cell["source"]) if language == "python" else None) for n, cell in code]
    return Notebook(
        sha256=sha256, language=language, title=title, purpose=purpose,
        text=sha256_text(canonical_json([[cell.get("cell_type"), cell["source"]] for cell in cells])),
        has_parameters_cell=first is not None,
        parameters=_parameters(cells[first - 1]["source"], f"{name}: cell {first}") if declares else {},
        cells=tuple(_cell(n, cell, tree, n == first) for n, cell, tree in trees if _does_something(cell, tree)),
        imports=tuple(sorted({i for _, cell, tree in trees if _may_import(cell["source"])
                              for i in imports_of(tree, cell["source"])})))


def _parameters(source: str, where: str) -> dict[str, Parameter]:
    """What the parameters cell declares; `%matplotlib inline` may stand in it too."""
    return read_parameters(source if parse(source) is None else _without_magics(source), where)


def tags_of(cell: Mapping) -> list[str]:
    """A cell's tags."""
    return cell["metadata"].get("tags") or []


def _headline(cells: list[dict]) -> tuple[str, str]:
    """The first heading, and the first sentence of the first text that is none."""
    prose = [line.strip() for cell in cells if cell.get("cell_type") == "markdown"
             for line in cell["source"].splitlines()]
    title = next((line.lstrip("# ").strip() for line in prose if line.startswith("#")), "")
    text = " ".join(_first_paragraph(prose))
    return title, re.split(r"(?<=[.!?])\s", text, maxsplit=1)[0]


def _first_paragraph(lines: list[str]) -> Iterator[str]:
    begun = False
    for line in lines:
        if line and not line.startswith(("#", "---", "<", "|", "!")):
            begun = True
            yield line
        elif begun:
            return


def parse(source: str) -> ast.Module | None:
    """The cell's syntax tree, with IPython's magics as strings; None where it is no Python."""
    body = source
    if match := re.match(r"\s*%%(\w+)(.*)\n?", source):
        if match[1] not in PYTHON_CELL_MAGICS:
            return None
        body = f"{match[0].strip()!r}\n{source[match.end():]}"
    try:
        return ast.parse(_without_magics(body))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _without_magics(source: str) -> str:
    """`%magic`, `!command`, `?help` and `help?` as strings, where the source is no Python without that."""
    try:
        ast.parse(source)
    except (SyntaxError, ValueError):
        return MAGIC_LINE.sub(lambda m: f"{m[1]}{m[2]}{m[3]!r}", source)
    return source


def does_something(source: str, language: str = "python") -> bool:
    """Whether a code cell holds more than comments and blanks."""
    return _does_something({"source": source}, parse(source) if language == "python" else None)


def _does_something(cell: dict, tree: ast.Module | None) -> bool:
    return bool(tree.body) if tree else bool(cell["source"].strip())


def _cell(number: int, cell: dict, tree: ast.Module | None, declares: bool) -> Cell:
    tags = [tag for tag in TAGS_THAT_COUNT if tag in tags_of(cell)]
    source = cell["source"].strip()
    try:
        code, settings = (code_of(tree), _settings(tree) if declares else []) if tree else (source, [])
    except RecursionError:  # a sum of a thousand terms
        code, settings = source, []
    return Cell(number, sha256_text(canonical_json([code, tags])), tuple(settings))


def code_of(tree: ast.AST) -> str:
    """What the code does, without comments and layout."""
    return ast.dump(tree)


def _settings(tree: ast.Module) -> list[tuple[str | None, str]]:
    """Each statement's digest, with the name of the parameter that it is the default of.

    A default that the cell itself goes on to use counts even where it is overridden: papermill overrides it after
    this cell, so that `half = n // 2` was made from the default.
    """
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    used |= {getattr(node.target, "id", None) for node in ast.walk(tree) if isinstance(node, ast.AugAssign)}
    names = [_default_of(node) for node in tree.body]
    return [(None if name in used else name, sha256_text(code_of(node)))
            for name, node in zip(names, tree.body, strict=True)]


def _default_of(node: ast.stmt) -> str | None:
    """The one name that a statement sets to a constant, if that is all it does."""
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    if len(targets) != 1 or not isinstance(targets[0], ast.Name):
        return None
    try:
        ast.literal_eval(node.value or ast.Constant(None))
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None
    return targets[0].id


def imports_of(tree: ast.AST | None, source: str) -> Iterator[str]:
    """Dotted names that the code imports, wherever in it; with leading dots where they are relative.

    `source` is for what the tree does not show: code behind magics, and all of it where there is no tree.
    """
    yield from _imports_by_looks(source) if tree is None else _imports_in(tree)
    for line in CODE_MAGIC.findall(source):
        yield from _imports_by_looks(MAGIC_OPTIONS.sub("", line))
    for line in AIMPORT.findall(source):
        yield from re.findall(r"(?<![\w.-])[A-Za-z_][\w.]*", line)


def _may_import(source: str) -> bool:
    """Whether it is worth looking; Python knows a name also where it is written in odd letters."""
    return "import" in source or not source.isascii()


def _imports_by_looks(source: str) -> Iterator[str]:
    """What each import statement that can be made out says, by itself."""
    for statement in IMPORT_LINE.findall(source):
        try:
            yield from _imports_in(ast.parse(statement.strip()))
        except (SyntaxError, ValueError):
            yield from IMPORTED.findall(statement)[:1]


def _imports_in(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            yield base
            yield from (f"{base}{'' if base.endswith('.') else '.'}{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and _is_import_call(node.func):
            given = [*node.args[:1], *(word.value for word in node.keywords if word.arg == "name")]
            yield from (name.value for name in given if isinstance(name, ast.Constant) and isinstance(name.value, str))


def _is_import_call(function: ast.expr) -> bool:
    """`import_module(...)`, `importlib.import_module(...)` under whatever name, `__import__(...)`."""
    return getattr(function, "attr", getattr(function, "id", None)) in ("import_module", "__import__")


def _as_json(notebook: Notebook) -> dict:
    return {**vars(notebook), "cells": [vars(cell) for cell in notebook.cells],
            "parameters": {name: vars(one) for name, one in notebook.parameters.items()}}


def _from_json(known: dict) -> Notebook:
    cells = tuple(Cell(c["number"], c["digest"], tuple(tuple(s) for s in c["settings"])) for c in known["cells"])
    parameters = {name: Parameter(**p) for name, p in known["parameters"].items()}
    return Notebook(**{**known, "cells": cells, "parameters": parameters, "imports": tuple(known["imports"])})
