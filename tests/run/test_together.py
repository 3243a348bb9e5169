"""Several runs at once in one project, and several steps at once in one run."""

import json
import signal
from pathlib import Path

import pytest
from processes import started, until
from tiny import cli, last_record, make_project, notebook

TIMES = "import time\nbegan = time.time()\ntime.sleep(pause)\nopen(out, 'w').write(f'{began} {time.time()}')"


def counted(root, pause=1.0):
    """a -> b; each notes that it was executed."""
    cell = (f"open({str(root / 'ran')!r}, 'a').write(name + '\\n')\n"
            f"import time\ntime.sleep({pause})\nopen(out, 'w').write(name)")
    return make_project(root, steps={
        "a": {"notebook": "a.ipynb", "outputs": {"out": "a.txt"}},
        "b": {"notebook": "b.ipynb", "inputs": {"data": "a.out"}, "outputs": {"out": "b.txt"}}}, notebooks={
        f"{name}.ipynb": notebook(cell, parameters=f"name = '{name}'\nout = ''\ndata = ''") for name in "ab"})


@pytest.mark.parametrize("count", [2, 4])
def test_runs_at_once_share_the_work(tmp_path, count):
    project = counted(tmp_path)
    options = ["--json"] if count == 2 else ["--json", "--offline"]     # MLflow takes both runs' lineage
    running = [started("run", *options, project=project) for _ in range(count)]
    processes = [one.__enter__() for one in running]
    ended = [process.communicate(timeout=120) for process in processes]
    for one in running:
        one.__exit__(None, None, None)
    assert [process.returncode for process in processes] == [0] * count, [err for _, err in ended]
    assert (project / "ran").read_text().splitlines() == ["a", "b"]
    told = [json.loads(out) for out, _ in ended]
    for step in (0, 1):
        assert sorted(one["steps"][step]["status"] for one in told) == ["done"] + ["reused"] * (count - 1)
    assert not [one["warnings"] for one in told if one["warnings"]]
    assert any("waits: another run is at the same step" in err for _, err in ended)
    records = [json.loads(path.read_text()) for path in project.glob(".notemill/runs/*/run.json")]
    assert [record["status"] for record in records] == ["done"] * count
    assert cli("run", "--offline", "--json", project=project).json["steps"][0]["status"] == "reused"


def test_a_run_that_waits_for_another_can_be_interrupted(tmp_path):
    project = counted(tmp_path, pause=30)
    with started("run", "--offline", project=project) as first:
        assert until((project / "ran").exists)
        with started("run", "--offline", "--json", project=project) as second:
            assert until(lambda: second.poll() is not None or len(list(project.glob(".notemill/runs/*/run.json"))) == 2)
            until(lambda: second.poll() is not None, 1)
            second.send_signal(signal.SIGINT)
            out, err = second.communicate(timeout=120)
        assert first.poll() is None and second.returncode == 130 and "Traceback" not in err
        assert json.loads(out)["status"] == "interrupted"
        assert {step["status"] for step in json.loads(out)["steps"]} == {"skipped"}


def pair(root, **more):
    """Two steps that need nothing of each other."""
    step = {"outputs": {"out": "t.txt"}, "params": {"pause": 2.0}}
    declared = "out = ''\npause: float = 0"
    return make_project(root, steps={name: {"notebook": f"{name}.ipynb", **step} for name in "ab"}, notebooks={
        f"{name}.ipynb": notebook(f"'{name}'", TIMES, parameters=declared) for name in "ab"}, **more)


def span(project, name):
    target = project / f"{name}.got"
    assert cli("get", f"{name}.out", target, project=project).code == 0
    return tuple(map(float, target.read_text().split()))


@pytest.mark.parametrize(("jobs", "overlap"), [(2, True), (1, False)])
def test_independent_steps_run_at_once_as_far_as_jobs_allow(tmp_path, run_here, jobs, overlap):
    project = pair(tmp_path)
    assert run_here(project, "--jobs", jobs).code == 0
    (a_began, a_ended), (b_began, b_ended) = span(project, "a"), span(project, "b")
    assert (a_began < b_ended and b_began < a_ended) is overlap


