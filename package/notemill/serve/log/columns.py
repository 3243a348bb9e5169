"""The dataset's columns: one name and one type each, for all versions of the model that write into the folder."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from .errors import LogError
from .folder import alone, write_whole

USED = ("feature", "time")  # the roles of the columns that go into the model: no other cell of a row is logged
TYPES = {"number": "double", "integer": "double", "boolean": "bool", "datetime": "timestamp"}


@dataclass(frozen=True)
class Column:
    """`of`: input, prediction or probability; `name`: what the model calls it; `stored`: the dataset's name for it.

    Hashes have a type of their own, so that they never stand among what was not hashed.
    """

    of: str
    name: str
    type: str
    stored: str = ""


def wanted(schema: Mapping, private: Mapping[str, str], classes: Iterable) -> list[Column]:
    """The columns of this model's answers."""
    inputs = [Column("input", entry["name"], "hash" if private.get(entry["name"]) == "hash" else cell_type(entry))
              for entry in schema["columns"] if entry["role"] in USED and private.get(entry["name"]) != "drop"]
    classes = list(classes)
    return [*inputs, Column("prediction", "", label_type(schema, classes)),
            *(Column("probability", label_text(label), "double") for label in classes)]


def cell_type(entry: Mapping) -> str:
    """Of an input: numbers are double, so that versions agree; codes that are numbers too."""
    codes = entry.get("categories") or []
    if entry["type"] == "category" and codes and all(type(code) in (int, float) for code in codes):
        return "double"
    return TYPES.get(entry["type"], "string")


def label_type(schema: Mapping, classes: list) -> str:
    """Of the predictions."""
    if schema["task"] != "classification":
        return "double"
    kinds = {type(label) for label in classes}
    return {bool: "bool", int: "int64"}.get(kinds.pop(), "string") if len(kinds) == 1 else "string"


def label_text(label: object) -> str:
    return label if isinstance(label, str) else json.dumps(label)


def known(folder: Path) -> list[Column]:
    """All columns that have ever been given a name here."""
    try:
        return [Column(**one) for one in json.loads((folder / "columns.json").read_bytes())]
    except FileNotFoundError:
        return []
    except (ValueError, TypeError):
        raise LogError(f"{folder / 'columns.json'}: cannot be read: it names the dataset's columns") from None


def named(folder: Path, columns: list[Column]) -> list[Column]:
    """The columns with their names in the dataset; those that are new here get one, for good."""
    with alone(folder, "columns", wait=True):
        before = known(folder)
        found, after = [], list(before)
        for column in columns:
            same = [one for one in after if (one.of, one.name, one.type) == (column.of, column.name, column.type)]
            found.append(same[0] if same else Column(column.of, column.name, column.type, free_name(column, after)))
            after += [] if same else found[-1:]
        if len(after) > len(before):
            write_whole(folder / "columns.json", json.dumps([vars(one) for one in after], indent=1).encode())
    return found


def free_name(column: Column, taken: list[Column]) -> str:
    """A name that no other column has, whatever the case of its letters: DuckDB takes `age` and `Age` for one."""
    clean = column.name.encode("utf-8", "replace").decode()
    name = f"{column.of}_{clean}" if clean or column.of != "prediction" else column.of
    used = {one.stored.casefold() for one in taken}
    tries = [name, f"{name} ({column.type})", *(f"{name} ({count})" for count in range(2, len(taken) + 3))]
    return next(one for one in tries if one.casefold() not in used)
