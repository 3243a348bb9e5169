"""How much of a quantity follows from a straight line through the table's other numbers."""

from collections.abc import Sequence

MOST_ROWS = 50_000
MOST_NUMBERS = 200      # columns


def explained(frame, names: Sequence[str], target: str) -> float:
    """R2 of an ordinary least-squares fit to all rows (at most the first 50,000); gaps count as the median."""
    import numpy
    import pandas

    known = frame[frame[target].notna()].head(MOST_ROWS)
    y = pandas.to_numeric(known[target], errors="coerce").to_numpy("float64")
    columns = [pandas.to_numeric(known[name], errors="coerce").astype("float64") for name in names[:MOST_NUMBERS]]
    columns = [column.fillna(column.median()) for column in columns if column.nunique() > 1]
    if len(known) <= 2 * len(columns) or not columns or not numpy.isfinite(y).all() or not y.std():
        return 0.0
    X = numpy.column_stack([(column - column.mean()) / column.std() for column in columns])
    rest = y - y.mean() - X @ numpy.linalg.lstsq(X, y - y.mean(), rcond=None)[0]
    return float(1 - rest @ rest / ((y - y.mean()) @ (y - y.mean())))
