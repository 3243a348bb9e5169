"""A heading is told from data, and names become distinct."""

import pytest

from notemill.errors import UsageError
from notemill.init.heading import LONGEST, check_names, distinct_names, find_heading, looks_like_data

NUMBERS = [["1.5", "red", "3"], ["2.5", "blue", "4"], ["1.0", "red", "5"]]


@pytest.mark.parametrize("first, rest, is_data", [
    (["size", "colour", "age"], NUMBERS, False),
    (["2.0", "red", "7"], NUMBERS, True),
    (["red", "x"], [["red", "y"], ["blue", "x"]], True),
    (["colour", "kind"], [["red", "y"], ["blue", "x"]], False),
    (["id", "2019", "2020"], [["1", "5", "6"], ["2", "5", "7"]], False),       # years as names, with one that is none
    (["", "a"], [["", "1"]], False),
    (["a", "b"], [], False)])
def test_a_first_row_that_is_data(first, rest, is_data):
    assert looks_like_data(first, rest) is is_data


def test_it_asks_for_names():
    with pytest.raises(UsageError) as error:
        find_heading("in.csv", [["2.0", "red", "7"], *NUMBERS], None, False, "bought")
    assert "looks like data, not like names: 2.0, red, 7" in error.value.got
    assert "--header a,b,c" in error.value.hint


@pytest.mark.parametrize("header, no_header, target, names, rows", [
    ("a, b,c", False, "c", ("a", "b", "c"), 0), (None, True, "column_3", ("column_1", "column_2", "column_3"), 0),
    ("first", False, "7", ("2.0", "red", "7"), 1), (None, False, "red", ("2.0", "red", "7"), 1),
    ('"a, b",c,d', False, "c", ("a, b", "c", "d"), 0)])
def test_names_that_are_given(header, no_header, target, names, rows):
    found = find_heading("in.csv", [["2.0", "red", "7"], *NUMBERS], header, no_header, target)
    assert (found.names, found.rows) == (names, rows)


def test_too_few_names_are_an_error():
    with pytest.raises(UsageError, match="names 2 columns, and in.csv has 3"):
        find_heading("in.csv", NUMBERS, "a,b", False, "a")


def test_row_names_as_r_writes_them_are_a_column_without_name():
    found = find_heading("in.csv", [["size", "age"], ["1", "2.5", "3"], ["2", "3.5", "4"]], None, False, "age")
    assert found.names == ("", "size", "age")


def test_distinct_names_are_those_of_pandas():
    names, changed = distinct_names(["a", "b", "a", "a", "", "a.1"])
    assert names == ["a", "b", "a.2", "a.3", "column_5", "a.1"]
    assert changed == ["column 3, 'a', is called 'a.2'", "column 4, 'a', is called 'a.3'",
                       "column 5 is called 'column_5'"]


def test_a_name_may_be_long_but_not_too_long():
    check_names("in.csv", ["a" * LONGEST])
    with pytest.raises(UsageError, match="has 501 characters"):
        check_names("in.csv", ["b", "a" * (LONGEST + 1)])
