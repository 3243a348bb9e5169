"""Hold a table against its contract: pandera runs the rules that look at values, all of them before it reports."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pandera.pandas as pandera

from notemill.contract.reading import Column, Contract, is_day
from notemill.contract.result import Breach, CheckResult, Place
from notemill.contract.table import File, Values, column_values, line_numbers, read_file
from notemill.errors import did_you_mean

SHOWN = 5           # rows and values in a message
LONGEST = 40        # characters of a value in a message
NOUNS = {"integer": "with no whole number", "number": "with no number", "boolean": "with neither true nor false",
         "category": "with no category", "text": "with no text", "datetime": "with no ISO date"}


@dataclass(frozen=True)
class Rule:
    """A rule that looks at each row: `test` takes a column (or the table) and gives True for each row that keeps it."""

    name: str
    says: str
    columns: tuple[str, ...]
    limit: object
    test: Callable
    severity: str = "error"


@dataclass(frozen=True)
class Table:
    """The files of a table, with where each begins."""

    files: tuple[File, ...]
    starts: np.ndarray

    @property
    def rows(self) -> int:
        return int(self.starts[-1])

    def place(self, index: int) -> tuple[File, int]:
        """The file of a row of the whole table, and the row's position in it."""
        number = int(np.searchsorted(self.starts, index, side="right")) - 1
        return self.files[number], index - int(self.starts[number])


def check(contract: Contract, files: Path | Sequence[tuple[str, Path]]) -> CheckResult:
    """All rules that do not depend on the day. Raises NotemillError for a file that is no table."""
    named = [(files.name, files)] if isinstance(files, Path) else list(files)
    parts = tuple(read_file(name, path, contract.columns) for name, path in named)
    table = Table(parts, np.cumsum([0, *(len(part.numbers) for part in parts)]))
    values = {name: column_values(column, parts) for name, column in contract.columns.items()
              if any(part.columns.count(name) == 1 for part in parts)}
    breaches = [*_layout(table), *_absent(contract, table), *_too_few(contract, table), *_extra(contract, table),
                *_misfits(contract, table, values), *_too_many_missing(contract, values),
                *_broken_rules(contract, table, values)]
    return CheckResult(_with_lines(breaches, table), table.rows, _newest(contract, values))


def _newest(contract: Contract, values: dict[str, Values]) -> str | None:
    if not contract.freshness or contract.freshness[0] not in values:
        return None
    newest = pd.to_datetime(values[contract.freshness[0]].values, utc=True).max()
    return None if pd.isna(newest) else newest.isoformat()


# Rules of the table as a whole

def _layout(table: Table) -> Iterator[Breach]:
    for file in table.files:
        if file.bad_rows:
            places = tuple(Place(file.name, row) for row in file.bad_rows[:SHOWN])
            text = f"{_count(len(file.bad_rows))} with more or fewer fields than the heading of {file.name}"
            yield Breach("layout", text, limit=len(file.columns), places=places, count=len(file.bad_rows))
        twice = sorted({name for name in file.columns if file.columns.count(name) > 1})
        if twice:
            names = ", ".join(map(_shown, twice))
            yield Breach("layout", f"{file.name} has two columns of the name {names}", got=tuple(twice))


def _absent(contract: Contract, table: Table) -> Iterator[Breach]:
    for column in contract.columns.values():
        without = [file for file in table.files if column.name not in file.columns]
        if without and column.required:
            of = "" if len(table.files) == 1 else f" from {_listed([file.name for file in without])}"
            near = did_you_mean(column.name, [name for name in without[0].columns if name not in contract.columns])
            yield Breach("required", f"column '{column.name}' is missing{of}{f'; {near}' if near else ''}",
                         _severity(column, "required"), column.name, count=len(without))


