"""What the package says of itself: badges from checks, the verdict's figures, where it comes from."""

import json

import pytest

from notemill.demo import badges, drawn, plots, tables, verdicts
from notemill.demo.answers import Answer
from notemill.demo.explain import Explained

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>"


def texts(found):
    return [(one.mood, one.text) for one in found]


def test_badges_say_what_was_checked(loaded):
    rows = len(loaded().golden["rows"])
    assert texts(badges.badges(loaded(), "no")) == [
        ("plain", "version 3+g6e976e976e97"), ("good", "verdict: passed"), ("plain", "signature not checked"),
        ("good", "content verified"), ("good", f"{rows} golden rows replayed")]
    assert ("good", "signature verified") in texts(badges.badges(loaded(), "yes"))


@pytest.mark.parametrize("said, mood, text", [
    ('{"verdict": "refused"}', "bad", "verdict: refused"), ("[]", "plain", "no verdict"), ("{", "plain", "no verdict"),
    ('{"verdict": "odd"}', "warn", "verdict: odd"), ('{"verdict": ["x"]}', "plain", "no verdict"),
    ('{"verdict": {"a": 1}}', "plain", "no verdict"), ("[" * 200_000, "plain", "no verdict"),
    ('{"verdict": "\\ud800"}', "plain", "no verdict")])
def test_the_verdict_s_badge_is_the_package_s(tmp_path, said, mood, text):
    (tmp_path / "verdict.json").write_text(said)
    assert texts([badges.verdict(tmp_path)]) == [(mood, text)]


CURVE = {"x": [0.1, 0.9], "y": [0.2, 0.8], "low": [0.1, 0.7], "high": [0.3, 0.9], "n": [5, 5]}
PARTS = [{"name": "men", "figure": 0.9, "outcome": "passed"}, {"name": HOSTILE, "figure": 0.8, "outcome": "refused"}]
VERDICT = {"verdict": "passed", "metric": "roc_auc", "checks": [
    {"check": "metric", "figure": 0.91, "low": 0.9, "high": 0.92, "n": 171, "outcome": "passed", "hint": None},
    {"check": "slices", "figure": 0.8, "outcome": "warned", "hint": HOSTILE, "details": {"parts": PARTS}},
    {"check": "calibration.error", "figure": 0.02, "outcome": "passed", "details": {"curve": CURVE}},
    {"check": "own: x", "figure": float("nan"), "outcome": "passed"},
    {"check": "value", "outcome": "not asked for"}, "nonsense"]}


def test_checks_in_groups_with_their_parts():
    found = {title: [one.name for one in some] for title, some in verdicts.grouped(VERDICT)}
    assert found == {"How good it is": ["metric"], "The project's own checks": ["own: x"],
                     "For whom, and at what cost": ["slices", "calibration.error"]}
    slices = dict(verdicts.grouped(VERDICT))["For whom, and at what cost"][0]
    assert [one.name for one in slices.parts] == ["men", HOSTILE]
    assert verdicts.unasked(VERDICT) == ["value"] and verdicts.curve(VERDICT) == CURVE


@pytest.mark.parametrize("broken", [{}, {"checks": 3}, {"checks": [{"check": "calibration.error", "details": 5}]},
                                    {"checks": [{"check": "calibration.error", "details": {"curve": {"x": [1]}}}]},
                                    {"checks": [{"check": "slices", "details": {"parts": 5}}]}])
def test_a_verdict_of_another_form_is_no_fault(broken):
    assert verdicts.curve(broken) is None and isinstance(list(verdicts.grouped(broken)), list)


def test_a_quantity_has_the_interval_of_rows_like_it():
    bins = {"x": [10, 20], "y": [0, 0], "low": [-1, -5], "high": [2, 6], "n": [30, 31]}
    verdict = {"checks": [{"check": "calibration.residuals", "details": {"curve": [bins, CURVE]}}]}
    assert verdicts.around(verdict, 12) == (11, 14, 30) and verdicts.around(verdict, 100) == (95, 106, 31)
    assert verdicts.around(VERDICT, 3) is None and verdicts.curve(verdict) is None
    shown = drawn.answer(Answer(12.0), {"name": "cm"}, (11, 14, 30))
    assert "11 to 14 in 9 of 10 cases, by 30 held-out rows" in shown


