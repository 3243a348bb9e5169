"""Files that a step reads and no fingerprint knows of are named in a warning."""

import pytest
from tiny import cli, make_project, notebook, write

READS = "out = ''\nsource = ''\nmany = []"


@pytest.fixture
def warnings(run_here):
    def get(project, *args):
        result = run_here(project, *args)
        assert result.code == 0, result.err
        return result.json["steps"][0]["warnings"], result.err
    return get


def project_that(root, *cells, files=None, **step):
    return make_project(root, steps={"one": {"notebook": "one.ipynb", **step}}, files=files or {},
                        notebooks={"one.ipynb": notebook(*cells, parameters=READS)})


def test_undeclared_reads_are_named(tmp_path, warnings):
    project = project_that(
        tmp_path, "open('../data/a.csv').read()", "import features\nfeatures.load()",
        "import importlib\nname = 'hid' + 'den'\nimportlib.import_module(name)",
        "open('../.git/config').read(); open('../.venv/lib.py').read(); open(source).read(); open(many[0]).read()",
        inputs={"source": "data/declared.csv", "many": "data/part-*.csv"},
        files={"data/a.csv": "", "data/declared.csv": "", "data/part-1.csv": "", "package/features.py":
               "def load():\n    return open('../data/b.csv').read()\n", "data/b.csv": "", "package/hidden.py": "",
               ".git/config": "", ".venv/lib.py": ""})
    told, err = warnings(project)
    assert told == [f"reads {name}, which is not among its inputs: a change of it is not noticed"
                    for name in ("data/a.csv", "data/b.csv", "package/hidden.py")]
    assert "warning: one: reads data/a.csv" in err
    again, _ = warnings(project)        # a reused step still says it
    assert again == told


def test_declared_inputs_may_be_read_by_their_own_names(tmp_path, warnings):
    project = project_that(
        tmp_path, "open('../data/declared.csv').read(); open('../data/part-1.csv').read()", "import features",
        inputs={"source": "data/declared.csv", "many": "data/part-*.csv"},
        files={"data/declared.csv": "", "data/part-1.csv": "", "package/features.py": "from deeper import x\n",
               "package/deeper.py": "x = 1\n"})
    assert warnings(project)[0] == []


def test_a_folder_full_of_files_is_not_a_page_full_of_warnings(tmp_path, warnings):
    cell = "import pathlib\nfor path in sorted(pathlib.Path('../many').iterdir()):\n    path.read_text()"
    project = project_that(tmp_path, cell, files={f"many/{n:02}.txt": "" for n in range(25)})
    told, _ = warnings(project)
    assert len(told) == 11 and told[-1] == "reads 15 more files that are not among its inputs"


def test_what_the_step_made_itself_is_no_warning(tmp_path, warnings):
    project = project_that(tmp_path, "open(out, 'w').write('1'); open(out).read()", outputs={"out": "o.txt"})
    assert warnings(project)[0] == []


def test_a_project_that_is_reached_through_a_link(tmp_path, warnings):
    project = project_that(tmp_path / "real", "open('../data.csv').read()", files={"data.csv": ""})
    (tmp_path / "link").symlink_to(project)
    assert len(warnings(tmp_path / "link")[0]) == 1
    write(project / "data.csv", "changed")
    assert cli("plan", "--json", project=tmp_path / "link").json["steps"][0]["action"] == "reuse"
