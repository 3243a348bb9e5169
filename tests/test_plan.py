"""Pipeline + Store -> Plan: the shape of what is told, and how unknown inputs are handled."""

import pytest
from tiny import cli, last_record, make_project, notebook, plan, pretend_run

from notemill.commands.run import options
from notemill.errors import UsageError
from notemill.plan import Options, get_ready, make_plan
from notemill.project import open_project

STEPS = {
    "a": {"notebook": "a.ipynb", "inputs": {"many": "data/*.csv"}, "outputs": {"out": "a.txt", "other": "o.txt"}},
    "b": {"notebook": "b.ipynb", "inputs": {"one": "a.out", "two": "a.other"}, "outputs": {"out": "b.txt"}},
    "c": {"notebook": "b.ipynb", "inputs": {"one": "a.out", "two": "data/x.csv"}, "outputs": {"out": "b.txt"}},
    "d": {"notebook": "b.ipynb", "inputs": {"one": "b.out", "two": "c.out"}, "params": {"n": 2}}}
NOTEBOOKS = {"a.ipynb": notebook("1", parameters="many = []\nout = other = ''"),
             "b.ipynb": notebook("n", parameters="n = 1\none = two = out = ''")}
FILES = {"data/x.csv": "x", "data/y.csv": "y"}


@pytest.fixture
def fresh(tmp_path):
    return make_project(tmp_path, steps=STEPS, notebooks=NOTEBOOKS, files=FILES)


@pytest.fixture
def done(fresh):
    return pretend_run(fresh)


def test_before_the_first_run(fresh):
    assert plan(fresh) == {
        "a": ("run", ["never run before"]),
        "b": ("run", ["never run before", "if a.out changes", "if a.other changes"]),
        "c": ("run", ["never run before", "if a.out changes"]),
        "d": ("run", ["never run before", "if b.out changes", "if c.out changes"])}
    assert not (fresh / ".notemill/runs").exists()


def test_after_it(done):
    assert plan(done) == {step: ("reuse", []) for step in STEPS}


def test_a_plan_as_json(done):
    told = cli("plan", "--json", "-p", "c.n=5", project=done)
    assert told.out.count("\n") == 1 and told.err == ""
    reasons = {"a": [], "b": [], "c": ["parameter n 1 -> 5"], "d": ["if c.out changes"]}
    assert told.json == {"run": None, "error": None, "warnings": [], "steps": [
        {"step": step, "action": "run" if why else "reuse", "reasons": why, "report": f"reports/{step}.html",
         "warnings": []} for step, why in reasons.items()]}


def test_a_plan_for_people(done):
    assert cli("plan", project=done).out.endswith("\nNothing to run: all 4 steps are up to date.\n")
    told = cli("plan", "-p", "d.n=3", project=done).out
    assert told.splitlines() == ["step  action  why", "a     reuse   nothing changed", "b     reuse   nothing changed",
                                 "c     reuse   nothing changed", "d     run     parameter n 2 -> 3"]


def test_only_what_the_asked_steps_need(done):
    assert list(plan(done, "c")) == ["a", "c"] and list(plan(done, "b", "c")) == ["a", "b", "c"]


def test_a_pattern_gives_names_and_contents(done):
    (done / "data/y.csv").rename(done / "data/z.csv")
    assert plan(done)["a"] == ("run", ["data/*.csv changed: data/y.csv removed, data/z.csv added"])


def test_what_is_known_of_a_waiting_step_is_told_first(done):
    (done / "data/x.csv").write_text("new")
    assert plan(done)["c"] == ("run", ["data/x.csv changed", "if a.out changes"])


def test_another_result_upstream_is_no_change_until_it_is_there(done):
    """The plan follows contents: with the upstream result known, what follows is compared with it at once."""
    (done / "data/y.csv").write_text("new")
    pretend_run(done, "20260101-000001-bbbb", a_out="new content")
    (done / "data/y.csv").write_text("y")
    assert plan(done) == {step: ("reuse", []) for step in STEPS}
    (done / "data/y.csv").write_text("new")
    assert plan(done) == {step: ("reuse", []) for step in STEPS}


def test_a_plan_from_plain_values(done):
    project = open_project(done)
    made = make_plan(project, get_ready(project, Options()), Options(force=frozenset({"d"})))
    by = {step.step: step for step in made.steps}
    assert by["d"].action == "run" and by["d"].reasons == ("forced",) and by["d"].fingerprint and by["d"].components
    assert by["a"].result["origin_run"] == "20260101-000000-aaaa"
    assert [file["name"] for file in by["a"].inputs["many"]["files"]] == ["data/x.csv", "data/y.csv"]
    assert by["b"].inputs["one"] == {"from": "a.out", **by["a"].result["outputs"]["out"]}


