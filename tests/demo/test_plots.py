"""Plots, comparison and tally say what the verdict says; the words beside the checks are the gate's."""

import json
import sys
from pathlib import Path

import pytest
from browsing import HOSTILE

from notemill.commands.executed import executed_notebooks
from notemill.demo import drawn, form, meaning, plots, tables, verdicts
from notemill.demo.pages.notebooks import in_order
from notemill.gate import meaning as gate

sys.path.insert(0, str(Path(__file__).parent))

from verdict_samples import FAIRNESS, HALF, KEPT, SLICES, WIDE, verdict  # noqa: E402

WHOLE = verdict()


def test_each_check_s_question_is_the_gate_s():
    assert meaning.ASKS == gate.ASKS and meaning.asks("own: x") == ""
    groups = {heading: names for heading, names in gate.GROUPS.items() if heading != verdicts.OTHERS}
    assert verdicts.GROUPS == groups


def test_a_metric_in_words_whatever_its_sign():
    assert meaning.metric("neg_mean_absolute_error") == meaning.metric("mae") != "" and meaning.metric("mine") == ""


def test_each_slice_stands_where_its_figure_is():
    parts = verdicts.parts(WHOLE, "slices")
    shown = plots.dots(parts, "Slices", 0.9)
    on = plots.scale([0.91, 0.86, 0.95, 0.9, 0.7, 0.65, 0.74])
    assert [one.name for one in parts] == [one["name"] for one in SLICES]
    assert f'class="point" style="left:{on(0.91)}"' in shown and f'class="line" style="left:{on(0.9)}"' in shown
    assert "20 rows are too few: 200 are wanted<" in shown and 'class="refused"' in shown and "0.86 to 0.95" in shown


def test_fairness_has_its_limit_and_its_groups():
    shown = plots.dots(verdicts.parts(WHOLE, "fairness"), "Fairness", told=True)
    on = plots.scale([0.18, 0.13, 0.22, 0.4])
    assert f'class="line" style="left:{on(0.4)}"' in shown and "men 0.27, women 0.09" in shown and FAIRNESS


def test_nothing_hostile_is_plotted():
    shown = plots.dots(verdicts.parts(WHOLE, "slices"), HOSTILE, told=True) + plots.residuals(WIDE, HALF, HOSTILE)
    shown += plots.calibration({**KEPT, "x_name": HOSTILE}) + tables.against(verdicts.named(WHOLE, "champion"), HOSTILE)
    shown += drawn.columns([(HOSTILE, HOSTILE)]) + drawn.faults([(1, HOSTILE, HOSTILE)], 2)
    shown += drawn.tally([HOSTILE], {}, quantity=False)
    assert "<script" not in shown and "<img" not in shown and "and 1 more" in shown


def test_errors_of_a_quantity():
    found = verdicts.residuals(verdict(quantity=True))
    shown = plots.residuals(*found, "EUR")
    assert found == (WIDE, HALF) and verdicts.residuals(WHOLE) is None and verdicts.curve(WHOLE) == KEPT
    assert "at 1,000 from -300 to 250" in shown and "predicted in EUR" in shown and shown.count('class="point"') == 3
    assert plots.residuals(WIDE, None, "").count("the middle half") == 0


@pytest.mark.parametrize("low, high, found", [(0, 10, [2, 4, 6, 8, 10]), (-9.2, -0.1, [-8, -6, -4, -2]),
                                              (0.651, 0.69, [0.66, 0.67, 0.68, 0.69])])
def test_ticks_are_round(low, high, found):
    assert plots.Scale(low, high).ticks() == found


def test_figures_that_are_all_alike_have_a_scale():
    assert plots.scale([0.0, 0.0])(0.0) == plots.scale([5.0])(5.0) == "50.0%"


@pytest.mark.parametrize("figures", [(1e300, -1e300), (5e-324, 0.0), (1e-322, 0.0), (1e300, 1.0000000000000002e300),
                                     (1e16, 1e16 + 2), (10**299, -3)])
def test_figures_of_any_size_have_a_scale(figures):
    on = plots.scale(figures)
    assert len(on.ticks()) < 20 and all(on(one).endswith("%") for one in figures)
    parts = [verdicts.check({"figure": one, "low": one, "high": one, "limit": one, "n": one}, "x") for one in figures]
    assert plots.dots(parts, "Slices", told=True) and tables.checks("x", parts)


def test_figures_that_cannot_be_drawn_are_left_out():
    parts = [verdicts.check({"figure": one, "hint": "too far"}, "x") for one in (1.7e308, -1.7e308, 10**400)]
    assert plots.dots(parts, "Slices").count("too far") == 3


def champion(**more):
    return verdicts.check({"figure": None, "outcome": "passed", "hint": "", **more}, "champion")


@pytest.mark.parametrize("found, against, said", [
    (champion(figure=0.0204, low=0.01, high=0.03, limit=-0.01), "version 1", "0.0204 better"),
    (champion(figure=-0.2), "version 1", "0.2 worse"), (champion(figure=0.0), "version 1", "as good"),
    (champion(), "", "no champion yet"), (champion(outcome="refused", hint="it crashes"), "version 1", "it crashes")])
def test_against_the_champion(found, against, said):
    shown = tables.against(found, against)
    assert said in shown and ("no champion" in shown) == (not against)


def test_outcomes_are_counted_the_worst_first():
    assert list(verdicts.counted(verdicts.outcomes(WHOLE)).items()) == [("warned", 1), ("passed", 4)]
    assert "1 warned, 4 passed" in tables.headline(verdicts.named(WHOLE, "metric"), WHOLE)


