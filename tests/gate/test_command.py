"""`notemill gate`: what it prints, and its exit codes."""

import json

import pytest
from tiny import cli

from notemill.commands.gate import MOST_PARTS, as_text, show
from notemill.gate.verdict import NAMES
from notemill.text import UNLIMITED, Style


@pytest.fixture
def ready(case):
    """The case as a project whose run can also be registered."""
    def make():
        case.make()
        return case.root

    return make


def test_a_passed_verdict_ends_with_0(case, ready):
    result = cli("gate", project=ready())
    assert result.code == 0, result.err
    lines = result.out.splitlines()
    assert lines[0].split("  ")[0] == "check"
    end = lines.index("")
    unasked = next(line for line in lines if line.startswith("not asked for: ")).partition(": ")[2].split(", ")
    names = [line.split()[0] for line in lines[1:end] if not line.startswith(" ")]
    assert names == [name for name in NAMES if name not in unasked] and {*names, *unasked} == {*NAMES}
    assert lines[-1] == "run 20260101-000000-aaaa: passed (roc_auc, n = 200)"


def test_a_refusal_ends_with_3_and_says_why(case, ready):
    case.figures["accuracy"] = 0.99
    result = cli("gate", "latest", project=ready())
    assert result.code == 3
    assert "agreement: accuracy is 0.99 in the notebook's figures, and 0." in result.out
    assert result.out.splitlines()[-1].startswith("run 20260101-000000-aaaa: refused")


def test_json_is_the_verdict_alone(case, ready):
    case.gate["floor"] = 0.99
    result = cli("gate", "aaaa", "--json", project=ready())
    assert result.code == 3
    assert result.json["verdict"] == "refused"
    assert set(result.json["checks"][0]) == {
        "check", "figure", "low", "high", "n", "limit", "outcome", "hint", "details"}
    assert result.json["error"] is None
    assert len(result.json["content"]) == 64


@pytest.mark.parametrize("part", ["run", "gate", "output"])
def test_nothing_to_judge_ends_with_2(case, ready, part):
    root = ready()
    if part == "gate":
        path = root / "notebooks" / "pipeline.yaml"
        path.write_text(path.read_text().partition("gate:")[0])
    if part == "output":
        for path in (root / ".notemill" / "objects").rglob("*"):
            path.unlink() if path.is_file() else None
    result = cli("gate", *(["zzzz"] if part == "run" else []), project=root)
    assert result.code == 2
    assert "Traceback" not in result.err


def a_verdict(**check):
    blank = dict.fromkeys(("figure", "low", "high", "n", "limit", "hint"))
    return {"verdict": "refused", "run": "R", "metric": None, "n": None,
            "checks": [{**blank, "check": "floor", "outcome": "refused", **check}]}


def test_colours_only_where_they_are_wanted():
    assert "\x1b" not in as_text(a_verdict(), Style(colours=False))
    assert "\x1b[31mrefused\x1b[0m" in as_text(a_verdict(), Style(colours=True))


def test_hints_cannot_steer_the_terminal():
    assert "\x1b" not in as_text(a_verdict(hint="\x1b[2Jgone"), Style(colours=False))


PARTS = [{"name": "age: 0 to 30", "outcome": "refused", "figure": 0.85, "low": 0.8, "high": 0.9, "n": 402,
          "limit": 0.95, "hint": "surely worse than the others: look at these rows"},
         {"name": "age: 60 to 120", "outcome": "not assessed", "n": 31, "hint": "too few rows"},
         {"name": "sex = male", "outcome": "passed", "figure": 0.97, "n": 800, "hint": "fine"}]


def wide_verdict():
    """Long names, long figures, long hints, parts, and what was not asked for."""
    found = a_verdict(check="slices", figure=-0.01234, low=-0.001234, high=-0.0001234, n=1_234_567, limit=-0.005,
                      details={"parts": PARTS}, hint="2 of 3 slices are no good")
    blank = {key: None for key in found["checks"][0]}
    more = [{**blank, "check": f"custom.a_check_with_a_long_name_{n}", "outcome": outcome, "hint": "words " * 40}
            for n, outcome in enumerate(("passed", "warned", "not assessed"))]
    unasked = [{**blank, "check": f"budgets.unit_{n}", "outcome": "not asked for", "hint": "set it"} for n in range(12)]
    return {**found, "checks": [*unasked, *found["checks"], *more]}


@pytest.mark.parametrize("width", [80, 120])
def test_no_line_is_longer_than_the_terminal_and_no_figure_is_cut(width):
    text = as_text(wide_verdict(), Style(False, width))
    assert max(map(len, text.splitlines())) <= width
    row = next(line for line in text.splitlines() if line.startswith("slices"))
    assert row.split()[1] == "-0.01234" and row.split()[-2:] == ["1,234,567", "refused"]
    assert "-0.001234..-0.0001234" in row if width == 80 else "-0.001234 to -0.0001234" in row
    assert ("…" in text) is (width == 80) and "  age: 0 to 30" in text


def test_a_file_gets_long_lines_whole():
    text = as_text(wide_verdict(), Style(False, UNLIMITED))
    assert "…" not in text and f"  custom.a_check_with_a_long_name_1: {('words ' * 40).strip()}\n" in text


def test_what_is_not_asked_for_is_one_dim_line_at_the_end():
    found = wide_verdict()
    lines = as_text(found, Style(True, UNLIMITED)).splitlines()
    assert lines[-3] == f"\x1b[2mnot asked for: {', '.join(f'budgets.unit_{n}' for n in range(12))}\x1b[0m"
    assert sum("budgets.unit_3" in line for line in lines) == 1


def test_parts_that_did_not_pass_stand_below_their_check():
    lines = as_text(wide_verdict(), Style(False, UNLIMITED)).splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("slices"))
    assert lines[at + 1].startswith("  age: 0 to 30  ") and lines[at + 1].endswith("402        refused")
    assert lines[at + 2].startswith("  age: 60 to 120  ") and "sex = male" not in "\n".join(lines)
    assert lines.count("  slices: 2 of 3 slices are no good") == 1
    assert "  slices, age: 0 to 30: surely worse than the others: look at these rows" in lines
    assert "  slices, age: 60 to 120: too few rows" in lines


def test_very_many_parts_are_cut():
    many = [{**PARTS[0], "name": f"part {n}"} for n in range(MOST_PARTS + 7)]
    text = as_text(a_verdict(details={"parts": many}), Style(False, UNLIMITED))
    assert "  and 7 more" in text.splitlines() and text.count(": surely worse") == MOST_PARTS


@pytest.mark.parametrize("hint, told", [
    ("surely worse than the others: look at these rows. too few rows", []),
    ("age: 0 to 30: surely worse than the others: look at these rows", []), ("more to say", ["more to say"]),
    ("1 of 2: surely worse than the others: look at these rows", ["1 of 2: surely worse than the others: look at these "
                                                                  "rows"])])
def test_a_hint_is_told_once(hint, told):
    lines = as_text(a_verdict(details={"parts": PARTS}, hint=hint), Style(False, UNLIMITED)).splitlines()
    assert [line.partition(": ")[2] for line in lines if line.startswith("  floor: ")] == told
    assert sum("surely worse" in line for line in lines) == sum("too few rows" in line for line in lines) == 1


def test_show_as_json(capsys):
    show(a_verdict(), as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert told["verdict"] == "refused" and told["page"] is None
