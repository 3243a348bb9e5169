"""The project's own modules below the model package's name: two models, or a model and its project, can be installed
side by side, though their modules are called the same."""

import ast
import io
import json
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

NAMING = ("__module__", "module_path")  # where skops names the module of a class or function


def rename_imports(text: str, roots: set[str], prefix: str) -> str:
    """A module's text with each `import` of one of `roots` (top-level names) below `prefix` instead.

    Only import statements change; every other line stays as it is.
    """
    raw, starts = text.encode(), [0]
    for line in raw.splitlines(keepends=True):  # of bytes: where Python's own lines end, and nowhere else
        starts.append(starts[-1] + len(line))
    for node in sorted(_imports(text, roots), key=lambda node: (node.lineno, node.col_offset), reverse=True):
        begin, end = starts[node.lineno - 1] + node.col_offset, starts[node.end_lineno - 1] + node.end_col_offset
        raw = raw[:begin] + _renamed(node, roots, prefix).encode() + raw[end:]
    return raw.decode()


def _imports(text: str, roots: set[str]) -> Iterator[ast.Import | ast.ImportFrom]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import) and any(_root(alias.name) in roots for alias in node.names):
            yield node
        elif isinstance(node, ast.ImportFrom) and not node.level and _root(node.module) in roots:
            yield node


def _root(dotted: str) -> str:
    return dotted.partition(".")[0]


def _renamed(node: ast.Import | ast.ImportFrom, roots: set[str], prefix: str) -> str:
    if isinstance(node, ast.ImportFrom):
        return ast.unparse(ast.ImportFrom(f"{prefix}.{node.module}", node.names, 0))
    return "; ".join(part for alias in node.names for part in _import(alias, roots, prefix))


def _import(alias: ast.alias, roots: set[str], prefix: str) -> Iterator[str]:
    """`import a.b` binds `a`, `import a.b as c` the module itself."""
    root = _root(alias.name)
    if root not in roots:
        yield ast.unparse(ast.Import([alias]))
    elif alias.asname:
        yield f"import {prefix}.{alias.name} as {alias.asname}"
    else:
        if alias.name != root:
            yield f"import {prefix}.{alias.name}"
        yield f"from {prefix} import {root}"


def rename_types(names: Iterable[str], roots: set[str], prefix: str) -> list[str]:
    """Dotted names of types, those of `roots` below `prefix`."""
    return [f"{prefix}.{name}" if _root(name) in roots else name for name in names]


def rename_in_model(data: bytes, roots: set[str], prefix: str) -> bytes:
    """A skops file whose types of `roots` are found below `prefix`; the same bytes where there are none."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [(info, archive.read(info)) for info in archive.infolist()]
    state = json.loads(next(content for info, content in members if info.filename == "schema.json"))
    if not _rename(state, roots, prefix):
        return data
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for info, content in members:
            text = json.dumps(state, indent=2).encode() if info.filename == "schema.json" else content
            archive.writestr(zipfile.ZipInfo(info.filename), text, zipfile.ZIP_STORED)
    return written.getvalue()


def _rename(node: object, roots: set[str], prefix: str) -> int:
    """Rename in place; how many names were."""
    if isinstance(node, list):
        return sum(_rename(inner, roots, prefix) for inner in node)
    if not isinstance(node, dict):
        return 0
    count = 0
    for key, value in node.items():
        if key in NAMING and isinstance(value, str) and _root(value) in roots:
            node[key], count = f"{prefix}.{value}", count + 1
        else:
            count += _rename(value, roots, prefix)
    return count


def top_level(paths: Iterable[str]) -> set[str]:
    """The names as which modules at these paths are imported at the top."""
    return {Path(path).parts[0].removesuffix(".py") for path in paths}
