"""Each column is seen as the prepare notebook will see it."""

import pandas
import pytest

from notemill.init.columns import look_at, look_at_column


def series(values, name="x"):
    return pandas.Series(values, name=name)


@pytest.mark.parametrize("values, kind", [
    ([1, 2, 3], "integer"), ([1.5, 2], "number"), ([1, None, 3], "number"), ([True, False, True], "boolean"),
    ([True, None, False], "boolean"), (["a", "b", "a", "b"], "category"), (["a b", "c", "d"], "text"),
    ([None, None], "number"),
    (["2024-01-01", "2024-02-01 10:00"], "datetime"), (["2024-01-01", "2024-13-01"], "text"),
    (["2024-01-01", "soon"] * 2, "category"),
    (["1"] * 19 + ["x"], "number"), (["1", "2"] * 9, "category"), (["1", "x"] * 9, "category"),
    ([f"w {n % 60}" for n in range(200)], "text"), ([f"w {n % 60}" for n in range(1200)], "category")])
def test_types(values, kind):
    assert look_at_column(series(values)).type == kind


def test_what_is_seen_of_numbers():
    column = look_at_column(series([1.0, 2.0, None, 2.0]))
    assert (column.rows, column.missing, column.distinct, column.low, column.high) == (4, 1, 2, 1, 2)
    assert column.values == ((2, 2), (1, 1))
    mixed = look_at_column(series(["5"] * 18 + ["n.a.!", "7"]))
    assert (mixed.low, mixed.high, mixed.strange) == (5, 7, ("n.a.!",))
    assert look_at_column(series([1.0, float("inf")])).odd_numbers == 1


def test_what_is_seen_of_words():
    assert look_at_column(series(["b", "a", "b", "b", "a", "c"] * 2)).values == (("b", 6), ("a", 4), ("c", 2))


@pytest.mark.parametrize("name, values, identifies", [
    ("x", [7, 8, 9, 10], True), ("x", [7, 8, 9, 20], False), ("customer_id", [7, 8, 9, 20], True),
    ("x", [7, 8, 8, 10], False),
    ("x", ["u1", "u2", "u3"], True), ("x", ["u 1", "u 2", "u 3"], False), ("x", [1.5, 2.5, 3.5], False),
    ("x", ["u1", None, "u3"], False)])
def test_columns_that_name_the_rows(name, values, identifies):
    assert look_at_column(series(values, name)).identifies is identifies


def test_every_column_is_looked_at():
    assert list(look_at(pandas.DataFrame({"b": [1], "a": ["x"]}))) == ["b", "a"]


def test_of_many_words_some_are_counted():
    column = look_at_column(series([f"word {n}" for n in range(3000)]))
    assert (column.type, column.distinct, len(column.values)) == ("text", 3000, 20)


@pytest.mark.parametrize("words, dates", [
    (["31.12.2024", "1.2.2024 10:00"], True), (["12/31/2024", "1/2/2024"], True), (["1.2.3.4", "10.0.0.1"], False),
    (["a", "b"], False), (["2024-12-31", "2025-01-01"], False)])
def test_dates_as_people_write_them(words, dates):
    assert look_at_column(series(words * 20)).local_dates is dates


def test_moments_with_and_without_a_zone_are_in_utc():
    column = look_at_column(series(["2024-01-01T00:00+02:00", "2024-01-02"]))
    assert column.type == "datetime"
    assert (f"{column.low:%Y-%m-%d %H}", f"{column.high:%Y-%m-%d %H}") == ("2023-12-31 22", "2024-01-02 00")
