"""`notemill report`: the page is written whatever a project has or lacks, and says what is there."""

import json
import os
import re
import subprocess
import sys
import time

import pytest
from overview_samples import record_run
from tiny import cli, code, make_project, run, write, write_notebook

from notemill.overview import picture


def test_a_project_without_run_git_gate_or_mlflow(root):
    result = cli("report", project=root)
    page = root / "reports" / "project.html"
    assert result.code == 0 and result.out.strip() == str(page)
    text = page.read_text()
    for words in ("No run yet: notemill run", "No version is registered yet", "no gate section", "not run yet",
                  "Takes out what is wrong."):
        assert words in text
    assert not (root / "mlflow.db").exists()


def test_facts_of_a_step(root, told):
    record_run(root, "20260101-000000-aaaa", clean={"warnings": ["a warning"]})
    write(root / "reports" / "clean.html", "x")
    clean, fit = told(root)["steps"]
    assert clean["purpose"] == "Takes out *what is wrong*." and clean["sources"] == {"source": "data/in.csv"}
    assert clean["params"] == {"seed": 7, "n": 4} and clean["modules"] == ["package/helper.py"]
    assert clean["cells"] == {"code": 4, "exported": 1, "tests": 1} and clean["outputs"] == {"table": "table.parquet"}
    assert (clean["status"], clean["took"], clean["run"]) == ("done", 1.5, "20260101-000000-aaaa")
    assert clean["report"] == "reports/clean.html" and clean["warnings"] == ["a warning"]
    assert fit["inputs"] == {"table": "clean.table"} and fit["report"] is None and fit["title"] == "Fit"


def test_a_step_that_was_reused_tells_the_time_that_it_took_once(root, told):
    record_run(root, "20260101-000000-aaaa")
    record_run(root, "20260102-000000-bbbb",
               clean={"status": "reused", "seconds": None, "origin_run": "20260101-000000-aaaa"})
    step = told(root)["steps"][0]
    assert (step["status"], step["took"], step["run"]) == ("reused", 1.5, "20260102-000000-bbbb")
    record_run(root, "20260103-000000-cccc", clean={"seconds": 9.0})
    record_run(root, "20260104-000000-dddd",
               clean={"status": "reused", "seconds": None, "origin_run": "20260101-000000-aaaa"})
    assert told(root)["steps"][0]["took"] == 1.5


def test_links_lead_to_reports_from_wherever_the_page_is(root, tmp_path):
    write(root / "reports" / "clean.html", "x")
    (root / "some folder").mkdir()
    for target, link in (("reports/project.html", "clean.html"), ("some folder/p.html", "../reports/clean.html")):
        assert cli("report", "--output", root / target, project=root).code == 0
        assert f'href="{link}"' in (root / target).read_text()
    assert cli("report", "--output", tmp_path / "sent.html", project=root).code == 0
    assert "clean.html" not in (tmp_path / "sent.html").read_text()  # it may be sent to somebody


def test_a_step_called_project_keeps_its_report(tmp_path):
    root = make_project(tmp_path / "p", steps={"Project": {"notebook": "a.ipynb"}}, notebooks={"a.ipynb": [code("1")]})
    write(root / "reports" / "Project.html", "the step's")
    assert cli("report", project=root).out.strip() == str(root / "reports" / "the-project.html")
    assert (root / "reports" / "Project.html").read_text() == "the step's"


def test_a_page_that_cannot_be_written_is_said(root):
    assert cli("report", "--output", root / "no" / "p.html", project=root).code == 2
    (root / "reports" / "project.html").mkdir(parents=True)
    result = cli("report", project=root)
    assert result.code == 2 and "cannot be written" in result.err and "Traceback" not in result.err
    assert os.listdir(root / "reports") == ["project.html"]


def test_a_notebook_that_cannot_be_read_is_told_of_in_its_place(root, told):
    write(root / "notebooks" / "fit.ipynb", "no notebook")
    assert "is not a notebook" in told(root)["steps"][1]["problem"]
    assert "is not a notebook" in (root / "reports" / "project.html").read_text()


def test_records_of_runs_that_cannot_be_read_are_passed_over(root, told):
    record_run(root, "20260101-000000-aaaa")
    write(root / ".notemill" / "runs" / "20260102-000000-bbbb" / "run.json", '{"run": "20260102-000000-bbbb"')
    write(root / ".notemill" / "runs" / "20260103-000000-cccc" / "run.json", '{"run": "x", "steps": null}')
    runs = told(root)["runs"]
    assert runs["count"] == 3 and runs["unreadable"] == 2 and len(runs["shown"]) == 1


def test_200_runs(root, told):
    """20 are shown, newest first, and it does not take long."""
    record = record_run(root, "20260101-000000-0000")
    for n in range(200):
        name = f"20260101-000000-{n:04d}"
        record["steps"][0] |= {"metrics": {"auc": n / 200, "n": 50, "note": "text", "bad": float("nan")}}
        write(root / ".notemill" / "runs" / name / "run.json", json.dumps({**record, "run": name}))
    began = time.perf_counter()
    runs = told(root)["runs"]
    assert time.perf_counter() - began < 5
    assert runs["count"] == 200 and [one["run"][-4:] for one in runs["shown"]] == [f"{199 - n:04d}" for n in range(20)]
    (series,) = runs["series"]
    assert (series["step"], series["metric"], len(series["points"])) == ("clean", "auc", 20)
    assert series["points"][-1] == {"run": "20260101-000000-0199", "value": 0.995, "n": 50}
    text = (root / "reports" / "project.html").read_text()
    shown, _, folded = text.partition("10 earlier runs")
    assert "000000-0199" in shown and "000000-0189<" not in shown and "000000-0189<" in folded
    assert "The last 20 of 200 runs" in text and "<strong>0.995</strong>, n = 50" in text


