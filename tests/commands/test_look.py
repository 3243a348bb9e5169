"""Commands that look at what there is: why, get, compare, debug, lineage."""

import io
import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from tiny import cli, cli_process, make_project, markdown, notebook, write, write_notebook


def project_at(root):
    return make_project(root, env=["REGION"], steps={
        "one": {"notebook": "one.ipynb", "inputs": {"source": "data.csv", "many": "part-*.csv"}, "params": {"x": 2},
                "outputs": {"out": "metrics.json"}},
        "two": {"notebook": "two.ipynb", "inputs": {"data": "one.out"}, "outputs": {"out": "o.txt"}}}, files={
        "data.csv": "a\n1\n", "part-1.csv": "1", "part-2.csv": "2", "package/features.py": "def f(): return 1\n"},
        notebooks={
        "one.ipynb": notebook(markdown("# One"), "import features, json\njson.dump({'score': x}, open(out, 'w'))",
                              parameters="source = ''\nmany = []\nx: int = 1\nout = ''"),
        "two.ipynb": notebook("import os\nopen(out, 'w').write(open(data).read() + os.getcwd())",
                              parameters="data = ''\nout = ''")})


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """A project with two runs that differ in a parameter: (project, first, second). Tests leave it as it is."""
    project = project_at(tmp_path_factory.mktemp("ran"))
    runs = [cli("run", "--offline", "--json", *words, project=project) for words in ([], ["-p", "one.x=5"])]
    assert [run.code for run in runs] == [0, 0]
    return project, *(run.json["run"] for run in runs)


def test_why_names_all_that_a_result_depends_on(ran):
    project = ran[0]
    told = cli("why", "one", project=project)
    assert told.code == 0 and told.err == ""
    for words in ("one: reuse", "nothing that its result depends on has changed", "cell 3  ", "x = 2",
                  "source  data.csv  ",
                  "many  part-*.csv  2 files", "package/features.py  ", "environment variables\n  REGION", "Python 3.",
                  "kernel process"):
        assert words in told.out, words
    as_json = cli("why", "one", "--json", project=project).json
    assert as_json["action"] == "reuse" and as_json["components"]["params"] == {"x": 2}
    assert len(as_json["fingerprint"]) == 64


def test_why_says_what_changed(tmp_path):
    project = project_at(tmp_path)
    assert cli("run", "--offline", "one", project=project).code == 0
    (project / "package" / "features.py").write_text("def f(): return 2\n")
    told = cli("why", "one", project=project)
    assert told.out.startswith("one: run\n  features.py changed (imported by one.ipynb)\n")
    behind = cli("why", "two", project=project)
    assert "if one.out changes" in behind.out and "(not known until its step has run)" in behind.out


def test_why_of_an_unknown_step(ran):
    told = cli("why", "twoo", project=ran[0])
    assert told.code == 2 and "did you mean 'two'?" in told.err and told.out == ""
    assert told.err.startswith("why twoo: ")


def test_why_tells_what_a_plan_warns_of(tmp_path, monkeypatch):
    """Of a kernel in another language, too, whose Python there is none of."""
    write(tmp_path / "jupyter/kernels/ir/kernel.json", '{"argv": ["R"], "display_name": "R", "language": "R"}')
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    project = make_project(tmp_path, steps={"r": {"notebook": "r.ipynb", "kernel": "ir"}}, notebooks={
        "r.ipynb": notebook("x <- 1", kernel="ir", language="R")})
    told = cli("why", "r", project=project)
    assert told.code == 0 and "\nto know\n  the kernel 'ir' is not Python" in told.out
    assert "interpreter\n  kernel ir\n" in told.out and "None" not in told.out
    assert cli("why", "r", "--json", project=project).json["warnings"][0].startswith("the kernel 'ir' is not Python")


