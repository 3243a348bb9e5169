"""What cells do, and how a failure is told: by cell, line, name."""

import contextlib
import json
import sys
import threading
import time

import pytest
from tiny import code, markdown, notebook, write

from notemill.execute import execute


def failure_of(executed):
    failure = executed.failure
    return (failure.name, failure.cell, failure.line)


def test_a_notebook_runs_as_in_jupyter(execute_cells, printed, tmp_path):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "beside.py").write_text("def answer():\n    return 42\n")
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "features.py").write_text("name = 'a project module'\n")
    executed = execute_cells(
        "import asyncio\nawait asyncio.sleep(0)\nprint('awaited', given)",
        "%%bash\necho from bash",
        "%time 1\n!echo from a shell",
        "import beside, features, os, sys\nprint(beside.answer(), features.name, os.path.basename(os.getcwd()))",
        "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()",
        markdown("text"), "given", code("1/0", tags=["raises-exception"]), "print('after an error that was foretold')")
    assert executed.failure is None
    text = printed(executed.notebook)
    for words in ("awaited 1", "from bash", "from a shell", "42 a project module notebooks", "error that was foretold"):
        assert words in text
    figures = [output for cell in executed.notebook["cells"] for output in cell.get("outputs", [])
               if "image/png" in output.get("data", {})]
    assert len(figures) == 1
    assert not [cell for cell in executed.notebook["cells"]
                if "papermill-error-cell-tag" in cell["metadata"].get("tags", [])]
    assert json.loads((tmp_path / "saved.ipynb").read_text()) == json.loads(json.dumps(executed.notebook))


def test_what_a_kernel_does_at_its_end_is_done(execute_cells, tmp_path):
    said = tmp_path / "said"
    executed = execute_cells(f"import atexit\natexit.register(lambda: open({str(said)!r}, 'w').write('bye'))")
    assert executed.failure is None and said.read_text() == "bye"


@pytest.mark.parametrize(("cells", "expected"), [
    (["x = 1\n\n1/0"], ("ZeroDivisionError", 2, 3)),
    (["a = 1", "if a\n    b"], ("SyntaxError", 3, 1)),
    (["def f():\n    try:\n        1/0\n    except Exception as error:\n        raise ValueError('x') from error",
      "a = 1\nf()"], ("ValueError", 3, 2)),
    (["def f():\n    1/0\ntry:\n    f()\nexcept Exception as error:\n    raise ValueError('x') from error"],
     ("ValueError", 2, 6)),
    (["try:\n    1/0\nexcept ZeroDivisionError:\n    pass\n    missing\n"], ("NameError", 2, 5)),
    (["a = 1", markdown("text"), "%%bash\nexit 3"], ("CalledProcessError", 4, 1)),
    (["x = input('name?')"], ("StdinNotImplementedError", 2, 1)),
    (["import sys\nsys.exit(4)"], ("SystemExit", 2, None)),
    (["%%capture\nx = 1\n1/0"], ("ZeroDivisionError", 2, 2)),
    (["def f():\n    raise ExceptionGroup('several', [ValueError('a'), TypeError('b')])", "x = 1\n\nf()"],
     ("ExceptionGroup", 3, 3)),
    (["try:\n    raise ExceptionGroup('several', [ValueError('a')])\nexcept ExceptionGroup:\n    raise KeyError('x')"],
     ("KeyError", 2, 4)),
], ids=["error", "syntax", "cause", "cause-here", "in-handler", "bash", "input", "exit-status", "capture", "group",
        "after-group"])
def test_an_error_is_told_by_cell_and_line(execute_cells, cells, expected):
    executed = execute_cells(*cells, "raise RuntimeError('never reached')")
    assert failure_of(executed) == expected
    assert executed.failure.message


def test_an_error_in_a_project_module_is_told_by_the_line_of_the_cell(execute_cells, tmp_path):
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "features.py").write_text("\n" * 40 + "def split(rows):\n    return rows['no']\n")
    executed = execute_cells("import features", "rows = {}\n\n\nfeatures.split(rows)")
    assert failure_of(executed) == ("KeyError", 3, 4)