def _too_few(contract: Contract, table: Table) -> Iterator[Breach]:
    least = contract.least_rows
    if least is not None and table.rows < least:
        severity = "warning" if "rows" in contract.warn else "error"
        yield Breach("rows", f"{_count(table.rows)}, fewer than {least}", severity, limit=least, got=(table.rows,),
                     count=table.rows)


def _extra(contract: Contract, table: Table) -> Iterator[Breach]:
    names = sorted({name for file in table.files for name in file.columns} - set(contract.columns))
    if names and contract.extra != "allow":
        severity = "warning" if contract.extra == "warn" or "extra" in contract.warn else "error"
        yield Breach("extra", f"columns that the contract does not name: {_listed(names)}", severity,
                     got=tuple(names[:SHOWN]), count=len(names))


# Rules of one column that pandera has no check for

def _misfits(contract: Contract, table: Table, values: dict[str, Values]) -> Iterator[Breach]:
    for name, found in values.items():
        column = contract.columns[name]
        if found.misfits.any():
            yield _row_breach(table, Rule("type", NOUNS[column.type], (name,), column.type, len,
                                          _severity(column, "type")), np.flatnonzero(found.misfits))


def _too_many_missing(contract: Contract, values: dict[str, Values]) -> Iterator[Breach]:
    for name, found in values.items():
        column, size = contract.columns[name], int(found.present.sum())
        count = int(found.missing.sum())
        if column.null_share is not None and size and count / size > column.null_share:
            text = f"{count} of {size} values are missing ({_percent(count / size)}), more than " \
                   f"{_percent(column.null_share)}"
            yield Breach("null_share", f"column '{name}': {text}", _severity(column, "null_share"), name,
                         column.null_share, (count / size,), count=count)


# Rules that look at each value, run by pandera

def _broken_rules(contract: Contract, table: Table, values: dict[str, Values]) -> Iterator[Breach]:
    rules = [rule for name in values for rule in _column_rules(contract.columns[name])]
    groups = [rule for rule in _group_rules(contract) if set(rule.columns) <= set(values)]
    frame = pd.DataFrame({name: found.values for name, found in values.items()})
    failures = _failures(frame, rules, groups) if len(frame) and rules + groups else {}
    for number, rule in enumerate([*rules, *groups]):
        if number in failures:
            yield _row_breach(table, rule, failures[number])


def _failures(frame: pd.DataFrame, rules: list[Rule], groups: list[Rule]) -> dict[int, np.ndarray]:
    """The rows that break each rule, by the rule's number. Pandera leaves missing values of a column out."""
    columns: dict[str, list] = {}
    for number, rule in enumerate(rules):
        columns.setdefault(rule.columns[0], []).append(pandera.Check(rule.test, error=str(number)))
    wide = [pandera.Check(rule.test, error=str(number)) for number, rule in enumerate(groups, len(rules))]
    schema = pandera.DataFrameSchema({name: pandera.Column(None, checks, nullable=True)
                                      for name, checks in columns.items()}, checks=wide)
    try:
        schema.validate(frame, lazy=True)
    except pandera.errors.SchemaErrors as found:
        cases = found.failure_cases
        return {int(number): np.sort(rows["index"].astype(int).unique()) for number, rows in cases.groupby("check")}
    return {}


def _column_rules(column: Column) -> Iterator[Rule]:
    yield from _range_rules(column)
    if column.categories:
        allowed = {_key(value) for value in column.categories}
        yield Rule("categories", f"with none of {_listed(column.categories)}", (column.name,),
                   list(column.categories), lambda series: series.map(_key).isin(allowed),
                   _severity(column, "categories"))
    if column.unique:
        yield Rule("unique", "with a repeated value", (column.name,), True, lambda series: ~series.duplicated(),
                   _severity(column, "unique"))


