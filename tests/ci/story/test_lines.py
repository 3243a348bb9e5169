"""The end of a log: tables that can be read, and no line that a project could pass off as ours."""

from story_samples import EVIL, check, facts, hostile, record, step, verdict

from notemill.ci.story.lines import lines
from notemill.ci.story.summary import summarise

OURS = ("plan:", "verdict: passed", "verdict: REFUSED", "coverage: ", "failed:", "links:")


def told(found, links=None):
    return lines(summarise(found, links or {}))


def test_a_plan_and_a_verdict():
    said = told(facts(record=record(step("prepare", status="reused"), step()),
                      verdict=verdict(check(), check("floor", figure=0.5, limit=0.7, outcome="refused", hint="too low"),
                                      verdict="refused")), {"verdict": "http://d/v"})
    assert said == [
        "", "plan:", "  step     action  why              seconds", "  prepare  reused  nothing changed",
        "  train    ran     cell 3 changed   1.2",
        "", "verdict: REFUSED", "  check   figure  95 % interval  limit  passed",
        "  metric  0.91    0.88 to 0.94          yes", "  floor   0.5     0.88 to 0.94   0.7    NO",
        "  floor: too low", "", "links:", "  verdict  http://d/v"]


def test_a_step_that_failed_says_where():
    failed = step(status="failed", error={"name": "ValueError", "message": "no rows", "cell": 3,
                                          "report": "reports/train.html#cell-3"})
    said = told(facts(record=record(failed), verdict=None), {"report of train": "http://d/train.html"})
    place = said.index("failed:")
    assert said[place + 1:place + 4] == ["  train, cell 3", "  ValueError: no rows",
                                         "  report: http://d/train.html#cell-3"]


def test_nothing_to_tell():
    assert told(facts(record=None, verdict=None)) == []


def test_no_line_is_anybody_elses():
    said = told(hostile(), {"verdict": "http://d/v"})
    assert any("evil" in line for line in said)
    for line in "".join(f"{line}\n" for line in said).splitlines():  # as whoever reads the log splits it
        assert line == "" or line.startswith("  ") or line.startswith(OURS)
        assert line.isprintable()


def test_a_long_name_leaves_the_table_readable():
    said = told(facts(record=record(step("s" * 500, reasons=["r" * 500]))))
    assert max(map(len, said)) < 200 and EVIL not in said
