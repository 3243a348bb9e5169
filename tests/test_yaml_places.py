"""YAML as people mean it: 1.2's plain words, lines of keys, and errors for what would surprise."""

import math

import pytest

from notemill.errors import UsageError
from notemill.yaml_places import MOST_DEEP, MOST_VALUES, parse_yaml, plain_scalar, read_yaml


def refused(text):
    with pytest.raises(UsageError) as caught:
        parse_yaml(text, "f.yaml")
    return caught.value


@pytest.mark.parametrize(("word", "value"), [
    ("no", "no"), ("off", "off"), ("on", "on"), ("y", "y"), ("Yes", "Yes"), ("true", True), ("False", False),
    ("null", None), ("~", None), ("", None), ("010", 10), ("0o17", 15), ("0x1F", 31), ("+3", 3), ("-0", 0),
    ("1_000", "1_000"), ("1e-3", 0.001), ("1E5", 1e5), (".5", 0.5), ("1.", 1.0), ("-.inf", -math.inf), ("0b1", "0b1"),
    ("12:30:45", "12:30:45"), ("2026-01-01", "2026-01-01"), ("1.2.3", "1.2.3"), ("=", "="), ("<<", "<<"), ("e3", "e3"),
])
def test_plain_words_mean_what_yaml_1_2_says(word, value):
    found = parse_yaml(f"key: {word}", "f")[0]["key"]
    assert (found, type(found)) == (value, type(value))


def test_not_a_number_is_a_number():
    assert math.isnan(plain_scalar(".nan"))


@pytest.mark.parametrize("text", ["'3'", '"3"', "|-\n  3", ">-\n  3"])
def test_a_quoted_word_is_text(text):
    assert parse_yaml(f"key: {text}", "f")[0] == {"key": "3"}


def test_a_key_is_always_text():
    assert parse_yaml("no: 1\n3: 2\nnull: 3", "f")[0] == {"no": 1, "3": 2, "null": 3}


def test_every_key_and_item_has_its_line():
    text = "a: 1\nsteps:\n  train:\n    inputs: {x: 1,\n      y: 2}\nlist:\n  - 1\n  - b: 3\n"
    assert parse_yaml(text, "f")[1] == {
        ("a",): 1, ("steps",): 2, ("steps", "train"): 3, ("steps", "train", "inputs"): 4,
        ("steps", "train", "inputs", "x"): 4, ("steps", "train", "inputs", "y"): 5, ("list",): 6, ("list", 0): 7,
        ("list", 1): 8, ("list", 1, "b"): 8}


@pytest.mark.parametrize(("text", "line", "got"), [
    ("a: 1\nb: 2\na: 3", 3, "the key 'a' stands twice"),
    ("a: {b: 1,\n b: 2}", 2, "the key 'b' stands twice"),
    ("a: 1\nb: !!str 3", 2, "the tag !!str is not taken"),
    ("a: !!python/object/apply:os.system [x]", 1, "the tag !!python/object/apply:os.system is not taken"),
    ("!!int 3: x", 1, "the tag !!int is not taken"),
    ("a: !mine {b: 1}", 1, "the tag !mine is not taken"),
    ("? [1, 2]\n: 3", 1, "a key must be text"),
    ("a: 1\n---\nb: 2", 2, "is not YAML: but found another document"),
    ("a: *nowhere", 1, "is not YAML: found undefined alias"),
    ("a: b: c", 1, "is not YAML: mapping values are not allowed in this context"),
    ("a: 1\nb: [1, 2", 2, "is not YAML: did not find expected ',' or ']'"),
    ("a: 1\nb: \x07", 2, "is not YAML: the character 0x7 is not taken"),
    ("a: " + "9" * 5000, 1, "has a number of 5000 digits"),
])
def test_an_error_names_line_and_cause(text, line, got):
    error = refused(text)
    assert error.where.startswith(f"f.yaml:{line}") and error.got == got


def test_a_key_that_stands_twice_tells_the_first_line():
    assert refused("a: 1\n\n\na: 2").allowed == "it stands first in line 1"


def test_a_tab_has_its_remedy():
    error = refused("a:\n\tb: 1")
    assert (error.where, error.hint) == ("f.yaml:2", "indent with spaces: YAML takes no tabs")


@pytest.mark.parametrize("text", [
    "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{b}: &{b} [{','.join([f'*{a}'] * 10)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)),
    "a: &a [*a]",
    "a: &a {b: *a}",
])
def test_aliases_cannot_fill_the_memory(text):
    assert refused(text).hint == "are aliases nested in aliases?"


@pytest.mark.parametrize("depth", [MOST_DEEP + 1, 200_000])
def test_brackets_cannot_fill_the_stack(depth):
    assert refused("[" * depth + "]" * depth).got == f"is nested more than {MOST_DEEP} deep"


def test_a_large_file_is_read():
    assert len(parse_yaml("\n".join(f"- {n}" for n in range(20_000)), "f")[0]) == 20_000 < MOST_VALUES


def test_an_alias_that_is_used_once_is_fine():
    assert parse_yaml("a: &x {b: 1}\nc: *x", "f")[0] == {"a": {"b": 1}, "c": {"b": 1}}


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n"])
def test_an_empty_file_is_nothing(text):
    assert parse_yaml(text, "f")[0] is None


def test_a_file_is_read_with_mark_and_windows_line_ends(tmp_path):
    (tmp_path / "f.yaml").write_bytes("\ufeffa: é\r\nb: 2\r\n".encode())
    assert read_yaml(tmp_path / "f.yaml")[0] == {"a": "é", "b": 2}


@pytest.mark.parametrize(("content", "got"), [
    (None, "there is no such file"), ("a: é".encode("latin-1"), "cannot be read"),
    ("a: 1".encode("utf-16"), "cannot be read"),
])
def test_a_file_that_cannot_be_read(tmp_path, content, got):
    path = tmp_path / "f.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=got) as caught:
        read_yaml(path, "notebooks/f.yaml")
    assert caught.value.where == "notebooks/f.yaml"


@pytest.mark.parametrize("text", ["\udcff", "a: [1, '\ud800']"])
def test_half_a_character_is_told(text):
    with pytest.raises(UsageError, match=r"^-p a.n: is not text: .*ud.* is half a character"):
        parse_yaml(text, "-p a.n")
