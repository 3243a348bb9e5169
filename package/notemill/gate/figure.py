"""What a project's own check gives back."""

import math
from dataclasses import dataclass, field, fields

NUMBERS = ("value", "limit", "low", "high")


@dataclass(frozen=True)
class Figure:
    """A figure, whether it passed, and if there are any: the limit it was held against, its interval, the number of
    rows it rests on, what to say of it.

    Numbers may be numpy's. Raises ValueError where a field is not what it has to be.
    """

    value: float
    limit: float | None = None
    low: float | None = None
    high: float | None = None
    n: int | None = None
    passed: bool = field(kw_only=True)
    hint: str | None = None

    def __post_init__(self):
        for one in fields(self):  # numpy's numbers as Python's
            value = getattr(self, one.name)
            plain = value.item() if hasattr(value, "item") and getattr(value, "ndim", 0) == 0 else value
            object.__setattr__(self, one.name, plain)
        for name in NUMBERS:
            check_number(name, getattr(self, name), must=name == "value")
        check_rest(self)


def check_number(name: str, value: object, *, must: bool) -> None:
    if value is None and not must:
        return
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"Figure: {name} is {value!r}: a finite number is wanted")


def check_rest(figure: Figure) -> None:
    if not isinstance(figure.passed, bool):
        raise ValueError(f"Figure: passed is {figure.passed!r}: True or False is wanted")
    if figure.n is not None and (isinstance(figure.n, bool) or not isinstance(figure.n, int) or figure.n < 0):
        raise ValueError(f"Figure: n is {figure.n!r}: a number of rows is wanted")
    if figure.hint is not None and not isinstance(figure.hint, str):
        raise ValueError(f"Figure: hint is {figure.hint!r}: text is wanted")
    low, high = (figure.value if end is None else end for end in (figure.low, figure.high))
    if not low <= figure.value <= high:
        raise ValueError(f"Figure: value {figure.value:g} is not between low {low:g} and high {high:g}")
