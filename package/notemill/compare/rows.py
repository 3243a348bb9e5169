"""A fact of both sides, and whether it differs."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from notemill import files

LEFT_ONLY, RIGHT_ONLY = "only on the left", "only on the right"
ABSENT = object()


@dataclass(frozen=True)
class Row:
    """One fact of both runs; `left` or `right` is None where that side has no such fact, and `note` says so."""

    section: str
    step: str
    name: str
    left: object
    right: object
    note: str = ""
    differs: bool = True
    shown: tuple[str, str] | None = None  # both sides as people read them, where their values do not say it

    @property
    def texts(self) -> tuple[str, str]:
        """Both sides as people read them: digests short, figures with the digits that matter."""
        if self.shown:
            return self.shown
        return (text_of(self.left) if self.note != RIGHT_ONLY else "–",
                text_of(self.right) if self.note != LEFT_ONLY else "–")


@dataclass(frozen=True)
class Section:
    name: str
    rows: tuple[Row, ...]


def make_row(section: str, step: str, name: str, left: object, right: object, note: str = "") -> Row:
    """A row of two values, ABSENT for one that is not there; a difference of numbers is said in figures."""
    differs = not same(left, right)
    if ABSENT in (left, right):
        note = RIGHT_ONLY if left is ABSENT else LEFT_ONLY
    elif differs and not note:
        note = change(left, right)
    return Row(section, step, name, None if left is ABSENT else left, None if right is ABSENT else right, note, differs)


def same(left: object, right: object) -> bool:
    """Equal in value and type (True is not 1); NaN is the same as NaN."""
    return type(left) is type(right) and (left == right or (left != left and right != right))


def change(left: object, right: object) -> str:
    numbers = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in (left, right))
    if not numbers or right - left != right - left:
        return ""
    return f"{'+' if right > left else '-'}{float(f'{abs(right - left):.3g}'):g}" if right != left else ""


def keyed(section: str, step: str, left: Mapping, right: Mapping, prefix: str = "") -> list[Row]:
    """One row for each key of either side."""
    return [make_row(section, step, f"{prefix}{key}", left.get(key, ABSENT), right.get(key, ABSENT))
            for key in sorted({*left, *right})]


def text_of(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.6g}"
    text = value if isinstance(value, str) else files.canonical_json(value)
    return text[:12] if re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", text) else text


@dataclass(frozen=True)
class Comparison:
    """Two runs' names, and the sections that have rows."""

    left: str
    right: str
    sections: tuple[Section, ...]
    all: bool = False

    @property
    def differences(self) -> int:
        return sum(row.differs for section in self.sections for row in section.rows)

    @property
    def headline(self) -> str:
        """How many differences there are."""
        return {0: "No differences", 1: "1 difference"}.get(self.differences, f"{self.differences} differences")

    def __str__(self) -> str:
        from notemill.compare.told import as_text

        return as_text(self)