def test_why_says_a_warning_once(tmp_path):
    project = make_project(tmp_path, steps={"one": {"notebook": "one.ipynb"}}, files={"notebooks/aside.txt": "1"},
                           notebooks={"one.ipynb": ["open('aside.txt').read()"]})
    assert cli_process("run", "--offline", project=project).code == 0
    told = cli("why", "one", project=project)
    assert told.out.count("aside.txt") == 1 and "noticed in run" in told.out
    assert len(cli("why", "one", "--json", project=project).json["warnings"]) == 1


def test_get_writes_outputs_and_inputs_of_any_run(ran, tmp_path):
    project, first, second = ran
    for words, content in (([], '{"score": 5}'), (["--run", first], '{"score": 2}'),
                           (["--run", second[-4:]], '{"score": 5}')):
        told = cli("get", "one.out", tmp_path / "got.json", *words, project=project)
        assert told.code == 0 and (tmp_path / "got.json").read_text() == content
    assert told.out == f"{tmp_path / 'got.json'}: one.out of run {second}, 12 B\n"
    assert cli("get", "one.source", tmp_path / "data.csv", project=project).code == 0
    assert (tmp_path / "data.csv").read_bytes() == (project / "data.csv").read_bytes()
    assert os.access(tmp_path / "data.csv", os.W_OK) and stat.S_IMODE((tmp_path / "data.csv").stat().st_mode) & 0o200


def test_get_of_many_files_fills_a_folder(ran, tmp_path):
    project, _, second = ran
    for _ in range(2):
        told = cli("get", "one.many", tmp_path / "parts", project=project)
        assert told.code == 0 and told.out == f"{tmp_path / 'parts'}: one.many of run {second}, 2 files, 2 B\n"
    assert sorted(path.name for path in (tmp_path / "parts").iterdir()) == ["part-1.csv", "part-2.csv"]
    assert cli("get", "one.many", tmp_path / "parts", "--json", project=project).json["bytes"] == 2
    (tmp_path / "file").touch()
    told = cli("get", "one.many", tmp_path / "file", project=project)
    assert told.code == 2 and f"{tmp_path / 'file'}: is a file, and one.many is 2 files" in told.err
    assert "folder" in told.err


@pytest.mark.parametrize("name", ["one.out", "one.many"])
def test_no_folder_is_made_by_the_way(ran, tmp_path, name):
    told = cli("get", name, tmp_path / "typo" / "got", project=ran[0])
    assert told.code == 2 and f"folder {tmp_path / 'typo'} does not exist" in told.err
    told = cli("compare", "latest", "latest", "--output", tmp_path / "typo" / "page.html", project=ran[0])
    assert told.code == 2 and f"folder {tmp_path / 'typo'} does not exist" in told.err
    assert told.out == "" and not (tmp_path / "typo").exists()


def test_get_falls_back_to_the_last_run_that_has_it(tmp_path):
    project = project_at(tmp_path)
    first = cli("run", "--offline", "--json", project=project).json["run"]
    second = cli("run", "--offline", "--json", "one", "-p", "one.x=5", project=project).json["run"]
    told = cli("get", "two.out", tmp_path / "o", project=project)
    size = (tmp_path / "o").stat().st_size
    assert told.code == 0 and told.out == (f"{tmp_path / 'o'}: two.out of run {first} (the last that has it; "
                                           f"run {second} has not), {size} B\n")
    assert cli("get", "one.out", tmp_path / "o", "--json", project=project).json["run"] == second
    told = cli("get", "two.out", tmp_path / "o", "--run", "latest", project=project)
    assert told.code == 2 and f"is no recorded input or output of run {second}" in told.err
    told = cli("get", "two.uot", tmp_path / "o", project=project)
    assert told.code == 2 and "of any run" in told.err and "did you mean 'two.out'?" in told.err


def test_get_puts_a_file_into_a_folder_that_is_there(ran, tmp_path):
    told = cli("get", "one.out", tmp_path, "--json", project=ran[0])
    assert told.code == 0 and told.json["file"] == str(tmp_path / "metrics.json") and told.json["sha256"]
    assert (tmp_path / "metrics.json").is_file()


