"""Cells tagged `export` make a module, cells tagged `test` run on the smoke set alone; steps that follow others."""

import pytest
from tiny import cli, code, make_project, write_notebook

EXPORTED = "import math\n\n\nclass Half:\n    def of(self, x):\n        return math.floor(x / 2)"
USED = """
import importlib
import pickle
assert __name__ == "__main__"
assert Half.__module__ == "tiny.train"
assert importlib.import_module("tiny.train").Half is Half
assert type(pickle.loads(pickle.dumps(Half()))) is Half
"""
WRITES = "open(out, 'w').write(f'{n}')"


def tagged(tmp_path, *cells, **more):
    cells = [code("n = 100\nout = ''", tags=["parameters"]), *cells, code(WRITES)]
    return make_project(tmp_path, steps={"train": {"notebook": "train.ipynb", "outputs": {"out": "out.txt"}}},
                        notebooks={"train.ipynb": cells}, **more)


def run(project, *words):
    result = cli("run", "--offline", "--json", *words, project=project)
    assert result.code == 0, result.err
    return {step["step"]: step["status"] for step in result.json["steps"]}


def test_exported_definitions_live_in_a_module_of_their_own(tmp_path):
    assert run(tagged(tmp_path, code(EXPORTED, tags=["export"]), code(USED))) == {"train": "done"}


def test_other_definitions_are_the_notebooks_own(tmp_path):
    assert run(tagged(tmp_path, code(EXPORTED), code("assert Half.__module__ == '__main__'"))) == {"train": "done"}


def test_an_error_in_an_exported_cell_leaves_the_name_as_it_was(tmp_path):
    failing = code("class A: pass\nraise ValueError", tags=["export", "raises-exception"])
    after = code("assert __name__ == '__main__' and A.__module__ == 'tiny.train'")
    assert run(tagged(tmp_path, failing, after)) == {"train": "done"}


def test_a_cell_that_becomes_exported_counts(tmp_path):
    project = tagged(tmp_path, code(EXPORTED))
    run(project)
    tagged(tmp_path, code(EXPORTED, tags=["export"]))
    assert run(project) == {"train": "done"}


def test_test_cells_run_on_the_smoke_set_alone(tmp_path):
    project = tagged(tmp_path, code("assert n == 2", tags=["test"]), smoke={"train": {"n": 2}})
    assert run(project) == {"train": "done"}
    assert run(project, "--smoke") == {"train": "done"}
    assert cli("run", "--smoke", "-p", "train.n=3", project=project).code == 1
    assert run(project) == {"train": "reused"}


def test_a_test_cell_does_not_count(tmp_path):
    project = tagged(tmp_path, code("assert n", tags=["test"]))
    run(project)
    tagged(tmp_path, code("import json; assert n > 1", tags=["test"]))
    assert run(project) == {"train": "reused"}


def test_the_smoke_set_leaves_nothing_where_others_look(tmp_path):
    project = tagged(tmp_path, smoke={"train": {"n": 2}})
    run(project, "--smoke")
    assert not (project / "reports").exists() and not (project / ".notemill/runs").exists()
    assert (project / ".notemill/smoke/reports/index.html").is_file()
    assert not list((project / ".notemill/smoke").glob("runs/*/mlflow.pending"))
    assert cli("get", "train.out", str(tmp_path / "got"), project=project).code == 2


@pytest.mark.parametrize("smoke, said", [({"trian": {}}, "did you mean 'train'"), ({"train": {"m": 2}}, "'m'"),
                                         ({"train": {"n": "two"}}, "two")])
def test_a_smoke_set_that_does_not_fit(tmp_path, smoke, said):
    result = cli("run", "--smoke", project=tagged(tmp_path, smoke=smoke))
    assert (result.code, said in result.err, "pipeline.yaml" in result.err) == (2, True, True), result.err


def chain(tmp_path):
    return make_project(tmp_path, steps={"a": {"notebook": "a.ipynb"}, "b": {"notebook": "b.ipynb", "after": ["a"]}},
                        notebooks={"a.ipynb": ["open('../shared.txt', 'w').write('1')"],
                                   "b.ipynb": ["print(open('../shared.txt').read())"]})


def test_a_step_follows_another_and_runs_again_when_that_did(tmp_path):
    project = chain(tmp_path)
    assert run(project) == {"a": "done", "b": "done"}
    assert run(project) == {"a": "reused", "b": "reused"}
    write_notebook(project / "notebooks/a.ipynb", ["open('../shared.txt', 'w').write('2')"])
    planned = cli("plan", "--json", project=project).json["steps"]
    assert planned[1]["reasons"] == ["if a runs again"]
    assert run(project) == {"a": "done", "b": "done"}
    write_notebook(project / "notebooks/a.ipynb", ["open('../shared.txt', 'w').write('1')"])
    assert run(project) == {"a": "reused", "b": "reused"}


def test_why_a_step_that_follows_runs(tmp_path):
    project = chain(tmp_path)
    run(project)
    run(project, "a", "--force=a")
    assert cli("plan", "--json", project=project).json["steps"][1]["reasons"] == ["a ran again"]


def test_a_step_cannot_follow_itself_or_nobody(tmp_path):
    for after, said in (["a"], "in a ring"), (["c"], "unknown step 'c'"):
        project = make_project(tmp_path, steps={"a": {"notebook": "a.ipynb", "after": after}},
                               notebooks={"a.ipynb": ["1"]})
        result = cli("plan", project=project)
        assert (result.code, said in result.err) == (2, True), result.err


def test_a_script_knows_its_own_file_and_has_no_words_but_its_name(tmp_path):
    script = ("# %%\nimport argparse\nfrom pathlib import Path\nassert Path(__file__).name == 'a.py'\n"
              "argparse.ArgumentParser().parse_args()\nassert __name__ == '__main__'\n")
    project = make_project(tmp_path, steps={"a": {"notebook": "a.py"}, "b": {"notebook": "b.ipynb"}},
                           notebooks={"a.py": script, "b.ipynb": ["assert '__file__' not in globals()"]})
    assert run(project) == {"a": "done", "b": "done"}
