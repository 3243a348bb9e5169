"""A stranger's text in a comment: shown letter by letter, never taken for Markdown, HTML, a link or a name to call."""

import re
import unicodedata

MOST = 160
FILE = r"/(pull-request|main)/[0-9a-f]{64}/[A-Za-z0-9_][A-Za-z0-9._+-]{0,119}(#[a-z0-9-]{1,40})?"
# within a code span only these could end it, or the cell; and no program that reads along shall call anybody
SWAPPED = str.maketrans({"`": "ʼ", "|": "¦", "@": "＠"})
UNSEEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs", "Mn", "Me")


def code(text: object, most: int = MOST) -> str:
    """As a code span of one line."""
    line = plain(text, most).translate(SWAPPED)
    return f"`{line}`" if line else ""


def plain(text: object, most: int = MOST) -> str:
    """One line of what can be seen; nothing turns its direction, nothing is stacked on it."""
    cut = unicodedata.normalize("NFC", str(text)[:4 * most])
    seen = "".join(" " if unicodedata.category(c) in UNSEEN else c for c in cut)
    line = " ".join(seen.split())
    return line if len(line) <= most else line[:most - 1] + "…"


def link(title: str, url: str, own: str) -> str:
    """To a file in the drop, `own`; its title alone for any other address."""
    shown = code(title, 80) or "`file`"
    return f"[{shown}]({url})" if re.fullmatch(re.escape(own.rstrip("/")) + FILE, url, re.ASCII) else shown


def table(head: list[str], rows: list[list[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return [f"| {' | '.join(cells)} |" for cells in lines]


def figure(value: float | None) -> str:
    """Four digits; figures are numbers already."""
    return "" if value is None else f"{value:.4g}"
