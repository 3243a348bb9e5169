"""`kernel:` in pipeline.yaml: warm, process, or a name."""

import json
import os
import runpy
import sys

import pytest
from tiny import cli, last_record, make_project, notebook, plan, run, write

from notemill import interpreter
from notemill.pipeline import read_pipeline

CELL = "import sys\nopen(out, 'w').write(str('_notemill.child' in sys.modules))"


@pytest.mark.parametrize("platform, kernel", [("linux", "warm"), ("darwin", "process"), ("win32", "process")])
def test_the_default_depends_on_the_system(platform, kernel, monkeypatch):
    monkeypatch.setattr(sys, "platform", platform)
    assert runpy.run_path(interpreter.__file__)["DEFAULT_KERNEL"] == kernel


def project_with(root, kernel):
    steps = {"one": {"notebook": "one.ipynb", "outputs": {"out": "o.txt"}, **({"kernel": kernel} if kernel else {})}}
    return make_project(root, steps=steps, notebooks={"one.ipynb": notebook(CELL, parameters="out = ''")})


def seen(project):
    told = cli("get", "one.out", project / "o.txt", project=project)
    assert told.code == 0, told.err
    return (project / "o.txt").read_text()


def test_nothing_said_is_the_default(tmp_path):
    assert read_pipeline(project_with(tmp_path, None)).steps["one"].kernel == interpreter.DEFAULT_KERNEL


def test_how_the_process_comes_about_is_no_part_of_the_result(tmp_path):
    project_with(tmp_path, "process")
    assert run(tmp_path).code == 0 and seen(tmp_path) == "False"
    for kernel in ("warm", None):
        project_with(tmp_path, kernel)
        assert plan(tmp_path) == {"one": ("reuse", [])}


@pytest.mark.skipif(sys.platform != "linux", reason="warm processes are for Linux alone")
def test_a_warm_one_and_one_by_name(tmp_path, monkeypatch):
    project_with(tmp_path, "warm")
    assert run(tmp_path).code == 0 and seen(tmp_path) == "True" and last_record(tmp_path)["steps"][0]["warnings"] == []
    write(tmp_path / "jupyter" / "kernels" / "mine" / "kernel.json", json.dumps(
        {"argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"], "display_name": "mine",
         "language": "python"}))
    project_with(tmp_path, "mine")
    assert run(tmp_path, JUPYTER_PATH=str(tmp_path / "jupyter")).code == 0 and seen(tmp_path) == "False"


def test_a_misspelt_one_names_all_there_are(tmp_path):
    told = cli("plan", project=project_with(tmp_path, "wram"))
    assert told.code == 2 and "there is no Jupyter kernel 'wram'" in told.err
    assert "there are: warm, process" in told.err and "did you mean 'warm'?" in told.err


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it is an ordinary kernel anyway")
def test_a_warm_one_that_cannot_be_had_is_a_warning(tmp_path):
    """The run itself goes well; so it does on systems without such processes."""
    project_with(tmp_path, "warm")
    write(tmp_path / "broken" / "sitecustomize.py",
          "from notemill.execute.warm import process\nprocess.START = '/nowhere/start.py'\n")
    places = [str(tmp_path / "broken"), os.environ.get("PYTHONPATH")]
    done = run(tmp_path, PYTHONPATH=os.pathsep.join(filter(None, places)))
    assert done.code == 0, done.err
    assert seen(tmp_path) == "False"
    record = last_record(tmp_path)
    warning, = record["warnings"]
    assert record["steps"][0]["warnings"] == []  # else it would be said of the result, whenever that is reused
    assert warning.partition(" ")[2].startswith(
        "ran in an ordinary kernel, which takes longer to start: the warm process ended at once")
