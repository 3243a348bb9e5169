"""What a notebook says of itself: its parameters, what its code is, what it imports, what it is for."""

import ast
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from notemill.errors import UsageError
from notemill.files import canonical_json, sha256_text
from notemill.memory import Memory
from notemill.parameters import Parameter, read_parameters

RULES = 1  # raised when the same notebook would be read in another way
TAGS_THAT_COUNT = ("parameters", "raises-exception")
MAGIC_LINE = re.compile(r"^(\s*)((?:[\w., ]+=\s*)?)([%!?].*)$", re.M)
IMPORT_LINE = re.compile(r"^\s*(?:from\s+([\w.]+)\s+import|import\s+([\w.]+))", re.M)
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
    kernel: str | None
    title: str
    purpose: str
    text: str
    has_parameters_cell: bool
    parameters: dict[str, Parameter] = field(default_factory=dict)
    cells: tuple[Cell, ...] = ()
    imports: tuple[str, ...] = ()
    cell_count: int = 0


def read_notebook(path: Path, memory: Memory, name: str) -> Notebook:
    """What the notebook at `path` (.ipynb, or .py/.md in jupytext's formats) says; `name` stands in errors.

    Raises UsageError where it cannot be read. Remembered by content.
    """
    raw = path.read_bytes()
    sha256 = hashlib.sha256(raw).hexdigest()
    key = f"{RULES}:{path.suffix}:{sha256}"
    if known := memory.get(key):
        return _from_json(known)
    notebook = describe(load_cells(path, raw, name), sha256, name)
    memory.set(key, asdict(notebook))
    return notebook


def load_cells(path: Path, raw: bytes, name: str) -> dict:
    """The notebook as nbformat's dictionary, sources as text. Raises UsageError where it is none."""
    try:
        text = raw.decode("utf-8")
        content = json.loads(text) if path.suffix == ".ipynb" else _jupytext(text, path.suffix)
        cells = content["cells"] if content.get("nbformat", 4) >= 4 else _upgraded(text)["cells"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(name, f"is not a notebook: {error}", hint="open it in Jupyter and save it again") from None
    for cell in cells:
        cell["source"] = "".join(cell.get("source", ""))
    return {**content, "cells": cells}


def _jupytext(text: str, suffix: str) -> dict:
    import jupytext

    return jupytext.reads(text, fmt="py:percent" if suffix == ".py" else "md")


def _upgraded(text: str) -> dict:
    import nbformat

    return nbformat.reads(text, as_version=4)


def describe(content: dict, sha256: str, name: str) -> Notebook:
    """Read a notebook's dictionary; raises UsageError where its parameters cell does not parse."""
    metadata, cells = content.get("metadata", {}), content["cells"]
    kernel = metadata.get("kernelspec", {})
    language = (kernel.get("language") or metadata.get("language_info", {}).get("name") or "python").lower()
    title, purpose = _headline(cells)
    parameters_cell = next((cell for cell in cells if "parameters" in _tags(cell)), None)
    declared = read_parameters(parameters_cell["source"], name) if parameters_cell and language == "python" else {}
    code = [(n, cell) for n, cell in enumerate(cells, 1) if cell.get("cell_type") == "code"]
    trees = [(n, cell, _parse(cell["source"]) if language == "python" else None) for n, cell in code]
    return Notebook(
        sha256=sha256, language=language, kernel=kernel.get("name"), title=title, purpose=purpose,
        text=sha256_text(canonical_json([[cell.get("cell_type"), cell["source"]] for cell in cells])),
        has_parameters_cell=parameters_cell is not None, parameters=declared,
        cells=tuple(_cell(n, cell, tree) for n, cell, tree in trees if _does_something(cell, tree)),
        imports=tuple(sorted({i for _, cell, tree in trees for i in imports_of(tree, cell["source"])})),
        cell_count=len(cells))


def _tags(cell: dict) -> list[str]:
    return cell.get("metadata", {}).get("tags", [])


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


def _parse(source: str) -> ast.Module | None:
    """The cell's syntax tree, with IPython's magics as strings; None where it is no Python."""
    body = source
    if match := re.match(r"\s*%%(\w+)(.*)\n?", source):
        if match[1] not in PYTHON_CELL_MAGICS:
            return None
        body = f"{match[0].strip()!r}\n{source[match.end():]}"
    for text in (body, MAGIC_LINE.sub(lambda m: f"{m[1]}{m[2]}{m[3]!r}", body)):
        try:
            return ast.parse(text)
        except (SyntaxError, ValueError):
            continue
    return None


def _does_something(cell: dict, tree: ast.Module | None) -> bool:
    return bool(tree.body) if tree else bool(cell["source"].strip())


def _cell(number: int, cell: dict, tree: ast.Module | None) -> Cell:
    tags = [tag for tag in TAGS_THAT_COUNT if tag in _tags(cell)]
    digest = sha256_text(canonical_json([code_of(tree) if tree else cell["source"].strip(), tags]))
    settings = tuple((_name_set(node), sha256_text(ast.dump(node))) for node in tree.body) \
        if tree and "parameters" in tags else ()
    return Cell(number, digest, settings)


def code_of(tree: ast.AST) -> str:
    """What the code does, without comments and layout."""
    return ast.dump(tree)


def _name_set(node: ast.stmt) -> str | None:
    """The one name that a statement sets, if that is all it does."""
    if isinstance(node, ast.AnnAssign):
        return getattr(node.target, "id", None)
    return getattr(node.targets[0], "id", None) if isinstance(node, ast.Assign) and len(node.targets) == 1 else None


def imports_of(tree: ast.AST | None, source: str) -> Iterator[str]:
    """Dotted names that the code imports, wherever in it; with leading dots where they are relative."""
    if tree is None:
        yield from (a or b for a, b in IMPORT_LINE.findall(source))
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            yield base
            yield from (f"{base}{'' if base.endswith('.') else '.'}{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and _is_import_call(node.func) and node.args:
            name = node.args[0]
            if isinstance(name, ast.Constant) and isinstance(name.value, str):
                yield name.value


def _is_import_call(function: ast.expr) -> bool:
    return ast.unparse(function) in ("importlib.import_module", "import_module", "__import__")


def _from_json(known: dict) -> Notebook:
    cells = tuple(Cell(c["number"], c["digest"], tuple(tuple(s) for s in c["settings"])) for c in known["cells"])
    parameters = {name: Parameter(**p) for name, p in known["parameters"].items()}
    return Notebook(**{**known, "cells": cells, "parameters": parameters, "imports": tuple(known["imports"])})
