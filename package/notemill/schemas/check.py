"""Check a value against one of our JSON Schemas, and say errors as a person would.

A subset of JSON Schema 2020-12 (the keywords in `RULES`, `type`, `$ref`); the tests hold it against the library
`jsonschema`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from notemill.errors import UsageError, did_you_mean
from notemill.yaml_places import Places

TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "number": (int, float),
         "null": type(None)}
NAMES = {"object": "a mapping", "array": "a list", "string": "text", "boolean": "true or false",
         "integer": "a whole number", "number": "a number", "null": "nothing"}
YAML_TRAPS = {"no": "false", "off": "false", "n": "false", "yes": "true", "on": "true", "y": "true"}


@dataclass(frozen=True)
class Problem:
    """One breach of a schema: the path to the place, what was got, what is allowed, the remedy."""

    path: tuple
    got: str
    allowed: str | None = None
    hint: str | None = None


def check(value: object, schema: dict, places: Places, name: str) -> None:
    """Raise UsageError at the first breach, in the order of the file, with the count of the others."""
    problems = sorted(find(value, schema, schema, ()), key=lambda problem: line_of(places, problem.path) or 0)
    if problems:
        first, more = problems[0], len(problems) - 1
        hint = " ".join(filter(None, [first.hint, f"({more} more after this one)" if more else None])) or None
        raise UsageError(where(name, places, first.path), first.got, first.allowed, hint)


def line_of(places: Places, path: tuple) -> int | None:
    """The line of the nearest place on the way to `path`."""
    return next((places[path[:n]] for n in range(len(path), 0, -1) if path[:n] in places), None)


def where(name: str, places: Places, path: tuple) -> str:
    """As `notebooks/pipeline.yaml:12: step 'train': inputs`."""
    line = line_of(places, path)
    parts = [f"{name}:{line}" if line else name]
    words = list(path)
    if len(words) > 1 and words[0] == "steps":
        parts.append(f"step '{words[1]}'")
        words = words[2:]
    if words:
        parts.append(".".join(map(str, words)))
    return ": ".join(parts)


def find(value: object, schema: dict, root: dict, path: tuple) -> Iterator[Problem]:
    """All breaches of `schema` (within `root`, for its $ref) by `value`, which stands at `path`."""
    if "$ref" in schema:
        schema = root["$defs"][schema["$ref"].removeprefix("#/$defs/")]
    types = schema.get("type", [])
    types = [types] if isinstance(types, str) else types
    if types and not any(is_a(value, kind) for kind in types):
        yield wrong_type(value, types, path)
        return
    for rule, limit in schema.items():
        if rule in RULES:
            yield from RULES[rule](value, limit, schema, root, path)


def is_a(value: object, kind: str) -> bool:
    """JSON Schema's types: a bool is no number, 2.0 is an integer."""
    if isinstance(value, bool):
        return kind == "boolean"
    if kind == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, TYPES[kind])


def wrong_type(value: object, types: list[str], path: tuple) -> Problem:
    hint = None
    if "boolean" in types and str(value).lower() in YAML_TRAPS:
        hint = f"write {YAML_TRAPS[str(value).lower()]}: YAML 1.2 reads {value} as text"
    return Problem(path, f"got {show(value)}", "must be " + " or ".join(NAMES[kind] for kind in types), hint)


def show(value: object) -> str:
    """A value in an error: short, and told apart from its neighbours in type."""
    if isinstance(value, dict | list):
        return NAMES["object" if isinstance(value, dict) else "array"]
    text = {None: "nothing", True: "true", False: "false"}.get(value) if not isinstance(value, int | float | str) \
        or isinstance(value, bool) else None
    text = text or (f"'{value}'" if isinstance(value, str) else str(value))
    return text if len(text) <= 80 else text[:77] + "..."


def _properties(value, limit, schema, root, path):
    if isinstance(value, dict):
        for key, inner in limit.items():
            if key in value:
                yield from find(value[key], inner, root, (*path, key))


def _additional(value, limit, schema, root, path):
    known = schema.get("properties", {})
    for key in value if isinstance(value, dict) else ():
        if key in known:
            continue
        if limit is False:
            yield Problem((*path, key), f"unknown key '{key}'", "allowed: " + ", ".join(sorted(known)),
                          did_you_mean(key, known))
        else:
            yield from find(value[key], limit, root, (*path, key))


def _required(value, limit, schema, root, path):
    unknown = [name for name in value if name not in schema.get("properties", {})] if isinstance(value, dict) else []
    for key in limit if isinstance(value, dict) else ():
        if key not in value and not (schema.get("additionalProperties") is False and did_you_mean(key, unknown)):
            yield Problem(path, f"the key '{key}' is missing")


def _names(value, limit, schema, root, path):
    for key in value if isinstance(value, dict) else ():
        if not _matches(limit["pattern"], key):
            yield Problem((*path, key), f"the name '{key}' is not taken", limit.get("description"))


def _items(value, limit, schema, root, path):
    for i, item in enumerate(value if isinstance(value, list) else ()):
        yield from find(item, limit, root, (*path, i))


def _enum(value, limit, schema, root, path):
    if value not in limit:
        hint = did_you_mean(value, map(str, limit)) if isinstance(value, str) else None
        yield Problem(path, f"got {show(value)}", "allowed: " + ", ".join(map(str, limit)), hint)


def _pattern(value, limit, schema, root, path):
    if isinstance(value, str) and not _matches(limit, value):
        yield Problem(path, f"got {show(value)}", schema.get("description"))


def _matches(pattern: str, text: str) -> bool:
    """As ECMA's regular expressions, which the schemas are written in: `$` is the end, not a newline before it."""
    return bool(re.search(re.sub(r"\$$", r"\\Z", pattern), text))


def _minimum(value, limit, schema, root, path):
    if is_a(value, "number") and not value >= limit:
        yield Problem(path, f"got {show(value)}", f"must be at least {limit}")


def _above(value, limit, schema, root, path):
    if is_a(value, "number") and not value > limit:
        yield Problem(path, f"got {show(value)}", f"must be more than {limit}")


def _maximum(value, limit, schema, root, path):
    if is_a(value, "number") and not value <= limit:
        yield Problem(path, f"got {show(value)}", f"must be at most {limit}")


def _least_items(value, limit, schema, root, path):
    if isinstance(value, dict | list) and len(value) < limit:
        yield Problem(path, "is empty" if not value else f"has {len(value)}", f"at least {limit} wanted")


def _most_items(value, limit, schema, root, path):
    if isinstance(value, list) and len(value) > limit:
        yield Problem(path, f"has {len(value)}", f"at most {limit} wanted")


RULES = {"properties": _properties, "additionalProperties": _additional, "required": _required,
         "propertyNames": _names, "items": _items, "enum": _enum, "pattern": _pattern, "minimum": _minimum,
         "exclusiveMinimum": _above, "maximum": _maximum, "minItems": _least_items, "maxItems": _most_items,
         "minProperties": _least_items}