@pytest.mark.parametrize(("cell", "words", "line"), [
    ("import os\nos._exit(3)", "ended itself with exit status 3", None),
    ("import ctypes\n\nctypes.string_at(0)", "SIGSEGV", 3),
    ("import os\nos.kill(os.getpid(), 9)", "SIGKILL", None),
], ids=["exit", "crash", "killed"])
def test_a_dead_kernel_is_told_by_its_cell(execute_cells, cell, words, line):
    executed = execute_cells("a = 1", cell, "print('never reached')")
    assert failure_of(executed) == ("KernelDied", 3, line)
    assert words in executed.failure.message
    errors = [output for output in executed.notebook["cells"][3]["outputs"] if output["output_type"] == "error"]
    assert [error["ename"] for error in errors] == ["KernelDied"], "the report has nothing to mark"
    assert [one["metadata"]["papermill"]["status"] for one in executed.notebook["cells"]][-2:] == ["failed", "pending"]


def test_a_failure_where_the_parameters_are_set_has_no_cell_of_the_source(execute_cells):
    breaks = "given = 0\nget_ipython().input_transformers_cleanup.append(lambda lines: 1/0)"
    executed = execute_cells("print('never reached')", parameters=breaks)
    assert failure_of(executed)[:2] == ("ZeroDivisionError", None)
    assert executed.failure.in_parameters


def test_a_kernel_that_does_not_start_says_why(execute_cells, tmp_path, monkeypatch):
    script = "import sys; sys.exit('this kernel lacks its better half')"
    write(tmp_path / "share" / "kernels" / "broken" / "kernel.json", json.dumps(
        {"argv": [sys.executable, "-c", script, "{connection_file}"], "display_name": "Broken", "language": "python"}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "share"))
    executed = execute_cells("print(1)", kernel="broken")
    assert executed.failure.cell is None and not executed.failure.in_parameters
    assert "this kernel lacks its better half" in executed.failure.message
    assert [cell["source"] for cell in executed.notebook["cells"]][-1] == "print(1)"


def test_a_kernel_that_cannot_be_found_is_a_failure(execute_cells, tmp_path, monkeypatch):
    write(tmp_path / "share" / "kernels" / "lost" / "kernel.json", json.dumps(
        {"argv": ["/no/such/program", "{connection_file}"], "display_name": "Lost", "language": "python"}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "share"))
    executed = execute_cells("print(1)", kernel="lost")
    assert "/no/such/program" in executed.failure.message


def test_project_modules_hide_no_library(execute_cells, printed, tmp_path):
    write(tmp_path / "package" / "zmq.py", "raise ImportError('the kernel itself needs zmq')\n")
    write(tmp_path / "notebooks" / "types.py", "raise ImportError('the standard library needs types')\n")
    write(tmp_path / "notebooks" / "near.py", "place = 'beside the notebook'\n")
    write(tmp_path / "package" / "near.py", "place = 'package'\n")
    executed = execute_cells("import near, types\nprint(near.place)", "!python -c 'import near; print(near.place)'")
    assert executed.failure is None
    assert printed(executed.notebook).split("\n")[:1] == ["beside the notebook"]


@pytest.mark.parametrize("end", ["import sys; sys.exit()", "raise SystemExit(0)", "exit()", "quit()"])
def test_a_notebook_that_ends_itself_is_done_and_says_what_it_left(execute_cells, printed, end):
    executed = execute_cells(code("1/0", tags=["raises-exception"]), f"print('first')\n{end}",
                             "print('second')", "import time; time.sleep(0.5); print('third')")
    assert executed.failure is None and (executed.cells_left, executed.ended_in) == (2, 3)
    assert "first\n" in printed(executed.notebook) and "second" not in printed(executed.notebook)


def test_a_stop_ends_the_kernel_and_keeps_what_was_shown(make_job, printed):
    stop = threading.Event()
    began = threading.Event()
    job = make_job("print('begun', flush=True)", "import time\ntime.sleep(60)", stop=stop,
                   on_cell=lambda number, total: began.set() if number == 3 else None)
    threading.Thread(target=lambda: began.wait(60) and stop.set()).start()
    executed = execute(job)
    assert failure_of(executed) == ("Interrupted", 3, None)
    assert executed.seconds < 30 and "begun" in printed(executed.notebook)


