"""Tables made of text."""

import csv
import io
import random

HEAD = ("size", "age", "colour", "bought")


def make_rows(count=120):
    """Rows of (fraction, whole number, colour, yes or no), the same each time."""
    draw = random.Random(1)
    return [(round(draw.uniform(1, 9), 2), draw.randint(18, 80), draw.choice(["red", "green", "blue"]),
             draw.choice(["yes", "no"])) for _ in range(count)]


def csv_text(rows, head=HEAD, separator=","):
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator, lineterminator="\n")
    writer.writerows([head, *rows] if head else rows)
    return text.getvalue()
