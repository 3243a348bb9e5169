"""Each notebook of tests/resources/engine shows one behaviour: it comes out alike under Papermill's engine and ours."""

import copy
import json
import re
from importlib.util import find_spec
from pathlib import Path

import pytest
from comparison import BY_BAD_LUCK, TRIES, Executions, differences, execute_one, normalise

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "tests" / "resources" / "engine"
NAMES = sorted(path.stem for path in SOURCE.glob("*.ipynb"))
PARAMETERS = {"cells-parameters": {"given": 2}, "cells-parameters-none": {"given": [1, {"a": None}], "name": "it's"},
              "cells-parameters-odd": {"given": 5, "name": 'ä "q"'}}
LIMITS = {"cells-time-limit": 2}  # seconds that a cell may take
SLOW = ("joblib-", "spawn-", "process-outlives", "text-very-slow")

# Notebook: why it comes out otherwise. docs/reference/engine.md says the same in its table.
DIFFERS = {
    "differs-command-line":
        "`sys.orig_argv` and the process's command line are the warm process's: a kernel is forked from it, "
        "not started. `sys.argv` is the same",
    "differs-config-list":
        "`%config` may list `InlineBackend` before a notebook has shown a figure, where the warm process has "
        "imported it for another one",
    "differs-connection":
        "There is no connection file: messages go over a pair of local sockets instead of five ports",
    "differs-exit":
        "After `exit()` or `quit` an ordinary kernel ends while its next cells are sent to it: by chance "
        "Papermill comes to the notebook's end or finds the kernel dead",
    "differs-frozen-objects":
        "`gc.get_freeze_count()` is not 0: the garbage collector leaves alone what was there before the fork",
    "differs-lone-surrogate":
        "Where a text cannot be encoded (`print('\\ud800')`), what was printed with it is lost, and a traceback on "
        "standard error says so: it names notemill's module instead of ZMQ's",
    "differs-modules":
        "The libraries that a notebook imports are in `sys.modules` before its first cell: they were imported"
        " before the fork",
    "differs-order-of-writers":
        "Text that Python, subprocesses and C code write within a moment comes in that order as a rule; an "
        "ordinary kernel reads the latter two in a thread of its own, so that its order changes from run to "
        "run",
    "differs-parent-variable":
        "The variable `JPY_PARENT_PID` is not set: the kernel learns by other means that its parent has gone",
    "differs-segfault":
        "When native code crashes, it is a matter of chance how much of the last cell arrives before "
        "Papermill's client sees that the kernel is dead: its execution count, its text",
    "differs-sigterm": "SIGTERM has a handler, which ends what the kernel has started before it ends the kernel",
    "differs-stack-depth": "Fewer frames lie below a cell's first one: `RecursionError` comes that many calls later",
    "differs-threads":
        "The kernel has no threads for a heartbeat, a control channel or for reading text: fewer names in "
        "`threading.enumerate()`, and a notebook's own threads are numbered from 1",
}
BY_CHANCE = {  # they may come out alike
    "differs-config-list", "differs-exit", "differs-order-of-writers", "differs-segfault"}

EXECUTED = {
    "cells": [
        {"cell_type": "markdown", "id": "cell-1", "metadata": {}, "source": ["# text"]},
        {"cell_type": "code", "id": "cell-2", "execution_count": 1, "source": ["shown\n", "more"],
         "metadata": {"tags": ["own"], "papermill": {"status": "completed", "duration": 1.5, "exception": False}},
         "outputs": [
             {"output_type": "stream", "name": "stdout", "text": ["one\n", "two\n"]},
             {"output_type": "stream", "name": "stderr", "text": ["/tmp/ipykernel_12/34.py:1: UserWarning\n"]},
             {"output_type": "display_data", "data": {"text/plain": ["<A at 0x7f0012345678>"]}, "metadata": {}},
             {"output_type": "execute_result", "data": {"model": "0" * 32}, "metadata": {}, "execution_count": 1}]}],
    "metadata": {"papermill": {"input_path": "/there/a.ipynb", "start_time": "2026", "exception": None},
                 "widgets": {"application/vnd.jupyter.widget-state+json": {
                     "state": {"0" * 32: {"state": {"value": 1, "layout": f"IPY_MODEL_{'1' * 32}"}}, "1" * 32: {}},
                     "version_major": 2}}},
    "ended": {"error": "PapermillExecutionError", "message": "said"}}
OUTPUTS = EXECUTED["cells"][1]["outputs"]


def marked(name):
    """Without ipywidgets a notebook about widgets would fail alike under both engines: that is no proof."""
    lacking = name.startswith("widget-") and not find_spec("ipywidgets")
    marks = [pytest.mark.slow] if name.startswith(SLOW) else []
    return pytest.param(name, marks=[*marks, pytest.mark.skipif(lacking, reason="ipywidgets is not installed")])


@pytest.fixture(scope="session")
def executions(request, tmp_path_factory):
    """All notebooks that are asked for are executed in the background; workers of one test run share the work."""
    asked = [item.callspec.params["name"] for item in request.session.items
             if getattr(item, "originalname", "") == "test_comes_out_alike"]
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if hasattr(request.config, "workerinput") else base
    running = Executions(SOURCE, asked, shared / "engine", PARAMETERS, LIMITS)
    yield running
    running.end()


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", [marked(name) for name in NAMES])
def test_comes_out_alike(name, executions):
    assert executions.result(name, "notemill")["ended"]["told"] == []  # in an ordinary kernel all would come out alike
    found = executions.differences(name)
    if name not in BY_CHANCE:
        assert bool(found) == (name in DIFFERS), "\n".join(found) or "no difference any more"


