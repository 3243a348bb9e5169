"""`notemill why`, `get`, `debug`: looking at what there is."""

import json

import pytest
from tiny import cli, make_project, notebook, pretend_run

STEPS = {"a": {"notebook": "a.ipynb", "inputs": {"source": "data.csv", "many": "more/*.csv"},
               "outputs": {"out": "a.txt"}, "env": ["MODE"]},
         "b": {"notebook": "b.ipynb", "inputs": {"data": "a.out"}, "params": {"n": 2, "words": ["x", "y"]},
               "outputs": {"out": "b.txt"}}}
NOTEBOOKS = {"a.ipynb": notebook("import helper", parameters="source = out = ''\nmany = []"),
             "b.ipynb": notebook("import yaml", "n", parameters="n = 1\nwords = []\ndata = out = ''")}
FILES = {"data.csv": "1,2\n", "more/x.csv": "x", "more/y.csv": "y", "package/helper.py": "X = 1"}


@pytest.fixture
def fresh(tmp_path):
    return make_project(tmp_path / "project", steps=STEPS, notebooks=NOTEBOOKS, files=FILES)


@pytest.fixture
def done(fresh):
    return pretend_run(fresh)


def refused(*words, project):
    told = cli(*words, "--json", project=project)
    assert told.code == 2
    return told.json["error"]


# why
def test_all_that_a_result_depends_on(done):
    told = cli("why", "a", project=done).out
    assert told.startswith("a: reuse\n  nothing that its result depends on has changed\n\ncode\n  cell 1  ")
    for text in ("source  data.csv  ", "many  more/*.csv  2 files", "package/helper.py  ", "  MODE\n", "kernel process",
                 "distributions\n  none"):
        assert text in told
    told = cli("why", "b", project=done).out
    assert "  n = 2\n  words = [\"x\",\"y\"]\n" in told and "  PyYAML " in told


def test_what_changed_since_the_last_run(done):
    (done / "package/helper.py").write_text("X = 2")
    assert cli("why", "a", project=done).out.startswith("a: run\n  helper.py changed (imported by a.ipynb)\n")
    told = cli("why", "b", "--json", project=done).json
    assert (told["step"], told["action"], told["reasons"]) == ("b", "run", ["if a.out changes"])
    assert told["error"] is None and told["fingerprint"] is None
    assert "data  a.out  (not known until its step has run)" in cli("why", "b", project=done).out


def test_why_before_the_first_run(fresh):
    assert cli("why", "b", project=fresh).out.startswith("b: run\n  never run before\n  if a.out changes\n")
    error = refused("why", "bb", project=fresh)
    assert (error["got"], error["hint"]) == ("unknown step 'bb'", "did you mean 'b'?")


# get
def test_an_output_an_input_and_a_list(done, tmp_path):
    assert cli("get", "a.out", tmp_path / "new/folder/x.txt", project=done).code == 0
    assert (tmp_path / "new/folder/x.txt").read_text() == "a.out"
    told = cli("get", "a.source", tmp_path / "s.csv", "--json", project=done).json
    assert (tmp_path / "s.csv").read_text() == "1,2\n" and told["bytes"] == 4 and told["error"] is None
    assert cli("get", "b.data", tmp_path / "d", project=done).out.endswith("b.data of run 20260101-000000-aaaa, 5 B\n")
    assert cli("get", "a.many", tmp_path / "many", project=done).code == 0
    assert sorted(path.name for path in (tmp_path / "many").iterdir()) == ["x.csv", "y.csv"]


def test_content_of_an_older_run(done, tmp_path):
    (done / "data.csv").write_text("3\n")
    pretend_run(done, "20260102-000000-bbbb", a_out="newer")
    for run, text in ((None, "newer"), ("latest", "newer"), ("aaaa", "a.out"), ("20260102-000000-bbbb", "newer")):
        words = ["--run", run] if run else []
        assert cli("get", "a.out", tmp_path / "x", *words, project=done).code == 0
        assert (tmp_path / "x").read_text() == text
    assert cli("get", "a.source", tmp_path / "s", "--run", "aaaa", project=done).code == 0
    assert (tmp_path / "s").read_text() == "1,2\n"  # as it was then


@pytest.mark.parametrize(("words", "got", "hint"), [
    (["a.uot"], "is no recorded input or output of run", "did you mean 'a.out'?"),
    (["a.out", "--run", "zzzz"], "is not recorded here", None),
    (["a.out", "--run", "a"], "could be several", None),
])
def test_what_was_not_recorded(done, tmp_path, words, got, hint):
    pretend_run(done, "20260102-000000-bbba")
    error = refused("get", words[0], tmp_path / "x", *words[1:], project=done)
    assert got in error["got"] and error["hint"] == hint and not (tmp_path / "x").exists()


def test_get_without_a_run(fresh, tmp_path):
    assert refused("get", "a.out", tmp_path / "x", project=fresh)["got"] == "there is no run yet"


def test_damaged_content_is_not_given_out(done, tmp_path):
    (tmp_path / "x").write_text("before")
    for path in (done / ".notemill/objects").rglob("*"):
        if path.is_file() and path.read_text() == "a.out":
            path.chmod(0o644)
            path.write_text("a.0ut")
    assert "no longer in the store" in refused("get", "a.out", tmp_path / "x", project=done)["got"]
    assert (tmp_path / "x").read_text() == "before"


def test_a_place_that_cannot_be_written(done, tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    for place in ("file/x", "folder"):
        assert "cannot be written" in refused("get", "a.out", tmp_path / place, project=done)["got"]
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


# debug
def test_a_notebook_with_its_real_parameters(done):
    told = cli("debug", "b", "--json", project=done)
    assert told.code == 0, told.err
    content = json.loads((done / ".notemill/debug/b/b.ipynb").read_text())
    assert told.json["notebook"] == str(done / ".notemill/debug/b/b.ipynb") and told.json["error"] is None
    setup, injected = content["cells"][0], content["cells"][2]
    assert injected["metadata"]["tags"] == ["injected-parameters"]
    space = {}
    exec(injected["source"], space)  # the cell that papermill wrote
    assert (space["n"], space["words"]) == (2, ["x", "y"])
    with open(space["data"]) as file:
        assert file.read() == "a.out" and space["data"].endswith("/a.txt")
    assert str(done / "package") in setup["source"]
    assert space["out"].startswith(str(done / ".notemill/debug/b/outputs"))
    assert cli("debug", "b", project=done).out.startswith(f"{done}/.notemill/debug/b/b.ipynb\n")  # it is replaced


def test_a_step_whose_input_is_not_there_yet(fresh):
    error = refused("debug", "b", project=fresh)
    assert (error["got"], error["hint"]) == ("its input 'a.out' is not there yet", "notemill run a")
    assert cli("debug", "a", project=fresh).code == 0
