"""Numbers as people write them in much of the world: 1.234,5 (decimal comma), or 1,234.5 (thousands)."""

import re
from collections.abc import Sequence

COMMA = re.compile(r"[-+]?([1-9]\d{0,2}(\.\d{3})+|\d+)(,\d+)?")
CERTAIN_COMMA = re.compile(r"[-+]?(\d+,(\d{1,2}|\d{4,})|0+,\d+|\d{1,3}(\.\d{3})+,\d+|\d{4,},\d{3})")
THOUSANDS = re.compile(r"[-+]?([1-9]\d{0,2}(,\d{3})+|\d+)(\.\d+)?")
MISSING = {"", "NA", "N/A", "n/a", "nan", "NaN", "NULL", "null", "None", "-", "?"}
MOSTLY = 0.9


def decimal_comma(columns: Sequence[Sequence[str]], separator: str) -> bool:
    """Whether commas in this table's numbers are decimal ones: by any cell that leaves no other reading."""
    filled = [cells for cells in map(_filled, columns) if any("," in cell for cell in cells[:1000])]
    commas = [cells for cells in filled if _are(COMMA, cells)]
    return any(CERTAIN_COMMA.fullmatch(cell) for cells in commas for cell in cells) or bool(commas) and separator == ";"


def plain_numbers(cells: Sequence[str], comma: bool) -> list[str] | None:
    """The cells with plain numbers for those with commas; None where the column has none to change."""
    kind, dropped = (COMMA, ".") if comma else (THOUSANDS, ",")
    filled = _filled(cells)
    if not any("," in cell or comma and "." in cell for cell in filled) or not _are(kind, filled):
        return None
    return [_plain(cell, kind, dropped) for cell in cells]


def _plain(cell: str, kind: re.Pattern, dropped: str) -> str:
    bare = cell.strip()
    return bare.replace(dropped, "").replace(",", ".") if kind.fullmatch(bare) else cell


def _filled(cells: Sequence[str]) -> list[str]:
    return [bare for bare in (cell.strip() for cell in cells) if bare not in MISSING]


def _are(kind: re.Pattern, cells: Sequence[str]) -> bool:
    """Whether nearly all cells are such numbers; a text column shows it in its first hundred."""
    some = cells[:100]
    return bool(cells) and all(sum(map(bool, map(kind.fullmatch, part))) >= MOSTLY * len(part)
                               for part in (some, cells))
