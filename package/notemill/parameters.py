"""A notebook's parameters: names and types from its `parameters` cell, and whether a value fits."""

import ast
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import reduce

from notemill.errors import UsageError, did_you_mean
from notemill.files import canonical_json
from notemill.yaml_places import plain_scalar

KINDS = {"int": "int", "float": "float", "str": "str", "bool": "bool", "list": "list", "dict": "dict", "None": "None",
         "List": "list", "Dict": "dict", "Sequence": "list", "Iterable": "list", "Mapping": "dict", "Path": "str",
         "tuple": "list", "Tuple": "list", "set": "list", "Set": "list", "NoneType": "None"}
WORDS = {"int": "a whole number", "float": "a number", "str": "text", "bool": "true or false", "list": "a list",
         "dict": "a mapping", "None": "null"}
TRAPS = {"no": "false", "off": "false", "yes": "true", "on": "true"}

Kind = str | list  # "int", or ["list", [kinds of the items]], ["dict", [kinds of the values]]: as JSON keeps it


@dataclass(frozen=True)
class Parameter:
    """One parameter: the kinds of value it takes (None: any), the values it takes (None: any), its default as code.

    `constant` is [the default's value] where that is one that JSON can hold, and the cell does not go on to change it.
    """

    name: str
    kinds: list[Kind] | None
    choices: list | None
    default: str | None
    constant: list | None = None


def read_parameters(source: str, where: str) -> dict[str, Parameter]:
    """The assignments of a parameters cell. Raises UsageError where the cell does not parse."""
    try:
        return _settled(ast.parse(source))
    except SyntaxError as error:
        raise UsageError(where, f"the parameters cell, line {error.lineno}: {error.msg}",
                         "it has to be Python: one assignment a line") from None
    except ValueError as error:  # half a character
        raise UsageError(where, f"the parameters cell is not text: {error}") from None
    except (RecursionError, MemoryError):
        raise UsageError(where, "the parameters cell is nested too deep to be read") from None


def _settled(tree: ast.Module) -> dict[str, Parameter]:
    """What the cell declares; a default that something else than a plain assignment changes is no constant."""
    declared = [parameter for node in tree.body for parameter in _declared(node)]
    plain = Counter(parameter.name for parameter in declared)
    stored = Counter(node.id for node in ast.walk(tree) if isinstance(node, ast.Name)
                     and not isinstance(node.ctx, ast.Load))
    return {one.name: one if stored[one.name] == plain[one.name] else replace(one, constant=None) for one in declared}


def defaults(parameters: Mapping[str, Parameter]) -> dict[str, object]:
    """The values that parameters have where nobody sets them, as far as they are known without running code."""
    return {name: one.constant[0] for name, one in parameters.items() if one.constant is not None}


def _declared(node: ast.stmt) -> Iterator[Parameter]:
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        kinds, choices = _annotated(node.annotation)
        yield Parameter(node.target.id, kinds, choices, ast.unparse(node.value) if node.value else None,
                        _constant(node.value) if node.value else None)
    elif isinstance(node, ast.Assign):
        for target in node.targets:
            yield from _assigned(target, node.value)


def _assigned(target: ast.expr, value: ast.expr) -> Iterator[Parameter]:
    """`a = 1`, and `a, b = 1, 2`."""
    if isinstance(target, ast.Name):
        yield Parameter(target.id, _kind_of_default(value), None, ast.unparse(value), _constant(value))
    elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
        for one, default in zip(target.elts, value.elts, strict=True):
            yield from _assigned(one, default)


def _constant(node: ast.expr) -> list | None:
    """[the value]; None where JSON would make another of it, as a list of a tuple."""
    try:
        value = ast.literal_eval(node)
        return [value] if json.loads(canonical_json(value)) == value else None
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None


def _kind_of_default(node: ast.expr) -> list[Kind] | None:
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None
    kind = KINDS.get(type(value).__name__)
    return None if value is None or kind is None else [kind]


def _annotated(node: ast.expr) -> tuple[list[Kind] | None, list | None]:
    """Kinds and choices that an annotation allows; (None, None) for one that we cannot judge."""
    try:
        return _judged(node)
    except (ValueError, TypeError, SyntaxError, KeyError):
        return None, None


