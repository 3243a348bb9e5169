"""reports/ shows the present text of what was run, and is written only where something differs."""

import re
import shutil

import pytest
from tiny import cli, make_project, markdown, notebook, write_notebook

from notemill.files import write_atomic
from notemill.run import reports


@pytest.fixture
def project(tmp_path):
    return make_project(tmp_path, steps={"one": {"notebook": "one.ipynb", "outputs": {"out": "o.txt"}},
                                         "two": {"notebook": "two.ipynb", "inputs": {"data": "one.out"}}}, notebooks={
        "one.ipynb": notebook(markdown("# One\n\nOld words."), "open(out, 'w').write('1'); print('shown output')",
                              parameters="out = ''"), "two.ipynb": notebook("1", parameters="data = ''")})


def page(project, name):
    return (project / "reports" / name).read_text()


def stamps(project):
    return {path.name: path.stat().st_mtime_ns for path in (project / "reports").glob("*.html")}


def test_changed_prose_shows_though_the_step_is_reused(project, run_here, statuses):
    run_here(project)
    write_notebook(project / "notebooks" / "one.ipynb", notebook(
        markdown("# One\n\nNew words."), "open(out, 'w').write('1'); print('shown output')", parameters="out = ''"))
    assert statuses(run_here(project)) == {"one": "reused", "two": "reused"}
    assert "New words." in page(project, "one.html") and "Old words." not in page(project, "one.html")
    assert "shown output" in page(project, "one.html")


def test_a_run_with_nothing_to_do_leaves_the_reports_alone(project, run_here):
    run_here(project)
    before = stamps(project)
    assert set(before) == {"one.html", "two.html", "index.html"}
    run_here(project)
    assert stamps(project) == before


def test_the_index_is_written_anew_where_the_state_differs(project, run_here):
    run_here(project)
    before = page(project, "index.html")
    run_here(project, "--force=two")
    assert page(project, "index.html") != before


def test_a_page_that_cannot_be_written_at_the_beginning_ends_no_run(project, run_here, statuses):
    (project / "reports" / "index.html").mkdir(parents=True)
    result = run_here(project)
    assert statuses(result) == {"one": "done", "two": "done"} and result.code == 0
    assert len([text for text in result.json["warnings"] if "could not be written" in text]) == 1


def test_back_to_an_older_state_the_index_follows(project, run_here, statuses):
    text = (project / "notebooks" / "two.ipynb").read_text()
    run_here(project)
    write_notebook(project / "notebooks" / "two.ipynb", notebook("1/0", parameters="data = ''"))
    assert run_here(project).code == 1 and "failed" in page(project, "index.html")
    write_notebook(project / "notebooks" / "two.ipynb", text)
    assert set(statuses(run_here(project)).values()) == {"reused"}
    assert "ZeroDivisionError" not in page(project, "two.html") + page(project, "index.html")


def test_reports_that_were_deleted_are_there_again_without_a_run(project, run_here, statuses):
    run_here(project)
    shutil.rmtree(project / "reports")
    assert set(statuses(run_here(project)).values()) == {"reused"}
    assert "shown output" in page(project, "one.html") and page(project, "index.html")


def test_a_cache_that_was_deleted_is_made_again(project, run_here, statuses):
    run_here(project)
    shutil.rmtree(project / ".notemill")
    assert statuses(run_here(project)) == {"one": "done", "two": "done"}


def test_a_step_asked_for_alone_runs_with_what_it_needs(tmp_path, run_here, statuses):
    names = ["base", "left", "right", "top"]
    needs = {"left": "base", "right": "base", "top": "left"}
    project = make_project(tmp_path, steps={name: {
        "notebook": f"{name}.ipynb", "outputs": {"out": "o.txt"},
        **({"inputs": {"data": f"{needs[name]}.out"}} if name in needs else {})} for name in names},
        notebooks={f"{name}.ipynb": notebook(f"open(out, 'w').write('{name}')", parameters="out = ''\ndata = ''")
                   for name in names})
    assert statuses(run_here(project, "left")) == {"base": "done", "left": "done"}
    assert statuses(run_here(project, "--force=left", "top")) == {"base": "reused", "left": "done", "top": "done"}
    assert statuses(run_here(project, "top")) == {"base": "reused", "left": "reused", "top": "reused"}
    assert statuses(run_here(project, "--force", "left")) == {"base": "reused", "left": "done"}
    assert statuses(run_here(project, "--force")) == dict.fromkeys(names, "done")
    assert sorted(path.name for path in (project / "reports").iterdir()) == sorted([*(f"{n}.html" for n in names),
                                                                                   "index.html"])


