"""pipeline.yaml is checked whole before anything runs; an error names place, line, what was got, what is allowed."""

import copy
import json
import random
import textwrap

import pytest
from tiny import cli, cli_process, make_project, notebook, write

from notemill.commands.run import options
from notemill.errors import UsageError
from notemill.interpreter import DEFAULT_KERNEL
from notemill.pipeline import Limits, Output, reaches, read_pipeline
from notemill.plan import get_ready
from notemill.project import open_project
from notemill.sources import FileSource, GlobSource, SklearnSource, SqlSource

GOOD = """\
name: tiny
task: classification
params: {seed: 7}
steps:
  prepare:
    notebook: prepare.ipynb
    inputs: {source: data.csv}
    params: {share: 0.3}
    outputs: {train: train.parquet, test: test.parquet}
  train:
    notebook: train.ipynb
    inputs: {data: prepare.train}
    outputs: {model: model.skops}
gate:
  model: train.model
  data: prepare.test
"""
PREPARE = "seed = 1\nshare: float = 0.5\ntrain = test = ''\nsource = None"
TRAIN = "data = ''\nmodel = ''\ndepth: int = 3\nkind: Literal['linear', 'forest'] = 'linear'"
NOTEBOOKS = {"prepare.ipynb": notebook(parameters=PREPARE), "train.ipynb": notebook(parameters=TRAIN)}


@pytest.fixture
def project(tmp_path):
    return make_project(tmp_path, pipeline=GOOD, notebooks=NOTEBOOKS, files={"data.csv": "a\n1\n"})


def change(project, old, new):
    assert old in GOOD
    (project / "notebooks/pipeline.yaml").write_text(GOOD.replace(old, new, 1))
    return project


def error_of(project, *args):
    """The error as --json tells it: alone on standard output, exit code 2, and nothing has been begun."""
    result = cli("run", "--json", *args, project=project)
    assert result.code == 2
    assert set(result.json) == {"error"} and set(result.json["error"]) == {"where", "got", "allowed", "hint"}
    error = result.json["error"]
    for text in filter(None, error.values()):
        assert text in result.err  # people are told the same, on standard error
    assert not (project / ".notemill/runs").exists() and not (project / "reports").exists()
    return error


def test_what_is_read(project):
    pipeline = read_pipeline(project)
    train = pipeline.steps["train"]
    assert list(pipeline.steps) == ["prepare", "train"]
    assert train.inputs == {"data": Output("prepare", "train")} and train.needs == ("prepare",)
    assert pipeline.steps["prepare"].inputs == {"source": FileSource("data.csv")}
    assert (train.kernel, train.limits, train.env, train.secrets) == (DEFAULT_KERNEL, Limits(), (), ())


def test_the_good_one_is_good(project):
    assert cli("plan", "--json", project=project).json["error"] is None


def test_limits_env_and_secrets_are_inherited(tmp_path):
    steps = {"a": {"notebook": "a.ipynb", "limits": {"seconds": 5}, "env": ["A", "B"], "secrets": ["S"]}}
    make_project(tmp_path, steps=steps, notebooks={"a.ipynb": []}, limits={"seconds": 60, "memory_mb": 100}, env=["A"],
                 secrets=["T"])
    step = read_pipeline(tmp_path).steps["a"]
    assert (step.limits, step.env, step.secrets) == (Limits(5, 100), ("A", "B"), ("T", "S"))


def test_all_kinds_of_input(tmp_path):
    inputs = {"a": "x.csv", "b": "data/*.csv", "c": "sklearn:iris", "d": {"sql": "URL", "query": "select 1"},
              "e": "http://host/x.csv"}
    make_project(tmp_path, steps={"s": {"notebook": "s.ipynb", "inputs": inputs}}, notebooks={"s.ipynb": []})
    found = read_pipeline(tmp_path).steps["s"].inputs
    assert [type(source).__name__ for source in found.values()] == [
        "FileSource", "GlobSource", "SklearnSource", "SqlSource", "HttpSource"]
    assert found["a"] == FileSource("x.csv") and found["b"] == GlobSource("data/*.csv")
    assert found["c"] == SklearnSource("iris") and found["d"] == SqlSource("URL", "select 1")


