"""What would change the answer: for each input alone, the smallest change that does."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil, floor, inf, log10
from typing import Any

STEPS = 24  # values on each side of a number that are tried before the search between two of them
HALVINGS = 14
MOST_CHOICES = 60


@dataclass(frozen=True)
class Change:
    """`size`: as a share of the input's range; 1 for another choice, and where it was missing."""

    name: str
    before: Any
    after: Any
    size: float


Changed = Callable[[list[dict]], list[bool]]  # for each row, whether the answer is another


def changes(row: Mapping, columns: Sequence[Mapping], changed: Changed, most: int = 3) -> list[Change]:
    """The smallest first; numbers before choices."""
    tried = [(column, value) for column in columns for value in candidates(column, row[column["name"]])]
    if not tried:
        return []
    hits = changed([{**row, column["name"]: value} for column, value in tried])
    found = {}
    for (column, value), hit in zip(tried, hits, strict=True):
        change = Change(column["name"], row[column["name"]], value, size(column, row[column["name"]], value))
        if hit and (change.name not in found or change.size < found[change.name].size):
            found[change.name] = change
    closer = shortened(row, columns, refined(row, columns, list(found.values()), changed), changed)
    return sorted(closer, key=lambda one: one.size)[:most]


def candidates(column: Mapping, value: Any) -> list:
    """Other values that the training rows held and the contract allows."""
    if column["type"] == "boolean":
        return [one for one in (True, False) if one != value]
    if column.get("categories"):
        return [one for one in column["categories"][:MOST_CHOICES] if one != value]
    low, high = ends(column)
    if low >= high or not is_number(value) and value is not None:
        return []
    steps = [low + (high - low) * step / STEPS for step in range(STEPS + 1)]
    if value is None:
        return filling(column, steps, low, high)
    near = [value + (high - low) * sign * 2 ** -power for power in range(6, 12) for sign in (1, -1)]
    grid = {rounded(column, one) for one in [*steps, *near]}
    return sorted(one for one in grid - {value} if low <= one <= high)


def ends(column: Mapping) -> tuple[float, float]:
    """Of what training held and the contract allows; (0, 0) where a column has no numbers."""
    held = column.get("min"), column.get("max")
    if not all(map(is_number, held)):
        return 0, 0
    low, high = column.get("range") or (None, None)
    return max(held[0], low if is_number(low) else -inf), min(held[1], high if is_number(high) else inf)


def filling(column: Mapping, steps: Sequence[float], low: float, high: float) -> list:
    """For a missing number: round ones, what is usual first."""
    digits = 2 - floor(log10(high - low))
    usual = column.get("median") if is_number(column.get("median")) else (low + high) / 2
    grid = {rounded(column, round(one, digits)) for one in steps}
    return sorted((one for one in grid if low <= one <= high), key=lambda one: (abs(one - usual), one))


def untried(row: Mapping, columns: Sequence[Mapping]) -> Iterator[str]:
    """Which inputs `changes` leaves as they are, and of which it knows no more than some choices."""
    for column in columns:
        count = len(column.get("categories") or ())
        if column["type"] != "boolean" and count > MOST_CHOICES:
            yield f"{column['name']} (all but {MOST_CHOICES} of {count:,} choices)"
        elif not candidates(column, row[column["name"]]):
            yield column["name"]


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def rounded(column: Mapping, value: float) -> float | int:
    return round(value) if column["type"] == "integer" else value


def size(column: Mapping, before: Any, after: Any) -> float:
    if not (is_number(before) and is_number(after)) or column.get("categories"):
        return 1.0
    return abs(after - before) / (column["max"] - column["min"])


def refined(row: Mapping, columns: Sequence[Mapping], found: list[Change], changed: Changed) -> list[Change]:
    """The numbers halved down towards the row's own value, all inputs in one call a step."""
    by_name = {column["name"]: column for column in columns}
    still = {one.name: one.before for one in found
             if is_number(one.before) and not by_name[one.name].get("categories")}
    far = {one.name: one.after for one in found}
    for _ in range(HALVINGS):
        middle = {name: rounded(by_name[name], (near + far[name]) / 2) for name, near in still.items()}
        middle = {name: value for name, value in middle.items() if value not in (still[name], far[name])}
        if not middle:
            break
        for name, hit in zip(middle, changed([{**row, name: value} for name, value in middle.items()]), strict=True):
            (far if hit else still)[name] = middle[name]
    return [replace(one, after=far[one.name], size=size(by_name[one.name], one.before, far[one.name])) for one in found]


def shortened(row: Mapping, columns: Sequence[Mapping], found: list[Change], changed: Changed) -> list[Change]:
    """With few digits, where such a value is allowed, and changes the answer as well."""
    limits = {column["name"]: ends(column) for column in columns}
    brief = {one.name: short(one) for one in found}
    tried = [one for one in found if brief[one.name] != one.after
             and limits[one.name][0] <= brief[one.name] <= limits[one.name][1]]
    hits = changed([{**row, one.name: brief[one.name]} for one in tried]) if tried else []
    good = {one.name for one, hit in zip(tried, hits, strict=True) if hit}
    return [replace(one, after=brief[one.name]) if one.name in good else one for one in found]


def short(one: Change) -> Any:
    """With few digits, rounded away from the row's value: still beyond the point where the answer changes."""
    if not isinstance(one.after, float) or not is_number(one.before) or one.after == one.before:
        return one.after
    digits = 2 - floor(log10(abs(one.after - one.before)))
    if digits > 300:  # no power of ten is so large
        return one.after
    scale = 10.0 ** digits
    return round((ceil if one.after > one.before else floor)(one.after * scale) / scale, digits)
