"""`notemill init .` finds the notebooks that are there, and runs them as they are."""

import json

import pytest
import yaml
from tiny import markdown, notebook, run, write, write_notebook

from notemill.errors import UsageError
from notemill.init.found import find_notebooks


def run_order(folder):
    return [found.path for found in find_notebooks(folder)[0]]


def left_out(folder):
    return {left.path: left.why for left in find_notebooks(folder)[1]}


def test_by_name_with_numbers_as_numbers(tmp_path):
    names = ["1-load.ipynb", "2-train.ipynb", "sub/3-x.ipynb", "10-report.ipynb", "a.ipynb", "B.ipynb",
             "1-first/2.ipynb", "2-last/1.ipynb"]
    for name in sorted(names):
        write_notebook(tmp_path / name, notebook("print(1)"))
    assert run_order(tmp_path) == names


@pytest.mark.parametrize("name", [
    ".venv/x.py", "myenv/lib/x.py", "build/x.ipynb", "tests/x.py", "test_x.py", "setup.py", "noxfile.py", "conftest.py",
    ".ipynb_checkpoints/x-checkpoint.ipynb", "node_modules/x.py", "__main__.py", ".hidden.py", "docs/conf.py"])
def test_what_is_none_of_it(tmp_path, name):
    write(tmp_path / "myenv" / "pyvenv.cfg", "")
    write(tmp_path / name, "print(1)" if name.endswith(".py") else json.dumps(notebook("print(1)")))
    write(tmp_path / "a.py", "print(1)")
    assert run_order(tmp_path) == ["a.py"] and left_out(tmp_path) == {}


def test_modules_are_not_run(tmp_path):
    write(tmp_path / "01_load.py", "import helpers\nfrom tools.paths import root\nprint(helpers, root)")
    write(tmp_path / "helpers.py", "print('at import')")
    write(tmp_path / "tools" / "paths.py", "root = print(1)")
    write(tmp_path / "pkg" / "__init__.py", "")
    write(tmp_path / "pkg" / "mod.py", "print(1)")
    write(tmp_path / "defs.py", '"""Words."""\nimport os\nN = 3\ndef f():\n    return os.name\n')
    write(tmp_path / "main.py", "def f():\n    print(1)\n\nif __name__ == '__main__':\n    f()\n")
    assert run_order(tmp_path) == ["01_load.py", "main.py"]
    assert left_out(tmp_path) == {
        "helpers.py": "it is a module that others import", "tools/paths.py": "it is a module that others import",
        "pkg/mod.py": "it is a module of a package", "defs.py": "it only defines things: nothing would happen"}


def test_what_cannot_be_run_is_told(tmp_path):
    write(tmp_path / "broken.ipynb", "{")
    write_notebook(tmp_path / "empty.ipynb", notebook(markdown("# Words")))
    write_notebook(tmp_path / "twin.ipynb", notebook("print(1)"))
    write(tmp_path / "twin.py", "# %%\nprint(1)\n")
    assert run_order(tmp_path) == ["twin.ipynb"]
    left = left_out(tmp_path)
    assert left["broken.ipynb"].startswith("is not a notebook") and left["empty.ipynb"] == "there is no code in it"
    assert left["twin.py"] == "the notebook of the same name is run"


@pytest.fixture
def analysis(tmp_path):
    """A folder as people have them: two notebooks, one of them with parameters, and a script."""
    folder = tmp_path / "project"
    write_notebook(folder / "analysis" / "01-load.ipynb", notebook("open('../t.txt', 'w').write(str(n))",
                                                                   parameters="n: int = 5\nwords = 'a'"))
    write_notebook(folder / "analysis" / "02-plot.ipynb", notebook("print(open('../t.txt').read())"))
    write(folder / "analysis" / "03-end.py", "# %%\nprint('end')\n")
    return folder


def test_the_pipeline(analysis, init):
    done = init()
    assert done.code == 0, done.err
    raw = yaml.safe_load((analysis / "notebooks" / "pipeline.yaml").read_bytes())
    assert raw == {"name": "project", "steps": {
        "load": {"notebook": "../analysis/01-load.ipynb"}, "plot": {"notebook": "../analysis/02-plot.ipynb",
                                                                    "after": ["load"]},
        "end": {"notebook": "../analysis/03-end.py", "after": ["plot"]}}}
    assert "# its parameters: n, words" in (analysis / "notebooks" / "pipeline.yaml").read_text()
    assert "3 steps" in done.out and "analysis/01-load.ipynb" in done.out and "notemill run" in done.out
    assert ".gitignore" in done.out


def test_nothing_else_is_touched(analysis, init):
    before = {path: path.read_bytes() for path in analysis.rglob("*") if path.is_file()}
    init()
    after = {path: path.read_bytes() for path in analysis.rglob("*") if path.is_file()}
    assert after.keys() - before.keys() == {analysis / "notebooks" / "pipeline.yaml"}
    assert {path: after[path] for path in before} == before


def test_notebooks_in_notebooks(tmp_path, init):
    write_notebook(tmp_path / "project" / "notebooks" / "a.ipynb", notebook("1 + 1"))
    assert init(None, None, "--json").json["steps"] == {"a": "notebooks/a.ipynb"}
    assert "notebook: \"a.ipynb\"" in (tmp_path / "project" / "notebooks" / "pipeline.yaml").read_text()


def test_another_language_keeps_its_kernel(tmp_path, init):
    write_notebook(tmp_path / "project" / "a.ipynb", notebook("1 + 1", kernel="ir", language="R"))
    init()
    raw = yaml.safe_load((tmp_path / "project" / "notebooks" / "pipeline.yaml").read_bytes())
    assert raw["steps"]["a"]["kernel"] == "ir"


def test_a_project_is_one_already(analysis, init):
    init()
    done = init()
    assert done.code == 2 and "this is a project" in done.err


def test_an_empty_folder_is_told_what_to_do(init, tmp_path):
    done = init()
    assert done.code == 2 and "--data FILE --target COLUMN" in done.err and not (tmp_path / "project").exists()


def test_too_many(tmp_path, monkeypatch):
    monkeypatch.setattr("notemill.init.found.MOST", 2)
    for name in "abc":
        write(tmp_path / f"{name}.py", "print(1)")
    with pytest.raises(UsageError, match="more than 2 notebooks"):
        find_notebooks(tmp_path)


@pytest.mark.slow
def test_they_run_as_they_are_and_once(analysis, init):
    init()
    done = run(analysis, "--json")
    assert done.code == 0, done.err
    assert [step["step"] for step in done.json["steps"]] == ["load", "plot", "end"]
    assert (analysis / "t.txt").read_text() == "5"
    assert {step["action"] for step in run(analysis, "--json").json["steps"]} == {"reuse"}