def test_a_file_may_be_called_like_a_step(tmp_path):
    steps = {"data": {"notebook": "n.ipynb", "outputs": {"rows": "r.csv"}},
             "use": {"notebook": "n.ipynb", "inputs": {"table": "data.csv", "rows": "data.rows"}}}
    make_project(tmp_path, steps=steps, notebooks={"n.ipynb": []},
                 files={"data.csv": "x", "data.rows": "an output wins"})
    assert read_pipeline(tmp_path).steps["use"].inputs == {"table": FileSource("data.csv"),
                                                           "rows": Output("data", "rows")}


def test_steps_stand_in_an_order_that_runs(tmp_path):
    def step(*needs):
        return {"notebook": "n.ipynb", "outputs": {"out": "o"}, "inputs": {need: f"{need}.out" for need in needs}}

    make_project(tmp_path, steps={"d": step("b", "c"), "b": step("a"), "c": step("a"), "a": step(), "e": step()},
                 notebooks={"n.ipynb": []})
    pipeline = read_pipeline(tmp_path)
    order = list(pipeline.steps)
    assert order.index("a") < min(order.index("b"), order.index("c")) and order.index("d") > order.index("c")
    assert set(pipeline.needed(("b",))) == {"a", "b"} and set(pipeline.needed(())) == set("abcde")
    assert reaches(pipeline, "a.out", "d") and not reaches(pipeline, "e.out", "d")


