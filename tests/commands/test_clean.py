"""`notemill gc` removes what nothing refers to, and never what a record refers to."""

import datetime
import json
import os
import time

import pytest
from tiny import cli, last_record, make_project, notebook, write


@pytest.fixture
def project(tmp_path):
    return make_project(tmp_path, steps={"one": {"notebook": "one.ipynb", "outputs": {"out": "o.txt"}}}, notebooks={
        "one.ipynb": notebook("open(out, 'w').write(f'{x} {x}')", parameters="x: int = 0\nout = ''")})


def run(project, x):
    told = cli("run", "--json", "--offline", "-p", f"one.x={x}", project=project)
    assert told.code == 0
    (project / ".notemill" / "runs" / told.json["run"] / "mlflow.pending").unlink(missing_ok=True)
    return told.json["run"]


def age(project, run, days):
    """As if that run had been some days ago."""
    path = project / ".notemill" / "runs" / run / "run.json"
    record = json.loads(path.read_text())
    started = datetime.datetime.fromisoformat(record["started"]) - datetime.timedelta(days=days)
    record["started"] = started.isoformat()
    path.write_text(json.dumps(record))


def old(project):
    """As if all content had been there since yesterday."""
    for path in (project / ".notemill").rglob("*"):
        os.utime(path, (time.time() - 86_400,) * 2, follow_symlinks=False)


def content(project):
    return {path.parent.name + path.name for path in project.glob(".notemill/objects/??/*")}


def output_of(record):
    return record["steps"][0]["outputs"]["out"]["sha256"]


def test_what_old_runs_alone_refer_to_goes(project):
    first = run(project, 1)
    gone = output_of(last_record(project))
    second = run(project, 2)
    kept = output_of(last_record(project))
    age(project, first, 730)
    old(project)
    before = content(project)
    told = cli("gc", "--dry-run", "--json", project=project).json
    assert told["dry_run"] and told["removed"] >= 2 and told["bytes"] > 0 and content(project) == before
    assert cli("gc", project=project).out.startswith(f"removed {told['removed']} files and runs, ")
    assert kept in content(project) and gone not in content(project)
    assert [path.name for path in (project / ".notemill" / "runs").iterdir()] == [second]
    assert cli("plan", "--json", "-p", "one.x=2", project=project).json["steps"][0]["action"] == "reuse"
    assert cli("plan", "--json", "-p", "one.x=1", project=project).json["steps"][0]["action"] == "run"
    assert cli("gc", "--json", project=project).json["removed"] == 0


def test_what_a_record_refers_to_stays(project):
    first = run(project, 1)
    promoted = output_of(last_record(project))
    run(project, 2)
    age(project, first, 730)
    old(project)
    write(project / ".notemill-records" / "ledger" / "000001.json", json.dumps({"model": {"sha256": promoted}}))
    assert cli("gc", "--keep-days", "0", project=project).code == 0
    assert promoted in content(project)


def test_a_run_whose_result_a_later_one_reuses_stays(project):
    first = run(project, 1)
    age(project, first, 730)
    run(project, 1)
    old(project)
    assert cli("gc", project=project).code == 0
    assert (project / ".notemill" / "runs" / first).is_dir()
    assert cli("plan", "--json", "-p", "one.x=1", project=project).json["steps"][0]["action"] == "reuse"


def test_a_run_that_has_yet_to_reach_mlflow_stays(project):
    first = run(project, 1)
    write(project / ".notemill" / "runs" / first / "mlflow.pending", "{}")
    run(project, 2)
    age(project, first, 730)
    old(project)
    assert cli("gc", project=project).code == 0
    assert (project / ".notemill" / "runs" / first).is_dir()


def test_content_is_left_alone_while_a_run_goes_on(project):
    first = run(project, 1)
    run(project, 2)
    age(project, first, 730)
    old(project)
    path = project / ".notemill" / "runs" / "20990101-000000-0000" / "run.json"
    write(path, json.dumps({**last_record(project), "run": path.parent.name, "status": "running"}))
    before = content(project)
    told = cli("gc", project=project)
    assert told.code == 0 and "left alone while a run goes on" in told.out and content(project) == before


def test_young_content_stays(project):
    write(project / ".notemill" / "objects" / "ab" / ("0" * 62), "on its way into a record")
    assert cli("gc", "--keep-days", "0", project=project).code == 0
    assert (project / ".notemill" / "objects" / "ab" / ("0" * 62)).exists()


def test_nothing_to_remove(project):
    told = cli("gc", project=project)
    assert told.code == 0 and told.out == "removed 0 files and runs, 0 B; kept 0 runs\n"
