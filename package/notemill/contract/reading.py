"""Contract, Column: read and check contract.yaml, whole, before any data is looked at."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from notemill import schemas
from notemill.errors import UsageError, did_you_mean
from notemill.files import canonical_json, sha256_text
from notemill.schemas.check import check as check_schema
from notemill.schemas.check import where
from notemill.yaml_places import Places, read_yaml

RANGED = ("integer", "number", "datetime")
LISTED = ("category", "text", "integer", "number")


@dataclass(frozen=True)
class Column:
    """What one column must be like. `range` is (lowest, highest), None where there is no limit."""

    name: str
    type: str
    unit: str | None = None
    range: tuple = (None, None)
    categories: tuple = ()
    null_share: float | None = None
    unique: bool = False
    required: bool = True
    warn: frozenset[str] = frozenset()
    private: bool | str = False
    description: str | None = None


@dataclass(frozen=True)
class Contract:
    """A checked contract.yaml; `name` is its path as errors show it, `sha256` the digest of its rules."""

    name: str
    sha256: str
    columns: Mapping[str, Column] = field(default_factory=dict)
    table: str | None = None
    least_rows: int | None = None
    freshness: tuple[str, float] | None = None
    unique: tuple[tuple[str, ...], ...] = ()
    extra: str = "allow"
    warn: frozenset[str] = frozenset()
    places: Places = field(default_factory=dict, compare=False, repr=False)

    def where(self, *path: object) -> str:
        """The place of a key as an error names it, with its line."""
        return where(self.name, self.places, path)


def load(path: Path, name: str | None = None) -> Contract:
    """Read a contract; `name` is the path to show. Raises UsageError with the place and its line."""
    name = name or str(path)
    raw, places = read_yaml(path, name)
    check_schema(raw, schemas.load("contract"), places, name)
    columns = {key: _column(key, rules, places, name) for key, rules in raw.get("columns", {}).items()}
    fresh = raw.get("freshness")
    contract = Contract(name, sha256_text(canonical_json(_rules(raw))), columns, raw.get("table"),
                        raw.get("rows", {}).get("least"), fresh and (fresh["column"], fresh["within_days"]),
                        tuple(map(tuple, raw.get("unique", []))), raw.get("extra", "allow"),
                        frozenset(raw.get("warn", [])), places)
    _check_references(contract, places)
    return contract


def _rules(raw: Mapping) -> dict:
    """What decides: a description does not, nor does the order of the columns."""
    columns = {name: {key: value for key, value in rules.items() if key != "description"}
               for name, rules in raw.get("columns", {}).items()}
    return {**raw, "columns": columns}


def _column(name: str, rules: Mapping, places: Places, file: str) -> Column:
    _check_range(name, rules, places, file)
    _check_categories(name, rules, places, file)
    values = dict(rules)
    for key, kind in (("range", tuple), ("categories", tuple), ("warn", frozenset)):
        if key in values:
            values[key] = kind(values[key])
    return Column(name, **values)


def _check_range(name: str, rules: Mapping, places: Places, file: str) -> None:
    limits = rules.get("range")
    if limits is None:
        return
    place = where(file, places, ("columns", name, "range"))
    if rules["type"] not in RANGED:
        raise UsageError(place, f"a {rules['type']} has no range", f"types that have one: {', '.join(RANGED)}")
    if len(limits) != 2:
        raise UsageError(place, f"has {len(limits)} values", "[lowest, highest]; null is no limit")
    kind, allowed = ((int, float), "numbers") if rules["type"] != "datetime" else (str, "dates such as 2024-12-31")
    for limit in limits:
        if limit is not None and (not isinstance(limit, kind) or _as_limit(limit) is None):
            raise UsageError(place, f"got {limit!r}", f"{allowed}, or null for no limit")
    low, high = map(_as_limit, limits)
    if low is not None and high is not None and low > high:
        raise UsageError(place, f"the lowest, {limits[0]}, is above the highest, {limits[1]}")


def _as_limit(value: object) -> object:
    """A number or a moment; naive moments count as UTC. None for what is neither."""
    if isinstance(value, str):
        return parse_moment(value)
    return None if value is None or value != value else value


def parse_moment(text: str) -> datetime | None:
    """An ISO date or datetime as a moment; without an offset it is UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else datetime.fromisoformat(f"{moment.isoformat()}+00:00")


def is_day(text: object) -> bool:
    """Whether a limit names a whole day: as the highest, it holds to that day's end."""
    return isinstance(text, str) and bool(re.fullmatch(r"\d{4}-?\d\d-?\d\d", text))


def _check_categories(name: str, rules: Mapping, places: Places, file: str) -> None:
    listed = rules.get("categories")
    if listed is None:
        return
    place = where(file, places, ("columns", name, "categories"))
    if rules["type"] not in LISTED:
        raise UsageError(place, f"a {rules['type']} has no categories", f"types that have them: {', '.join(LISTED)}")
    twice = [value for index, value in enumerate(listed) if str(value) in map(str, listed[:index])]
    if twice:
        raise UsageError(place, f"'{twice[0]}' stands twice")


def _check_references(contract: Contract, places: Places) -> None:
    named = [(("unique", i, j), column) for i, group in enumerate(contract.unique) for j, column in enumerate(group)]
    place = ("freshness", "column")
    if contract.freshness:
        named.append((place, contract.freshness[0]))
    for path, column in named:
        if column not in contract.columns:
            raise UsageError(where(contract.name, places, path), f"unknown column '{column}'",
                             f"columns: {', '.join(contract.columns) or 'none'}",
                             did_you_mean(column, contract.columns))
    dated = contract.columns[contract.freshness[0]] if contract.freshness else None
    if dated and dated.type != "datetime":
        raise UsageError(where(contract.name, places, place), f"column '{dated.name}' is of type {dated.type}",
                         "a column of type datetime")