def test_the_documentation_lists_what_differs():
    text = (ROOT / "docs" / "reference" / "engine.md").read_text(encoding="utf-8")
    section = text.partition("\n## What differs")[2].partition("\n## ")[0]
    assert dict(re.findall(r"^\| `([\w-]+)` \| (.+?) \|$", section, flags=re.M)) == DIFFERS


def changed(change):
    """The differences that a change of EXECUTED makes."""
    other = copy.deepcopy(EXECUTED)
    change(other, other["cells"][1], other["cells"][1]["outputs"])
    return compared(EXECUTED, other)


def compared(*pair):
    return differences(*(normalise(copy.deepcopy(one), Path("/there")) for one in pair))


def widget_states(notebook):
    return notebook["metadata"]["widgets"]["application/vnd.jupyter.widget-state+json"]["state"]


@pytest.mark.parametrize(("place", "change"), [
    ("cells[1].outputs[0].text", lambda notebook, cell, outputs: outputs[0].update(text=["one\n", "too\n"])),
    ("cells[1].outputs[0].name", lambda notebook, cell, outputs: outputs[0].update(name="stderr")),
    ("cells[1].outputs[0]", lambda notebook, cell, outputs: outputs.reverse()),
    ("cells[1].outputs[3]", lambda notebook, cell, outputs: outputs.pop()),
    ("cells[1].outputs[4]", lambda notebook, cell, outputs: outputs.append({**OUTPUTS[0]})),
    ("cells[1].outputs[2].data.text/plain", lambda notebook, cell, outputs: outputs[2].update(data={})),
    ("cells[1].outputs[2].metadata.width", lambda notebook, cell, outputs: outputs[2]["metadata"].update(width=1)),
    ("cells[1].outputs[3].execution_count", lambda notebook, cell, outputs: outputs[3].update(execution_count=2)),
    ("cells[1].execution_count", lambda notebook, cell, outputs: cell.update(execution_count=None)),
    ("cells[1].source", lambda notebook, cell, outputs: cell.update(source=["shown\n", "less"])),
    ("cells[1].metadata.papermill.status", lambda notebook, cell, outputs: cell["metadata"]["papermill"].update(
        status="failed")),
    ("cells[1].metadata.papermill.duration", lambda notebook, cell, outputs: cell["metadata"]["papermill"].pop(
        "duration")),
    ("cells[1].metadata.tags[0]", lambda notebook, cell, outputs: cell["metadata"].update(tags=[])),
    ("cells[0].cell_type", lambda notebook, cell, outputs: notebook["cells"].pop(0)),
    ("metadata.papermill.exception", lambda notebook, cell, outputs: notebook["metadata"]["papermill"].update(
        exception=True)),
    ("ended.error", lambda notebook, cell, outputs: notebook["ended"].update(error=None)),
    ("widgets.models[0].state.value", lambda notebook, cell, outputs: widget_states(notebook)["0" * 32][
        "state"].update(value=2)),
    ("widgets.models[1]", lambda notebook, cell, outputs: widget_states(notebook).pop("1" * 32)),
])
def test_a_difference_is_reported_with_its_place(place, change):
    found = changed(change)
    assert [line for line in found if line.startswith(place)], found


def test_what_is_new_each_time_makes_no_difference():
    text = json.dumps(EXECUTED)
    for old, new in (("0" * 32, "a" * 32), ("1" * 32, "b" * 32), ("ipykernel_12", "ipykernel_99"), ("1.5", "2.5"),
                     ("0x7f0012345678", "0x7f9912345678"), ('"2026"', '"2027"')):
        assert old in text
        text = text.replace(old, new)
    assert compared(EXECUTED, json.loads(text)) == []


@pytest.mark.parametrize(("engine", "message", "tries"), [
    ("papermill", BY_BAD_LUCK, TRIES), ("papermill", "another error", 1), ("notemill", BY_BAD_LUCK, 1)])
def test_the_reference_alone_may_have_bad_luck(monkeypatch, tmp_path, engine, message, tries):
    endings = []
    monkeypatch.setattr("comparison.ending", lambda *files, **options: endings.append(options) or {
        "error": "RuntimeError", "message": message, "told": []})
    (tmp_path / "folder").mkdir()
    execute_one(SOURCE, "text-stdout", tmp_path / "folder", engine)
    assert len(endings) == tries and json.loads((tmp_path / "folder" / "ended.json").read_text())["message"] == message


def test_ids_that_were_one_stay_one():
    one, two = ([{"output_type": "display_data", "data": {"a": first * 32, "b": second * 32}, "metadata": {}}]
                for first, second in ("aa", "bc"))
    cells = [{"cells": [{"outputs": outputs}], "metadata": {}} for outputs in (one, two)]
    assert compared(*cells) == ["cells[0].outputs[0].data.b: 'ID-1' != 'ID-2'"]


@pytest.mark.parametrize("name", NAMES)
def test_notebooks_are_kept_without_outputs(name):
    notebook = json.loads((SOURCE / f"{name}.ipynb").read_text(encoding="utf-8"))
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    assert [cell for cell in code if cell["outputs"] or cell["execution_count"]] == []
    assert [cell["id"] for cell in notebook["cells"]] == [f"cell-{n}" for n in range(1, len(notebook["cells"]) + 1)]
