"""Evidence first, then the error: what a failed step leaves, and what it does not."""

import json
import re

import pytest
from tiny import cli, code, last_record, make_project, markdown, notebook, plan

OUT = "source = ''\nout = ''"


def one_step(root, *cells, parameters=OUT, files=None, **step):
    body = {"notebook": "one.ipynb", "outputs": {"out": "out.txt"}, **step}
    return make_project(root, steps={"one": body}, files=files or {},
                        notebooks={"one.ipynb": notebook(*cells, parameters=parameters)})


def anchors(page):
    return set(re.findall(r'id="(cell-\d+|parameters)"', page))


def test_a_failing_cell_is_kept_reported_and_told(tmp_path, run_here, kept):
    fails = "import math\nx = value + 1\nraise ValueError(f'got {x}')"
    project = one_step(tmp_path, markdown("# Title"), "value = 41", fails, "print('never reached')")
    result = run_here(project)
    assert result.code == 1
    told = result.json
    assert told["status"] == "failed" and told["error"] == {
        "where": "step 'one': notebooks/one.ipynb", "got": "ValueError: got 42", "allowed": None,
        "hint": "see reports/one.html#cell-4", "step": "one", "cell": 4, "line": 3, "report": "reports/one.html#cell-4"}
    assert "step 'one': notebooks/one.ipynb: cell 4, line 3\n  ValueError: got 42\n  report: reports/one.html#cell-4" \
        in result.err
    step = last_record(project)["steps"][0]
    executed = kept(project, step["executed"]["sha256"])
    assert "got 42" in str(executed["cells"]) and step["status"] == "failed" and step["outputs"] == {}
    page = (project / "reports" / "one.html").read_text()
    assert "cell-4" in anchors(page)
    assert re.search(r'class="[^"]*failed[^"]*"[^>]*id="cell-4"|id="cell-4"[^>]*failed', page)
    assert "failed" in (project / "reports" / "index.html").read_text()


def test_people_see_the_failure_at_once_and_whole_at_the_end(tmp_path):
    project = one_step(tmp_path, "raise ValueError('first line\\nsecond \\x1b[31mline')")
    result = cli("run", "--offline", project=project)
    assert "✗ one  failed: cell 2: ValueError: first line\n" in result.out
    assert "ValueError: first line\n  second" in result.err and "\x1b" not in result.out + result.err


@pytest.mark.parametrize(("cells", "files", "name", "cell", "line"), [
    (["import features", "rows = []\nfeatures.first(rows)"],
     {"package/features.py": "def first(rows):\n    return rows[0]\n"}, "IndexError", 3, 2),
    (["def broken(:\n    pass"], {}, "SyntaxError", 2, 1),
    (["import os\nos._exit(3)"], {}, "KernelDied", 2, None),
    (["print('writes nothing')"], {}, "MissingOutput", None, None),
    (["import os\nos.mkdir(out)"], {}, "MissingOutput", None, None),
], ids=["module", "syntax", "dead", "missing", "folder"])
def test_each_failure_is_told_with_its_place(tmp_path, run_here, cells, files, name, cell, line):
    project = one_step(tmp_path, *cells, files=files)
    result = run_here(project)
    error = result.json["error"]
    assert result.code == 1 and error["got"].startswith(f"{name}: ")
    assert (error["cell"], error["line"]) == (cell, line)
    assert error["report"] == f"reports/one.html{f'#cell-{cell}' if cell else ''}"
    assert (project / "reports" / "one.html").is_file() and last_record(project)["steps"][0]["executed"]
    assert last_record(project)["steps"][0]["outputs"] == {}


def test_a_missing_output_is_told_by_its_parameter(tmp_path, run_here):
    result = run_here(one_step(tmp_path, "import os\nos.mkdir(out)"))
    assert "the output 'out' is a folder: its path is in the parameter out" in result.json["error"]["got"]


def test_of_several_outputs_none_is_kept_where_one_is_missing(tmp_path, run_here):
    project = one_step(tmp_path, "open(a, 'w').write('half of it')", parameters="a = ''\nb = ''",
                       outputs={"a": "a.txt", "b": "b.txt"})
    assert run_here(project).code == 1
    contents = [path.read_bytes() for path in (project / ".notemill").rglob("*") if path.is_file()]
    assert b"half of it" not in contents


def test_a_failure_where_the_parameters_are_set_links_there(tmp_path, run_here):
    breaks = "get_ipython().input_transformers_cleanup.append(lambda lines: 1/0)"
    project = one_step(tmp_path, "1", parameters=f"{OUT}\n{breaks}")
    error = run_here(project).json["error"]
    assert error["report"] == "reports/one.html#parameters" and error["cell"] is None
    assert "parameters" in anchors((project / "reports" / "one.html").read_text())