def test_the_words_of_the_command_line(fresh):
    project = open_project(fresh)
    assert options(project, force=["*"]).force == frozenset(STEPS)
    assert options(project, steps=("b",), force=["*", "c"]).force == {"b", "c"}
    (fresh / "p.yaml").write_text("c: {n: 3}\nd: {n: 4}")
    made = options(project, params=["d.n=1e3", "c.one=[a, 'no']"], params_file=fresh / "p.yaml", jobs=2, offline=True)
    assert made.params == {"c": {"n": 3, "one": ["a", "no"]}, "d": {"n": 1000.0}}
    assert (made.jobs, made.offline) == (2, True)


def test_planning_twice_says_the_same_and_learns_nothing_new(done):
    plan(done)
    before = {path: path.stat().st_mtime_ns for path in (done / ".notemill").rglob("*")}
    plan(done)
    assert {path: path.stat().st_mtime_ns for path in (done / ".notemill").rglob("*")} == before


def test_an_input_that_vanished_is_told_before_anything_runs(done):
    (done / "data/x.csv").unlink()
    with pytest.raises(UsageError, match="there is no file 'data/x.csv'"):
        get_ready(open_project(done), Options())


# the contract
RULES = "columns:\n  a: {type: integer, range: [0, 9]}\n"


@pytest.fixture
def contracted(tmp_path):
    """A project with a contract; returns how to set its table."""
    make_project(tmp_path, steps={"one": {"notebook": "n.ipynb", "inputs": {"data": "in.csv"}}}, contract="c.yaml",
                 notebooks={"n.ipynb": notebook("1", parameters="data = ''")},
                 files={"notebooks/c.yaml": RULES, "in.csv": "a\n1\n"})
    return tmp_path


def test_a_plan_checks_the_table(contracted):
    assert plan(contracted)["one"][0] == "run"
    (contracted / "in.csv").write_text("a\n10\n")
    told = cli("plan", "--json", project=contracted)
    assert told.code == 1 and [step["step"] for step in told.json["steps"]] == ["one"]
    assert "column 'a': 1 row above 9" in told.json["error"]["got"] and "1 row above 9" in told.err
    told = cli("plan", project=contracted)
    assert told.code == 1 and told.out.startswith("step") and "1 row above 9" in told.err


def test_a_plan_tells_a_contracts_warnings(contracted):
    (contracted / "notebooks/c.yaml").write_text(RULES.replace("9]", "9], warn: [range]"))
    (contracted / "in.csv").write_text("a\n10\n")
    assert "1 row above 9" in cli("plan", "--json", project=contracted).json["warnings"][0]
    assert "warning: notebooks/c.yaml: one.data: column 'a': 1 row above 9" in cli("plan", project=contracted).err


def test_a_plan_checks_the_contract_itself(contracted):
    (contracted / "notebooks/c.yaml").write_text(RULES.replace("range", "rnge"))
    told = cli("plan", "--json", project=contracted)
    assert told.code == 2 and told.json["error"]["where"] == "notebooks/c.yaml:2: columns.a.rnge"


def test_a_breach_leaves_a_record_and_a_page(contracted):
    (contracted / "in.csv").write_text("a\n10\n")
    told = cli("run", "--json", "--offline", project=contracted)
    assert told.code == 1 and told.json["status"] == "failed" and told.json["steps"][0]["status"] == "skipped"
    assert "1 row above 9" in told.json["error"]["got"] and "1 row above 9" in told.err
    record = last_record(contracted)
    assert record["run"] == told.json["run"] and record["status"] == "failed" and record["ended"]
    assert "1 row above 9" in record["error"]["got"] and record["error"]["breaches"][0]["rule"] == "range"
    assert "1 row above 9" in (contracted / "reports/index.html").read_text()
    assert plan_of_one(contracted) == ["never run before"]


def plan_of_one(project):
    return cli("plan", "--json", project=project).json["steps"][0]["reasons"]


def test_a_project_that_cannot_be_written_is_planned(contracted, monkeypatch):
    def read_only(*words, **named):
        raise OSError(30, "Read-only file system", str(contracted))

    pretend_run(contracted)
    (contracted / "in.csv").write_text("a\n2\n")
    for name in ("tempfile.mkstemp", "os.replace", "pathlib.Path.mkdir"):
        monkeypatch.setattr(name, read_only)
    assert plan(contracted)["one"] == ("run", ["in.csv changed"])
