"""The page in a real browser, on names that would run or overflow, and the pictures' numbers."""

import json

import pytest
from browsing import HOSTILE, check_looks, check_prints, check_quiet, chromium, opened
from overview_samples import record_run, sample_project
from tiny import cli, code, make_project, markdown, write

from notemill.overview import picture

LONG = "a_rather_long_name_of_a_step_that_" * 3


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    root = sample_project(tmp_path_factory.mktemp("plain") / "project")
    for n in range(3):
        record_run(root, f"2026010{n + 1}-000000-aaaa", clean={"metrics": {"auc": n / 4, "n": 9, "f1": 0.5}})
    write(root / "coverage.json", json.dumps({"files": {"package/helper.py": {"summary": {
        "num_statements": 8, "covered_lines": 6}}}}))
    assert cli("report", project=root).code == 0
    return root / "reports" / "project.html"


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """Names and words of all kinds that somebody else chose."""
    source = "x = " + repr("") + "\n" + "\n".join(f"{name} = ''" for name in ("table", "model", "held"))
    cells = [markdown(f"# {HOSTILE}\n\n{HOSTILE} {'word' * 100}."), code(source, tags=["parameters"])]
    parts = {"notebook": "a.ipynb", "outputs": {"table": "t.parquet"}, "params": {"x": HOSTILE}}
    steps = {LONG: {**parts, "inputs": {"held": "data/" + "wide" * 40 + ".csv"}},
             "fit": {"notebook": "a.ipynb", "inputs": {"held": "data/<b>&\"'.csv", "table": f"{LONG}.table"},
                     "outputs": {"model": "m.skops"}, "params": {"x": "y" * 500}}}
    root = make_project(tmp_path_factory.mktemp("hostile") / "project", name="h" * 120, steps=steps,
                        notebooks={"a.ipynb": cells}, gate={
                            "model": "fit.model", "data": "fit.model"},
                        files={"data/" + "wide" * 40 + ".csv": "x", "data/<b>&\"'.csv": "x",
                               f"package/{'m' * 150}.py": "x = 1", "data/<img src=x onerror=alert(1)>.csv": "x"})
    for n in range(3):
        record = record_run(root, f"2026010{n + 1}-000000-aaaa", reason=HOSTILE, status="failed",
                            error={"got": HOSTILE, "step": "fit"}, fit={
                                "metrics": {HOSTILE: n, "m" * 200: n}, "warnings": [f"reads {HOSTILE} which"],
                                "reasons": [HOSTILE, "z" * 300], "status": "failed"})
    verdict = {"verdict": "refused", "run": record["run"], "made": "2026-01-01T00:00:00", "checks": [
        {"check": "metric", "outcome": "refused", "hint": HOSTILE}]}
    write(root / ".notemill" / "runs" / record["run"] / "verdict.json", json.dumps(verdict))
    result = cli("report", project=root)
    assert result.code == 0, result.err
    return root / "reports" / "project.html"


def test_the_page_is_quiet_and_reads_well(plain, hostile):
    assert HOSTILE not in hostile.read_text() and "&lt;script&gt;" in hostile.read_text()
    with chromium() as browser:
        for path in (plain, hostile):
            check_quiet(browser, path)
            check_looks(browser, path)
        check_prints(browser, plain)
        check_nodes(browser, plain)


def check_nodes(browser, path):
    """The chart of a small pipeline fits a desk's screen and a phone's; a click leads to the step's report."""
    for width in (390, 1200):
        with opened(browser, path, width) as page:
            fits = "[...document.querySelectorAll('.graph')].filter(one => one.checkVisibility())" \
                   ".every(one => one.scrollWidth <= one.clientWidth + 1)"
            assert page.evaluate(fits)
            assert page.evaluate("[...document.querySelectorAll('.node')].filter(n => n.checkVisibility()).length") == 3


# numbers
def test_a_series_goes_up_where_its_figures_do():
    points = [{"run": str(n), "value": value, "n": 5} for n, value in enumerate([0.5, 0.9, 0.7])]
    line = picture.line({"step": "s", "metric": "auc", "points": points})
    assert (line["last"], line["low"], line["high"], line["n"]) == (0.7, 0.5, 0.9, 5)
    y = [dot["y"] for dot in line["dots"]]
    assert y[1] < y[2] < y[0] and [dot["x"] for dot in line["dots"]] == sorted(dot["x"] for dot in line["dots"])
    assert line["dots"][1]["words"] == "run 1: 0.9, n = 5"


def test_a_series_of_equal_figures_is_a_line():
    line = picture.line({"step": "s", "metric": "auc", "points": [{"run": "r", "value": 0, "n": None}] * 3})
    assert len({dot["y"] for dot in line["dots"]}) == 1


def test_versions_of_one_metric_share_a_scale():
    rows = [{"metric": "auc", "figure": 0.9, "low": 0.8, "high": 1.0},
            {"metric": "auc", "figure": 0.5, "low": 0.4, "high": 0.6},
            {"metric": "rmse", "figure": 900.0, "low": 800.0, "high": 1000.0}]
    first, second, other = (row["plot"] for row in picture.versions(rows))
    assert second["high"] < first["low"] < first["figure"] < first["high"] and other["low"] < 10
    assert picture.marks(rows) == [] and picture.marks(rows[:2])
    assert picture.versions([{"metric": "auc", "figure": 0.5}])[0]["plot"] is None  # a figure alone is no picture
