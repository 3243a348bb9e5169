"""Tables made of text, and names that columns may have."""

import csv
import io
import random

HEAD = ("size", "age", "colour", "bought")
HOSTILE = ["age", "yes", "No", "on", "null", "~", "", " ", "1e3", "1_000", "0x1f", "12:30:45", "2024-01-01", "a: b",
           "a #b", "#b", "{{x}}",
           "[a]", "- a", "? a", "&a", "*a", "!!int 3", "%a", "@a", "`a`", "it's", 'say "hi"', "back\\slash", "a\nb",
           "a\tb",
           "a\r\nb", " a ", "Größe", "日本", "😀", "\u2028", "\x7f", "\x85", "\ufeff", "\x01", "\xa0", "a,b", "<<", "=",
           ".inf", "y", "-", "a" * 400]


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
