"""Tensors of the Open Inference Protocol, in JSON and in its binary form: flat lists of plain values."""

import struct
from collections.abc import Mapping
from itertools import chain
from math import isnan, prod
from typing import Any

from notemill.serve.problems import Problem

CODES = {"BOOL": "?", "UINT8": "B", "UINT16": "H", "UINT32": "I", "UINT64": "Q", "INT8": "b", "INT16": "h",
         "INT32": "i", "INT64": "q", "FP16": "e", "FP32": "f", "FP64": "d"}
KINDS = (*CODES, "BYTES")
OF_COLUMN = {"number": "FP64", "integer": "INT64", "boolean": "BOOL"}
LENGTH = struct.Struct("<I")


def datatype(values: list) -> str:
    """That of plain values of one type."""
    kinds = {type(value) for value in values if value is not None}
    if kinds == {bool}:
        return "BOOL"
    if kinds == {int}:
        return "INT64"
    return "FP64" if kinds and kinds <= {int, float} else "BYTES"


def of_column(column: Mapping) -> str:
    """What the cells of a column are: codes are numbers, other categories, times and texts are texts."""
    codes = column.get("categories") or ()
    coded = codes and all(isinstance(code, int | float) and not isinstance(code, bool) for code in codes)
    return "FP64" if column["type"] == "category" and coded else OF_COLUMN.get(column["type"], "BYTES")


def split(body: bytes, told: bytes) -> tuple[bytes, bytes]:
    """(the JSON part, the binary part); `told`: the header that says how long the first is. Raises Problem."""
    if not told:
        return body, b""
    if not (told.isdigit() and len(told) < 20 and int(told) <= len(body)):
        raise Problem("bad-request", "Inference-Header-Content-Length is no length of a part of the body")
    return body[:int(told)], body[int(told):]


def read(tensor: Any, binary: memoryview) -> tuple[str, list[int], list, int]:
    """(name, shape, flat values, bytes used) of one input. Raises Problem."""
    if type(tensor) is not dict or type(tensor.get("name")) is not str:
        raise Problem("bad-request", "an input is an object with name, shape, datatype and data")
    name, shape, kind = tensor["name"], tensor.get("shape"), tensor.get("datatype")
    if type(shape) is not list or not 1 <= len(shape) <= 2 or any(type(one) is not int or one < 0 for one in shape):
        raise wrong(name, "shape is [rows] or [rows, columns]")
    if kind not in KINDS:
        raise wrong(name, f"datatype is one of {', '.join(KINDS)}")
    params = tensor.get("parameters")
    size = params.get("binary_data_size") if type(params) is dict else None
    values = from_json(tensor.get("data")) if size is None else from_binary(name, kind, shape, binary, size)
    if len(values) != prod(shape):
        raise wrong(name, f"shape {shape} asks for {prod(shape):,} values, there are {len(values):,}")
    if kind.startswith("FP"):
        values = [None if type(value) is float and isnan(value) else value for value in values]
    return name, shape, values, size or 0


def from_json(data: Any) -> list:
    """Flat, row by row. Raises Problem."""
    if type(data) is not list:
        raise Problem("bad-request", "an input's data is a list")
    return list(chain.from_iterable(data)) if data and all(type(one) is list for one in data) else data


def from_binary(name: str, kind: str, shape: list[int], binary: memoryview, size: Any) -> list:
    if type(size) is not int or not 0 <= size <= len(binary):
        raise wrong(name, "binary_data_size is more than there is")
    piece, count = binary[:size], prod(shape)
    if kind == "BYTES":
        return list(texts(name, piece))
    if struct.calcsize(CODES[kind]) * count != size:
        raise wrong(name, f"shape {shape} of {kind} does not take {size:,} bytes")
    return list(struct.unpack(f"<{count}{CODES[kind]}", piece))


def texts(name: str, piece: memoryview):
    """Each has its length before it."""
    place = 0
    while place < len(piece):
        if place + 4 > len(piece):
            raise wrong(name, "a text has no length")
        (length,) = LENGTH.unpack_from(piece, place)
        place += 4 + length
        if place > len(piece):
            raise wrong(name, "a text is longer than the data")
        try:
            yield str(piece[place - length:place], "utf-8")
        except UnicodeDecodeError:
            raise wrong(name, "a text is not UTF-8") from None


def to_binary(kind: str, values: list) -> bytes:
    """As a client reads it that asked for `binary_data`."""
    if kind == "BYTES":
        coded = [str(value).encode() for value in values]
        return b"".join(part for text in coded for part in (LENGTH.pack(len(text)), text))
    return struct.pack(f"<{len(values)}{CODES[kind]}", *values)


def wrong(name: str, words: str) -> Problem:
    return Problem("bad-request", f"input '{name[:60]}': {words}")
