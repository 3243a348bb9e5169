"""A CSV file as a table: as it is where the prepare notebook can read it, else rewritten as plain CSV."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from notemill.errors import NotemillError, UsageError
from notemill.init import decimals, written
from notemill.init.heading import Heading, check_names, distinct_names, find_heading
from notemill.init.quote import comment
from notemill.init.reading import Reading, Table, check_size

SHOWN = 5


def read_csv(path: Path, target: str, reading: Reading) -> Table:
    """A CSV file's table. `target` tells a heading from data, where it is in it."""
    form = written.look(path, reading.encoding, reading.separator)
    sample = _rows("".join(written.first_lines(path, form.packed, form.encoding)), form.separator, path)
    blanks = _blank_led(sample)
    heading = find_heading(str(path), _led(sample, blanks), reading.header, reading.no_header, target)
    check_names(str(path), heading.names)
    plain = _plain_csv(path, form.odd or blanks, heading)
    if plain is not None:
        return Table(path, plain)
    said = [*form.odd, *(["blanks after the separators"] if blanks else [])]
    check_size(path, reading, said)
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


def _plain_csv(path: Path, odd: object, heading: Heading):
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


def _rewritten(path: Path, form: written.Written, blanks: bool, heading: Heading, said: list[str]) -> Table:
    """The same table as plain CSV: UTF-8, commas, a heading of distinct names, plain numbers."""
    import pandas

    columns = _columns(path, _lines(path, form, blanks)[heading.rows:], heading)
    names, kept, notes = _name_columns(heading.names, columns)
    plain, numbers = _plain_numbers(names, kept, form.separator)
    content = _plain_bytes(names, plain)
    told = [*said, *numbers, *(["no heading"] if not heading.rows else []), *notes]
    return Table(path, pandas.read_csv(io.BytesIO(content), low_memory=False), content, said=tuple(told))


def _lines(path: Path, form: written.Written, blanks: bool) -> list[tuple[int, list[str]]]:
    """All rows, each with the line on which it ends."""
    try:
        with written.open_text(path, form.packed, form.encoding) as file:
            reader = csv.reader(file, delimiter=form.separator, skipinitialspace=blanks, strict=True)
            return [(reader.line_num, row) for row in reader if row]
    except csv.Error as error:
        raise UsageError(str(path), f"cannot be read as CSV after line {reader.line_num}: {error}",
                         hint="is a quote not closed?") from None
    except (UnicodeError, OSError, EOFError) as error:
        raise UsageError(str(path), f"cannot be read as {form.encoding} text: {error}",
                         hint="name another encoding with --encoding") from None


def _plain_numbers(names: list[str], columns: list, separator: str) -> tuple[list, list[str]]:
    """The columns with plain numbers in them, and in which ones that was needed."""
    comma = decimals.decimal_comma(columns, separator)
    changed = [decimals.plain_numbers(cells, comma) for cells in columns]
    found = [comment(name) for name, cells in zip(names, changed, strict=True) if cells]
    kind = "decimal comma" if comma else "commas between thousands"
    said = [f"{kind} in {', '.join(found[:SHOWN])}{', ...' if found[SHOWN:] else ''}"] if found else []
    return [new or old for new, old in zip(changed, columns, strict=True)], said


def _columns(path: Path, lines: list[tuple[int, list[str]]], heading: Heading) -> list[tuple[str, ...]]:
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
