"""A notebook's parameters: names and types from its `parameters` cell, and whether a value fits."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from notemill.errors import UsageError

KINDS = {"int": "int", "float": "float", "str": "str", "bool": "bool", "list": "list", "dict": "dict", "None": "None",
         "List": "list", "Dict": "dict", "Sequence": "list", "Mapping": "dict", "Path": "str", "tuple": "list",
         "set": "list"}
WORDS = {"int": "a whole number", "float": "a number", "str": "text", "bool": "true or false", "list": "a list",
         "dict": "a mapping", "None": "null"}
TRAPS = {"no": "false", "off": "false", "yes": "true", "on": "true"}


@dataclass(frozen=True)
class Parameter:
    """One parameter: the kinds of value it takes (None: any), the values it takes (None: any), its default as code."""

    name: str
    kinds: list[str] | None
    choices: list | None
    default: str | None


def read_parameters(source: str, where: str) -> dict[str, Parameter]:
    """The assignments of a parameters cell. Raises UsageError where the cell does not parse."""
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        raise UsageError(where, f"the parameters cell, line {error.lineno}: {error.msg}",
                         "it has to be Python: one assignment a line") from None
    return {parameter.name: parameter for node in tree.body for parameter in _declared(node)}


def _declared(node: ast.stmt) -> Iterator[Parameter]:
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        kinds, choices = _annotated(node.annotation)
        yield Parameter(node.target.id, kinds, choices, ast.unparse(node.value) if node.value else None)
    elif isinstance(node, ast.Assign):
        for target in node.targets:
            if isinstance(target, ast.Name):
                yield Parameter(target.id, _kind_of_default(node.value), None, ast.unparse(node.value))


def _kind_of_default(node: ast.expr) -> list[str] | None:
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError):
        return None
    return None if value is None else [KINDS.get(type(value).__name__, "any")]


def _annotated(node: ast.expr) -> tuple[list[str] | None, list | None]:
    """Kinds and choices that an annotation allows; (None, None) for one that we cannot judge."""
    try:
        return _judged(node)
    except (ValueError, TypeError, SyntaxError, KeyError):
        return None, None


def _judged(node: ast.expr) -> tuple[list[str] | None, list | None]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return _annotated(ast.parse(node.value, mode="eval").body)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return _either(_annotated(node.left), _annotated(node.right))
    if isinstance(node, ast.Subscript):
        return _subscripted(node)
    name = "None" if isinstance(node, ast.Constant) and node.value is None else ast.unparse(node).rpartition(".")[2]
    return ([KINDS[name]], None) if name in KINDS else (None, None)


def _subscripted(node: ast.Subscript) -> tuple[list[str] | None, list | None]:
    name = ast.unparse(node.value).rpartition(".")[2]
    inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    if name == "Literal":
        values = [ast.literal_eval(value) for value in inner]
        return sorted({KINDS[type(value).__name__.replace("NoneType", "None")] for value in values}), values
    if name == "Optional":
        return _either(_annotated(inner[0]), (["None"], None))
    if name == "Union":
        result = _annotated(inner[0])
        for other in inner[1:]:
            result = _either(result, _annotated(other))
        return result
    return _annotated(inner[0]) if name == "Annotated" else _annotated(node.value)


def _either(left: tuple, right: tuple) -> tuple[list[str] | None, list | None]:
    if left[0] is None or right[0] is None:
        return None, None
    choices = None
    if left[1] is not None or right[1] is not None:
        choices = [value for kinds, values in (left, right)
                   for value in (values if values is not None else [None] if kinds == ["None"] else [])]
        if any(values is None and kinds != ["None"] for kinds, values in (left, right)):
            choices = None  # Literal["a"] | int: any whole number goes
    return sorted({*left[0], *right[0]}), choices


def misfit(parameter: Parameter, value: object) -> tuple[str, str | None] | None:
    """(what is allowed, a hint) where the value does not fit; None where it does."""
    if parameter.kinds is not None and "any" not in parameter.kinds and not any(
            _is(value, kind) for kind in parameter.kinds):
        hint = f"YAML 1.2 reads {value} as text: write {TRAPS[value.lower()]}" \
            if "bool" in parameter.kinds and isinstance(value, str) and value.lower() in TRAPS else None
        return "the notebook takes " + " or ".join(WORDS[kind] for kind in parameter.kinds), hint
    if parameter.choices is not None and value not in parameter.choices:
        return "the notebook takes one of: " + ", ".join(map(str, parameter.choices)), None
    return None


def _is(value: object, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "bool"
    types = {"int": int, "float": (int, float), "str": str, "list": list, "dict": dict, "None": type(None)}
    return kind in types and isinstance(value, types[kind])