# each case: what is changed in GOOD, into what; then where (after the file's name), got, allowed, hint
BAD = {
    "unknown key": ("task: classification", "tsk: classification",
                    ":2: tsk", "unknown key 'tsk'", "allowed: contract, env, gate", "did you mean 'task'?"),
    "unknown key of a step": ("    outputs: {model", "    output: {model",
                              ":13: step 'train': output", "unknown key 'output'", "env, inputs, kernel",
                              "did you mean 'outputs'?"),
    "unknown key of the gate": ("  data: prepare.test\n", "  data: prepare.test\n  flor: 1\n", ":17: gate.flor",
                                "unknown key 'flor'", "allowed: attempts, budgets", "did you mean 'floor'?"),
    "unknown output": ("data: prepare.train", "data: prepare.trian", ":12: step 'train'",
                       "unknown input 'prepare.trian'", "'prepare' has the outputs: test, train",
                       "did you mean 'prepare.train'?"),
    "unknown step": ("data: prepare.train", "data: prepar.train", ":12: step 'train'", "unknown input 'prepar.train'",
                     "outputs there are: prepare.test, prepare.train, train.model", "did you mean 'prepare.train'?"),
    "no such file": ("source: data.csv", "source: dta.csv", ":7: step 'prepare': inputs.source",
                     "there is no file 'dta.csv'", None, "did you mean 'data.csv'?"),
    "no such pattern": ("source: data.csv", "source: raw/*.csv", ":7: step 'prepare': inputs.source",
                        "no file matches 'raw/*.csv'", None, None),
    "no such table": ("source: data.csv", "source: 'sklearn:irs'", ":7: step 'prepare': inputs.source",
                      "scikit-learn has no table 'irs'", "allowed: breast_cancer", "did you mean 'sklearn:iris'?"),
    "half a query": ("source: data.csv", "source: {sql: URL}", ":7: step 'prepare': inputs.source",
                     "the key 'query' is missing", None, None),
    "input that is a list": ("source: data.csv", "source: [data.csv]", ":7: step 'prepare': inputs.source",
                             "got a list", "must be text or a mapping", None),
    "unknown step of the gate": ("model: train.model", "model: tran.model", ":15: gate.model", "unknown step 'tran'",
                                 "the steps are: prepare, train", "did you mean 'train'?"),
    "unknown output of the gate": ("model: train.model", "model: train.modl", ":15: gate.model",
                                   "unknown output 'train.modl'", "'train' has the outputs: model",
                                   "did you mean 'train.model'?"),
    "gate without step": ("model: train.model", "model: model", ":15: gate.model", "got 'model'", "STEP.OUTPUT", None),
    "gate without data": ("  data: prepare.test\n", "", ":14: gate", "the key 'data' is missing", None, None),
    "held-out rows train": ("  data: prepare.test\n", "  data: prepare.train\n", ":16: gate.data",
                            "the held-out rows 'prepare.train' reach the training step", "no path may lead", None),
    "missing notebook": ("notebook: train.ipynb", "notebook: tran.ipynb", ":11: step 'train': notebook",
                         "there is no file notebooks/tran.ipynb", "there are: prepare.ipynb, train.ipynb",
                         "did you mean 'train.ipynb'?"),
    "no file's name": ("notebook: train.ipynb", f"notebook: {'x' * 300}.ipynb", ":11: step 'train': notebook",
                       "there is no file notebooks/xxx", "there are: prepare.ipynb", None),
    "a missing key that is misspelt": ("    notebook: train.ipynb", "    nottebook: train.ipynb",
                                       ":11: step 'train': nottebook", "unknown key 'nottebook'", "env, inputs",
                                       "did you mean 'notebook'?"),
    "a file's name in other letters": ("{model: model.skops}", "{model: oé.txt}", ":13: step 'train': outputs.model",
                                       "got 'oé.txt'", "without folders: A-Z, a-z, 0-9, blank and . _ + -", None),
    "no notebook's name": ("notebook: train.ipynb", "notebook: train.txt", ":11: step 'train': notebook",
                           "got 'train.txt'", "a notebook (.ipynb)", None),
    "missing contract": ("task: classification", "contract: contract.yaml", ":2: contract",
                         "there is no file notebooks/contract.yaml", "there are: pipeline.yaml", None),
    "unknown task": ("task: classification", "task: clasification", ":2: task", "got 'clasification'",
                     "allowed: classification, regression", "did you mean 'classification'?"),
    "two outputs, one file": ("test: test.parquet", "test: Train.parquet", ":9: step 'prepare': outputs.test",
                              "the file 'Train.parquet' is already the output 'train'", None,
                              "give each output a file of its own"),
    "output in a folder": ("test: test.parquet", "test: ../test.parquet", ":9: step 'prepare': outputs.test",
                           "got '../test.parquet'", "a plain file name", None),
    "one name, two meanings": ("{model: model.skops}", "{data: model.skops}", ":13: step 'train': outputs.data",
                               "'data' stands under inputs too", "all of them become parameters", "rename"),
    "a word of Python": ("{model: model.skops}", "{class: model.skops}", ":13: step 'train': outputs.class",
                         "'class' is a word of Python", None, None),
    "no variable's name": ("{share: 0.3}", "{my-share: 0.3}", ":8: step 'prepare': params.my-share",
                           "the name 'my-share' is not taken", "letters, digits and _", None),
    "the name of the run's page": ("  train:\n", "  index:\n", ":10: step 'index'", "the name 'index' is taken",
                                   "reports/index.html", "rename the step"),
    "infinite": ("{share: 0.3}", "{share: [1, -.inf]}", ":8: step 'prepare': params.share.1",
                 "is infinite or no number", "a number must be finite", None),
    "no number": ("  data: prepare.test\n", "  data: prepare.test\n  floor: .nan\n", ":17: gate.floor",
                  "is infinite or no number", None, None),
    "ill-typed": ("{share: 0.3}", "{share: much}", ":8: step 'prepare': params.share", "got 'much'",
                  "the notebook takes a number", None),
    "ill-typed for all": ("{seed: 7}", "{seed: x}", ":3: params.seed for step 'prepare'", "got 'x'",
                          "the notebook takes a whole number", None),
    "declared by none": ("{seed: 7}", "{sed: 7}", ":3: params.sed", "no step declares the parameter 'sed'",
                         "the notebooks declare: data, depth", "did you mean 'seed'?"),
    "unknown parameter": ("{share: 0.3}", "{shere: 0.3}", ":8: step 'prepare': params.shere",
                          "unknown parameter 'shere'", "notebooks/prepare.ipynb declares: seed, share, train",
                          "did you mean 'share'?"),
    "unknown input": ("inputs: {data:", "inputs: {dat:", ":12: step 'train': inputs.dat", "unknown input 'dat'",
                      "notebooks/train.ipynb declares: data, model", "did you mean 'data'?"),
    "undeclared output": ("{model: model.skops}", "{model: model.skops, modle: m}", ":13: step 'train': outputs.modle",
                          "unknown output 'modle'", "notebooks/train.ipynb declares", "did you mean 'model'?"),
    "input for a number": ("inputs: {data: prepare.train}", "inputs: {depth: prepare.train}",
                           ":12: step 'train': inputs.depth", "its parameter takes no path",
                           "the notebook takes a whole number", None),
    "pattern for a path": ("inputs: {data: prepare.train}", "inputs: {data: '*.csv'}",
                           ":12: step 'train': inputs.data", "its parameter takes no list of paths",
                           "the notebook takes text", None),
    "unknown kernel": ("    notebook: train.ipynb\n", "    notebook: train.ipynb\n    kernel: pyton3\n",
                       ":12: step 'train': kernel", "there is no Jupyter kernel 'pyton3'", "there are: warm, process",
                       "did you mean 'python3'?"),
    "negative limit": ("task: classification", "limits: {seconds: -1}", ":2: limits.seconds", "got -1",
                       "must be more than 0", None),
    "variable twice": ("task: classification", "env: [A]\nsecrets: [A]", ":6: step 'prepare'",
                       "'A' stands under env and under secrets", None, "keep one of the two"),
    "empty steps": (GOOD[GOOD.index("steps:"):], "steps: {}\n", ":4: steps", "is empty", "at least 1 wanted", None),
    "steps of nothing": ("  train:\n", "  nothing:\n  train:\n", ":10: step 'nothing'", "got nothing",
                         "must be a mapping", None),
    "a list of steps": (GOOD[GOOD.index("steps:"):], "steps:\n  - notebook: a.ipynb\n", ":4: steps", "got a list",
                        "must be a mapping", None),
    "a key twice": ("name: tiny\n", "name: tiny\nname: other\n", ":2", "the key 'name' stands twice",
                    "it stands first in line 1", None),
    "a tag": ("{share: 0.3}", "{share: !!float 1}", ":8", "the tag !!float is not taken", "plain values only",
              "quotes"),
    "a tab": ("    notebook: train.ipynb", "\tnotebook: train.ipynb", ":11", "is not YAML", None, "spaces"),
}