def _judged(node: ast.expr) -> tuple[list[Kind] | None, list | None]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return _annotated(ast.parse(node.value, mode="eval").body)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return _either(_annotated(node.left), _annotated(node.right))
    if isinstance(node, ast.Subscript):
        return _subscripted(node)
    name = "None" if isinstance(node, ast.Constant) and node.value is None else ast.unparse(node).rpartition(".")[2]
    return ([KINDS[name]], None) if name in KINDS else (None, None)


def _subscripted(node: ast.Subscript) -> tuple[list[Kind] | None, list | None]:
    name = ast.unparse(node.value).rpartition(".")[2]
    inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    if name == "Literal":
        values = [ast.literal_eval(value) for value in inner]
        return _unique(KINDS[type(value).__name__] for value in values), values
    if name == "Optional":
        return _either(_annotated(inner[0]), (["None"], None))
    if name == "Union":
        return reduce(_either, map(_annotated, inner))
    if name == "Annotated":
        return _annotated(inner[0])
    return _container(KINDS[name], inner)


def _container(kind: str, inner: list[ast.expr]) -> tuple[list[Kind] | None, None]:
    """`list[str]`, `dict[str, float]`: what is in them is judged too, if all of it is of one type."""
    last = _annotated(inner[-1])
    same = len(inner) == (2 if kind == "dict" else 1) and last[0] is not None and last[1] is None
    return [[kind, last[0]] if same else kind], None


def _either(left: tuple, right: tuple) -> tuple[list[Kind] | None, list | None]:
    if left[0] is None or right[0] is None:
        return None, None
    choices = None
    if left[1] is not None or right[1] is not None:
        choices = [value for kinds, values in (left, right)
                   for value in (values if values is not None else [None] if kinds == ["None"] else [])]
        if any(values is None and kinds != ["None"] for kinds, values in (left, right)):
            choices = None  # Literal["a"] | int: any whole number goes
    return _unique([*left[0], *right[0]]), choices


def _unique(kinds: Iterable[Kind]) -> list[Kind]:
    """Each once, None last, as one says it."""
    listed = list(kinds)
    return sorted((kind for n, kind in enumerate(listed) if kind not in listed[:n]), key=lambda kind: kind == "None")


def misfit(parameter: Parameter, value: object) -> tuple[str, str | None] | None:
    """(what is allowed, a hint) where the value does not fit; None where it does."""
    if parameter.kinds is not None and not any(_is(value, kind) for kind in parameter.kinds):
        return "the notebook takes " + _words(parameter.kinds), _hint(parameter.kinds, value)
    if parameter.choices is not None and value not in parameter.choices:
        near = did_you_mean(value, [c for c in parameter.choices if isinstance(c, str)]) \
            if isinstance(value, str) else None
        return "the notebook takes one of: " + ", ".join(map(str, parameter.choices)), near
    return None


def _words(kinds: list[Kind]) -> str:
    said = [WORDS[kind] if isinstance(kind, str) else f"{WORDS[kind[0]]} of which each is {_words(kind[1])}"
            for kind in kinds]
    return " or ".join(said)


def _hint(kinds: list[Kind], value: object) -> str | None:
    """What YAML made of a word that was meant otherwise."""
    if "bool" in kinds and isinstance(value, str) and value.lower() in TRAPS:
        return f"YAML 1.2 reads {value} as text: write {TRAPS[value.lower()]}"
    if "str" in kinds and isinstance(value, int | float):
        return "a text that looks like a number, true or false needs quotes"
    if isinstance(value, str) and any(_is(plain_scalar(value), kind) for kind in kinds):
        return f"without quotes {value} is no text"
    return None


def _is(value: object, kind: Kind) -> bool:
    if isinstance(kind, list):
        items = value.values() if isinstance(value, dict) else value
        return _is(value, kind[0]) and all(any(_is(item, inner) for inner in kind[1]) for item in items)
    if isinstance(value, bool):
        return kind == "bool"
    types = {"int": int, "float": (int, float), "str": str, "list": list, "dict": dict, "None": type(None)}
    return kind in types and isinstance(value, types[kind])
