"""An output that is no file of the step's own is refused, in words."""

import pytest
from tiny import make_project, notebook, write


@pytest.mark.parametrize(("cell", "message"), [
    ("import os\nos.symlink(os.path.abspath('../elsewhere.txt'), out)", "is a link to"),
    ("import os\nos.mkfifo(out)", "the output 'out' is a pipe"),
    ("import os\nos.symlink('nowhere', out)", "the output 'out' is a link that leads nowhere"),
    ("import os\nos.mkdir(out)", "the output 'out' is a folder"), ("1", "the output 'out' was not written")])
def test_what_is_no_file_of_the_steps_own(tmp_path, run_here, cell, message):
    project = make_project(tmp_path, steps={"one": {"notebook": "n.ipynb", "outputs": {"out": "o.txt"}}},
                           notebooks={"n.ipynb": notebook(cell, parameters="out = ''")})
    write(project / "elsewhere.txt", "x")
    told = run_here(project)
    assert told.code == 1 and message in told.json["error"]["got"] and (project / "reports/one.html").exists()
    assert (project / "elsewhere.txt").stat().st_mode & 0o200  # and left as it was


@pytest.mark.parametrize("cell", ["import os\nopen(out + 'x', 'w').write('1')\nos.symlink('o.txtx', out)",
                                  "import os\nos.symlink(data, out)"])
def test_links_within_the_folder_and_to_an_input_are_kept_by_content(tmp_path, run_here, cell):
    project = make_project(tmp_path, files={"in.txt": "1"}, notebooks={
        "n.ipynb": notebook(cell, parameters="out = data = ''")}, steps={
        "one": {"notebook": "n.ipynb", "inputs": {"data": "in.txt"}, "outputs": {"out": "o.txt"}}})
    told = run_here(project)
    assert told.code == 0, told.err
