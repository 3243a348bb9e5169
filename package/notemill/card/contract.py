"""A contract's rules in words."""

from collections.abc import Iterator

from notemill.contract.reading import Column, Contract

EXTRA = {"allow": "may have further columns", "warn": "further columns are told of", "refuse": "no further columns"}
MOST = 20  # categories that are named
PRIVATE = {True: "private: not in the prediction log", "hash": "private: in the prediction log as a hash"}


def rules(contract: Contract) -> Iterator[str]:
    """One line for each rule of the table, then one for each column."""
    if contract.least_rows is not None:
        yield f"at least {contract.least_rows:,} rows"
    yield EXTRA[contract.extra]
    for columns in contract.unique:
        yield f"{', '.join(columns)}: each combination once"
    if contract.freshness:
        column, days = contract.freshness
        yield f"{column}: the newest value is at most {days:g} days old"
    if contract.warn:
        yield f"only warned of: {', '.join(sorted(contract.warn))}"
    for column in contract.columns.values():
        yield f"{column.name}: {', '.join(column_rules(column))}"


def column_rules(column: Column) -> Iterator[str]:
    yield column.type + (f" in {column.unit}" if column.unit else "")
    low, high = column.range
    if low is not None and high is not None:
        yield f"{low} to {high}"
    elif low is not None or high is not None:
        yield f"at least {low}" if high is None else f"at most {high}"
    if column.categories:
        more = len(column.categories) - MOST
        named = ", ".join(map(str, column.categories[:MOST]))
        yield f"one of {named}" + (f" and {more} more" if more > 0 else "")
    if column.null_share is not None:
        yield "no gaps" if column.null_share == 0 else f"at most {100 * column.null_share:g} % gaps"
    yield from (word for word, holds in (("each value once", column.unique), ("may be absent", not column.required))
                if holds)
    if column.private:
        yield PRIVATE[column.private]
    if column.warn:
        yield f"only warned of: {', '.join(sorted(column.warn))}"
