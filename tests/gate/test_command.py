"""`notemill gate`: what it prints, and its exit codes."""

import json

import pytest
from tiny import cli

from notemill.commands.gate import as_text, show
from notemill.gate.verdict import NAMES
from notemill.text import Style


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
    assert [line.split()[0] for line in lines[1:10]] == list(NAMES)
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


def test_show_as_json(capsys):
    show(a_verdict(), as_json=True)
    assert json.loads(capsys.readouterr().out)["verdict"] == "refused"
