"""The table that a project is about: read as its prepare notebook will read it, made plain first where it is odd."""

import csv
import io
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from notemill.errors import NotemillError, UsageError, did_you_mean
from notemill.init import decimals, written
from notemill.init.heading import check_names, distinct_names, find_heading
from notemill.init.quote import comment

SMALL = 10_000_000      # bytes: a table up to that is copied into the project
SHOWN = 5
TAKEN = (".csv", ".parquet")    # suffixes that the prepare notebook reads


@dataclass(frozen=True)
class Reading:
    """What was said about how to read the file."""

    header: str | None = None
    no_header: bool = False
    separator: str | None = None
    encoding: str | None = None
    copy: bool = False


@dataclass(frozen=True)
class Table:
    """`frame` is what the prepare notebook will see; `content` a plain rewriting of the file, None where it will do as
    it is; `source` the file or sklearn:NAME; `said` how it was read, in words."""

    source: Path | str
    frame: object = field(repr=False)
    content: bytes | None = field(default=None, repr=False)
    suffix: str = ".csv"
    said: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The file's name without what the suffixes say."""
        if isinstance(self.source, str):
            return self.source.partition(":")[2]
        name = self.source.name
        for suffix in (".gz", ".bz2", ".xz", ".csv", ".tsv", ".txt", ".tab", ".dat", ".data", ".parquet", ".pq"):
            name = name[:-len(suffix)] if name.lower().endswith(suffix) else name
        return name or "table"


def read_table(data: str, target: str, reading: Reading) -> Table:
    """The table at `data`: a file, or sklearn:NAME. Raises UsageError for what cannot be read as one."""
    if data.startswith("sklearn:"):
        _refuse_words(data, reading)
        return _sample(data)
    if "://" in data:
        raise UsageError("--data", f"'{comment(data)}' is an address", "a file, or sklearn:NAME",
                         "fetch the file first; its address can go into pipeline.yaml afterwards")
    path = Path(data)
    _check_file(path)
    if written.is_parquet(path):
        _refuse_words(data, reading)
        table = _parquet(path, reading)
    else:
        table = _csv(path, target, reading)
    if not len(table.frame):
        raise UsageError(data, "has a heading and no rows", "a table with rows")
    return table


def _refuse_words(data: str, reading: Reading) -> None:
    """Words about CSV files for a table that is none."""
    given = [f"--{name.replace('_', '-')}" for name in ("header", "no_header", "separator", "encoding")
             if getattr(reading, name)]
    if given:
        raise UsageError(given[0], f"is for CSV files, and {data} is none", hint="leave it out")


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise UsageError(str(path), "is a folder", "a file, or sklearn:NAME")
    if not path.is_file():
        there = sorted(p.name for p in path.parent.iterdir() if p.is_file()) if path.parent.is_dir() else []
        raise UsageError(str(path), "there is no such file", hint=did_you_mean(path.name, there))
    if not path.stat().st_size:
        raise UsageError(str(path), "is empty", "a table with a heading and rows")


def _sample(data: str) -> Table:
    """A data set of scikit-learn, as a step gets it."""
    import pandas

    from notemill.sources import fetch, parse
    from notemill.store import Store

    source = parse(data, "--data")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        store = Store(place / "store")
        fetched = fetch(source, store, project=place, environ={}, offline=False, memory=place / "memory")
        return Table(data, pandas.read_parquet(store.path(fetched.files[0][1])), suffix=".parquet")


# CSV

def _csv(path: Path, target: str, reading: Reading) -> Table:
    form = written.look(path, reading.encoding, reading.separator)
    sample = _rows("".join(written.first_lines(path, form.packed, form.encoding)), form.separator, path)
    blanks = _blank_led(sample)
    heading = find_heading(str(path), _led(sample, blanks), reading.header, reading.no_header, target)
    check_names(str(path), heading.names)
    plain = _plain_csv(path, form.odd or blanks, heading)
    if plain is not None:
        return Table(path, plain)
    said = [*form.odd, *(["blanks after the separators"] if blanks else [])]
    _check_size(path, reading, said)
    return _rewritten(path, form, blanks, heading, said)