def test_get_says_what_there_is(ran, tmp_path):
    told = cli("get", "one.uot", tmp_path / "x", project=ran[0])
    assert told.code == 2 and "there are: one.many, one.out, one.source, two.data, two.out" in told.err
    assert "did you mean 'one.out'?" in told.err and not (tmp_path / "x").exists()
    told = cli("get", "one.out", tmp_path / "x", "--run", "99999999-000000-0000", project=ran[0])
    assert told.code == 2 and "is not recorded here" in told.err and ran[1] in told.err


@pytest.mark.parametrize("place", ["file/below", "file/below/deeper"])
def test_get_to_a_place_that_cannot_be_written(ran, tmp_path, place):
    (tmp_path / "file").touch()
    told = cli("get", "one.out", tmp_path / place, project=ran[0])
    assert told.code == 2 and "cannot be written" in told.err


def test_get_of_content_that_is_gone(tmp_path):
    project = project_at(tmp_path)
    assert cli("run", "--offline", "one", project=project).code == 0
    shutil.rmtree(project / ".notemill" / "objects")
    told = cli("get", "one.out", tmp_path / "x", project=project)
    assert told.code == 2 and "no longer in the store" in told.err and not list(tmp_path.glob("*x*part"))


def test_commands_before_the_first_run(tmp_path):
    project = project_at(tmp_path)
    for words in (["get", "one.out", "x"], ["compare", "latest", "latest"]):
        told = cli(*words, project=project)
        assert told.code == 2 and "there is no run yet" in told.err and "notemill run" in told.err
    assert cli("why", "one", project=project).out.startswith("one: run\n  never run before\n")


def test_compare_shows_what_differs(ran, tmp_path):
    project, first, second = ran
    told = cli("compare", first, second, project=project)
    assert told.code == 0 and "5" in told.out and "score" in told.out and "data.csv" not in told.out
    assert len(cli("compare", first, second, "--all", project=project).out) > len(told.out)
    assert cli("compare", first, second, "--json", project=project).json["error"] is None
    page = tmp_path / "page.html"
    told = cli("compare", first[-4:], second[-4:], "--output", page, project=project)
    assert told.code == 0 and str(page) in told.out and "score" in page.read_text()
    told = cli("compare", first, second, "--json", "--output", page, project=project)
    assert told.json["error"] is None and str(page) in told.err
    told = cli("compare", first, second, "--output", tmp_path / "page.html" / "below.html", project=project)
    assert told.code in (1, 2) and "Traceback" not in told.err and "page.html" in told.err


def test_debug_writes_a_notebook_that_runs_by_hand(ran, tmp_path):
    project = ran[0]
    told = cli("debug", "two", "--json", project=project)
    assert told.code == 0
    path = project / ".notemill" / "debug" / "two" / "two.ipynb"
    assert told.json["notebook"] == str(path)
    made = nbformat.read(path, 4)
    nbformat.validate(made)
    script = tmp_path / "by_hand.py"
    script.write_text("\n".join(cell.source for cell in made.cells if cell.cell_type == "code") + "\nprint(data, out)")
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=60)
    data, out = done.stdout.split()
    assert json.loads(Path(data).read_text()) == {"score": 5} and "/debug/two/outputs/" in out
    assert Path(out).read_text() == '{"score": 5}' + str(project / "notebooks")
    assert told.json["run"] == ran[2]
    told = cli("debug", "two", project=project).out
    assert f"open it with: jupyter lab {path}" in told and f"parameters and inputs of run {ran[2]}\n" in told


def debugged(project, step, *words):
    """The values that the notebook for debugging sets, and what the command says."""
    told = cli("debug", step, "--json", *words, project=project)
    assert told.code == 0, told.err
    cells = nbformat.read(told.json["notebook"], 4).cells
    injected = next(cell for cell in cells if "injected-parameters" in cell.metadata.get("tags", []))
    values: dict = {}
    exec(injected.source, values)
    return values, told.json


