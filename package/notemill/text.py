"""Text for a terminal: colours where they are wanted, tables that line up."""

import contextlib
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

UNLIMITED = 10_000  # columns: what goes to a file or another program is not cut


@dataclass(frozen=True)
class Style:
    """Colours or none."""

    colours: bool
    width: int = 100

    def _in(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.colours else text

    def good(self, text: str) -> str:
        return self._in("32", text)

    def bad(self, text: str) -> str:
        return self._in("31", text)

    def warn(self, text: str) -> str:
        return self._in("33", text)

    def dim(self, text: str) -> str:
        return self._in("2", text)

    def strong(self, text: str) -> str:
        return self._in("1", text)


def style_for(stream: TextIO, environ: Mapping[str, str] = os.environ) -> Style:
    """Colours on a terminal only, and never with NO_COLOR (https://no-color.org) or TERM=dumb."""
    width = shutil.get_terminal_size((100, 24)).columns if stream.isatty() else UNLIMITED
    return Style(is_live(stream, environ) and not environ.get("NO_COLOR"), width)


def is_live(stream: TextIO, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether a person watches: a terminal, and not a build server's."""
    return stream.isatty() and environ.get("TERM") != "dumb" and not environ.get("CI")


def silence(stream: TextIO) -> None:
    """What is still written goes nowhere: its reader has gone away."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def table(head: Sequence[str], rows: Sequence[Sequence[str]], style: Style) -> str:
    """Columns that line up; the widest give way so that a line fits the terminal."""
    cells = [[printable(cell) for cell in row] for row in rows]
    kept = [i for i in range(len(head)) if any(row[i] for row in cells)] or list(range(len(head)))
    widths = {i: max(len(row[i]) for row in [head, *cells]) for i in kept}
    while sum(widths.values()) + 2 * len(kept) > style.width and max(widths.values()) > 24:
        widths[max(widths, key=widths.get)] -= 1
    lines = ["  ".join(clip(row[i], widths[i]).ljust(widths[i]) for i in kept).rstrip() for row in [head, *cells]]
    return "\n".join([style.strong(lines[0]), *lines[1:]])


def clip(text: str, width: int) -> str:
    return text if len(text) <= width else text[:width - 1] + "…"


def printable(text: object) -> str:
    """One line without control characters: what a notebook wrote must not steer the terminal."""
    return "".join(c if c.isprintable() else " " for c in str(text))


def duration(seconds: float | None) -> str:
    """As 0.4 s, 12.3 s, 3 min 05 s."""
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s"


def size(count: int | None) -> str:
    """Bytes as people read them (powers of 1000)."""
    if count is None:
        return ""
    value, units = float(count), ["B", "kB", "MB", "GB", "TB"]
    while round(value, 1) >= 1000 and len(units) > 1:     # 999,999 B are 1.0 MB, not 1000.0 kB
        value, units = value / 1000, units[1:]
    return f"{value:.0f} {units[0]}" if units[0] == "B" else f"{value:.1f} {units[0]}"


def number(value: float | None) -> str:
    """A figure with four digits, a whole or large number without decimals; nothing where there is none."""
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) < 1e15 and (float(value).is_integer() or abs(value) >= 1e4) else f"{value:.4g}"


def without_machine(value: object) -> object:
    """A value in which files outside the project go by their own names: where they lay says nothing elsewhere."""
    if isinstance(value, Mapping):
        return {name: without_machine(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [without_machine(inner) for inner in value]
    outside = isinstance(value, str) and (Path(value).is_absolute() or Path(value).parts[:1] == ("..",))
    return Path(value).name if outside else value