def _rows(text: str, separator: str, path: Path) -> list[list[str]]:
    try:
        return [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator) if row]
    except csv.Error as error:
        raise UsageError(str(path), f"cannot be read as CSV: {error}") from None


def _blank_led(rows: list[list[str]]) -> bool:
    """Whether every separator has a blank after it."""
    cells = [cell for row in rows[:100] for cell in row[1:]]
    return bool(cells) and all(cell.startswith(" ") for cell in cells)


def _led(rows: list[list[str]], blanks: bool) -> list[list[str]]:
    return [[cell.lstrip(" ") for cell in row] for row in rows] if blanks else rows


def _plain_csv(path: Path, odd: object, heading):
    """The table of a file that the notebook can read as it is; None for any other."""
    names = heading.names
    if odd or heading.rows == 0 or path.suffix != ".csv" or len({*names}) < len(names) \
            or not all(map(str.strip, names)):
        return None
    import pandas

    from notemill.contract.table import read_file
    try:
        uneven = read_file(path.name, path, [names[0]]).bad_rows
        frame = None if uneven else pandas.read_csv(path, low_memory=False)
    except (ValueError, NotemillError):     # a form that one of the two does not read: it is read by hand
        return None
    return None if frame is None or _has_commas(frame) else frame


def _has_commas(frame) -> bool:
    """Whether numbers with commas hide in the text columns."""
    texts = (frame[name].dropna() for name in frame.select_dtypes(exclude=["number", "bool"]))
    return any(decimals.plain_numbers(cells, comma) for cells in ([str(c) for c in text] for text in texts)
               for comma in (False, True) if any("," in cell for cell in cells[:1000]))


def _check_size(path: Path, reading: Reading, said: Sequence[str]) -> None:
    if path.stat().st_size > SMALL and not reading.copy:
        raise UsageError(str(path),
                         f"is no plain CSV file ({', '.join(said) or 'see its heading and numbers'}) and has "
                         f"{path.stat().st_size / 1e6:.0f} MB", "a table over 10 MB stays where it is",
                         "--copy writes a plain copy into data/")


def _rewritten(path: Path, form: written.Written, blanks: bool, heading, said: list[str]) -> Table:
    """The same table as plain CSV: UTF-8, commas, a heading of distinct names, plain numbers."""
    import pandas

    try:
        with written.open_text(path, form.packed, form.encoding) as file:
            reader = csv.reader(file, delimiter=form.separator, skipinitialspace=blanks, strict=True)
            lines = [(reader.line_num, row) for row in reader if row]
    except csv.Error as error:
        raise UsageError(str(path), f"cannot be read as CSV after line {reader.line_num}: {error}",
                         hint="is a quote not closed?") from None
    except (UnicodeError, OSError, EOFError) as error:
        raise UsageError(str(path), f"cannot be read as {form.encoding} text: {error}",
                         hint="name another encoding with --encoding") from None
    columns = _columns(path, lines[heading.rows:], heading)
    names, kept, notes = _name_columns(heading.names, columns)
    comma = decimals.decimal_comma(kept, form.separator)
    changed = [decimals.plain_numbers(cells, comma) for cells in kept]
    numbers = [comment(name) for name, cells in zip(names, changed, strict=True) if cells]
    content = _plain_bytes(names, [new or old for new, old in zip(changed, kept, strict=True)])
    kind = "decimal comma" if comma else "commas between thousands"
    told = [*said,
            *([f"{kind} in {', '.join(numbers[:SHOWN])}{', ...' if numbers[SHOWN:] else ''}"] if numbers else []),
            *(["no heading"] if not heading.rows else []), *notes]
    return Table(path, pandas.read_csv(io.BytesIO(content), low_memory=False), content, said=tuple(told))


