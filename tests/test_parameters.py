"""Parameters: types from a notebook's `parameters` cell, and which values fit."""

import pytest

from notemill.errors import UsageError
from notemill.parameters import defaults, misfit, read_parameters


def fits(declaration, value):
    """None where the value fits `x`, else what is allowed."""
    wrong = misfit(read_parameters(declaration, "a.ipynb")["x"], value)
    return wrong and wrong[0].removeprefix("the notebook takes ")


@pytest.mark.parametrize(("declaration", "good", "bad", "allowed"), [
    ("x: int", [0, -3, 10 ** 30], [1.0, "1", True, None, [1]], "a whole number"),
    ("x: float", [0, 1.5, -1e300], ["1.5", True, None], "a number"),
    ("x: str", ["", "1"], [1, 1.5, True, None, ["a"]], "text"),
    ("x: bool", [True, False], [0, 1, "true", "no", None], "true or false"),
    ("x: list", [[], [1, "a"]], ["a", {}, None, 1], "a list"),
    ("x: dict", [{}, {"a": 1}], [[], "a", None], "a mapping"),
    ("x: None", [None], [0, "", False], "null"),
    ("x = 1", [2, -2], [1.5, "2", True, None], "a whole number"),
    ("x = 1.0", [2, 2.5], ["2", True], "a number"),
    ("x = -1e-3", [2, 2.5], ["2"], "a number"),
    ("x = 'a'", ["b"], [1, True, None], "text"),
    ("x = True", [False], [1, 0, "yes"], "true or false"),
    ("x = []", [[1]], ["a", {}], "a list"),
    ("x = (1, 2)", [[1]], [3], "a list"),
    ("x = {'a': 1}", [{}], [[]], "a mapping"),
    ("x: float = 3", [3, 3.5], ["3"], "a number"),
    ("x: int | None = None", [None, 3], [3.5, "3", True], "a whole number or null"),
    ("x: None | int = None", [None, 3], [3.5], "a whole number or null"),
    ("x: int | str", [3, "a"], [3.5, None, True, []], "a whole number or text"),
    ("from typing import *\nx: Optional[float] = None", [None, 3, 2.5], ["a", True], "a number or null"),
    ("import typing\nx: typing.Optional[str] = None", [None, "a"], [3], "text or null"),
    ("x: Union[int, str, None]", [1, "a", None], [1.5, True], "a whole number or text or null"),
    ("x: 'int'", [1], ["1"], "a whole number"),
    ("x: Optional['int']", [1, None], ["1"], "a whole number or null"),
    ("x: Annotated[int, 'years'] = 3", [1], ["1"], "a whole number"),
    ("x: Literal['a', 'b'] = 'a'", ["a"], ["c", "A"], "one of: a, b"),
    ("x: Literal['a', 'b'] = 'a'", ["b"], [1, None, True], "text"),
    ("x: Literal[1, 2]", [1, 2], [3], "one of: 1, 2"),
    ("x: Literal[1]", [1], [True, 1.0, "1"], "a whole number"),
    ("x: Literal['a', None]", ["a", None], ["b"], "one of: a, None"),
    ("x: Optional[Literal['a']]", ["a", None], ["b"], "one of: a, None"),
    ("x: Literal['a'] | int", ["a", 3, "b"], [1.5, None], "text or a whole number"),
    ("x: list[str] = []", [[], ["a"]], [[1], ["a", None]], "a list of which each is text"),
    ("x: list[float]", [[1, 2.5]], [["a"], [True]], "a list of which each is a number"),
    ("x: List[int | None]", [[1, None]], [["a"]], "a list of which each is a whole number or null"),
    ("x: Sequence[list[int]]", [[[1], []]], [[1], [["a"]]],
     "a list of which each is a list of which each is a whole number"),
    ("x: list[str] | None", [None, ["a"]], [[1], "a"], "a list of which each is text or null"),
    ("x: dict[str, float]", [{"a": 1}], [{"a": "b"}, [1]], "a mapping of which each is a number"),
    ("x: tuple[int, ...]", [[1], ["a"]], ["a"], "a list"),
    ("x: list[Literal['a']]", [["a"], ["b"]], ["a"], "a list"),
    ("x: pathlib.Path", ["a/b"], [3], "text"),
])
def test_what_a_type_takes(declaration, good, bad, allowed):
    for value in good:
        assert fits(declaration, value) is None, value
    for value in bad:
        assert fits(declaration, value) == allowed, value