def test_a_class_goes_by_its_name():
    target = {"name": "x", "names": {"0": "malignant", "1": "benign"}}
    shown = drawn.answer(Answer(0, [(0, 0.9), (1, 0.1)]), target)
    assert 'class="big">malignant<' in shown and ">benign<" in shown
    assert drawn.called(2, target) == "2" and drawn.called(2.5, {"names": None}) == "2.5"


def test_nothing_hostile_is_drawn():
    shown = "".join(tables.checks(title, some) for title, some in verdicts.grouped(VERDICT))
    shown += tables.headline(verdicts.named(VERDICT, "metric"), {**VERDICT, "metric": HOSTILE, "verdict": HOSTILE})
    shown += tables.chain([(HOSTILE, [(HOSTILE, HOSTILE)])]) + plots.calibration(CURVE)
    answer = Answer(HOSTILE, [(HOSTILE, 0.5)])
    shown += drawn.answer(answer, {"name": HOSTILE, "unit": HOSTILE}) + drawn.problems([(HOSTILE, HOSTILE)], "its row")
    shown += drawn.warnings([(HOSTILE, HOSTILE)]) + drawn.bar_below(answer, {"name": HOSTILE})
    assert "<script" not in shown and "<img" not in shown and "&lt;script&gt;" in shown


def test_bars_leave_dust_to_the_last_line():
    parts = [("a", 40.0), ("b", -0.5), ("c", 1e-9), ("d", -1e-12)]
    shown = drawn.parts(Explained(0, 39.5, parts, True, 2), dict.fromkeys("abcd", 1), points=False)
    assert "+40.0<" in shown and "−0.5<" in shown and "2 others" in shown and "e-" not in shown


def test_lineage_from_data_to_model(loaded):
    statement = {"subject": [{"name": "model.skops", "digest": {"sha256": "m"}}], "predicate": {
        "buildDefinition": {"internalParameters": {"python": "3.11"}, "resolvedDependencies": [
            {"name": "source", "digest": {"gitCommit": "c"}}, {"name": "train.ipynb", "digest": {"sha256": "n"}},
            {"name": "data.csv", "digest": {"sha256": "d"}}]},
        "runDetails": {"metadata": {"invocationId": "r1"}}}}
    assert verdicts.origins(statement) == [
        ("Data and contract", [("data.csv", "d")]), ("Commit", [("git", "c")]), ("Notebooks", [("train.ipynb", "n")]),
        ("Run", [("run", "r1"), ("Python", "3.11")]), ("Made", [("model.skops", "m")])]
    assert verdicts.origins({}) == verdicts.origins({"predicate": 3}) == []


@pytest.mark.parametrize("odd", [{"subject": 5}, {"subject": "x", "predicate": None},
                                 {"predicate": {"buildDefinition": {"resolvedDependencies": 5}}},
                                 {"predicate": {"buildDefinition": {"resolvedDependencies": [5, None]}}}])
def test_a_provenance_of_another_form_is_no_fault(odd):
    assert verdicts.origins(odd) == [] and verdicts.notebooks(odd) == []


def test_a_moment_that_no_clock_shows_stays_as_it_is():
    assert verdicts.minute("0001-01-01T00:00:00+14:00") == "0001-01-01T00:00:00+14:00"


@pytest.mark.parametrize("value", [10**400, -10**400, 1.7e308, float("nan"), float("inf"), True, "1", None],
                         ids=lambda value: str(value)[:9])
def test_what_is_no_figure(value):
    assert verdicts.number(value) is None
    assert not verdicts.is_curve({**CURVE, "low": [0.1, value]})


def test_what_cannot_be_read_is_empty(tmp_path):
    (tmp_path / "verdict.json").write_text(json.dumps([1]))
    assert verdicts.read(tmp_path, "verdict.json") == verdicts.read(tmp_path, "none.json") == {}
