"""What is read quickly is read as `conform` reads it: the same cells, nothing that it refuses, and the same is said."""

import datetime
import math
import random

import pytest
from plan_samples import TABLE, TYPES, make_schema

from notemill.compile.hard import MOMENTS, NUMBERS, TEXTS
from notemill.runtime.cautions import cautions
from notemill.runtime.plan.cells import LEAST, READ, form_of
from notemill.runtime.quick import Quick
from notemill.runtime.rows import absent_cells, conform, to_frame, used_columns

ROWS = 10_000
MORE = [[], {}, [1], {"a": 1}, "2024-01-01T10:00", "2024-06-01", " 2024-01-01", "2024-01-01T10", "2024-13-01",
        "20240101", 2 ** 53, 2 ** 53 - 1, -2 ** 60, 10 ** 400, 1.5, 3.0, False, "yes", "true", "red", "a", 30, 2.0, -5,
        30.5, "late x9", math.nan, "\ud800", "red\udfff"]


def schema():
    """Each rule once: from the contract (refused), and from data (told)."""
    made = make_schema(TABLE, TYPES, "label")
    entries = {entry["name"]: entry for entry in made["columns"]}
    entries["size"] |= {"range": [-5, 30], "from": {"range": "contract"}, "unit": "cm"}
    entries["width"] |= {"range": [0, None], "null_share": 0, "from": {"range": "contract", "null_share": "contract"}}
    entries["count"] |= {"from": {"type": "contract"}}
    entries["grade"] |= {"from": {"categories": "contract"}}
    entries["code"] |= {"from": {"categories": "contract"}}
    entries["at"] |= {"range": ["2024-01-01", "2030-01-01T00:00:00+01:00"], "from": {"range": "contract"}}
    return made


def some_rows(columns, rows, seed=1):
    """Half of the rows ordinary but for one cell, half of them odd all over."""
    dice = random.Random(seed)
    odd = [*NUMBERS, *TEXTS, *MOMENTS, *MORE]
    usual = TABLE[list(TYPES)].astype("object").to_dict("records")
    plain = [{name: json_value(cell) for name, cell in row.items()} for row in usual]
    for number in range(rows):
        row = dict(dice.choice(plain))
        for name in [dice.choice(columns)] if number % 2 else [name for name in columns if dice.random() < 0.2]:
            row[name] = dice.choice(odd)
        if dice.random() < 0.01:
            del row[dice.choice(columns)]
        yield row


def json_value(cell):
    if cell is None or cell != cell or str(cell) == "<NA>":
        return None
    return cell.isoformat() if isinstance(cell, datetime.datetime) else cell


def forms(table, made):
    """Each row's cells in the plan's forms."""
    columns = []
    for entry in used_columns(made):
        cells = READ[form_of(entry)](table[entry["name"]])
        columns.append([plain(cell) for cell in (cells.tolist())])
    return list(zip(*columns, strict=True))


def plain(cell):
    return None if cell is None or cell != cell or cell == LEAST else cell


def test_what_is_read_quickly_is_what_conform_reads():
    made = schema()
    quick, names = Quick(made), [entry["name"] for entry in used_columns(made)]
    read = [(row, found) for row in some_rows(names, ROWS) if (found := quick.read(row)) is not None]
    assert ROWS / 5 < len(read) < 0.8 * ROWS
    rows = [row for row, _ in read]
    table, problems = conform(to_frame(rows), made)
    assert problems == [] and absent_cells(rows, made) == []
    told = cautions(table, made)
    for (row, (cells, warnings)), expected, said in zip(read, forms(table, made), told, strict=True):
        assert tuple(plain(cell) for cell in cells) == expected, row
        assert [type(cell) for cell in cells if plain(cell) is not None] == [type(c) for c in expected if c is not None]
        assert warnings == said, row
    checks = {(one.column, one.check) for said in told for one in said}
    assert checks >= {("size", "range"), ("colour", "categories"), ("grade", "missing"), ("at", "range")}


@pytest.mark.parametrize("name", TYPES)
def test_ordinary_cells_are_read_quickly(name):
    """Else the test above would be about nothing."""
    made = schema()
    row = {name: json_value(cell) for name, cell in TABLE[list(TYPES)].dropna().astype("object").iloc[0].items()}
    entry = next(entry for entry in made["columns"] if entry["name"] == name)
    cells, warnings = Quick({**made, "columns": [entry]}).read(row)
    assert len(cells) == 1 and warnings == []


@pytest.mark.parametrize("name", TYPES)
@pytest.mark.parametrize("text", ["\ud800", "red \udc00", "\ud83d\ude00"])
def test_half_of_a_character_is_of_no_type(name, text):
    """The last is two halves, which Python does not put together either."""
    made = schema()
    rows = [{one: json_value(cell) for one, cell in row.items()}
            for row in TABLE[list(TYPES)].dropna().astype("object").iloc[:2].to_dict("records")]
    rows[1][name] = text
    assert Quick(made).read(rows[1]) is None
    for given, place in ((rows, 1), (rows[1:], 0), (rows[1], 0)):
        (problem,) = conform(to_frame(given), made)[1]
        assert (problem.row, problem.column, problem.check) == (place, name, "type")
        assert str(problem).isascii() and "\\ud" in problem.got


def test_a_gap_is_told_or_refused():
    made = schema()
    row = {name: json_value(cell) for name, cell in TABLE[list(TYPES)].dropna().astype("object").iloc[0].items()}
    quick = Quick(made)
    assert quick.read({**row, "width": None}) is None and quick.read({**row, "grade": "z"}) is None
    cells, warnings = quick.read({**row, "count": None, "size": None})
    assert math.isnan(cells[0]) and [(one.column, one.check) for one in warnings] == [("count", "missing")]