@pytest.mark.parametrize("declaration", [
    "x = None", "x = make()", "x: Any = 3", "x: MyType = 3", "x: int | MyType = 3", "x: list[int][0] = 3",
    "x = b'bytes'", "x: 'not python(' = 3", "x: Literal[b'a'] = 3", "x = 1 + 2j",
])
def test_a_type_that_cannot_be_judged_takes_anything(declaration):
    for value in (None, 1, "a", [1], {"a": 1}, True):
        assert fits(declaration, value) is None


def test_what_is_declared():
    source = ("# a comment\nimport os\na = 1\nb: int\nc = d = 'x'\ne, f = 1.5, [2]\ng[0] = 1\nh.i = 2\n"
              "if a:\n    j = 1\na = 2")
    found = read_parameters(source, "a.ipynb")
    assert list(found) == ["a", "b", "c", "d", "e", "f"]
    assert [found[name].default for name in "abcef"] == ["2", None, "'x'", "1.5", "[2]"]
    assert found["e"].kinds == ["float"] and found["f"].kinds == ["list"]


def test_no_declaration_is_no_error():
    assert read_parameters("", "a.ipynb") == {}


def test_a_cell_that_is_no_python():
    with pytest.raises(UsageError) as caught:
        read_parameters("a = 1\nb = = 2", "notebooks/a.ipynb: cell 2")
    assert caught.value.where == "notebooks/a.ipynb: cell 2" and "line 2" in caught.value.got


@pytest.mark.parametrize(("declaration", "value", "hint"), [
    ("x = True", "no", "YAML 1.2 reads no as text: write false"),
    ("x = True", "On", "YAML 1.2 reads On as text: write true"),
    ("x = ''", 10, "a text that looks like a number, true or false needs quotes"),
    ("x = ''", True, "a text that looks like a number, true or false needs quotes"),
    ("x = 1", "3", "without quotes 3 is no text"),
    ("x = 1.5", "1e-3", "without quotes 1e-3 is no text"),
    ("x = 1", "three", None),
    ("x: Literal['linear', 'forest'] = 'linear'", "forrest", "did you mean 'forest'?"),
    ("x: Literal['linear', 'forest'] = 'linear'", "zzz", None),
])
def test_traps_have_a_remedy(declaration, value, hint):
    assert misfit(read_parameters(declaration, "a.ipynb")["x"], value)[1] == hint


@pytest.mark.parametrize(("source", "known"), [
    ("n = 1\nname: str = 'a'\nmany = [1, 'b', None]", {"n": 1, "name": "a", "many": [1, "b", None]}),
    ("n = 1\nn = 2", {"n": 2}), ("a, b = 1, True", {"a": 1, "b": True}), ("none = None", {"none": None}),
    ("n = 1\nn += 1", {}), ("n = 1\nfor n in (1, 2):\n    pass", {}), ("n = 1\ndel n", {}), ("n: int", {}),
    ("pair = (1, 2)\nones = {1: 2}\nbig = 1e999\nraw = b'x'\nmade = float(1)", {})])
def test_defaults_that_are_known_without_running_code(source, known):
    """JSON keeps them as they are: a tuple would come back as a list."""
    found = defaults(read_parameters(source, "here"))
    assert found == known and [type(value) for value in found.values()] == [type(value) for value in known.values()]