def test_debug_takes_what_the_run_was_given(ran):
    project, first, second = ran
    values, told = debugged(project, "one")
    assert values["x"] == 5 and told["run"] == second
    assert Path(values["source"]).read_text() == "a\n1\n" and len(values["many"]) == 2
    for words, run, x in ((["--run", first], first, 2), (["--run", second[-4:]], second, 5)):
        values, told = debugged(project, "one", *words)
        assert values["x"] == x and told["run"] == run
    told = cli("debug", "one", "--run", "99999999-000000-0000", project=project)
    assert told.code == 2 and "is not recorded here" in told.err


def test_debug_of_a_failed_step_takes_the_inputs_and_parameters_that_it_failed_with(tmp_path):
    project = make_project(tmp_path, steps={
        "one": {"notebook": "one.ipynb", "outputs": {"out": "o.txt"}},
        "two": {"notebook": "two.ipynb", "inputs": {"data": "one.out", "more": "more.csv"}}}, notebooks={
        "one.ipynb": notebook("open(out, 'w').write(str(x))", parameters="x: int = 1\nout = ''"),
        "two.ipynb": notebook("assert y < 2", parameters="data = more = ''\ny: int = 1\nz: int = 3")},
        files={"more.csv": "then"})
    run = cli_process("run", "--offline", "--json", "-p", "one.x=7", "-p", "two.y=2", project=project)
    assert run.code == 1
    write(project / "more.csv", "now")
    assert cli_process("run", "--offline", "one", project=project).code == 0    # has not the step
    values, told = debugged(project, "two")
    assert told["run"] == run.json["run"] and values["y"] == 2 and "z" not in values
    assert Path(values["data"]).read_text() == "7" and Path(values["more"]).read_text() == "then"
    assert f"run {told['run']}, in which it failed" in cli("debug", "two", project=project).out
    told = cli("debug", "two", "--run", "latest", project=project)
    assert told.code == 2 and "step 'two' has not run in it" in told.err


def test_debug_follows_what_pipeline_and_notebook_say_by_now(tmp_path):
    """An input from elsewhere, and a parameter that is gone or new, is as a run would have it now."""
    project = project_at(tmp_path)
    assert cli("run", "--offline", "one", "-p", "one.x=5", project=project).code == 0
    pipeline = project / "notebooks" / "pipeline.yaml"
    pipeline.write_text(pipeline.read_text().replace("data.csv", "part-1.csv").replace("x: 2", "w: 3"))
    write_notebook(project / "notebooks" / "one.ipynb", notebook(
        "1", parameters="source = ''\nmany = []\nw: int = 1\nout = ''"))
    values, _ = debugged(project, "one")
    assert "x" not in values and values["w"] == 3 and Path(values["source"]).read_text() == "1"


def test_debug_has_parameters_that_hold_a_secret(tmp_path, monkeypatch):
    """The record does not: where it is the present one, it is there."""
    monkeypatch.setenv("TOKEN", "a-long-secret")
    project = make_project(tmp_path, secrets=["TOKEN"], steps={
        "one": {"notebook": "one.ipynb", "params": {"address": "https://x/a-long-secret"}}},
        notebooks={"one.ipynb": notebook("1", parameters="address = ''")})
    assert cli_process("run", "--offline", project=project).code == 0
    assert "a-long-secret" not in next(project.glob(".notemill/runs/*/run.json")).read_text()
    assert debugged(project, "one")[0]["address"] == "https://x/a-long-secret"


def test_debug_before_the_first_run(tmp_path):
    values, told = debugged(project_at(tmp_path), "one")
    assert values["x"] == 2 and told["run"] is None
    told = cli("debug", "one", project=tmp_path).out
    assert "it has not run yet: parameters and inputs as a run would have them now" in told


def test_debug_of_an_unknown_step(ran):
    told = cli("debug", "twoo", project=ran[0])
    assert told.code == 2 and told.err.startswith("debug twoo: ") and "did you mean 'two'?" in told.err


def test_debug_of_a_step_whose_input_is_not_there(tmp_path):
    told = cli("debug", "two", project=project_at(tmp_path))
    assert told.code == 2 and "'one.out' is not there yet" in told.err and "notemill run one" in told.err


