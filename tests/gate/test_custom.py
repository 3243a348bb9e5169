"""A project's own checks: what they are given, what they may give back, and what is said where they do not."""

import math
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from tiny import code, write

from notemill.errors import UsageError
from notemill.gate import Figure
from notemill.gate.checks.custom import custom_checks

OWN = '''
from notemill.gate import Figure


def accuracy(model, rows):
    right, p = model.predict(rows) == rows["y"], model.predict_proba(rows)[:, 1]
    return Figure(right.mean(), 0.7, low=p.min(), high=p.max(), n=len(rows), passed=right.mean() > 0.7)


def plain(model, rows):
    return Figure(0.5, low=0.0, high=1.0, passed=True, hint="fine")


def too_strict(model, rows):
    return Figure(0.8, 0.9, passed=False)


def odd(model, rows):
    {}


def deeper(model, rows):
    return helper()


def helper():
    return 1 / 0
'''


@pytest.fixture
def alone(monkeypatch):
    """The project's own checks without the others, which take their time: these count as refused then."""
    monkeypatch.setattr("notemill.gate.worker.checks_for", custom_checks)
    monkeypatch.setattr("notemill.gate.evidence.variants_of", lambda evidence: {})


def customs(case, body="pass", **custom):
    """(exit code, {name: the check}) of `notemill gate`."""
    case.gate["custom"] = custom
    write(case.root / "package" / "own" / "checks.py", OWN.replace("{}", body))
    write(case.root / "package" / "own" / "__init__.py", "")
    code, checks = case.by_command()
    return code, {name.removeprefix("custom."): check for name, check in checks.items() if name.startswith("custom.")}


def test_functions_of_the_projects_own_are_asked(case):
    code, checks = customs(case, right="own.checks.accuracy", plain="own.checks.plain")
    assert code == 0
    assert list(checks) == ["right", "plain"]
    assert checks["right"]["figure"] == pytest.approx(case.figures["accuracy"])
    assert (checks["right"]["limit"], checks["right"]["n"], checks["right"]["outcome"]) == (0.7, 200, "passed")
    assert 0 < checks["right"]["low"] < checks["right"]["figure"] < checks["right"]["high"] < 1
    assert (checks["plain"]["low"], checks["plain"]["high"], checks["plain"]["n"]) == (0, 1, 200)


def test_a_function_that_says_no_refuses_and_may_only_warn(case):
    code, checks = customs(case, strict="own.checks.too_strict")
    assert (code, checks["strict"]["outcome"], checks["strict"]["figure"]) == (3, "refused", 0.8)
    assert checks["strict"]["hint"] == "own.checks.too_strict says no"
    case.gate["warn"] = ["custom.strict"]
    assert customs(case, strict="own.checks.too_strict")[0] == 0
    case.gate["warn"] = ["custom.other"]
    with pytest.raises(UsageError, match="unknown check 'custom.other'"):
        case.judge()


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize(("body", "words"), [
    ("raise ValueError('not today')", "own.checks.odd: own/checks.py, line 19: ValueError: not today"),
    ("return 0.9", "gave back float: a Figure is wanted"),
    ("return Figure(float('nan'), passed=True)", "line 19: ValueError: Figure: value is nan: a finite number"),
    ("return Figure(0.9)", "line 19: TypeError"), ("import os; os._exit(3)", "ended with exit code 3"),
    ("import time; time.sleep(60)", "no answer within 10 s"), ("syntax error", "own/checks.py, line 19: SyntaxError")])
def test_what_is_no_figure_is_refused_in_words(case, body, words):
    case.limits["train"] = {"seconds": 10 if "sleep" in body else 300}
    code, checks = customs(case, body, odd="own.checks.odd")
    assert (code, checks["odd"]["outcome"]) == (3, "refused")
    assert words in checks["odd"]["hint"]


@pytest.mark.usefixtures("alone")
def test_an_error_is_told_by_its_line(case):
    assert "own/checks.py, line 27: ZeroDivisionError" in customs(case, deeper="own.checks.deeper")[1]["deeper"]["hint"]


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize(("dotted", "words"), [("nowhere.checks", "ModuleNotFoundError: No module named 'nowhere'"),
                                               ("own.checks.nothing", "has no attribute 'nothing'")])
def test_a_function_that_is_not_there_is_refused(case, dotted, words):
    code, checks = customs(case, other=dotted)
    assert code == 3
    assert words in checks["other"]["hint"]


@pytest.mark.usefixtures("alone")
def test_the_code_of_a_function_is_kept_with_the_verdict(case, champion_of, look):
    """And compared with the champion's: comments aside, and with what it imports of the project."""
    case.gate["custom"] = {"deep": "own.checks.deeper"}
    case.make()
    write(case.root / "package" / "own" / "__init__.py", "")
    path = write(case.root / "package" / "own" / "checks.py", f"import own.helper{OWN.replace('{}', 'pass')}")
    write(case.root / "package" / "own" / "helper.py", "LIMIT = 1")
    before = case.judge()
    assert list(before["functions"]["deep"]) == [f"package/own/{name}.py" for name in ("__init__", "checks", "helper")]
    told = []
    for text in (path.read_text() + "# fine", path.read_text().replace("1 / 0", "Figure(1, passed=True)")):
        path.write_text(text)
        told.append(look(case.judge(champion=champion_of(before)), "settings"))
    assert [one["outcome"] for one in told] == ["passed", "warned"]
    assert told[1]["hint"].endswith("custom.deep: package/own/checks.py changed")


@pytest.mark.usefixtures("alone")
def test_the_modules_of_the_run_come_before_those_of_today(case):
    case.cells["train"] = [code("KNOWN = 41", tags=["export"])]
    case.make()
    write(case.root / "package" / "judged" / "train.py", "KNOWN = 0")
    body = "from judged.train import KNOWN; return Figure(KNOWN, passed=True)"
    checks = customs(case, body, odd="own.checks.odd")[1]
    assert checks["odd"]["figure"] == 41


@pytest.mark.parametrize("custom", [{"a b": "m.f"}, {"a": "f"}, {"a": "m.f()"}, {"a": 3}])
def test_a_name_that_is_none_is_a_usage_error(case, custom):
    case.gate["custom"] = custom
    with pytest.raises(UsageError, match="custom"):
        case.judge()


# Figure
def test_a_figure_takes_numpys_numbers():
    found = Figure(np.float32(0.5), np.int64(1), n=np.int64(7), passed=np.bool_(True))
    assert (found.value, found.limit, found.n, found.passed) == (0.5, 1, 7, True)
    assert type(found.value) is float and type(found.n) is int and type(found.passed) is bool
    with pytest.raises(FrozenInstanceError):
        found.value = 3


@pytest.mark.parametrize(("fields", "words"), [
    ({"value": math.inf}, "value is inf"), ({"value": None}, "value is None"), ({"value": "1"}, "value is '1'"),
    ({"value": True}, "value is True"), ({"limit": math.nan}, "limit is nan"), ({"n": 1.5}, "n is 1.5"),
    ({"n": -1}, "n is -1"), ({"n": True}, "n is True"), ({"passed": 1}, "passed is 1"), ({"passed": None}, "passed is"),
    ({"hint": 3}, "hint is 3"), ({"low": 2}, "is not between low 2"), ({"high": 0}, "is not between low 1 and high 0")])
def test_what_a_figure_may_not_be(fields, words):
    with pytest.raises(ValueError, match=words):
        Figure(**{"value": 1.0, "passed": True, **fields})
