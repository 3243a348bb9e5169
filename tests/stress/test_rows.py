"""Rows that vary within what the schema knows."""

from stress.toy import ROW, SCHEMA

from notemill.stress.rows import rows_like


def test_examples_first_then_others_that_the_schema_allows():
    found = rows_like([ROW], SCHEMA, 40)
    assert found[0] == ROW and len(found) == 40 and found == rows_like([ROW], SCHEMA, 40)
    assert all(0 <= row["size"] <= 10 and row["colour"] in ("red", "blue") for row in found)
    assert len({row["size"] for row in found}) == 40 and {row["colour"] for row in found} == {"red", "blue"}
    assert all(set(row) == {"size", "colour"} for row in found)


def test_what_the_schema_does_not_bound_stays_the_examples():
    columns = [{"name": "at", "type": "datetime", "role": "time"}, {"name": "n", "type": "integer", "role": "feature",
               "range": [1, 3]}, {"name": "x", "type": "number", "role": "feature", "range": [0, None]},
               {"name": "yes", "type": "boolean", "role": "feature"}]
    found = rows_like([{"at": "2026-01-01", "n": 2, "x": 0.5, "yes": True}], {"columns": columns}, 30)
    assert {row["at"] for row in found} == {"2026-01-01"} and {row["x"] for row in found} == {0.5}
    assert {row["n"] for row in found} == {1, 2, 3} and {row["yes"] for row in found} == {True, False}


def test_without_a_schema_the_examples_alone():
    assert rows_like([ROW, ROW], {}) == [ROW, ROW] and rows_like([], SCHEMA) == []
    assert len(rows_like([ROW] * 100, SCHEMA)) == 64
