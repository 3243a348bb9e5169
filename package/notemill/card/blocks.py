"""What a card is made of, whatever it is shown as: sections, and in them blocks of a few kinds."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Say:
    """A sentence; its texts from data are as they are."""

    text: str


@dataclass(frozen=True)
class Heading:
    text: str


@dataclass(frozen=True)
class Figure:
    """The figure that counts, with its interval and n: a check of the gate."""

    name: str
    check: Mapping
    rows: str


@dataclass(frozen=True)
class Facts:
    """Names and values; the third is a value in full, where the second is its beginning."""

    rows: tuple[tuple[str, str, str | None], ...]


@dataclass(frozen=True)
class Lines:
    """A list; `more` were left out."""

    lines: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Checks:
    """Checks of the gate, or parts of one, by the name that they are shown under."""

    rows: tuple[tuple[str, Mapping], ...]


@dataclass(frozen=True)
class Words:
    """What people wrote, in Markdown."""

    text: str


@dataclass(frozen=True)
class Note:
    """Who wrote it, or that nobody did."""

    text: str
    missing: bool = False


@dataclass(frozen=True)
class Section:
    title: str
    blocks: tuple = ()
    human: bool = False
    key: str = ""