@pytest.mark.parametrize("case", BAD)
def test_an_error_tells_place_got_allowed_and_remedy(project, case):
    old, new, where, *texts = BAD[case]
    error = error_of(change(project, old, new))
    assert error["where"] == f"notebooks/pipeline.yaml{where}"
    for key, text in zip(("got", "allowed", "hint"), texts, strict=True):
        assert text is None or text in (error[key] or f"no {key}")


def test_the_error_of_the_style_guide(project):
    with pytest.raises(UsageError) as caught:
        read_pipeline(change(project, "data: prepare.train", "data: prepare.trian"))
    assert str(caught.value) == textwrap.dedent("""\
        notebooks/pipeline.yaml:12: step 'train': unknown input 'prepare.trian'
          'prepare' has the outputs: test, train
          did you mean 'prepare.train'?""")


def test_the_first_of_several_errors_counts_the_others(project):
    error = error_of(change(project, "name: tiny\ntask: classification", "name: tiny\ntsk: 1\nrsk: 2"))
    assert error["got"] == "unknown key 'tsk'" and error["hint"] == "did you mean 'task'? (1 more after this one)"


@pytest.mark.parametrize(("text", "where", "got"), [
    ("", "notebooks/pipeline.yaml", "the key 'name' is missing"),
    ("# nothing\n", "notebooks/pipeline.yaml", "the key 'name' is missing"),
    ("- a\n", "notebooks/pipeline.yaml", "got a list"),
    ("no\n", "notebooks/pipeline.yaml", "got 'no'"),
    ("a: é".encode("latin-1"), "notebooks/pipeline.yaml", "cannot be read"),
    ("name: a\nsteps: [", "notebooks/pipeline.yaml:2", "is not YAML"),
])
def test_a_file_that_is_no_pipeline(tmp_path, text, where, got):
    error = error_of(make_project(tmp_path, pipeline=text))
    assert error["where"] == where and got in error["got"]