def test_a_stop_that_came_first_starts_no_cell(make_job, printed):
    stop = threading.Event()
    stop.set()
    executed = execute(make_job("print('never reached')", stop=stop))
    assert failure_of(executed)[:2] == ("Interrupted", None) and printed(executed.notebook) == ""


def test_progress_counts_the_cells_of_the_source(make_job):
    told = []
    execute(make_job(markdown("text"), "1", "2", on_cell=lambda *place: told.append(place)))
    assert told == [(1, 4), (3, 4), (4, 4)]


def test_what_is_saved_while_it_runs_is_redacted(make_job, tmp_path):
    seen = []

    def redact(content):
        return {**content, "cells": [{**cell, "outputs": []} if "outputs" in cell else cell
                                     for cell in content["cells"]]}

    def look(number, total):
        if number == 3 and (tmp_path / "saved.ipynb").exists():
            seen.append((tmp_path / "saved.ipynb").read_text())

    execute(make_job("import time\nprint('a se' 'cret')\ntime.sleep(0.8)\nprint('more')", "1", redact=redact,
                     on_cell=look))
    assert seen and "a secret" not in seen[0] and json.loads(seen[0])["cells"]


def test_the_source_is_left_as_it_was(make_job):
    job = make_job("1")
    before = json.dumps(job.notebook)
    execute(job)
    assert json.dumps(job.notebook) == before


def test_a_full_disk_does_not_end_the_cells(make_job, printed, monkeypatch):
    import notemill.execute.engine
    import notemill.execute.local

    def full(path, notebook, **more):
        raise OSError(28, "No space left on device")  # a fake of it

    for module in (notemill.execute.engine, notemill.execute.local):
        monkeypatch.setattr(module, "write_notebook", full)
    executed = execute(make_job("print('went on')"))
    assert executed.failure is None and printed(executed.notebook) == "went on\n"


def test_output_faster_than_it_is_taken_is_not_lost(make_job, printed, monkeypatch):
    from notemill.execute import engine

    monkeypatch.setattr(engine.SavedAtIntervals, "save", lambda self, **more: time.sleep(0.001))
    executed = execute(make_job("for n in range(4000):\n    print(n, flush=True)"))
    assert executed.failure is None, executed.failure
    assert printed(executed.notebook).split() == [str(n) for n in range(4000)]


def test_a_large_notebook_is_not_saved_all_the_time(make_job, monkeypatch):
    from notemill.execute import engine

    saves = []
    monkeypatch.setattr(engine, "write_notebook", lambda path, content, **more: (saves.append(path), time.sleep(0.2)))
    executed = execute(make_job("import time\nend = time.time() + 2.5\n"
                                "while time.time() < end:\n    print(1, flush=True)\n"
                                "    time.sleep(0.01)"))
    assert executed.failure is None and 1 <= len(saves) <= 4


def test_notebooks_of_other_kernels_run(execute_cells, printed):
    executed = execute_cells("print('kernelspec', given)", kernel="python3")
    assert executed.failure is None and "kernelspec 1" in printed(executed.notebook)


def test_an_empty_notebook_runs(make_job, tmp_path):
    job = make_job()
    object.__setattr__(job, "notebook", notebook())
    object.__setattr__(job, "parameters", {})
    assert execute(job).failure is None


def test_a_long_cell_does_not_keep_the_notebook_from_being_saved(make_job, tmp_path):
    """What is there is on the disk soon, though nothing more happens."""
    seen = []

    def look():
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and "'two'" not in str(seen[-1:]):
            time.sleep(0.1)
            with contextlib.suppress(OSError, ValueError):
                cells = json.loads((tmp_path / "saved.ipynb").read_text())["cells"]
                seen.append(str([cell.get("outputs") for cell in cells]).replace("two\\n", "'two'"))
    looking = threading.Thread(target=look)
    looking.start()
    execute(make_job("print('one')", "print('two')", "import time\ntime.sleep(3)"))
    looking.join()
    assert "'two'" in seen[-1] and len(seen) < 30, "while the cell was still asleep"
