"""Pictures of the verdict in HTML alone (Streamlit takes SVG out), in which all text is escaped."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import floor, log10

from notemill.demo.verdicts import Check
from notemill.demo.words import cut, figure, safe

MOST_LINES, ROOM, TICKS = 60, 0.06, 5


@dataclass(frozen=True)
class Scale:
    """Figures onto a length: as a share of it in per cent."""

    low: float
    high: float

    def __call__(self, value: float) -> str:
        return f"{100 * min(1, max(0, (value - self.low) / (self.high - self.low))):.1f}%"

    def ticks(self) -> list[float]:
        """A few round numbers."""
        raw = (self.high - self.low) / TICKS
        power = 10.0 ** floor(log10(raw))
        step = next(size * power for size in (1, 2, 2.5, 5, 10) if size * power >= raw)
        first = floor(self.low / step) + 1
        found = (float(f"{step * (first + number):.12g}") for number in range(2 * TICKS + 2))
        return [one + 0.0 for one in found if one <= self.high]


def scale(figures: Sequence[float]) -> Scale:
    low, high = min(figures), max(figures)
    free = (high - low) * ROOM or abs(high) * ROOM or 1.0
    return Scale(low - free, high + free)


# figures with their intervals, one a line
def dots(parts: Sequence[Check], label: str, line: float | None = None, *, told: bool = False) -> str:
    """`line`: what they are compared with, the same for all; else each has its own limit. `told`: with their hints."""
    shown = parts[:MOST_LINES]
    values = [one for part in shown for one in (part.figure, part.low, part.high, line if line is not None else
                                                part.limit) if one is not None]
    on = scale(values or [0.0])
    rest = f'<li class="rest">and {len(parts) - MOST_LINES} more</li>' if len(parts) > MOST_LINES else ""
    lines = "".join(dot(one, on, line if line is not None else one.limit, told=told) for one in shown)
    return f'<ul class="nm-dots" aria-label="{safe(label)}">{lines}{rest}</ul>'


def dot(one: Check, on: Scale, line: float | None, *, told: bool) -> str:
    name = f'<span class="name">{safe(cut(one.name, 60))}{rows(one)}</span>'
    if one.figure is None:
        why = one.hint.partition(" (gate:")[0] or one.outcome
        return f'<li class="none">{name}<span class="why">{safe(cut(why, 120))}</span></li>'
    mark = f'<i class="line" style="left:{on(line)}"></i>' if line is not None else ""
    reach = (f'<i class="range" style="left:{on(one.low)};right:calc(100% - {on(one.high)})"></i>'
             if one.low is not None and one.high is not None else "")
    mood = one.outcome if one.outcome in ("refused", "warned") else "plain"
    around = f' <span class="of">{figure(one.low, 3)} to {figure(one.high, 3)}</span>' if reach else ""
    hint = f'<span class="told">{safe(cut(one.hint, 300))}</span>' if told and one.hint else ""
    return (f'<li class="{mood}">{name}<span class="track">{mark}{reach}<i class="point" style="left:{on(one.figure)}">'
            f'</i></span><span class="share">{figure(one.figure, 3)}{around}</span>{hint}</li>')


def rows(one: Check) -> str:
    return f' <span class="value">{one.n:,.0f} rows</span>' if one.n else ""


# what it said against what happened
def calibration(curve: Mapping) -> str:
    """With intervals; on the diagonal it keeps its word."""
    on = Scale(0, 1)
    points = list(zip(curve["x"], curve["y"], curve["low"], curve["high"], strict=True))
    said = "; ".join(f"said {100 * x:.0f} %, happened {100 * y:.0f} %" for x, y, *_ in points)
    marks = "".join(reach(on(x), on(low), on(high), "range") + point(on(x), on(y)) for x, y, low, high in points)
    several = curve.get("x_name") == "probability of the predicted class"
    what = "of the class that it named" if several else "that it named"
    axes = ticks("up", on, share) + ticks("across", on, share)
    return picture("diagonal", f"Calibration: {said}", axes + marks, "Does it keep its word?",
                   f"Across: the probability {what}, in %. Up: how often it was so, in %, on held-out rows with 95 % "
                   "intervals. On the line they are the same.")


def residuals(wide: Mapping, middle: Mapping | None, unit: str) -> str:
    """How far off it is, by what it says."""
    x = scale(wide["x"])
    y = scale([0.0, *wide["low"], *wide["high"]])
    marks = "".join(reach(x(at), y(low), y(high), "range")
                    for at, low, high in zip(wide["x"], wide["low"], wide["high"], strict=True))
    if middle:
        marks += "".join(reach(x(at), y(low), y(high), "range half")
                         for at, low, high in zip(middle["x"], middle["low"], middle["high"], strict=True))
    marks += "".join(point(x(at), y(off)) for at, off in zip(wide["x"], wide["y"], strict=True))
    said = "; ".join(f"at {figure(at)} from {figure(low, 3)} to {figure(high, 3)}"
                     for at, low, high in zip(wide["x"], wide["low"], wide["high"], strict=True))
    measure = f" in {unit}" if unit else ""
    zero = f'<i class="zero" style="bottom:{y(0)}"></i>'
    half = "the thick bar holds the middle half of the held-out rows, the thin one" if middle else \
        "of the held-out rows the bar holds"
    return picture("plain", f"Errors by prediction: {said}", ticks("up", y, figure) + ticks("across", x, figure) + zero
                   + marks, "How far off is it?", f"Across: what it predicted{measure}. Up: how much more it really "
                   f"was. The point is the median, {half} nine tenths.")


def picture(kind: str, said: str, inside: str, title: str, caption: str) -> str:
    return (f'<figure class="nm-curve {kind}"><h3>{safe(title)}</h3><div class="plot" role="img" aria-label='
            f'"{safe(said)}">{inside}</div><figcaption>{safe(caption)}</figcaption></figure>')


def reach(at: str, low: str, high: str, kind: str) -> str:
    return f'<i class="{kind}" style="left:{at};bottom:{low};top:calc(100% - {high})"></i>'


def point(at: str, up: str) -> str:
    return f'<i class="point" style="left:{at};bottom:{up}"></i>'


def ticks(side: str, on: Scale, words: Callable[[float], str]) -> str:
    marks = [0.0, 0.25, 0.5, 0.75, 1.0] if (on.low, on.high) == (0, 1) else on.ticks()
    way = "bottom" if side == "up" else "left"
    return "".join(f'<i class="{side}" style="{way}:{on(one)}">{safe(words(one))}</i>' for one in marks)


def share(value: float) -> str:
    return f"{100 * value:.0f}"