def test_a_folder_without_pipeline(tmp_path):
    error = error_of(tmp_path)
    assert "is no Notemill project" in error["got"] and "--project" in error["hint"]


@pytest.mark.parametrize("ring", [["a"], ["a", "b"], ["a", "b", "c"]])
def test_a_ring_names_its_steps(tmp_path, ring):
    steps = {name: {"notebook": "n.ipynb", "outputs": {"out": "o"}, "inputs": {"data": f"{ring[n - 1]}.out"}}
             for n, name in enumerate(ring)}
    error = error_of(make_project(tmp_path, steps=steps, notebooks={"n.ipynb": []}))
    assert error["got"] == "the steps need each other in a ring"
    named = error["allowed"].split(" -> ")
    assert named[0] == named[-1] and set(named) == set(ring) and len(named) == len(ring) + 1
    for needs, name in zip(named, named[1:], strict=False):
        assert steps[needs]["inputs"]["data"] == f"{name}.out"


@pytest.mark.parametrize(("words", "where", "got", "hint"), [
    (["-p", "train.dept=3"], "-p train.dept", "unknown parameter 'dept'", "did you mean 'depth'?"),
    (["-p", "trian.depth=3"], "-p trian.depth", "unknown step 'trian'", "did you mean 'train'?"),
    (["-p", "train.depth=deep"], "-p train.depth", "got 'deep'", None),
    (["-p", "train.depth=2.5"], "-p train.depth", "got 2.5", None),
    (["-p", "train.depth=true"], "-p train.depth", "got true", None),
    (["-p", "train.depth=.inf"], "-p train.depth", "is infinite or no number", None),
    (["-p", "train.kind=forrest"], "-p train.kind", "got 'forrest'", "did you mean 'forest'?"),
    (["-p", "train.model=x"], "-p train.model", "'model' is an input or output of the step", "pipeline.yaml"),
    (["-p", "depth=3"], "-p depth=3", "is not STEP.PARAM=VALUE", "train.max_iter=400"),
    (["-p", "train.depth"], "-p train.depth", "is not STEP.PARAM=VALUE", "train.max_iter=400"),
    (["-p", "train.depth=[1"], "-p train.depth:1", "is not YAML", None),
    (["trian"], "run trian", "unknown step 'trian'", "did you mean 'train'?"),
    (["--force=trian"], "--force=trian", "unknown step 'trian'", "did you mean 'train'?"),
    (["prepare", "-p", "train.depth=3"], "-p train.depth", "'train' is not among the steps asked for",
     "notemill run prepare train"),
    (["prepare", "--force=train"], "--force=train", "'train' is not among the steps asked for", "run prepare train"),
    (["--params", "nowhere.yaml"], "nowhere.yaml", "there is no such file", None),
    (["--jobs", "0"], "notemill run", "Invalid value for '--jobs'", "notemill run --help"),
    (["--forse"], "notemill run", "No such option", "notemill run --help"),
])
def test_misused_words_of_the_command_line(project, words, where, got, hint):
    error = error_of(project, *words)
    assert error["where"] == where and got in error["got"] and (hint is None or hint in error["hint"])


