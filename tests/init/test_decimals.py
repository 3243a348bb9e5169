"""Commas in numbers: decimal ones, and those between thousands."""

import pytest

from notemill.init.decimals import decimal_comma, plain_numbers


@pytest.mark.parametrize("cells, separator, is_decimal", [
    (["1,5", "2,25", "3"], ",", True),
    (["1.234,5", "2"], ";", True),
    (["1,234", "5,678"], ",", False),          # thousands, as far as anybody can tell
    (["1,234", "5,678"], ";", True),           # who writes ; between fields writes , in numbers
    (["1,234.5", "5"], ";", False),
    (["a, b", "c"], ";", False),
    (["1", "2"], ";", False)])
def test_decimal_comma(cells, separator, is_decimal):
    assert decimal_comma([cells], separator) is is_decimal


@pytest.mark.parametrize("cells, comma, plain", [
    (["1,5", "-2,25", "3", ""], True, ["1.5", "-2.25", "3", ""]),
    (["1.234.567,5", "2"], True, ["1234567.5", "2"]),
    (["1.234", "2.345"], True, ["1234", "2345"]),
    (["0.5", "1,5"], True, None),              # a dot that can only be a decimal one: nothing is certain
    (["1,234.5", "2,345,678"], False, ["1234.5", "2345678"]),
    (["1", "2"], True, None),
    (["31.12.2020", "1.1.2021"], True, None),
    (["a,b", "1,5"], True, None),
    (["1,5"] * 19 + ["none"], True, ["1.5"] * 19 + ["none"])])
def test_plain_numbers(cells, comma, plain):
    assert plain_numbers(cells, comma) == plain
