"""Figures of the verdict's page, in numbers: where a template draws intervals, curves, axes and ticks."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from notemill.gate.verdict import is_number
from notemill.text import number

ROOM = 0.06         # of the scale's length, left free at either end of an interval plot
WIDTH, HEIGHT = 440, 300                            # of a curve's picture, in its own units
LEFT, RIGHT, TOP, BOTTOM = 58, 14, 12, 46           # around the field that it is drawn in
TICKS = 5
MOST_POINTS = 60    # from here on a curve is a line without points
MOST_PLACES = 400   # of a line; more cannot be told apart


@dataclass(frozen=True)
class Scale:
    """Numbers onto a length."""

    low: float
    high: float
    start: float = 0.0
    end: float = 100.0

    def __call__(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 2)


def span(values: Iterable[float], room: float = ROOM, at_zero: bool = False) -> Scale:
    """The scale that holds them all, with some room at the ends; `at_zero`: not below 0 for what is not."""
    found = list(values)
    low, high = min(found), max(found)
    free = (high - low) * room or abs(high) * room or 1.0
    return Scale(low - free if low < 0 or not at_zero else max(0.0, low - free), high + free)


# interval plots
def numbers_of(check: Mapping) -> list[float]:
    return [check[key] for key in ("figure", "low", "high", "limit") if is_number(check.get(key))]


def has_plot(check: Mapping) -> bool:
    """Whether a picture tells more than the figure alone: an interval, or a limit beside it."""
    return is_number(check.get("figure")) and len(numbers_of(check)) > 1


def interval(check: Mapping, scale: Scale | None = None) -> dict | None:
    """Places of "figure", "low", "high" and "limit" in per cent of the width, and the picture in words."""
    if not has_plot(check):
        return None
    scale = scale or span(numbers_of(check))
    places = {key: scale(check[key]) if is_number(check.get(key)) else None
              for key in ("figure", "low", "high", "limit")}
    return {**places, "words": in_words(check)}


def in_words(check: Mapping) -> str:
    words = number(check["figure"])
    if is_number(check.get("low")) and is_number(check.get("high")):
        words += f", 95 % interval {number(check['low'])} to {number(check['high'])}"
    return words + (f", limit {number(check['limit'])}" if is_number(check.get("limit")) else "")


def common_scale(checks: Iterable[Mapping]) -> Scale | None:
    """One scale for all parts of a check."""
    values = [value for check in checks for value in numbers_of(check)]
    return span(values) if len(values) > 1 else None


def marks(scale: Scale) -> list[dict]:
    """Ticks of a common scale: place and label."""
    return [{"at": scale(value), "label": label(value, scale)} for value in ticks(scale.low, scale.high, 3)]


def ticks(low: float, high: float, count: int = TICKS) -> list[float]:
    """About `count` round numbers between the two (steps of 1, 2, 2.5 or 5 times a power of ten)."""
    raw = (high - low) / count
    size = 10.0 ** math.floor(math.log10(raw))
    step = next(size * factor for factor in (1, 2, 2.5, 5, 10) if size * factor >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [n * step for n in range(first, math.floor(high / step + 1e-9) + 1)]


def label(value: float, scale: Scale) -> str:
    """As many digits as the scale's length needs."""
    if abs(value) < (scale.high - scale.low) * 1e-9:
        return "0"
    if max(abs(scale.low), abs(scale.high)) >= 1e5 or scale.high - scale.low < 1e-4:
        return f"{value:.3g}"
    digits = max(0, 2 - math.floor(math.log10(scale.high - scale.low)))
    text = f"{value:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


# curves
def points_of(curve: Mapping) -> list[dict]:
    """The curve's points as {"x", "y", "low", "high", "n"}; what is no number is left out."""
    columns = {key: curve[key] if isinstance(curve.get(key), list) else [] for key in ("x", "y", "low", "high", "n")}
    rows = [{key: column[i] if i < len(column) and is_number(column[i]) else None for key, column in columns.items()}
            for i in range(len(columns["x"]))]
    return [row for row in rows if row["x"] is not None and row["y"] is not None]


def draw(curve: Mapping, diagonal: bool = False, bars: str = "95 % interval") -> dict | None:
    """All that a template needs to draw a curve; None where it has no points. `bars`: what low and high are."""
    points = points_of(curve)
    if not points:
        return None
    x, y = scales(points, diagonal)
    return {"width": WIDTH, "height": HEIGHT, "left": LEFT, "right": WIDTH - RIGHT, "top": TOP,
            "bottom": HEIGHT - BOTTOM, "path": path(points, x, y), "points": dots(points, x, y),
            "x_ticks": axis(x), "y_ticks": axis(y), "diagonal": diagonal_of(x, y) if diagonal else None,
            "x_name": str(curve.get("x_name") or "x"), "y_name": str(curve.get("y_name") or "y"),
            "bars": bars if any(point["low"] is not None and point["high"] is not None for point in points) else "",
            "zero": y(0) if y.low < 0 < y.high else None,  # only where the curve goes to both sides
            "count": len(points), "rows": points if len(points) <= MOST_POINTS else []}


def scales(points: list[dict], diagonal: bool) -> tuple[Scale, Scale]:
    """For the field; with a diagonal the same for both axes."""
    x = [point["x"] for point in points]
    y = [point[key] for point in points for key in ("y", "low", "high") if point[key] is not None]
    if diagonal:
        x = y = [*x, *y]
    across, up = span(x, 0.03), span(y, 0.05, at_zero=True)
    if diagonal and min(x) >= 0 and max(x) <= 1 and max(x) - min(x) > 0.5:
        across = up = Scale(0.0, 1.0)
    return Scale(across.low, across.high, LEFT, WIDTH - RIGHT), Scale(up.low, up.high, HEIGHT - BOTTOM, TOP)


def axis(scale: Scale) -> list[dict]:
    return [{"at": scale(value), "label": label(value, scale)} for value in ticks(scale.low, scale.high)]


def diagonal_of(x: Scale, y: Scale) -> dict:
    """Where y equals x, within the field."""
    low, high = max(x.low, y.low), min(x.high, y.high)
    return {"x1": x(low), "y1": y(low), "x2": x(high), "y2": y(high)}


def path(points: list[dict], x: Scale, y: Scale) -> str:
    step = math.ceil(len(points) / MOST_PLACES)
    shown = [*points[::step], points[-1]] if step > 1 else points
    return " ".join(f"{x(point['x']):g},{y(point['y']):g}" for point in shown)


def dots(points: list[dict], x: Scale, y: Scale) -> list[dict]:
    """A point for each, with its interval; none on a line of very many."""
    if len(points) > MOST_POINTS:
        return []
    return [{"x": x(point["x"]), "y": y(point["y"]), "low": None if point["low"] is None else y(point["low"]),
             "high": None if point["high"] is None else y(point["high"]), "words": words_of(point)} for point in points]


def words_of(point: Mapping) -> str:
    words = f"{number(point['x'])}: {number(point['y'])}"
    if point["low"] is not None and point["high"] is not None:
        words += f" ({number(point['low'])} to {number(point['high'])})"
    return words + (f", n = {number(point['n'])}" if point["n"] is not None else "")