def test_debug_follows_a_changed_input(tmp_path):
    project = project_at(tmp_path)
    assert cli("run", "--offline", "one", project=project).code == 0
    assert cli("debug", "one", project=project).code == 0 and cli("debug", "one", project=project).code == 0
    (project / "part-3.csv").write_text("3")
    assert cli("run", "--offline", "one", project=project).code == 0
    assert cli("debug", "one", project=project).code == 0
    assert sorted(path.name for path in (project / ".notemill/debug/one/inputs/many").iterdir()) == [
        "part-1.csv", "part-2.csv", "part-3.csv"]


def test_debug_opens_jupyter_on_a_terminal(ran, tmp_path, monkeypatch):
    from notemill.commands import look

    opened = []
    monkeypatch.setattr(look.shutil, "which", lambda name, path: "/bin/jupyter-lab")
    monkeypatch.setattr(look.subprocess, "run", lambda words, check: opened.append(words))
    terminal = type("Terminal", (io.StringIO,), {"isatty": lambda self: True})()
    monkeypatch.setattr(look.sys, "stdout", terminal)
    look.debug(ran[0], "two", None, as_json=False)
    assert f"run {ran[2]}" in terminal.getvalue()
    assert opened == [["/bin/jupyter-lab", str(ran[0] / ".notemill" / "debug" / "two" / "two.ipynb")]]


def test_lineage_of_a_run(ran):
    project, first, second = ran
    told = cli("lineage", first, project=project)
    assert told.code == 0 and first in told.out and "data.csv" in told.out and "one.ipynb" in told.out
    assert cli("lineage", second[-4:], project=project).out.count(second)
    assert cli("lineage", first, "--json", project=project).json["error"] is None


def test_lineage_of_the_latest_run(ran, tmp_path):
    assert cli("lineage", "latest", "--json", project=ran[0]).json["run"] == ran[2]
    told = cli("lineage", "latest", project=project_at(tmp_path))
    assert told.code == 2 and "there is no run yet" in told.err


def test_a_parameter_with_a_line_break_stays_in_its_line(tmp_path):
    project = make_project(tmp_path, steps={"one": {"notebook": "one.ipynb", "params": {"text": "a\nb\x1b[31mc"}}},
                           notebooks={"one.ipynb": notebook("1", parameters="text = ''")})
    assert cli("run", "--offline", project=project).code == 0
    for words in (["lineage", "latest"], ["why", "one"]):
        told = cli(*words, project=project)
        assert told.code == 0 and "\x1b" not in told.out and "\nb" not in told.out and "text" in told.out, words


def test_why_tells_what_was_noticed_in_the_last_run(tmp_path):
    project = project_at(tmp_path)
    assert "noticed" not in cli("why", "one", project=project).out
    assert cli("run", "--offline", "one", project=project).code == 0
    path = next(project.glob(".notemill/runs/*/run.json"))
    record = json.loads(path.read_text())
    record["steps"][0]["warnings"] = ["reads extra.csv, which is no input"]
    path.write_text(json.dumps(record))
    told = cli("why", "one", project=project)
    assert f"noticed in run {record['run']}\n  reads extra.csv, which is no input" in told.out
    assert cli("why", "one", "--json", project=project).json["warnings"] == ["reads extra.csv, which is no input"]


def test_lineage_of_what_nobody_knows(ran):
    told = cli("lineage", "no-such-model/3", project=ran[0])
    assert told.code == 2 and "no-such-model" in told.err and "Traceback" not in told.err


def test_a_record_that_is_damaged(tmp_path):
    project = project_at(tmp_path)
    assert cli("run", "--offline", "one", project=project).code == 0
    path = next(project.glob(".notemill/runs/*/run.json"))
    path.write_text("{")
    told = cli("get", "one.out", tmp_path / "x", project=project)
    assert told.code == 2 and "cannot be read" in told.err
    write_notebook(project / "notebooks" / "one.ipynb", "{")
    told = cli("plan", "--json", project=project)
    assert told.code == 2 and "is not a notebook" in told.json["error"]["got"]