def test_a_failed_run_says_why(root, told):
    record_run(root, "20260101-000000-aaaa", status="failed", error={"got": "it broke", "step": "fit"},
               fit={"status": "failed", "error": {"name": "E", "message": "it broke"}})
    (run,) = told(root)["runs"]["shown"]
    assert (run["status"], run["step"], run["error"], run["ran"]) == ("failed", "fit", "it broke", 2)
    assert 'reason bad">fit: it broke' in (root / "reports" / "project.html").read_text()


def test_a_secret_that_was_declared_since_is_taken_out_of_older_records(root, monkeypatch):
    monkeypatch.setenv("TOKEN", "hunter2-hunter2")
    record_run(root, "20260101-000000-aaaa", reason="hunter2-hunter2", status="failed",
               error={"got": "hunter2-hunter2"},
               clean={"reasons": ["parameter x hunter2-hunter2"], "warnings": ["hunter2-hunter2"]})
    path = root / "notebooks" / "pipeline.yaml"
    write(path, path.read_text() + "secrets: [TOKEN]\n")
    said = cli("report", "--json", project=root).out + (root / "reports" / "project.html").read_text()
    assert "hunter2" not in said and "parameter x ******" in said


def test_the_gates_metric_comes_first(root, told):
    for name in ("20260101-000000-aaaa", "20260102-000000-bbbb"):
        record_run(root, name, clean={"metrics": {"alpha": 1.0, "omega": 2.0}})
    path = root / "notebooks" / "pipeline.yaml"
    write(path, path.read_text() + "gate: {model: fit.model, data: fit.model, metric: omega}\n")
    assert [one["metric"] for one in told(root)["runs"]["series"]] == ["omega", "alpha"]


def test_no_step_crowds_out_anothers_figures(root, told):
    """And what is told beside a figure comes after it."""
    for name in ("20260101-000000-aaaa", "20260102-000000-bbbb"):
        many = {f"{score}{end}": 1.0 for score in "abcde" for end in ("", "_sd")}
        record_run(root, name, clean={"metrics": many}, fit={"metrics": {"auc": 0.9, "f1": 0.5}})
    assert [one["metric"] for one in told(root)["runs"]["series"]] == ["a", "auc", "b", "f1", "c", "d"]


ASKED = """
import sys
from notemill.cli import main
try:
    main(sys.argv[1:])
except SystemExit:
    print('mlflow' in sys.modules)
"""


def test_mlflow_is_not_imported_where_nothing_is_registered(root):
    record_run(root, "20260101-000000-aaaa")
    done = subprocess.run([sys.executable, "-c", ASKED, "report", "--project", str(root)], capture_output=True,
                          text=True, timeout=100)
    assert done.stdout.splitlines()[-1] == "False", done.stderr


@pytest.mark.slow
def test_after_a_real_run(root, told):
    """What the page reads is what runs leave: reports, times, a file that was read though nobody declared it."""
    write(root / "data" / "extra.csv", "x")
    read = code(f"open({str(root / 'data' / 'extra.csv')!r}).read(); open(model, 'w').write('m'); open(table).read()")
    write_notebook(root / "notebooks" / "fit.ipynb", [code('table = model = ""', tags=["parameters"]), read])
    write_notebook(root / "notebooks" / "clean.ipynb", [
        code('source = table = ""\nn = 3\nseed = 0', tags=["parameters"]),
        "import helper\nopen(table, 'w').write('t')"])
    assert run(root).code == 0
    facts = told(root)
    topics = {one["topic"]: one for one in facts["tracked"]}
    assert topics["Files read without being declared"]["state"] == "not tracked"
    assert "data/extra.csv" in topics["Files read without being declared"]["items"][0]
    assert "1 run waits here to be sent" in topics["MLflow"]["words"]
    assert [(step["status"], step["report"]) for step in facts["steps"]] == [
        ("done", "reports/clean.html"), ("done", "reports/fit.html")]
    assert all(step["took"] > 0 for step in facts["steps"]) and facts["runs"]["shown"][0]["ran"] == 2


# hostile names
def test_a_step_and_a_file_called_gate_are_three_things_in_the_chart(tmp_path):
    cell = code("x = model = held = ''", tags=["parameters"])
    root = make_project(tmp_path / "p", steps={
        "gate": {"notebook": "a.ipynb", "inputs": {"x": "gate"}, "outputs": {"model": "m", "held": "h"}}},
        files={"gate": "a file"}, notebooks={"a.ipynb": [cell]})
    facts = {**json.loads(cli("report", "--json", project=root).out)}
    facts["gate"] = {"configured": True, "takes": ["gate.model"], "checks": [], "verdict": None}
    drawn = picture.flow(facts, {}, "wide")
    assert [node["class"] for node in drawn["nodes"]] == ["source", "pending", "pending"]
    assert len(drawn["drawing"].edges) == 2


@pytest.mark.parametrize("name", ["a" * 200, "it's-\"q\"&<b>.csv"])
def test_odd_file_names(root, told, name):
    write(root / "data" / name[:100], "x")
    path = root / "notebooks" / "pipeline.yaml"
    text = re.sub("data/in.csv", lambda _: json.dumps(f"data/{name[:100]}"), path.read_text())
    write(path, text)
    assert told(root)["steps"][0]["sources"]["source"] == f"data/{name[:100]}"
    assert "<b>" not in (root / "reports" / "project.html").read_text()
