"""contract.yaml from a table's columns: what was seen, and limits that tomorrow's honest rows keep."""

import math
from collections.abc import Iterable
from datetime import datetime, timedelta

from notemill.init.columns import Column
from notemill.init.quote import comment, scalar, text

MOST_LISTED = 50        # categories: a longer list is hardly complete
WIDTH = 118
COMMON = 5              # a category seen less often has sisters that were not seen at all
DECADE = timedelta(days=3653)
HEAD = """\
# What the source table has to be before any step sees it, as far as {rows:,} rows could show it. Each column was
# looked at: what was seen stands behind its name. The limits are wide on purpose (ten times the largest number seen,
# zero where nothing is negative): they catch other units, swapped columns and broken exports. You know more: narrow
# them, and add `unit:` and `description:`, and `private: true` (or `hash`) where a column says who somebody is: it
# stays out of a service's log. `warn: [...]` names the rules that warn and do not refuse.
rows: {{least: {least}}}
columns:
"""


def contract_text(columns: Iterable[Column], target: str, task: str, rows: int) -> str:
    """contract.yaml for a table with these columns."""
    parts = [_entry(column, task if column.name == target else None) for column in columns]
    return HEAD.format(rows=rows, least=round_down(rows / 2)) + "".join(parts) + "extra: warn\n"


def _entry(column: Column, task: str | None) -> str:
    body = "".join(f"{line}\n" for line in folded(rules_of(column, task)))
    return f"  {text(column.name)}:  # {seen(column, task)}\n{body}"


def folded(rules: dict[str, object]) -> list[str]:
    """A mapping in braces, on lines that an editor shows whole; no value is broken."""
    words = [word for key, value in rules.items() for word in _words(key, value)]
    lines, line = [], "    {"
    for word in [*words[:-1], words[-1].removesuffix(",") + "}"]:
        if len(line) + len(word) > WIDTH and line.strip(" {"):
            lines, line = [*lines, line.rstrip()], "     "
        line += f"{word} "
    return [*lines, line.rstrip()]


def _words(key: str, value: object) -> list[str]:
    """`key: value,` in the parts between which a line may end."""
    if not isinstance(value, list):
        return [f"{key}: {scalar(value)},"]
    first, *rest = [f"{scalar(item)}," for item in value]
    items = [f"{key}: [{first}", *rest]
    return [*items[:-1], f"{items[-1].removesuffix(',')}],"]


def rules_of(column: Column, task: str | None) -> dict[str, object]:
    """The rules of a column; `task` is given for the target."""
    rules = {"type": column.type, **_limits(column, task)}
    if column.identifies and task is None:
        rules["unique"] = True
    rules["null_share"] = null_share(column)
    warn = _warned(column, task)
    return {**rules, "warn": warn} if warn else rules


def _limits(column: Column, task: str | None) -> dict[str, list]:
    if task == "classification" and column.type != "boolean":
        return {"categories": sorted((value for value, _ in column.values), key=lambda v: (str(type(v)), v))}
    if column.numeric and column.low is not None:
        return {"range": number_range(column)}
    if column.type == "datetime":
        return {"range": [earliest(column.low, column.high), None]}
    if column.type == "category" and len(column.values) <= MOST_LISTED and not column.identifies:
        return {"categories": sorted((value for value, _ in column.values), key=str)}
    return {}


def _warned(column: Column, task: str | None) -> list[str]:
    """Rules that honest rows may break: words between numbers, and categories where some are rare."""
    rare = column.type == "category" and any(count < COMMON for _, count in column.values)
    listed_ones = task is None and len(column.values) <= MOST_LISTED and not column.identifies
    return [*(["type"] if column.strange else []), *(["categories"] if rare and listed_ones else [])]


def number_range(column: Column) -> list:
    """Zero where nothing is on that side of it, else ten times the furthest, rounded up."""
    reach = round_up(10 * max(abs(column.low), abs(column.high)))
    if column.odd_numbers or not math.isfinite(reach):
        return [0 if column.low >= 0 else None, None]
    high = reach if column.high > 0 else 0
    return [0 if column.low >= 0 else -reach, high if high or column.low < 0 else None]


def round_up(value: float) -> float:
    """To one digit that counts: 743 to 800."""
    if not value or not math.isfinite(value):
        return value
    digits = math.floor(math.log10(value))
    if digits >= 0:
        return math.ceil(value / 10**digits) * 10**digits
    return round(math.ceil(round(value * 10**-digits, 9)) / 10**-digits, -digits)


def round_down(value: float) -> int:
    digits = max(0, math.floor(math.log10(value))) if value >= 1 else 0
    return int(value // 10**digits * 10**digits)


def earliest(low: datetime, high: datetime) -> str:
    """A day well before the first one: by a decade, or by as long as the table reaches."""
    try:
        return (low - max(DECADE, high - low)).date().isoformat()
    except OverflowError:
        return "0001-01-01"


def null_share(column: Column) -> float:
    """None where none was missing; else half as many again, in steps of five in a hundred."""
    if not column.missing:
        return 0.0
    share = column.missing / column.rows
    return 1.0 if share == 1 else min(1.0, math.ceil((share * 1.5 + 0.02) * 20) / 20)


def seen(column: Column, task: str | None) -> str:
    """What the column showed, for the comment behind it."""
    parts = ["the target"] if task else []
    parts.append("nothing but missing values" if not column.filled else _content(column))
    if column.distinct == 1:
        parts.append("always the same")
    if column.missing and column.filled:
        parts.append(f"{column.missing / column.rows:.2%} missing")
    if column.strange:
        parts.append(f"no number: {', '.join(comment(repr(cell), 20) for cell in column.strange[:3])}")
    if column.odd_numbers:
        parts.append(f"{column.odd_numbers} infinite")
    if column.identifies and not task:
        parts.append("a different one in every row")
    return f"seen: {'; '.join(parts)}"


def _content(column: Column) -> str:
    if column.type == "datetime":
        return f"{column.low:%Y-%m-%d} to {column.high:%Y-%m-%d}"
    if column.numeric:
        return f"{comment(column.low)} to {comment(column.high)}" if column.low is not None else "no finite number"
    some = ", ".join(f"{comment(value, 20)} {count:,}" for value, count in column.values[:3])
    return f"{column.distinct:,} {'values' if column.distinct != 1 else 'value'}: {some}" \
        + (", ..." if column.distinct > 3 else "")