def test_processors_are_shared_out_between_steps_at_once(tmp_path, run_here, monkeypatch):
    monkeypatch.setattr("notemill.run.facts.cpus", lambda: 4)
    cell = ("import json, numpy, os, threadpoolctl\n"
            "pools = {pool['num_threads'] for pool in threadpoolctl.threadpool_info()}\n"
            "threads = [int(os.environ['OMP_NUM_THREADS']), *pools]\n"
            "json.dump({'threads': max(threads)}, open(out, 'w'))")
    one = {"outputs": {"out": "metrics.json"}}
    project = make_project(tmp_path, steps={
        "a": {"notebook": "a.ipynb", **one}, "b": {"notebook": "b.ipynb", **one},
        "last": {"notebook": "last.ipynb", "inputs": {"one": "a.out", "two": "b.out"}, **one}}, notebooks={
        f"{name}.ipynb": notebook(cell, parameters=f"name = '{name}'\nout = ''\none = ''\ntwo = ''")
        for name in ("a", "b", "last")})
    assert run_here(project, "--jobs", 2).code == 0
    figures = {step["step"]: step["metrics"]["threads"] for step in last_record(project)["steps"]}
    assert figures == {"a": 2, "b": 2, "last": min(4, figures["last"])} and figures["last"] >= 2


def test_steps_that_are_reused_take_no_share_of_the_processors(tmp_path, run_here, monkeypatch):
    monkeypatch.setattr("notemill.run.facts.cpus", lambda: 4)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)  # a wish for fewer would be heeded
    cell = "import json, os\njson.dump({'threads': int(os.environ['OMP_NUM_THREADS'])}, open(out, 'w'))"
    steps = {name: {"notebook": f"{name}.ipynb", "outputs": {"out": "metrics.json"}} for name in ("a", "b", "c")}
    project = make_project(tmp_path, steps=steps, params={"x": 0}, notebooks={
        "a.ipynb": notebook(cell, parameters="out = ''\nx = 0"),
        **{f"{name}.ipynb": notebook(cell, parameters="out = ''") for name in ("b", "c")}})
    assert run_here(project, "--jobs", 4).code == 0
    assert run_here(project, "--jobs", 4, "-p", "a.x=1").code == 0
    last = {step["step"]: step for step in last_record(project)["steps"]}
    assert {name: step["status"] for name, step in last.items()} == {"a": "done", "b": "reused", "c": "reused"}
    assert last["a"]["metrics"] == {"threads": 4}


def test_a_failure_stops_what_depends_on_it_and_nothing_else(tmp_path, run_here, statuses):
    out = {"outputs": {"out": "o.txt"}}
    good, bad = ["open(out, 'w').close()"], ["1/0"]
    project = make_project(tmp_path, steps={
        "bad": {"notebook": "bad.ipynb", **out},
        "after": {"notebook": "good.ipynb", "inputs": {"data": "bad.out"}, **out},
        "later": {"notebook": "good.ipynb", "inputs": {"data": "after.out"}, **out},
        "other": {"notebook": "good.ipynb", **out},
        "others": {"notebook": "good.ipynb", "inputs": {"data": "other.out"}, **out}}, notebooks={
        "good.ipynb": notebook(*good, parameters="out = ''\ndata = ''"),
        "bad.ipynb": notebook(*bad, parameters="out = ''")})
    result = run_here(project, "--jobs", 2)
    assert result.code == 1 and result.json["error"]["step"] == "bad"
    assert statuses(result) == {"bad": "failed", "after": "skipped", "later": "skipped", "other": "done",
                                "others": "done"}
    assert {step["step"]: step["reasons"] for step in result.json["steps"]}["later"] == ["what it needs failed"]


def test_limits_stand_for_each_step(tmp_path, run_here, statuses):
    big = "block = bytearray(400_000_000)\nimport time\ntime.sleep(30)"
    project = make_project(tmp_path, limits={"seconds": 60}, steps={
        "slow": {"notebook": "slow.ipynb", "limits": {"seconds": 8}},
        "big": {"notebook": "big.ipynb", "limits": {"memory_mb": 300}}, "good": {"notebook": "good.ipynb"}},
        notebooks={"slow.ipynb": ["1", "import time\ntime.sleep(60)"], "big.ipynb": [big], "good.ipynb": ["1"]})
    result = run_here(project, "--jobs", 3)
    assert statuses(result) == {"slow": "failed", "big": "failed", "good": "done"}
    errors = {step["step"]: step["error"] for step in last_record(project)["steps"]}
    assert "8 s (limits.seconds)" in errors["slow"]["message"] and errors["slow"]["cell"] == 2
    assert "300 MB (limits.memory_mb)" in errors["big"]["message"] and errors["big"]["cell"] == 1
    assert Path(project, "reports", "slow.html").is_file() and Path(project, "reports", "big.html").is_file()