def _range_rules(column: Column) -> Iterator[Rule]:
    low, high = column.range
    moment = column.type == "datetime"
    severity = _severity(column, "range")
    unit = f" {column.unit}" if column.unit else ""
    if low is not None:
        bound = _moment(low) if moment else low
        yield Rule("range", f"{'before' if moment else 'below'} {low}{unit}", (column.name,), low,
                   lambda series: series >= bound, severity)
    if high is not None:
        top = _moment(high) + pd.Timedelta(days=1) if is_day(high) else _moment(high) if moment else high
        yield Rule("range", f"{'after' if moment else 'above'} {high}{unit}", (column.name,), high,
                   lambda series: series < top if is_day(high) else series <= top, severity)


def _group_rules(contract: Contract) -> Iterator[Rule]:
    severity = "warning" if "unique" in contract.warn else "error"
    for group in contract.unique:
        chosen = list(group)
        yield Rule("unique", "with a repeated value" if len(group) == 1 else "with the same values together", group,
                   chosen, lambda frame, chosen=chosen: frame[chosen].isna().any(axis=1) | ~frame.duplicated(chosen),
                   severity)


def _moment(text: str) -> pd.Timestamp:
    moment = pd.Timestamp(text)
    return moment.tz_localize("UTC") if moment.tzinfo is None else moment


def _key(value: object) -> str:
    """A category as text: 1, 1.0 and "1" are the same."""
    if isinstance(value, bool | np.bool_):
        return str(bool(value)).lower()
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)


# Words

def _row_breach(table: Table, rule: Rule, rows: np.ndarray) -> Breach:
    first = [table.place(int(row)) for row in rows[:SHOWN]]
    places = tuple(Place(file.name, int(file.numbers[position])) for file, position in first)
    show = str if rule.name == "range" else _shown      # what has a range is a number or a date, also in CSV
    got = tuple(" + ".join(show(file.data.column(name)[position].as_py()) for name in rule.columns)
                for file, position in first)
    noun = f"column '{rule.columns[0]}'" if len(rule.columns) == 1 else f"columns {_listed(rule.columns)}"
    column = rule.columns[0] if len(rule.columns) == 1 else None
    return Breach(rule.name, f"{noun}: {_count(len(rows))} {rule.says}", rule.severity, column, rule.limit, got, places,
                  len(rows))


def _with_lines(breaches: list[Breach], table: Table) -> tuple[Breach, ...]:
    """Add the lines of CSV files to the places, and the places to the messages."""
    lines = {file.name: line_numbers(file, {place.row for breach in breaches for place in breach.places
                                            if place.file == file.name}) for file in table.files}
    finished = []
    for breach in breaches:
        places = tuple(replace(place, line=lines[place.file].get(place.row)) for place in breach.places)
        tail = _tail(places, breach, len(table.files) > 1)
        finished.append(replace(breach, places=places, message=breach.message + tail))
    return tuple(finished)


def _tail(places: tuple[Place, ...], breach: Breach, many: bool) -> str:
    """As ` (rows 17, 290, ...: 130, 121)`."""
    if not places:
        return ""
    parts = []
    for name in dict.fromkeys(place.file for place in places):
        here = [place for place in places if place.file == name]
        rows = ", ".join(f"{p.row} (line {p.line})" if p.line and p.line != p.row + 1 else str(p.row) for p in here)
        parts.append(f"{'row' if len(here) == 1 else 'rows'} {rows}{f' of {name}' if many else ''}")
    more = ", ..." if breach.count > len(places) else ""
    return f" ({'; '.join(parts)}{more}{': ' + ', '.join(breach.got) if breach.got else ''})"


def _severity(column: Column, rule: str) -> str:
    return "warning" if rule in column.warn else "error"


def _count(number: int) -> str:
    return "1 row" if number == 1 else f"{number} rows"


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _listed(values: Sequence) -> str:
    shown = ", ".join(map(_shown, values[:SHOWN]))
    return shown if len(values) <= SHOWN else f"{shown}, ... ({len(values)} in all)"


def _shown(value: object) -> str:
    """A value, short and with nothing in it that a terminal would obey."""
    text = repr(value) if isinstance(value, str | bytes) else str(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST - 3]}..."
