"""Tables for spreadsheets, in which no cell acts."""

import csv
import io
import re
from collections.abc import Mapping

from notemill.demo.state import Demo

ENDS = re.compile(r"([;\t\r\n])")  # where a spreadsheet may begin another cell, though the cell goes on
SIGNS = r"[ \"]*[=+\-@\uff1d\uff0b\uff0d\uff20]"  # what it takes for a formula; also in full width
ACTS, SUSPECT = re.compile(SIGNS), re.compile(rf"(?:^|[;\t\r\n]){SIGNS}|^[\t\r\n]")
CONTROLS = ("\t", "\r", "\n")


def as_csv(table) -> bytes:
    """With a quote before each text that a spreadsheet would take for a formula, and each cell in quotes: it may have
    another list separator than a comma. In UTF-8 with a mark, as spreadsheets expect."""
    import pandas as pd

    harmless = table.rename(columns=quoted)
    for place in range(harmless.shape[1]):
        if harmless.dtypes.iloc[place].kind not in "biufM":
            kind = "str" if harmless.dtypes.iloc[place] == "str" else "object"  # whole numbers with gaps stay whole
            harmless.isetitem(place, pd.Series(map(quoted, harmless.iloc[:, place]), index=table.index, dtype=kind))
    return harmless.to_csv(index=False, quoting=csv.QUOTE_ALL).encode("utf-8-sig", "replace")


def quoted(cell: object) -> object:
    """Numbers that are text stay as they are."""
    if not isinstance(cell, str) or not SUSPECT.search(cell) or is_number(cell) and not cell.startswith(CONTROLS):
        return cell
    mild = "".join(f"'{piece}" if acts(piece) else piece for piece in ENDS.split(cell))
    return f"'{mild}" if cell.startswith(CONTROLS) else mild


def acts(text: str) -> bool:
    return ACTS.match(text) is not None and not is_number(text)


def is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def template(demo: Demo) -> bytes:
    """The golden rows as CSV: what a file has to look like. Private cells are empty: the rows are real ones."""
    rows: list[Mapping] = demo.loaded.golden["rows"]
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow([one.name for one in demo.fields])
    for row in rows:
        cells = ("" if one.private or row.get(one.name) is None else quoted(row[one.name]) for one in demo.fields)
        writer.writerow(cells)
    return text.getvalue().encode("utf-8-sig")
