"""Columns that give the target away: copies of it, codes for it, two that add up to it."""

from collections.abc import Mapping

from notemill.init.columns import Column

MOST_NUMBERS = 40       # columns that are tried in pairs
LEAST_ROWS = 30         # fewer could agree by chance
EXACT = 1e-9


def find_leaks(frame, columns: Mapping[str, Column], target: str, task: str) -> dict[str, str]:
    """{column: why} of columns from which the target follows exactly."""
    known = frame[frame[target].notna()]
    others = {name: column for name, column in columns.items() if name != target and column.distinct > 1}
    if len(known) < LEAST_ROWS or known[target].nunique() < 2:
        return {}
    found = {name: "its values stand for the target's, one for one" for name in others
             if task == "classification" and _is_code(known[name], known[target])}
    if task == "regression":
        found |= _arithmetic(known, [name for name, column in others.items() if column.numeric], target)
    return found


def _is_code(values, labels) -> bool:
    """Whether each value goes with one class only, and each class with one value."""
    if values.nunique() != labels.nunique() or values.isna().any():
        return False
    pairs = values.astype("str").str.cat(labels.astype("str"), sep="\0")
    return pairs.nunique() == labels.nunique()


def _arithmetic(known, names: list[str], target: str) -> dict[str, str]:
    """Copies of the target in another unit, and pairs whose sum or difference it is."""
    import numpy
    import pandas

    y = pandas.to_numeric(known[target], errors="coerce").to_numpy("float64")
    numbers = {name: pandas.to_numeric(known[name], errors="coerce").to_numpy("float64") for name in names}
    whole = {name: values for name, values in numbers.items() if numpy.isfinite(values).all()}
    if not numpy.isfinite(y).all():
        return {}
    found = {name: "it is the target, or the target in another unit" for name, values in whole.items()
             if _fits(values, y)}
    rest = [name for name in whole if name not in found][:MOST_NUMBERS]
    for n, one in enumerate(rest):
        for other in rest[n + 1:]:
            if sign := _adds_up(whole[one], whole[other], y):
                found |= {one: f"{sign.format(one, other)} is the target",
                          other: f"{sign.format(one, other)} is the target"}
    return found


def _fits(values, y) -> bool:
    """Whether the target is a straight line of the column."""
    import numpy

    x, z = values - values.mean(), y - y.mean()
    scale = numpy.sqrt((x @ x) * (z @ z))
    return bool(scale) and abs(abs(x @ z) / scale - 1) < EXACT


def _adds_up(one, other, y) -> str | None:
    import numpy

    tolerance = EXACT * max(1.0, float(numpy.abs(y).max()))
    tried = {"{0} + {1}": one + other, "{0} - {1}": one - other, "{1} - {0}": other - one}
    return next((words for words, values in tried.items() if abs(values[0] - y[0]) <= tolerance
                 and numpy.abs(values - y).max() <= tolerance), None)