def test_lineage_is_sent_by_the_next_run_that_is_not_offline(project, run_here):
    run_here(project)
    assert list(project.glob(".notemill/runs/*/mlflow.pending")) and not (project / "mlflow.db").exists()
    assert cli("run", project=project).code == 0
    assert (project / "mlflow.db").exists()
    assert not list(project.glob(".notemill/runs/*/mlflow.pending"))


PICTURE = ("from IPython.display import display, SVG; display(SVG('<svg xmlns=\"http://www.w3.org/2000/svg\" "
           "width=\"9\" height=\"9\"/>'))")


def test_pictures_are_on_the_page_though_no_notebook_is_read_twice_for_them(tmp_path, run_here, monkeypatch):
    steps = {"one": {"notebook": "one.ipynb", "outputs": {"out": "o.txt"}},
             "two": {"notebook": "two.ipynb", "inputs": {"data": "one.out"}}}
    project = make_project(tmp_path, steps=steps, notebooks={
        "one.ipynb": notebook("open(out, 'w').write('1')", PICTURE, parameters="out = ''"),
        "two.ipynb": notebook(PICTURE, parameters="data = ''")})
    read, real = [], reports.shown_notebook
    monkeypatch.setattr(reports, "shown_notebook", lambda project, step, ready: (
        read.append(step["step"]), real(project, step, ready))[1])
    run_here(project)
    assert sorted(read) == ["one", "two"]
    assert [f"Plot of step {name}" in page(project, "index.html") for name in ("one", "two")] == [True, True]
    read.clear()
    run_here(project, "--force=two")
    assert sorted(read) == ["one", "two"]     # one is reused: read once, for the page
    assert [f"Plot of step {name}" in page(project, "index.html") for name in ("one", "two")] == [True, True]


def test_the_runs_own_copy_of_a_report_stays_as_it_was(project, run_here):
    first = run_here(project).json["run"]
    own = project / ".notemill" / "runs" / first / "reports" / "one.html"
    before = own.read_bytes()
    assert before == (project / "reports" / "one.html").read_bytes()
    run_here(project, "--force")
    assert own.read_bytes() == before != (project / "reports" / "one.html").read_bytes()


@pytest.mark.parametrize("refusal", [None, OSError(1, "Operation not permitted")])
def test_a_report_that_is_written_again_is_copied_again(tmp_path, monkeypatch, refusal):
    def refused(*names):
        raise refusal
    if refusal:
        monkeypatch.setattr("os.link", refused)
    for text in ("old", "new"):
        write_atomic(tmp_path / "one.html", text)
        reports.keep_copy(tmp_path / "one.html", tmp_path / "own" / "one.html")
        assert (tmp_path / "own" / "one.html").read_text() == text


# what a run is compared with
def marked(project):
    """step -> whether the page of the run marks its parameters as changed."""
    rows = re.findall(r"<tr( class=\"changed\")?><td>.*?</td><td><span class=\"who\">(.*?)</span>",
                      page(project, "index.html").split('<h2>Parameters</h2>')[1].split("</section>")[0], re.DOTALL)
    return {re.sub("<.*?>", "", name): bool(changed) for changed, name in rows}


@pytest.fixture
def depths(tmp_path):
    """Two steps with a parameter each; the second fails where it is 0."""
    return make_project(tmp_path, steps={
        "one": {"notebook": "one.ipynb", "outputs": {"out": "o.txt"}},
        "two": {"notebook": "two.ipynb", "inputs": {"data": "one.out"}}}, notebooks={
        "one.ipynb": notebook("open(out, 'w').write(str(width))", parameters="out = ''; width = 3"),
        "two.ipynb": notebook("1 / depth", parameters="data = ''; depth = 3")})


def test_a_failed_run_marks_no_parameter_that_nobody_changed(depths, run_here, statuses):
    """The run before reused what was there before another one."""
    run_here(depths)
    run_here(depths, "-p", "one.width=5")
    assert set(statuses(run_here(depths)).values()) == {"reused"}
    assert run_here(depths, "-p", "two.depth=0").code == 1
    assert marked(depths) == {"width": False, "depth": True}


def test_each_step_is_compared_with_its_own_last_good_run(depths, run_here):
    run_here(depths)
    assert run_here(depths, "-p", "one.width=5", "-p", "two.depth=0").code == 1
    assert run_here(depths, "-p", "one.width=5").code == 0
    assert marked(depths) == {"width": False, "depth": False}  # width is the failed run's, depth the first one's
    first, second, _ = sorted(path.name for path in (depths / ".notemill" / "runs").iterdir())
    assert f"Changes since run {second} and {first} are marked" in page(depths, "index.html")