def test_what_is_well_is_folded():
    groups = dict(verdicts.grouped(WHOLE))
    assert "<details class=\"nm-checks\"><" in tables.checks("a", groups["How good it is"])
    assert "<details class=\"nm-checks\" open><" in tables.checks("b", groups["For whom, and at what cost"])


def test_how_it_was_judged():
    assert verdicts.judged(WHOLE) == [
        ("verdict", "passed"), ("judged", "2026-11-21 22:56 UTC"), ("held-out rows", "900"),
        ("content of the held-out rows", "d" * 64), ("compared with", "version 1")]
    assert verdicts.judged({}) == [] and verdicts.minute("yesterday") == "yesterday"


@pytest.mark.parametrize("theirs, ours, said", [
    ("a", "a", ("", "same")), ("a", "b", ("", "differs")), (10.5, 10.0, ("5 % more", "same")),
    (5.0, 10.0, ("50 % less", "differs")), (3, 0, ("", "differs")), (2.0, 2.0, ("", "same")),
    (-5.0, -10.0, ("50 % more", "differs"))])
def test_how_far_another_version_is_off(theirs, ours, said):
    assert drawn.apart(theirs, ours, {}) == said
    assert drawn.apart(1, 2, {"classes": [1, 2]}) == ("", "differs")


def test_answers_are_counted():
    shown = drawn.tally(["a", "b", "b"], {"names": {"b": "Bee"}}, quantity=False)
    assert shown.index(">Bee<") < shown.index(">a<") and "width:66.7%" in shown
    assert "from 1 to 9, the middle one 3" in drawn.tally([3, 9, 1], {}, quantity=True)


def test_columns_are_described():
    columns = [{"name": "n", "type": "number", "unit": "cm", "min": 1, "max": 2.5, "description": "Size",
                "null_share": 0, "from": {"null_share": "contract"}},
               {"name": "c", "type": "category", "categories": list(range(20)), "null_share": 0}]
    assert form.described(columns) == [("n", "number, cm, 1 to 2.5; needed. Size"),
                                       ("c", "0, 1, 2, 3, 4, 5, 6, 7 and 12 more; may be missing")]
    assert [one.empty for one in form.fields(columns)] == ["needed", "missing"]


# the executed notebooks
def test_notebooks_stand_as_they_ran():
    assert in_order(["b", "evaluate", "a", "prepare"], ["prepare", "train", "evaluate"]) == \
        ["prepare", "evaluate", "a", "b"]


@pytest.fixture
def project(tmp_path):
    """Run r2 trained; its preparation was reused from r1; r3 came later."""
    for run, names in {"r1": ["prepare", "train"], "r2": ["train"], "r3": ["prepare", "train"]}.items():
        folder = tmp_path / ".notemill" / "runs" / run / "reports"
        folder.mkdir(parents=True)
        for name in names:
            (folder / f"{name}.html").write_text(f"{name} of {run}")
    steps = [{"step": "prepare", "origin_run": "r1", "report": "reports/prepare.html"},
             {"step": "train", "origin_run": "r2", "report": "reports/train.html"}, {"step": "gone"}]
    (tmp_path / ".notemill" / "runs" / "r2" / "run.json").write_text(json.dumps({"steps": steps}))
    return tmp_path


def provenance(folder, run):
    (folder / "provenance.json").write_text(json.dumps({"predicate": {"runDetails": {"metadata": {
        "invocationId": run}}}}))
    return folder


def test_a_version_s_notebooks_are_those_of_its_run(project):
    found = executed_notebooks(project, provenance(project, "r2"))
    assert {path.name: path.read_text() for path in found.iterdir()} == {
        "prepare.html": "prepare of r1", "train.html": "train of r2"}


@pytest.mark.parametrize("step", [
    {"origin_run": "../../elsewhere", "report": "reports/x.html"}, {"report": "../../../elsewhere/reports/x.html"},
    {"report": "{root}/elsewhere/reports/x.html"}, {"origin_run": "{root}/elsewhere", "report": "reports/x.html"},
    {"report": "reports/link.html"}, {"report": "reports/train.html\0"}, {"report": "x" * 5000 + ".html"}, 5, None])
def test_of_a_run_s_record_only_reports_of_runs_are_shown(project, step):
    (project / "elsewhere" / "reports").mkdir(parents=True)
    (project / "elsewhere" / "reports" / "x.html").write_text("a secret")
    run = project / ".notemill" / "runs" / "r2"
    (run / "reports" / "link.html").symlink_to(project / "elsewhere" / "reports" / "x.html")
    said = json.dumps({"steps": [step, {"report": "reports/train.html"}]}).replace("{root}", str(project))
    (run / "run.json").write_text(said)
    found = executed_notebooks(project, provenance(project, "r2"))
    assert [path.name for path in found.iterdir()] == ["train.html"]


@pytest.mark.parametrize("record", ['{"steps": 5}', "[]", '{"steps": {"a": 1}}'])
def test_a_record_of_another_form_has_none(project, record):
    (project / ".notemill" / "runs" / "r2" / "run.json").write_text(record)
    assert executed_notebooks(project, provenance(project, "r2")) is None


@pytest.mark.parametrize("run", ["r9", "", "../runs/r2", None, 3])
def test_of_a_run_that_is_not_here_there_are_none(project, run):
    assert executed_notebooks(project, provenance(project, run)) is None