def test_parameters_from_a_file_and_the_command_line(project):
    (project / "more.yaml").write_text("train: {depth: 9, kind: forest}\nprepare: {share: 1}\n")
    opened = open_project(project)
    ready = get_ready(opened, options(opened, params=["train.depth=4"], params_file=project / "more.yaml"))
    assert ready["train"].params == {"depth": 4, "kind": "forest"}
    assert ready["prepare"].params == {"seed": 7, "share": 1}
    for text, got in (("- 1\n", "is not a mapping of steps to parameters"), ("train: 3", "is not a mapping of steps"),
                      ("a: 1\na: 2", "the key 'a' stands twice"), ("train: {dept: 1}", "unknown parameter 'dept'")):
        (project / "more.yaml").write_text(text)
        assert got in error_of(project, "--params", project / "more.yaml")["got"]


@pytest.mark.parametrize(("text", "place"), [
    ("prepare: {share: 1}\ntrain:\n  dept: 1\n", ":3: train.dept"),
    ("prepare: {share: 1}\ntrain:\n  depth: much\n", ":3: train.depth"),
    ("train:\n  depth: .inf", ":2: train.depth"),
    ("train:\n  model: x", ":2: train.model"), ("train: {}\ntrian:\n  depth: 1", ":2: trian"),
    ("train: {}\nprepare: 3", ":2: prepare"), ("- 1", ""),
])
def test_what_a_file_of_parameters_gets_wrong_is_told_with_its_line(project, text, place):
    (project / "more.yaml").write_text(text)
    assert error_of(project, "--params", project / "more.yaml")["where"] == f"{project / 'more.yaml'}{place}"


def test_a_file_of_parameters_may_serve_for_all_steps(project):
    (project / "more.yaml").write_text("train: {depth: 9}\nprepare: {share: 1}\n")
    told = cli("plan", "--json", "prepare", "--params", project / "more.yaml", project=project)
    assert told.code == 0 and [step["step"] for step in told.json["steps"]] == ["prepare"]
    assert "is not among" in error_of(project, "prepare", "--params", project / "more.yaml", "-p", "train.kind=forest")[
        "got"]


@pytest.mark.parametrize(("words", "where"), [
    (["plan", "trian"], "plan trian"), (["run", "trian"], "run trian")])
def test_an_unknown_step_is_the_command_lines_mistake(project, words, where):
    error = cli(*words, "--json", project=project).json["error"]
    assert (error["where"], error["hint"]) == (where, "did you mean 'train'?")


@pytest.mark.parametrize(("content", "got"), [
    ("{", ": Expecting"), ("[]", ""), ("{}", ": it has no 'cells'"), ('{"cells": null}', ""), ('{"cells": [3]}', ""),
    (b"\xff\xfe", ""), ('{"nbformat": 3}', ""), ("", ""), ('{"cells": [{"source": 3}]}', ""), ("[" * 100_000, ""),
])
def test_a_broken_notebook(project, content, got):
    path = project / "notebooks/train.ipynb"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    error = error_of(project)
    assert error["where"] == "notebooks/train.ipynb" and error["got"].startswith(f"is not a notebook{got}")
    assert error["hint"].startswith("open it")


def test_a_notebook_that_may_not_be_read(project):
    path = project / "notebooks/train.ipynb"
    path.unlink()
    path.symlink_to("train.ipynb")  # leads to itself: nobody, not even root, can read it
    assert "there is no file notebooks/train.ipynb" in error_of(project)["got"]


def test_a_notebook_without_parameters_cell(project):
    (project / "notebooks/train.ipynb").write_text(json.dumps(notebook("data = model = ''")))
    error = error_of(project)
    assert error["got"] == "notebooks/train.ipynb has no cell tagged `parameters`" and "add the tag" in error["hint"]


