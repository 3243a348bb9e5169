"""Text for a terminal: colours where they are wanted, tables that line up, nothing that steers it."""

import io

import pytest

from notemill.text import Style, clip, duration, is_live, printable, size, style_for, table

PLAIN = Style(False)


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(("environ", "live", "colours"), [
    ({}, True, True), ({"NO_COLOR": "1"}, True, False), ({"NO_COLOR": ""}, True, True),
    ({"TERM": "dumb"}, False, False), ({"CI": "true"}, False, False), ({"TERM": "xterm"}, True, True),
])
def test_colours_on_a_terminal_only(environ, live, colours):
    assert is_live(Terminal(), environ) is live and style_for(Terminal(), environ).colours is colours
    assert not is_live(io.StringIO(), environ) and not style_for(io.StringIO(), environ).colours


def test_colours():
    style = Style(True)
    assert [style.good("x"), style.bad("x"), style.warn("x"), style.dim("x"), style.strong("x")] == [
        f"\x1b[{code}mx\x1b[0m" for code in ("32", "31", "33", "2", "1")]
    assert PLAIN.good("x") == PLAIN.strong("x") == "x"


def test_a_table_lines_up():
    assert table(["step", "why"], [["a", "first"], ["longer", ""]], PLAIN) == "step    why\na       first\nlonger"


def test_a_column_without_content_is_left_out():
    assert table(["a", "b", "c"], [["1", "", "3"], ["4", "", "6"]], PLAIN) == "a  c\n1  3\n4  6"
    assert table(["a", "b"], [], PLAIN) == "a  b"


def test_a_table_fits_the_terminal():
    lines = table(["step", "why"], [["a", "x" * 200], ["b", "y" * 50]], Style(False, 60)).splitlines()
    assert max(map(len, lines)) <= 60 and lines[1].endswith("…") and lines[2].endswith("y")


def test_what_a_notebook_wrote_does_not_steer_the_terminal():
    assert printable("a\x1b[31m\r\nb\x07\u202ec") == "a [31m  b  c"
    assert "\x1b" not in table(["a"], [["\x1b[2J"]], PLAIN)


def test_short_words():
    assert (clip("abc", 3), clip("abcd", 3)) == ("abc", "ab…")
    assert [duration(x) for x in (None, 0.04, 12.34, 59.99, 60, 185, 3600)] == [
        "", "0.0 s", "12.3 s", "60.0 s", "1 min 00 s", "3 min 05 s", "60 min 00 s"]
    assert [size(x) for x in (None, 0, 999, 1000, 999_999, 1_234_567, 2e9, 5e15)] == [
        "", "0 B", "999 B", "1.0 kB", "1.0 MB", "1.2 MB", "2.0 GB", "5000.0 TB"]
