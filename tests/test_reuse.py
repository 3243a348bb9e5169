"""Reuse: one thing is changed, and then its opposite; what runs again, and the reason in words.

The project is executed once; each test gets a copy of it with its store.
"""

import json
import os
import re
import shutil
from pathlib import Path

import pytest
from tiny import cli, cli_process, code, last_record, make_project, markdown, notebook, plan, run, write

from notemill.fingerprint import RULES
from notemill.plan import Options, changed_since, get_ready, plan_step
from notemill.project import open_project

ENVIRON = {"MODE": "fast", "TOKEN": "s3cret"}
ALL = ("prepare", "train", "score")
PREPARE = notebook(
    markdown("# Prepare\n\nSorts the words."),
    "words = sorted(set(open(source).read().split()))",
    "import os\nassert os.environ['MODE'] and os.environ['TOKEN']",
    "with open(rows, 'w') as file:\n    file.write(' '.join(words))",
    parameters="share: float = 0.1\nseed = 1\nsource = ''\nrows = ''")
TRAIN = notebook(
    markdown("# Train\n\nCounts."),
    "import features\nfrom pkg import part",
    "%%bash\necho hello",
    "!echo one\n%precision 3",
    "a = 1",
    "b = 2",
    "try:\n    import fakelearn\nexcept ImportError:\n    pass",
    "with open(data) as file:\n    text = file.read()",
    "with open(model, 'w') as file:\n    file.write(str(features.value(text) + depth))",
    parameters="depth: int = 3\nrate = 0.1\ndata = ''\nmodel = ''")
SCORE = notebook("import shutil\nshutil.copy(model, out)", parameters="model = ''\nout = ''")
FEATURES = """\
from pathlib import Path

import inner

WORDS = Path(__file__).with_name("words.txt").read_text()


def value(text):
    import importlib

    import lazy
    importlib.import_module("dynamic")
    return len(text) + inner.ONE + lazy.TWO
"""
FILES = {
    "data.csv": "b a c\n", "data.bak": "", "package/words.txt": "hello", "package/features.py": FEATURES,
    "package/inner.py": "ONE = 1\n", "package/lazy.py": "TWO = 2\n", "package/dynamic.py": "X = 0\n",
    "package/unused.py": "X = 0\n", "package/pkg/__init__.py": "NAME = 'pkg'\n",
    "package/pkg/part.py": "from .base import BASE\n", "package/pkg/base.py": "BASE = 1\n"}
STEPS = {
    "prepare": {"notebook": "prepare.ipynb", "inputs": {"source": "data.csv"}, "params": {"share": 0.5},
                "outputs": {"rows": "rows.csv"}, "env": ["MODE"], "secrets": ["TOKEN"]},
    "train": {"notebook": "train.ipynb", "inputs": {"data": "prepare.rows"}, "params": {"depth": 5},
              "outputs": {"model": "model.txt"}},
    "score": {"notebook": "score.ipynb", "inputs": {"model": "train.model"}, "outputs": {"out": "out.txt"}}}


