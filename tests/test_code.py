"""Cells tagged `export` as modules: written to package/, and taken along as they were when the model was made."""

import json

import pytest
from tiny import cli, code, make_project, notebook

from notemill import code as own_code
from notemill.errors import NotemillError, UsageError
from notemill.project import open_project

EXPORTED = [code("import os\nOFFSET = 1", tags=["export"]), "print('not this')",
            code("def shift(x):\n    return x + OFFSET\n\n\nclass Shift:\n    pass\n", tags=["export"])]
TEXT = ('"""Made by `notemill export` from notebooks/train.ipynb: change it there."""\n\n\nimport os\nOFFSET = 1\n\n\n'
        'def shift(x):\n    return x + OFFSET\n\n\nclass Shift:\n    pass\n')


def project(root, cells=EXPORTED, **more):
    return make_project(root, steps={"train": {"notebook": "train.ipynb"}}, notebooks={"train.ipynb": cells}, **more)


# package/
def test_export_writes_what_the_notebook_says(tmp_path):
    project(tmp_path)
    assert cli("export", "--check", project=tmp_path).code == 1 and not (tmp_path / "package").exists()
    first = cli("export", project=tmp_path)
    assert (first.code, first.out) == (0, "written: package/tiny/train.py\n")
    assert (tmp_path / "package/tiny/train.py").read_text() == TEXT
    assert (tmp_path / "package/tiny/__init__.py").read_text() == ""
    assert cli("export", project=tmp_path).out == "package/ agrees with the notebooks\n"
    assert cli("export", "--check", "--json", project=tmp_path).json == {"differing": [], "error": None}


def test_check_tells_what_differs(tmp_path):
    project(tmp_path)
    cli("export", project=tmp_path)
    module = tmp_path / "package/tiny/train.py"
    module.write_text(TEXT + "# changed\n")
    result = cli("export", "--check", project=tmp_path)
    assert result.code == 1
    assert result.out == "package/tiny/train.py is not what the notebook exports: notemill export\n"
    assert cli("export", "--json", project=tmp_path).json["written"] == ["package/tiny/train.py"]
    assert module.read_text() == TEXT


def test_a_file_of_somebodys_own_is_never_replaced(tmp_path):
    project(tmp_path, files={"package/tiny/train.py": "MINE = 1\n", "package/tiny/__init__.py": "ALSO = 1\n"})
    result = cli("export", project=tmp_path)
    assert result.code == 2 and "was not made by `notemill export`, and would be lost" in result.err
    assert (tmp_path / "package/tiny/train.py").read_text() == "MINE = 1\n"
    (tmp_path / "package/tiny/train.py").unlink()
    assert cli("export", project=tmp_path).code == 0
    assert (tmp_path / "package/tiny/__init__.py").read_text() == "ALSO = 1\n"


def test_without_such_cells_there_is_nothing(tmp_path):
    project(tmp_path, ["x = 1"])
    assert cli("export", project=tmp_path).out == "package/ agrees with the notebooks\n"
    assert not (tmp_path / "package").exists()


def test_cells_that_are_no_module(tmp_path):
    project(tmp_path, [code("%matplotlib inline", tags=["export"])])
    result = cli("export", project=tmp_path)
    assert result.code == 2 and "notebooks/train.ipynb: its cells tagged `export` are no module" in result.err
    assert "magics and shell commands belong in other cells" in result.err


def test_two_notebooks_of_one_name(tmp_path):
    make_project(tmp_path, steps={"a": {"notebook": "train.ipynb"}, "b": {"notebook": "Train.ipynb"}},
                 notebooks={"train.ipynb": EXPORTED, "Train.ipynb": EXPORTED})
    with pytest.raises(UsageError, match="two notebooks would be exported to it"):
        own_code.modules_to_export(open_project(tmp_path))


@pytest.mark.parametrize("name, module", [("breast-cancer", "breast_cancer"), ("My.X", "my_x"), ("class", "class_"),
                                          ("01-train", "_01_train")])
def test_names_that_can_be_imported(name, module):
    assert own_code.package_name(name) == module


# the code of a run
def recorded(root, cells=EXPORTED, modules=("package/help/tool.py",)):
    """(project, record) of a run whose step `train` executed these cells and imported these modules."""
    opened = open_project(root)
    executed = opened.store.add_bytes(json.dumps(notebook(*cells)).encode())
    step = {"step": "train", "origin_run": "r0", "executed": {"sha256": executed, "bytes": 1},
            "components": {"modules": {name: opened.importer.digest(root / name) for name in modules}}}
    return opened, {"run": "r1", "steps": [step]}


@pytest.fixture
def with_modules(tmp_path):
    return project(tmp_path, files={"package/help/__init__.py": "", "package/help/tool.py": "A = 1\n",
                                    "notebooks/beside.py": "\ufeffB = 'ü'\n"})


def test_a_models_code_is_that_of_the_executed_notebook_and_its_imports(with_modules):
    opened, record = recorded(with_modules, modules=["package/help/__init__.py", "package/help/tool.py",
                                                     "notebooks/beside.py"])
    (with_modules / "notebooks" / "train.ipynb").write_text("{}")
    found = {module.path: module.text for module in own_code.code_of_run(opened, record, "train")}
    assert found == {"beside.py": "B = 'ü'\n", "help/__init__.py": "", "help/tool.py": "A = 1\n",
                     "tiny/__init__.py": "", "tiny/train.py": TEXT}
    modules = own_code.code_of_run(opened, record, "train")
    assert own_code.defined_names(modules) == ["tiny.train.shift", "tiny.train.Shift"]
    own_code.stage(modules, with_modules / "stage")
    assert (with_modules / "stage/tiny/train.py").read_text() == TEXT


def test_a_module_that_changed_since_is_refused(with_modules):
    opened, record = recorded(with_modules)
    (with_modules / "package/help/tool.py").write_text("A = 2\n")
    with pytest.raises(NotemillError, match="package/help/tool.py: has changed since the run r0.*\n.*notemill run"):
        own_code.code_of_run(open_project(with_modules), record, "train")
    (with_modules / "package/help/tool.py").unlink()
    with pytest.raises(NotemillError, match="has changed since"):
        own_code.code_of_run(open_project(with_modules), record, "train")


def test_modules_that_cannot_go_along(with_modules):
    (with_modules / "elsewhere.py").write_text("A = 1\n")
    opened, record = recorded(with_modules, modules=["elsewhere.py"])
    with pytest.raises(NotemillError, match="is outside package/ and the notebook's folder"):
        own_code.code_of_run(opened, record, "train")
    (with_modules / "package/latin.py").write_bytes("# -*- coding: latin-1 -*-\nA = 'ü'\n".encode("latin-1"))
    opened, record = recorded(with_modules, modules=["package/latin.py"])
    with pytest.raises(NotemillError, match="package/latin.py: is not in UTF-8"):
        own_code.code_of_run(opened, record, "train")


@pytest.mark.parametrize("steps", [[], [{"step": "train", "executed": None}],
                                   [{"step": "train", "executed": {"sha256": "0" * 64}}]])
def test_a_run_without_the_executed_notebook(with_modules, steps):
    with pytest.raises(NotemillError, match="step 'train' of run r1: has no executed notebook"):
        own_code.code_of_run(open_project(with_modules), {"run": "r1", "steps": steps}, "train")
