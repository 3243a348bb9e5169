"""Text that may be anything, made harmless where Markdown or HTML is read; figures as people write them."""

import html
import re
from math import floor, log10
from urllib.parse import quote

SIGNS = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~:$&@=/])")
ACTING = re.compile(r"([\\`*\[\]{}<>~$:@|]|(?<![^\W_])_|_(?![^\W_])|&(?=[#\w]+;)|(?<=www)\.|-(?=-)|(?<=-)-"
                    r"|^[#=+-]|(?<=^\d)[.)]|(?<=^\d\d)[.)]|!(?=\[))", re.I)
SPACE = re.compile(r"\s+")


def plain(text: object) -> str:
    """As Markdown that shows the text and does nothing else, in one line."""
    return SIGNS.sub(r"\\\1", SPACE.sub(" ", str(text)).strip())


def named(text: object) -> str:
    """The same for a field's label, which a screen reader reads as it is written: only what would act is marked."""
    return ACTING.sub(r"\\\1", SPACE.sub(" ", str(text)).strip())


def safe(text: object) -> str:
    """As HTML that shows the text and does nothing else."""
    return html.escape(str(text), quote=True)


def quoted(name: str) -> str:
    """As one part of an address."""
    return quote(name, safe="")


def cut(text: object, most: int = 60) -> str:
    said = str(text)
    return said if len(said) <= most else said[:most - 1] + "…"


def figure(value: object, digits: int = 4) -> str:
    """A number with a few digits; all else as it is."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "missing" if value is None else str(value)
    if isinstance(value, int) or (float(value).is_integer() and abs(value) < 1e15):
        return f"{int(value):,}"
    size = abs(value)
    return f"{value:.{digits}g}" if size < 1000 else f"{value:,.0f}"


def exact(value: object) -> str:
    """An input as it is: a year has no comma, and no digit is left out."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return "missing" if value is None else str(value)


def percent(share: float) -> str:
    """0.734 -> 73 %; what is not quite none or all is not said to be."""
    if 0 < share < 0.01:
        return "under 1 %"
    if 0.99 < share < 1:
        return "over 99 %"
    return f"{100 * share:.0f} %"


def signed(amount: float, widest: float, *, points: bool) -> str:
    """+12.3 points, or +3.21: as many decimals as the widest of its neighbours needs."""
    decimals = 1 if points else min(12, max(0, 2 - floor(log10(widest)))) if widest > 0 else 0
    said = f"{100 * amount if points else amount:+,.{decimals}f}"
    return said.replace("-", "−") if said.strip("+-0.") else said[1:]
