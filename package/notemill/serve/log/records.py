"""Answers and marks as the lines of a journal: what is private is gone, or hashed, before a line exists.

    ["r", request, row, at, version, content, [inputs], prediction, [probabilities], ms, [[column, check, got]]]
    ["m", request, row, day, at, what, value]
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from .journal import framed
from .private import hashed


def _plain(value: Any) -> object:
    """What JSON has no form for: numpy's numbers as Python's, all else as text."""
    return value.item() if hasattr(value, "item") else str(value)


_encode = msgspec.json.Encoder(enc_hook=_plain).encode  # NaN and infinite become null


def encoded(value: object) -> bytes:
    """JSON; half a character (a lone surrogate) becomes a question mark."""
    try:
        return _encode(value)
    except UnicodeEncodeError:
        return _encode(_whole(value))


def _whole(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, Mapping):
        return {_whole(str(key)): _whole(one) for key, one in value.items()}
    return [_whole(one) for one in value] if isinstance(value, list | tuple) else value


def row_maker(names: list[str], private: Mapping[str, str], key: bytes) -> Callable[[Mapping], bytes]:
    """The function that makes a record's line; `names`: the inputs that are logged, in order."""
    hidden = {name: (lambda cell, name=name: hashed(key, name, cell))
              for name in names if private.get(name) == "hash"}

    def cells(inputs: Mapping) -> list:
        if not hidden:
            return [inputs.get(name) for name in names]
        return [hidden[name](inputs.get(name)) if name in hidden else inputs.get(name) for name in names]

    def line(record: Mapping) -> bytes:
        warnings = record.get("warnings")
        return framed(encoded([
            "r", record["request"], record["row"], record["at"], str(record["version"]), record["content"],
            cells(record["inputs"]), record["prediction"], record["probabilities"], record["ms"],
            [_warning(one, private) for one in warnings] if warnings else []]))

    return line


def _warning(one: Any, private: Mapping[str, str]) -> list:
    """Of a private column only that there was one."""
    column, check, got = ((one.get(name) if isinstance(one, Mapping) else getattr(one, name, None))
                          for name in ("column", "check", "got"))
    return [column, check, None if column in private else got]


def mark_line(request: str, row: int, day: str, at: float, what: str, value: object) -> bytes:
    return framed(encoded(["m", request, row, day, at, what, value]))