def test_a_kernel_that_does_not_start_is_a_reported_failure(tmp_path, run_here, monkeypatch):
    spec = {"argv": ["/bin/sh", "-c", "echo no such luck >&2; exit 1"], "display_name": "B", "language": "python"}
    project = one_step(tmp_path, "1", kernel="broken", files={"share/kernels/broken/kernel.json": json.dumps(spec)})
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "share"))
    result = run_here(project)
    assert result.code == 1 and "no such luck" in result.json["error"]["got"]
    assert (project / "reports" / "one.html").is_file()


def test_a_notebook_that_writes_to_its_input_fails_and_the_next_run_has_the_input_again(tmp_path, run_here):
    step = {"inputs": {"source": "data.csv"}, "files": {"data.csv": "precious"}}
    project = one_step(tmp_path, "import os\nos.chmod(source, 0o644)\nopen(source, 'w').write('spoilt')\n"
                       "open(out, 'w').write('x')", **step)
    result = run_here(project)
    assert result.code == 1 and "ChangedInput: the notebook wrote to its input 'source'" in result.json["error"]["got"]
    assert (project / "data.csv").read_text() == "precious"
    one_step(tmp_path, "open(out, 'w').write(open(source).read())", **step)
    assert run_here(project).code == 0
    assert cli("get", "one.out", tmp_path / "got", project=project).code == 0
    assert (tmp_path / "got").read_text() == "precious"


def test_a_failed_step_is_tried_again_and_says_so(tmp_path, run_here, statuses):
    project = one_step(tmp_path, "import pathlib\npathlib.Path(out).write_text(pathlib.Path('../flag').read_text())")
    assert run_here(project).code == 1
    assert plan(project) == {"one": ("run", ["it failed the last time"])}
    (project / "flag").write_text("there")
    assert statuses(run_here(project)) == {"one": "done"}


def test_a_cell_that_ends_the_notebook_is_warned_of(tmp_path, run_here):
    result = run_here(one_step(tmp_path, "import sys\nopen(out, 'w').close()\nsys.exit()", "1", "2"))
    assert result.code == 0 and result.json["steps"][0]["warnings"] == ["ended itself before its last 2 cells"]


@pytest.mark.parametrize("end", ["raise SystemExit", "exit()"])
def test_a_notebook_that_ends_itself_before_its_output_is_told_by_that_cell(tmp_path, run_here, end):
    result = run_here(one_step(tmp_path, "1", end, "open(out, 'w').close()"))
    error = result.json["error"]
    assert result.code == 1 and (error["cell"], error["report"]) == (3, "reports/one.html#cell-3")
    assert error["got"] == ("MissingOutput: the output 'out' was not written: the notebook ended itself before its "
                            "last 1 cell, in cell 3")


def test_an_exit_status_is_a_failure(tmp_path, run_here):
    result = run_here(one_step(tmp_path, "open(out, 'w').close()", "raise SystemExit(3)"))
    assert result.code == 1 and (result.json["error"]["got"], result.json["error"]["cell"]) == ("SystemExit: 3", 3)


def test_a_long_message_is_cut_but_the_report_has_it(tmp_path, run_here):
    project = one_step(tmp_path, "raise ValueError('long ' * 5000 + 'end of it')")
    result = run_here(project)
    assert len(result.json["error"]["got"]) < 2200 and "end of it" not in result.err
    assert "end of it" in (project / "reports" / "one.html").read_text()


@pytest.mark.parametrize(("name", "text"), [
    ("one.py", "# %% tags=[\"parameters\"]\nout = ''\n\n# %%\nopen(out, 'w').write('percent')\n"),
    ("one.md", "```python tags=[\"parameters\"]\nout = ''\n```\n\nProse.\n\n"
               "```python\nopen(out, 'w').write('markdown')\n```\n"),
], ids=["percent", "markdown"])
def test_steps_may_be_text_files(tmp_path, run_here, statuses, name, text):
    project = make_project(tmp_path, steps={"one": {"notebook": name, "outputs": {"out": "out.txt"}}},
                           notebooks={name: text})
    assert statuses(run_here(project)) == {"one": "done"}
    assert cli("get", "one.out", tmp_path / "got", project=project).code == 0
    assert (tmp_path / "got").read_text() in ("percent", "markdown")
    assert (project / "reports" / "one.html").is_file()


def test_a_cell_may_raise_where_its_tag_says_so(tmp_path, run_here, statuses):
    project = one_step(tmp_path, code("1/0", tags=["raises-exception"]), "open(out, 'w').close()")
    assert statuses(run_here(project)) == {"one": "done"}


def test_an_unknown_kernel_is_told_before_anything_runs(tmp_path, run_here):
    project = make_project(tmp_path, steps={"first": {"notebook": "a.ipynb"},
                                            "second": {"notebook": "a.ipynb", "kernel": "no-such-kernel"}},
                           notebooks={"a.ipynb": ["open('ran', 'w').close()"]})
    for result in (run_here(project), cli("plan", "--json", project=project)):
        assert result.code == 2 and "no-such-kernel" in result.json["error"]["got"]
        assert "process" in result.json["error"]["allowed"]
    assert not (project / "notebooks" / "ran").exists() and not (project / ".notemill" / "runs").exists()