def install(site, name, version):
    for old in site.glob(f"{name}-*.dist-info"):
        shutil.rmtree(old)
    write(site / name / "__init__.py", "")
    info = site / f"{name}-{version}.dist-info"
    write(info / "METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    write(info / "RECORD", f"{name}/__init__.py,,\n")


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """The project, run once: (its folder, what was told)."""
    root = tmp_path_factory.mktemp("reuse")
    site = root / "site-packages"
    install(site, "fakelearn", "1.0")
    install(site, "otherdist", "1.0")
    project = make_project(root / "project", files=FILES, steps=STEPS, params={"seed": 7}, notebooks={
        "prepare.ipynb": PREPARE, "train.ipynb": TRAIN, "score.ipynb": SCORE})
    return project, run(project, **environ(site))


def environ(site):
    return {**ENVIRON, "PYTHONPATH": os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH")]))}


@pytest.fixture
def site(executed):
    """Where distributions are installed; brought back to what it was."""
    folder = executed[0].parent / "site-packages"
    before = folder.stat()
    yield folder
    if folder.stat().st_mtime_ns != before.st_mtime_ns:
        install(folder, "fakelearn", "1.0")
        install(folder, "otherdist", "1.0")
        os.utime(folder, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.fixture
def project(executed, tmp_path, monkeypatch):
    """A copy of the executed project, in the world that it was executed in, with nothing left to send to MLflow."""
    shutil.copytree(executed[0], tmp_path / "project")
    for mark in tmp_path.glob("project/.notemill/runs/*/mlflow.pending*"):
        mark.unlink()
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)
    monkeypatch.syspath_prepend(str(executed[0].parent / "site-packages"))
    return tmp_path / "project"


def expected(**changed):
    """The plan in which these steps run for these reasons, and what follows them waits for what they give."""
    found, waits = {}, None
    for step, output in zip(ALL, ("rows", "model", "out"), strict=True):
        reasons = [*changed.get(step, []), *([waits] if waits else [])]
        found[step] = ("run", reasons) if reasons else ("reuse", [])
        waits = f"if {step}.{output} changes" if reasons else None
    return found


# ways to change a project
def edit(name, change):
    """`change` a notebook's dictionary."""
    def apply(project):
        path = project / "notebooks" / f"{name}.ipynb"
        content = json.loads(path.read_text())
        change(content)
        path.write_text(json.dumps(content))
    return apply


def cell(name, number, old, new):
    def change(content):
        source = content["cells"][number - 1]["source"]
        assert old in source
        content["cells"][number - 1]["source"] = source.replace(old, new)
    return edit(name, change)


def swap(name, one, other):
    def change(content):
        cells = content["cells"]
        cells[one - 1], cells[other - 1] = cells[other - 1], cells[one - 1]
    return edit(name, change)


def insert(name, number, new):
    return edit(name, lambda content: content["cells"].insert(number - 1, new))


def put(path, old, new):
    """Replace in a file's text."""
    def apply(project):
        text = (project / path).read_text()
        assert old in text
        (project / path).write_text(text.replace(old, new, 1))
    return apply


def outputs(content):
    content["cells"][2].update(execution_count=9, outputs=[{"output_type": "stream", "name": "stdout", "text": "x"}])


def metadata(content):
    content["metadata"]["kernelspec"].update(name="other", display_name="My own Python")
    content["metadata"]["language_info"] = {"name": "python", "version": "3.99.1"}
    content["nbformat_minor"] = 4
    content["cells"][2]["metadata"] = {"collapsed": True, "tags": ["hide"]}


def rename_notebook(project):
    (project / "notebooks/train.ipynb").rename(project / "notebooks/fit.ipynb")
    put("notebooks/pipeline.yaml", "train.ipynb", "fit.ipynb")(project)


def touch(project):
    for path in ("data.csv", "package/inner.py", "notebooks/train.ipynb"):
        os.utime(project / path, (1e9, 1e9))


def add_module(project):
    write(project / "package/fresh.py", "X = 1\n")
    put("package/inner.py", "ONE = 1", "import fresh\nONE = 1")(project)


def shadow(project):
    write(project / "notebooks/inner.py", "ONE = 1\n")


def lose(*names):
    def apply(project):
        for name in names:
            target = project / ".notemill" / name
            shutil.rmtree(target) if target.is_dir() else target.unlink()
    return apply


NOTHING = {}
PIPELINE = "notebooks/pipeline.yaml"
CHANGES = {
    # notebooks
    "a comment": (cell("train", 6, "a = 1", "a = 1  # one"), NOTHING),
    "a line of comment": (cell("train", 1, "depth", "# how deep\ndepth"), NOTHING),
    "a cell's layout": (cell("train", 9, "with open(data) as file:\n    ", "with open( data ) as file:  \n        "),
                        NOTHING),
    "an empty cell": (insert("train", 4, code("\n# to be done\n")), NOTHING),
    "a stored output": (edit("train", outputs), NOTHING),
    "a notebook's metadata": (edit("train", metadata), NOTHING),
    "a text cell": (cell("train", 2, "Counts.", "Counts the words."), NOTHING),
    "a new text cell": (insert("train", 1, markdown("## New")), NOTHING),
    "a code cell": (cell("train", 6, "a = 1", "a = 11"), {"train": ["cell 6 changed"]}),
    "a string in a cell": (cell("prepare", 5, "' '", "'  '"), {"prepare": ["cell 5 changed"]}),
    "a new code cell": (insert("train", 6, code("c = 3")), {"train": ["cell 6 added"]}),
    "a removed code cell": (edit("train", lambda content: content["cells"].pop(5)), {"train": ["cell 6 removed"]}),
    "the order of cells": (swap("train", 6, 7), {"train": ["cells in another order"]}),
    "code before text": (swap("prepare", 2, 3), NOTHING),
    "a cell of bash": (cell("train", 4, "hello", "hallo"), {"train": ["cell 4 changed"]}),
    "a command": (cell("train", 5, "!echo one", "!echo two"), {"train": ["cell 5 changed"]}),
    "a magic": (cell("train", 5, "%precision 3", "%precision 4"), {"train": ["cell 5 changed"]}),
    "a comment beside a magic": (cell("train", 5, "!echo one", "!echo one\n# so much"), NOTHING),
    "an overridden default": (cell("train", 1, "depth: int = 3", "depth: int = 4"), NOTHING),
    "an overridden default for all": (cell("prepare", 1, "seed = 1", "seed = 2"), NOTHING),
    "an input's default": (cell("train", 1, "data = ''", "data = 'rows.csv'"), NOTHING),
    "a default": (cell("train", 1, "rate = 0.1", "rate = 0.2"), {"train": ["parameter rate 0.1 -> 0.2"]}),
    "a default that code makes": (cell("train", 1, "rate = 0.1", "rate = float(1)"), {"train": [
        "cell 1 changed", "parameter rate no longer set (was 0.1)"]}),
    "a notebook's name": (rename_notebook, NOTHING),
    # pipeline.yaml
    "a parameter": (put(PIPELINE, "depth: 5", "depth: 6"), {"train": ["parameter depth 5 -> 6"]}),
    "a parameter for all": (put(PIPELINE, "seed: 7", "seed: 8"), {"prepare": ["parameter seed 7 -> 8"]}),
    "a parameter more": (put(PIPELINE, "depth: 5", "depth: 5\n      rate: 0.2"),
                         {"train": ["parameter rate 0.1 -> 0.2"]}),
    "a parameter set to its default": (put(PIPELINE, "depth: 5", "depth: 5\n      rate: 0.1"), NOTHING),
    "a parameter less": (put(PIPELINE, "    params:\n      depth: 5\n", ""), {"train": ["parameter depth 5 -> 3"]}),
    "a comment in pipeline.yaml": (put(PIPELINE, "name: tiny", "# ours\nname: 'tiny'"), NOTHING),
    "a limit": (put(PIPELINE, "name: tiny", "name: tiny\nlimits: {seconds: 99}"), NOTHING),
    "a step's name": (put(PIPELINE, "  score:", "  rating:"), NOTHING),
    "an output's file": (put(PIPELINE, "model.txt", "model.bin"),
                         {"train": ["output model: file model.txt -> model.bin"]}),
    "another variable": (put(PIPELINE, "    secrets:", "    - LEVEL\n    secrets:"),
                         {"prepare": ["environment variable LEVEL changed"]}),
    "a variable made secret": (put(PIPELINE, "    env:\n    - MODE\n    secrets:", "    secrets:\n    - MODE"),
                               {"prepare": ["environment variable MODE changed"]}),
    # data
    "an input": (put("data.csv", "c", "c d"), {"prepare": ["data.csv changed"]}),
    "times alone": (touch, NOTHING),
    "data that a module reads": (put("package/words.txt", "hello", "hallo"), NOTHING),  # the run warned of it
    # project modules
    "a module": (put("package/features.py", "len(text)", "2 * len(text)"),
                 {"train": ["features.py changed (imported by train.ipynb)"]}),
    "a comment in a module": (put("package/features.py", "\n\n\n", "\n\n\n# the value\n"), NOTHING),
    "a module of a module": (put("package/inner.py", "1", "11"),
                             {"train": ["inner.py changed (imported through features.py)"]}),
    "a module imported in a function": (put("package/lazy.py", "2", "22"),
                                        {"train": ["lazy.py changed (imported through features.py)"]}),
    "a module imported by name": (put("package/dynamic.py", "0", "1"),
                                  {"train": ["dynamic.py changed (imported through features.py)"]}),
    "a package's init": (put("package/pkg/__init__.py", "pkg", "package"),
                         {"train": ["pkg/__init__.py changed (imported by train.ipynb)"]}),
    "a module of a package": (put("package/pkg/part.py", "BASE", "BASE as B"),
                              {"train": ["part.py changed (imported by train.ipynb)"]}),
    "a relative import": (put("package/pkg/base.py", "1", "2"),
                          {"train": ["base.py changed (imported through part.py)"]}),
    "an unused module": (put("package/unused.py", "0", "1"), NOTHING),
    "a new import": (add_module, {"train": ["fresh.py is now imported (by inner.py)",
                                            "inner.py changed (imported through features.py)"]}),
    "a module put in front": (shadow, {"train": ["inner.py is now imported (by features.py)",
                                                 "inner.py is no longer imported"]}),
    # the store
    "what was remembered": (lose("memory"), NOTHING),
    "what ran last": (lose("latest"), NOTHING),
    "records of runs": (lose("runs"), NOTHING),
    "the store": (lose("objects", "results", "latest"), {step: ["never run before"] for step in ALL}),
}


@pytest.mark.parametrize("change", CHANGES)
def test_one_thing_changes_and_changes_back(project, change):
    apply, reasons = CHANGES[change]
    before = project.with_name("before")
    shutil.copytree(project, before)
    apply(project)
    found = plan(project)
    if change == "a step's name":
        found["score"] = found.pop("rating")
    assert found == expected(**reasons)
    shutil.rmtree(project)
    before.rename(project)
    assert plan(project) == expected()


def test_the_first_run(executed):
    project, told = executed
    assert told.code == 0, told.err
    record = last_record(project)
    assert [(step["step"], step["status"], step["reasons"]) for step in record["steps"]] == [
        (step, "done", ["never run before"]) for step in ALL]
    assert list(plan(project)) == list(ALL)  # in another environment, but it does plan


def test_data_that_a_module_reads_is_named_in_a_warning(executed):
    project, told = executed
    (warning,) = [w for step in last_record(project)["steps"] for w in step["warnings"]]
    assert "package/words.txt" in warning and "package/words.txt" in told.out


def test_a_parameter_of_the_command_line(project):
    assert plan(project, "-p", "train.depth=6") == expected(train=["parameter depth 5 -> 6"])
    assert plan(project, "-p", "train.depth=5") == expected()


def test_variables(project, monkeypatch):
    monkeypatch.setenv("MODE", "slow")
    assert plan(project) == expected(prepare=["environment variable MODE changed"])
    monkeypatch.delenv("MODE")
    assert plan(project) == expected(prepare=["environment variable MODE changed"])
    monkeypatch.setenv("MODE", "fast")
    assert plan(project) == expected()


@pytest.mark.parametrize("name", ["TOKEN", "PATH", "MLFLOW_TRACKING_URI", "TZ"])
def test_secrets_and_other_variables_do_not_count(project, monkeypatch, name):
    monkeypatch.setenv(name, "sqlite:///another")
    assert plan(project) == expected()


def test_an_imported_distribution_is_upgraded(project, site):
    install(site, "fakelearn", "1.1")
    assert plan(project) == expected(train=["fakelearn 1.0 -> 1.1"])
    shutil.rmtree(site / "fakelearn-1.1.dist-info")
    shutil.rmtree(site / "fakelearn")
    assert plan(project) == expected(train=["fakelearn 1.0 -> not installed"])
    install(site, "fakelearn", "1.0")
    assert plan(project) == expected()


def test_a_distribution_that_is_not_imported_is_upgraded(project, site):
    install(site, "otherdist", "1.1")
    assert plan(project) == expected()


def test_python(project, monkeypatch):
    major, minor, micro, *rest = os.sys.version_info
    monkeypatch.setattr("sys.version_info", (major, minor, micro + 1, *rest))
    assert plan(project) == expected()
    monkeypatch.setattr("sys.version_info", (major, minor + 1, 0, *rest))
    reason = f"Python {major}.{minor} -> {major}.{minor + 1}"
    assert plan(project) == expected(prepare=[reason], train=[reason], score=[reason])


def test_another_version_of_notemill_keeps_the_store(project, monkeypatch):
    monkeypatch.setattr("notemill.__version__", "99.0")
    assert plan(project) == expected()


def test_other_rules_reuse_nothing_and_say_so(project, monkeypatch):
    monkeypatch.setattr("notemill.fingerprint.RULES", 99)
    reason = f"notemill's rules of reuse {RULES} -> 99"
    assert plan(project) == expected(prepare=[reason], train=[reason], score=[reason])


def result_of(project, step):
    """What is kept of a step: (its file under results/, the result)."""
    name = json.loads((project / f".notemill/latest/{step}.json").read_text())["fingerprint"]
    path = project / f".notemill/results/{name}.json"
    return path, json.loads(path.read_text())


def stored(project, step, what):
    sha256 = result_of(project, step)[1]["outputs"][what]["sha256"] if what != "executed" else \
        result_of(project, step)[1]["executed"]["sha256"]
    return project / ".notemill/objects" / sha256[:2] / sha256[2:]


@pytest.mark.parametrize(("what", "name"), [("rows", "rows"), ("executed", "the executed notebook")])
@pytest.mark.parametrize("how", ["gone", "damaged", "cut"])
def test_content_that_is_lost(project, what, name, how):
    place = stored(project, "prepare", what)
    content = place.read_bytes()
    place.unlink()
    if how != "gone":
        place.write_bytes(content[:-1] + (b"?" if how == "damaged" else b""))
    assert plan(project) == expected(prepare=[f"{name} is damaged or gone from the store"])


@pytest.mark.parametrize("text", [None, "", "{}", '{"outputs": {}}', "[]", "{"])
def test_a_result_that_is_lost(project, text):
    path, _ = result_of(project, "train")
    path.unlink()
    if text is not None:
        path.write_text(text)
    assert plan(project) == expected(train=["its result is not in the store"])


@pytest.mark.parametrize("text", ["", "{}", "[]", "3"])
def test_what_ran_last_may_be_damaged(project, text):
    (project / ".notemill/latest/train.json").write_text(text)
    assert plan(project) == expected()


@pytest.mark.parametrize(("status", "reason"), [
    ("failed", "it failed the last time"), ("running", "it did not finish the last time")])
def test_a_step_that_came_to_no_end(project, status, reason):
    path = project / ".notemill/latest/train.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "status": status}))
    assert plan(project) == expected()  # its result is there all the same, from another time
    result_of(project, "train")[0].unlink()
    assert plan(project) == expected(train=[reason])


@pytest.mark.parametrize(("status", "reason"), [
    ("failed", "it failed the last time"), ("running", "it did not finish the last time")])
def test_what_changed_before_a_step_came_to_no_end_is_told_too(project, status, reason):
    opened = open_project(project)
    train = get_ready(opened, Options(params={"train": {"depth": 6}}))["train"]
    parts = plan_step(opened, train, {"prepare.rows": result_of(project, "prepare")[1]["outputs"]["rows"]}, Options())
    for _ in range(2):  # as it began, and as it ended
        opened.keep_latest("train", {"components": parts.components, "status": status, "fingerprint": "f"})
    assert plan(project, "-p", "train.depth=6") == expected(train=["parameter depth 5 -> 6", reason])
    assert plan(project, "-p", "train.depth=7") == expected(train=["parameter depth 5 -> 7", reason])
    assert plan(project) == expected()
    opened.keep_latest("train", {"components": parts.components, "status": "done"})
    assert plan(project, "-p", "train.depth=7") == expected(train=["parameter depth 6 -> 7"])


def test_a_step_that_never_came_to_an_end(project):
    lose("latest/train.json", "results")(project)
    opened = open_project(project)
    train = get_ready(opened, Options())["train"]
    parts = plan_step(opened, train, {"prepare.rows": {"sha256": "1" * 64}}, Options()).components
    opened.keep_latest("train", {"components": parts, "status": "failed"})
    assert plan(project, "-p", "train.depth=7")["train"][1] == [
        "parameter depth 5 -> 7", "it failed the last time", "if prepare.rows changes"]


def test_parameters_are_recorded_with_their_defaults_and_injected_without(executed):
    project, _ = executed
    train = last_record(project)["steps"][1]
    assert train["params"] == {"depth": 5, "rate": 0.1} == train["components"]["params"]
    made = json.loads(stored(project, "train", "executed").read_text())
    (injected,) = [c for c in made["cells"] if "injected-parameters" in c["metadata"].get("tags", [])]
    assert "depth = 5" in "".join(injected["source"]) and "rate" not in "".join(injected["source"])


def test_a_reused_step_repeats_its_warnings(project, site):
    told = cli("plan", "--json", project=project).json["steps"][1]
    assert told["action"] == "reuse" and "package/words.txt" in told["warnings"][0]
    assert "warning: train: reads package/words.txt" in cli("plan", project=project).err
    assert "warning: train: reads package/words.txt" in run(project, **environ(site)).out


def test_force(project):
    every = {"prepare": ["forced"], "train": ["if prepare.rows changes"], "score": ["if train.model changes"]}
    assert plan(project, "--force") == {step: ("run", reasons) for step, reasons in every.items()}
    assert plan(project, "--force=train") == expected(train=["forced"])
    assert plan(project, "prepare", "--force") == {"prepare": ("run", ["forced"])}


def test_a_plan_of_some_steps(project):
    put("notebooks/pipeline.yaml", "depth: 5", "depth: 6")(project)
    assert plan(project, "prepare") == {"prepare": ("reuse", [])}
    assert plan(project, "train") == {"prepare": ("reuse", []), "train": ("run", ["parameter depth 5 -> 6"])}


def test_the_same_content_is_an_early_end(project, site):
    """An upstream step that runs again to the same content: what follows is reused; so is all after switching back."""
    before = project.with_name("before")
    shutil.copytree(project / "notebooks", before)
    cell("prepare", 3, "sorted(set(open(source).read().split()))",
         "sorted({word for word in open(source).read().split()})")(project)
    cell("train", 2, "Counts.", "Counts all the words.")(project)
    told = run(project, "--json", **environ(site))
    assert told.code == 0, told.err
    assert [(s["step"], s["status"], s["reasons"]) for s in told.json["steps"]] == [
        ("prepare", "done", ["cell 3 changed"]), ("train", "reused", []), ("score", "reused", [])]
    report = (project / "reports/train.html").read_text()
    assert "Counts all the words." in report and "Counts." not in report
    assert plan(project) == expected()
    shutil.rmtree(project / "notebooks")
    before.rename(project / "notebooks")
    assert plan(project) == expected()  # the older branch
    assert run(project, "--json", **environ(site)).json["steps"][1]["status"] == "reused"
    assert "Counts." in (project / "reports/train.html").read_text()


def test_lost_content_is_made_again(project, site):
    stored(project, "train", "model").unlink()
    told = run(project, "--json", **environ(site))
    assert [(s["step"], s["status"]) for s in told.json["steps"]] == [
        ("prepare", "reused"), ("train", "done"), ("score", "reused")]
    assert told.json["steps"][1]["reasons"] == ["model is damaged or gone from the store"]
    assert stored(project, "train", "model").exists() and plan(project) == expected()


def test_gc_takes_nothing_that_is_reused(project, site):
    for path in (project / ".notemill").rglob("*"):
        os.utime(path, (1e9, 1e9), follow_symlinks=False)
    write(project / ".notemill/objects/incoming-x", "left behind")
    os.utime(project / ".notemill/objects/incoming-x", (1e9, 1e9))
    assert cli("gc", "--keep-days", "0", "--json", project=project).json["removed"] == 1 + len(ALL)  # and the locks
    assert plan(project) == expected()


def test_code_that_changes_while_its_step_runs_is_noticed(project):
    opened = open_project(project)
    ready = get_ready(opened, Options())["train"]
    assert changed_since(opened, ready) == []
    cell("train", 6, "a = 1", "a = 1  # one")(project)
    cell("train", 1, "depth: int = 3", "depth: int = 4")(project)  # overridden
    put("package/inner.py", "ONE = 1", "ONE = 1  # one")(project)
    assert changed_since(opened, ready) == []
    cell("train", 6, "a = 1", "a = 2")(project)
    put("package/inner.py", "ONE = 1", "ONE = 2")(project)
    put("package/lazy.py", "TWO", "import unused\nTWO")(project)
    assert changed_since(opened, ready) == ["notebooks/train.ipynb", "package/inner.py", "package/lazy.py",
                                            "package/unused.py"]


HEAVY = ("mlflow", "sklearn", "pandas", "numpy", "nbconvert", "papermill", "jinja2", "IPython", "nbformat", "jupytext",
         "pandera", "pyarrow", "matplotlib", "requests", "sqlalchemy", "jupyter_client")
WATCH = "import atexit, sys\natexit.register(lambda: print('MODULES', *sys.modules, file=sys.__stderr__))\n"


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["run", "--help"], ["plan"], ["plan", "--json"], ["run"],
                                   ["run", "--json"], ["why", "train"]])
