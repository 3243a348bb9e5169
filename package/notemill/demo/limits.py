"""What the demo takes of a table that somebody uploads: all of it is in memory, and others are served beside it."""

MOST_ROWS, MOST_COLUMNS, MOST_CELLS = 200_000, 5000, 10_000_000
ELSEWHERE = "`notemill score` takes any number"


class BadFile(Exception):
    """It is not read; why, in words."""


def check_size(rows: int, columns: int, *, more: bool = False) -> None:
    """`more`: so many rows so far."""
    count = f"{'at least ' * more}{rows:,} rows"
    if rows > MOST_ROWS:
        raise BadFile(f"it has {count}; the demo takes {MOST_ROWS:,}: {ELSEWHERE}")
    if columns > MOST_COLUMNS:
        raise BadFile(f"it has {columns:,} columns; the demo takes {MOST_COLUMNS:,}")
    if rows * columns > MOST_CELLS:
        raise BadFile(f"it has {count} of {columns:,} columns; the demo takes {MOST_CELLS:,} cells: {ELSEWHERE}")
