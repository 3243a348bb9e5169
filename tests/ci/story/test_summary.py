"""summary.json: what it says, and that the one who reads it, strictly, can."""

import json
import math

import pytest
from story_samples import COMMIT, EVIL, build, check, facts, hostile, record, step, verdict

from notemill.ci.steward.summary import read_summary
from notemill.ci.story.summary import summarise
from notemill.files import canonical_json


def test_what_a_build_did():
    coverage = {"totals": {"percent_covered": 91.26, "num_statements": 3}}
    made = summarise(facts(coverage=coverage), {"verdict": "http://d/v"})
    assert made["format"] == 1 and made["project"] == "tiny" and made["commit"] == COMMIT and made["build"] == 7
    assert made["steps"] == [{"step": "train", "action": "ran", "reasons": ["cell 3 changed"], "seconds": 1.25}]
    assert made["metrics"] == [{"name": "roc_auc", "value": 0.91, "low": 0.88, "high": 0.94, "n": 100},
                               {"name": "train.accuracy", "value": 0.9, "low": None, "high": None, "n": None}]
    assert made["data"] == {"train.source": "2" * 64, "gate.data": "3" * 64} and made["params"] == {"train.seed": 7}
    assert made["coverage"] == 91.3 and made["links"] == [{"title": "verdict", "url": "http://d/v"}]
    assert made["verdict"] == {"passed": True, "checks": [
        {"check": "metric", "passed": True, "warning": False, "figure": 0.91, "interval": [0.88, 0.94], "limit": None,
         "words": ""}]}
    assert made["error"] is None


@pytest.mark.parametrize(("status", "action", "why", "seconds"), [
    ("reused", "reused", ["nothing changed"], None), ("failed", "failed", ["cell 3 changed"], 1.25),
    ("skipped", "skipped", ["what it needs failed"], None)])
def test_how_a_step_came_out(status, action, why, seconds):
    made = summarise(facts(record=record(step(status=status))), {})["steps"]
    assert made == [{"step": "train", "action": action, "reasons": why, "seconds": seconds}]


@pytest.mark.parametrize(("outcome", "passed", "warning"), [
    ("passed", True, False), ("refused", False, False), ("warned", True, True), ("not assessed", True, True)])
def test_how_a_check_came_out(outcome, passed, warning):
    judged = verdict(check(outcome=outcome, limit=0.95), check("skew", outcome="not asked for"))
    made = summarise(facts(verdict=judged), {})
    assert [(one["passed"], one["warning"], one["limit"]) for one in made["verdict"]["checks"]] == [
        (passed, warning, "0.95")]


def test_nothing_has_been_run():
    made = summarise(facts(record=None, verdict=None), {})
    assert (made["steps"], made["verdict"], made["metrics"], made["data"], made["error"]) == ([], None, [], {}, None)


# what went wrong
def test_a_step_that_failed():
    failed = step(status="failed", error={"name": "ValueError", "message": "no rows\nin it", "cell": 3, "line": 2,
                                          "report": "reports/train.html#cell-3"})
    made = summarise(facts(record=record(step("prepare"), failed), verdict=None, build=build(failed=True)),
                     {"report of train": "http://d/train.html"})
    assert made["error"] == {"step": "train", "cell": 3, "words": "ValueError: no rows",
                             "report": "http://d/train.html#cell-3"}


def test_a_run_that_did_not_begin():
    breach = {"where": "contract.yaml", "got": "2 columns are missing", "allowed": None, "hint": None}
    made = summarise(facts(record=record(step(status="skipped"), error=breach), build=build(after="train")), {})
    assert made["error"] == {"step": "train", "cell": None, "words": "contract.yaml: 2 columns are missing",
                             "report": None}


def test_a_session_that_failed_with_nothing_to_show():
    made = summarise(facts(build=build(after="test", failed=True)), {})
    assert made["error"]["words"] == "nox -s test failed: the log above says why"


@pytest.mark.parametrize("after", ["gate", "register"])
def test_a_refusal_is_a_verdict_and_no_error(after):
    made = summarise(facts(verdict=verdict(check(outcome="refused"), verdict="refused"),
                           build=build(after=after, failed=True)), {})
    assert made["error"] is None and made["verdict"]["passed"] is False


# its reader
def test_the_steward_reads_it():
    read = read_summary(canonical_json(summarise(facts(), {"verdict": "http://d/v"})).encode())
    assert read.commit == COMMIT and read.passed and read.steps == (("train", "ran"),)
    assert read.data == {"train.source": "2" * 64, "gate.data": "3" * 64} and read.metrics[0].low == 0.88


def test_the_steward_reads_what_a_stranger_chose():
    text = canonical_json(summarise(hostile(), {"verdict": "http://d/v"})).encode("utf-8", "replace")
    assert read_summary(text).passed is False
    assert not any(sign in text.decode() for sign in "\x1b\r\n\u202e\u2028")


def test_however_much_there_is():
    many = [step(f"s{n}", reasons=["r" * 900] * 90, params={f"p{m}": "v" * 900 for m in range(9)}) for n in range(300)]
    text = canonical_json(summarise(facts(record=record(*many)), {})).encode()
    assert len(read_summary(text).steps) == 200 and len(text) < 512_000


def test_numbers_that_are_none():
    odd = step(metrics={"a": math.nan, "b": math.inf, "c": 10 ** 400, "d": True, "e": "1"}, seconds=math.nan,
               params={"x": math.inf, "y": None, "z": False})
    made = summarise(facts(record=record(odd), verdict=verdict(check(low=math.nan, figure=math.inf))), {})
    assert made["metrics"] == [] and made["steps"][0]["seconds"] is None
    assert made["params"] == {"train.x": "inf", "train.y": None, "train.z": False}
    assert made["verdict"]["checks"][0]["figure"] is None and made["verdict"]["checks"][0]["interval"] is None
    json.loads(canonical_json(made))


def test_no_anchor_that_a_project_chose():
    told = {"name": "E", "message": "", "cell": "3", "report": f"reports/train.html#{EVIL}"}
    failed = step(status="failed", error=told)
    error = summarise(facts(record=record(failed)), {"report of train": "http://d/t"})["error"]
    assert error["report"] == "http://d/t" and error["cell"] is None