def test_what_does_nothing_imports_nothing_heavy(project, site, tmp_path, words):
    write(tmp_path / "watch/sitecustomize.py", WATCH)
    around = environ(site)
    around["PYTHONPATH"] = os.pathsep.join([str(tmp_path / "watch"), around["PYTHONPATH"]])
    where = None if "--help" in words or "--version" in words else project
    told = cli_process(*words, project=where, **around)
    assert told.code == 0, told.err
    if words[0] == "run" and where:
        assert re.search("reused|Nothing|nothing", told.out)
    (line,) = [line for line in told.err.splitlines() if line.startswith("MODULES ")]
    assert set(HEAVY) & set(line.split()) == set()
    assert Path(project / ".notemill/runs").exists()


def test_a_default_that_is_overridden_now_is_told_as_a_parameter_and_not_as_a_cell(project):
    assert plan(project, "-p", "train.rate=0.5")["train"] == ("run", ["parameter rate 0.1 -> 0.5"])


def test_code_edited_while_it_runs_is_not_kept_for_reuse(tmp_path):
    edit = "from pathlib import Path\nwith open('editing.ipynb') as file:\n    text = file.read()\n" \
        "Path('editing.ipynb').write_text(text.replace('one' + 'word', 'another'))"
    project = make_project(tmp_path, steps={"edit": {"notebook": "editing.ipynb"}}, notebooks={
        "editing.ipynb": notebook(edit, "'oneword'")})
    told = run(project)
    assert told.code == 0, told.err
    assert "notebooks/editing.ipynb changed while it ran" in told.out
    assert plan(project)["edit"][0] == "run"


def test_a_cell_of_comments_and_a_cell_that_papermill_injected_are_no_code_to_the_report(project, site):
    path = project / "notebooks/score.ipynb"
    content = json.loads(path.read_text())
    content["cells"].append(code("# a thought, and no more"))
    content["cells"].insert(1, code("model = 'elsewhere'", tags=["injected-parameters"]))
    path.write_text(json.dumps(content))
    told = run(project, **environ(site))
    assert told.code == 0, told.err
    assert last_record(project)["steps"][-1]["action"] == "reuse" and told.out.count("warning") == 1  # of train
    assert "a thought, and no more" in (project / "reports/score.html").read_text()