def _columns(path: Path, lines: list[tuple[int, list[str]]], heading) -> list[tuple[str, ...]]:
    """The cells by column. Raises UsageError where rows have more or fewer fields than the heading."""
    width = len(heading.names)
    uneven = [(line, len(row)) for line, row in lines if len(row) != width]
    if uneven:
        shown = ", ".join(f"line {line} has {count}" for line, count in uneven[:SHOWN])
        raise UsageError(str(path), f"{len(uneven)} rows do not have the heading's {width} fields: {shown}"
                         + (", ..." if uneven[SHOWN:] else ""), hint="a text with the separator in it needs quotes")
    return list(zip(*(row for _, row in lines), strict=True)) if lines else [()] * width


def _name_columns(names: Sequence[str], columns: list) -> tuple[list[str], list, list[str]]:
    """Names and columns without unnamed ones that hold nothing, or count the rows; and what was done."""
    dropped = {n: why for n, (name, cells) in enumerate(zip(names, columns, strict=True))
               if not name.strip() and (why := _needless(n, cells))}
    kept = [n for n in range(len(names)) if n not in dropped]
    chosen, changed = distinct_names([names[n] for n in kept])
    notes = [f"column {n + 1}, which has no name and {why}, is left out" for n, why in dropped.items()]
    return chosen, [columns[n] for n in kept], [*notes, *changed]


def _needless(number: int, cells: Sequence[str]) -> str | None:
    if not any(cell.strip() for cell in cells):
        return "holds nothing"
    counts = all(cell.isdecimal() for cell in cells) and len({*cells}) == len(cells)
    return "numbers the rows" if number == 0 and counts else None


def _plain_bytes(names: Sequence[str], columns: list) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(zip(*columns, strict=True))
    return text.getvalue().encode("utf-8")


# Parquet

def _parquet(path: Path, reading: Reading) -> Table:
    """A Parquet file's table; without pandas's index: the contract would see its column, the notebook would not."""
    import pyarrow
    from pyarrow import parquet

    try:
        table = parquet.read_table(path)
    except (pyarrow.ArrowException, OSError) as error:
        raise UsageError(str(path), f"cannot be read as Parquet: {str(error)[:200]}") from None
    check_names(str(path), table.column_names)
    _check_types(path, table)
    twice = sorted({name for name in table.column_names if table.column_names.count(name) > 1})
    if twice:
        raise UsageError(str(path), f"two columns have the name '{comment(twice[0])}'", hint="rename one of them")
    plain, said = _without_index(table)
    if not said and path.suffix == ".parquet":
        return Table(path, table.to_pandas(), suffix=".parquet")
    _check_size(path, reading, said or [f"its name ends in '{path.suffix}'"])
    from notemill.sources.tables import parquet_bytes
    frame = plain.to_pandas()
    return Table(path, frame, parquet_bytes(frame), ".parquet", tuple(said))


def _check_types(path: Path, table) -> None:
    from pyarrow import types

    known = (types.is_integer, types.is_floating, types.is_boolean, types.is_string, types.is_large_string,
             types.is_string_view, types.is_timestamp, types.is_date, types.is_dictionary, types.is_decimal,
             types.is_null)
    strange = [f"{comment(column.name)} ({column.type})" for column in table.schema
               if not any(knows(column.type) for knows in known)]
    if strange:
        raise UsageError(str(path),
                         f"these columns are of types that a model cannot take: {', '.join(strange[:SHOWN])}",
                         "numbers, text, true and false, dates", "leave them out, or turn them into one of these")


def _without_index(table) -> tuple[object, list[str]]:
    pandas_facts = table.schema.pandas_metadata or {}
    named = [name for name in pandas_facts.get("index_columns", []) if isinstance(name, str)]
    said = [f"pandas's index '{comment(name)}' is an ordinary column" for name in named
            if not name.startswith("__index_level_")]
    unnamed = [name for name in table.column_names if name.startswith("__index_level_")]
    said += ["pandas's index is left out"] if unnamed else []
    return table.drop_columns(unnamed).replace_schema_metadata(None), said
