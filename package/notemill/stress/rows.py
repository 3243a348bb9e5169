"""Rows to ask with: the service's own example and golden rows, and others made of them by the schema."""

import random
from collections.abc import Mapping, Sequence

MOST = 64
ASKED = ("feature", "time")


def rows_like(examples: Sequence[Mapping], schema: Mapping, most: int = MOST) -> list[dict]:
    """The examples, then as many again in which each cell is another that the schema knows. The same each time."""
    chance = random.Random(7)
    columns = [one for one in schema.get("columns", []) if one.get("role") in ASKED]
    found = [dict(one) for one in examples[:most]]
    while found and columns and len(found) < most:
        found.append(varied(examples[len(found) % len(examples)], columns, chance))
    return found


def varied(row: Mapping, columns: Sequence[Mapping], chance: random.Random) -> dict:
    return {**row, **{one["name"]: cell(row.get(one["name"]), one, chance) for one in columns}}


def cell(example: object, column: Mapping, chance: random.Random) -> object:
    """Another cell of that column; the example's where the schema does not say which there are."""
    if column.get("categories"):
        return chance.choice(column["categories"])
    if column["type"] == "boolean":
        return chance.random() < 0.5
    low, high = column.get("range") or (None, None)
    if column["type"] in ("number", "integer") and isinstance(low, int | float) and isinstance(high, int | float):
        return chance.randint(int(low), int(high)) if column["type"] == "integer" else chance.uniform(low, high)
    return example