def test_a_parameters_cell_that_is_no_python(project):
    (project / "notebooks/train.ipynb").write_text(json.dumps(notebook("1", parameters="data = ''\nmodel = (")))
    error = error_of(project)
    assert error["where"] == "notebooks/train.ipynb: cell 1" and "line 2" in error["got"]


def test_notebooks_in_other_languages_are_not_judged(tmp_path, monkeypatch):
    write(tmp_path / "jupyter/kernels/ir/kernel.json", '{"argv": ["R"], "display_name": "R", "language": "R"}')
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    steps = {"r": {"notebook": "r.ipynb", "params": {"anything": [1]}, "outputs": {"out": "o.txt"}, "kernel": "ir"}}
    make_project(tmp_path, steps=steps, params={"seed": 1}, notebooks={
        "r.ipynb": notebook("x <- 1", parameters="out <- ''", kernel="ir", language="R")})
    assert cli("plan", "--json", "-p", "r.other=2", project=tmp_path).json["error"] is None


def test_an_error_for_people_has_no_traceback(project):
    result = cli_process("run", project=change(project, "tiny", "no name"))
    assert (result.code, result.out) == (2, "") and "Traceback" not in result.err
    assert result.err.splitlines()[0] == "notebooks/pipeline.yaml:1: name: got 'no name'"


def test_without_json_nothing_is_on_standard_output(project):
    result = cli("plan", project=change(project, "share: 0.3", "shere: 0.3"))
    assert (result.code, result.out) == (2, "") and "unknown parameter 'shere'" in result.err


ODD = ["", "\n", ":", "-", "- ", "  ", "{", "}", "[", "]", "'", '"', "#", "&a ", "*a", "!!x ", "|", ">", "?", "null",
       "~", "no", "1", "-1", "1e999", ".nan", "é", "\t", "\u2028", "<<: ", "x", "prepare", "train", ".", "..", "/",
       "*.csv", "sklearn:", "http://", "data.csv", "a: 1\n", "%", "@", "`", "x" * 300]


@pytest.mark.parametrize("seed", range(8))
def test_whatever_is_written_there_is_read_or_told_as_an_error(project, seed):
    """GOOD with a few words cut out or put in: a plan or a clear error, never a traceback."""
    chance, codes = random.Random(seed), set()
    for _ in range(40):
        text = GOOD
        for _ in range(chance.randint(1, 3)):
            at = chance.randrange(len(text) + 1)
            text = text[:at] + chance.choice(ODD) + text[at + chance.choice([0, 0, 1, 3, 12]):]
        (project / "notebooks/pipeline.yaml").write_text(text)
        told = cli("plan", "--json", project=project)
        assert told.code in (0, 2), text
        assert (told.json.get("error") is None) == (told.code == 0), text
        codes.add(told.code)
    assert 2 in codes


@pytest.mark.parametrize("seed", range(4))
def test_whatever_a_notebook_holds_is_read_or_told_as_an_error(project, seed):
    path, chance = project / "notebooks/train.ipynb", random.Random(seed)
    good = {**notebook("import os", "%time x = 1", parameters=TRAIN), "nbformat_minor": 5}
    for _ in range(60):
        content = copy.deepcopy(good)
        for _ in range(chance.randint(1, 2)):
            spoil(content, chance)
        path.write_text(json.dumps(content))
        told = cli("plan", "--json", project=project)
        assert told.code in (0, 2), content


def spoil(value, chance):
    """Put something odd in a random place of a JSON value."""
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    key = chance.choice(keys) if keys else None
    if key is None:
        return
    if isinstance(value[key], dict | list) and value[key] and chance.random() < 0.8:
        spoil(value[key], chance)
    else:
        value[key] = chance.choice([None, 3, "", "x", [], {}, [None], ["a", 3], {"a": 1}, True, -1.5, "n = ("])
