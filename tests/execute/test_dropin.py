"""`papermill --engine notemill`: as Papermill, only faster. By its entry point, so notemill has to be installed."""

import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path

import psutil
import pytest
from tiny import notebook, write, write_notebook

from notemill.execute import dropin
from notemill.execute.folders import own_folder
from notemill.execute.warm.kept import kept_processes

ENGINE = metadata.entry_points(group="papermill.engine", name="notemill")
SHOW = "import os, sys\nprint(x, os.getcwd(), '_notemill' in sys.modules)"
WARM, ORDINARY = "True", "False"
installed = pytest.mark.skipif(not ENGINE, reason="Papermill finds the engine where notemill is installed")
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="warm processes are for Linux alone")


@pytest.fixture(autouse=True)
def surroundings(monkeypatch, tmp_path):
    """Nothing of the user's own; a temporary folder that is empty afterwards, but for kept processes."""
    short = Path(tempfile.mkdtemp(prefix="t", dir="/tmp"))
    monkeypatch.setattr(tempfile, "tempdir", str(short))
    monkeypatch.setenv("TMPDIR", str(short))
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    for name in ("XDG_CACHE_HOME", "IPYTHONDIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    yield short
    place = short / f"notemill-warm-{os.getuid()}"
    for found in kept_processes(place) if place.is_dir() else ():
        found.kill()
    subprocess.run(["rm", "-r", str(short)], check=True)


def papermill(folder, *words, cells=(SHOW,), kernel="python3", language="python", engine="notemill", wait=True):
    """`papermill --engine notemill in.ipynb out.ipynb WORDS`, in the folder."""
    write_notebook(folder / "in.ipynb", notebook(*cells, parameters="x = 0", kernel=kernel, language=language))
    command = [sys.executable, "-m", "papermill", "--engine", engine, "in.ipynb", *(words or ("out.ipynb",))]
    started = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if not wait:
        return started
    out, err = started.communicate(timeout=100)
    return subprocess.CompletedProcess(command, started.returncode, out, err)


def outputs(path):
    """What each cell printed or showed, the cells that Papermill adds left out."""
    cells = json.loads(path.read_text())["cells"]
    return ["".join("".join(out.get("text", "")) for out in cell["outputs"]) for cell in cells
            if cell["cell_type"] == "code" and not {"parameters", "injected-parameters"} & {*cell["metadata"]["tags"]}]


def until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return condition()


def left_in(folder):
    return [path.name for path in folder.glob("notemill-*")]


# what Papermill does with an engine
@installed
@on_linux
def test_parameters_and_a_warm_kernel(tmp_path, surroundings):
    done = papermill(tmp_path, "out.ipynb", "-p", "x", "1")
    assert done.returncode == 0, done.stderr
    assert outputs(tmp_path / "out.ipynb") == [f"1 {tmp_path} {WARM}\n"]
    about = json.loads((tmp_path / "out.ipynb").read_text())["metadata"]["papermill"]
    assert (about["parameters"], about["exception"], about["output_path"]) == ({"x": 1}, None, "out.ipynb")
    assert left_in(surroundings) == []


@installed
@on_linux
def test_options_of_papermill(tmp_path):
    (tmp_path / "work").mkdir()
    cells = ["print('one')", "import sys\nprint('two', file=sys.stderr)", SHOW]
    done = papermill(tmp_path, "-", "--cwd", "work", "--stdout-file", tmp_path / "o.txt",
                     "--stderr-file", tmp_path / "e.txt", "--autosave-cell-every", "0", "--no-progress-bar",
                     cells=cells)
    assert done.returncode == 0, done.stderr
    (tmp_path / "out.ipynb").write_text(done.stdout)
    assert outputs(tmp_path / "out.ipynb") == ["one\n", "two\n", f"0 {tmp_path / 'work'} {WARM}\n"]
    assert (tmp_path / "o.txt").read_text() == f"one\n0 {tmp_path / 'work'} {WARM}\n"
    assert (tmp_path / "e.txt").read_text() == "two\n"


@installed
@on_linux
def test_what_a_notebook_says_is_logged_where_that_is_asked_for(tmp_path):
    done = papermill(tmp_path, "out.ipynb", "--log-output", "--no-progress-bar", cells=["print('said')", "'shown'"])
    assert done.returncode == 0
    assert [word in done.stderr for word in ("said", "'shown'", "Executing Cell")] == [True, True, True]


@installed
def test_to_prepare_starts_nothing(tmp_path):
    done = papermill(tmp_path, "out.ipynb", "--prepare-only", "-p", "x", "5", cells=["1/0"])
    assert done.returncode == 0 and outputs(tmp_path / "out.ipynb") == [""]


@installed
@on_linux
def test_an_error_is_papermills(tmp_path, surroundings):
    """And what a notebook does at its end is done then, too."""
    cells = ["import atexit\natexit.register(lambda: open('left', 'w').close())", "1 / 0", "print('never')"]
    seen = []
    for engine in ("notemill", "nbclient"):
        folder = tmp_path / engine
        folder.mkdir()
        done = papermill(folder, "out.ipynb", cells=cells, engine=engine)
        told = [line for line in done.stderr.splitlines() if line.startswith(("papermill.", "ZeroDivision"))]
        made = json.loads((folder / "out.ipynb").read_text())
        shown = [cell["metadata"].get("papermill", {}).get("status") for cell in made["cells"]]
        seen.append((done.returncode, told, shown, outputs(folder / "out.ipynb"), (folder / "left").exists()))
    assert seen[0] == seen[1] and seen[0][0] == 1 and seen[0][-1] and len(seen[0][1]) >= 2
    assert left_in(surroundings) == []


@installed
@on_linux
def test_a_time_limit_is_papermills(tmp_path, surroundings):
    began = time.monotonic()
    done = papermill(tmp_path, "out.ipynb", "--execution-timeout", "2", cells=["import time\ntime.sleep(60)"])
    assert done.returncode == 1 and "CellTimeoutError" in done.stderr and time.monotonic() - began < 25
    assert left_in(surroundings) == []


@installed
@on_linux
def test_an_interrupted_cell_shows_where_it_was(tmp_path):
    """As under Papermill's own engine."""
    cell = "import time\nopen('begun', 'w').close()\ntime.sleep(300)"
    seen = []
    for engine in ("nbclient", "notemill"):
        (tmp_path / engine).mkdir()
        started = papermill(tmp_path / engine, "out.ipynb", cells=[cell], engine=engine, wait=False)
        try:
            assert until((tmp_path / engine / "begun").exists, 60)
            time.sleep(0.5)  # until it sleeps
        finally:
            started.send_signal(signal.SIGINT)
            started.communicate(timeout=60)
        shown = json.loads((tmp_path / engine / "out.ipynb").read_text())["cells"][-1]["outputs"]
        seen.append((started.returncode, [(one["output_type"], one.get("ename")) for one in shown]))
    assert seen[0] == seen[1] and seen[0][1] == [("error", "KeyboardInterrupt")]


@installed
@on_linux
def test_a_kernel_that_dies_is_told_at_once(tmp_path, surroundings):
    child = "import subprocess, os\nsubprocess.Popen(['sleep', '300'], start_new_session=True)\nos._exit(3)"
    began = time.monotonic()
    done = papermill(tmp_path, "out.ipynb", cells=[child])
    assert done.returncode == 138 and "DeadKernelError" in done.stderr and time.monotonic() - began < 25
    assert left_in(surroundings) == []


@installed
@on_linux
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_is_left_of_a_papermill_that_is_killed(number, tmp_path, surroundings):
    cell = ("import os, subprocess, time\nchild = subprocess.Popen(['sleep', '300'], start_new_session=True)\n"
            "open('pids.part', 'w').write(f'{os.getpid()} {os.getppid()} {child.pid}')\n"
            "os.rename('pids.part', 'pids')\ntime.sleep(300)")
    started = papermill(tmp_path, "out.ipynb", cells=[cell], wait=False)
    try:
        assert until((tmp_path / "pids").exists, 60)
    finally:
        started.send_signal(number)
        started.communicate(timeout=60)
    pids = [int(word) for word in (tmp_path / "pids").read_text().split()]
    assert until(lambda: not any(map(is_alive, pids))), [pid for pid in pids if is_alive(pid)]
    assert until(lambda: not left_in(surroundings)), left_in(surroundings)


def is_alive(pid):
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


@installed
@on_linux
def test_within_a_program_that_has_a_loop_of_its_own(tmp_path):
    """As in a notebook that runs notebooks; without a file to write to. The loop goes on afterwards."""
    write_notebook(tmp_path / "in.ipynb", notebook(SHOW, parameters="x = 0"))
    program = """import asyncio, papermill
def shown(made):
    return made.cells[-1].outputs[0].text.split()[-1]
def run():
    return papermill.execute_notebook("in.ipynb", None, engine_name="notemill", progress_bar=False)
async def main():
    print(shown(run()))
    await asyncio.sleep(0.01)
loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
loop.run_until_complete(main())
print(shown(run()), shown(run()))
loop.run_until_complete(asyncio.sleep(0.01))
print("on")
"""
    done = subprocess.run([sys.executable, "-W", "error::ResourceWarning", "-c", program], cwd=tmp_path, text=True,
                          capture_output=True, timeout=100)
    assert done.stdout.split() == [WARM, WARM, WARM, "on"], done.stderr
    assert "Error" not in done.stderr and "type=5" not in done.stderr  # no socket of ours is left open


@installed
@on_linux
def test_it_stays_warm_where_that_is_asked_for(tmp_path, monkeypatch, surroundings):
    monkeypatch.setenv("NOTEMILL_WARM", "1")
    cell = "import os\nprint(os.getppid())"
    parents = []
    for _ in range(2):
        assert papermill(tmp_path, cells=[cell]).returncode == 0
        parents += outputs(tmp_path / "out.ipynb")
    assert parents[0] == parents[1] and [found.pid() for found in kept_processes(own_folder())] == [int(parents[0])]
    assert left_in(surroundings) == [own_folder().name]


# kernels that are not this interpreter's own
def kernel_json(folder, name, monkeypatch, **spec):
    """A kernel of that name for Jupyter to find."""
    write(folder / "jupyter" / "kernels" / name / "kernel.json", json.dumps(
        {"argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"], "display_name": name,
         "language": "python", **spec}))
    monkeypatch.setenv("JUPYTER_PATH", str(folder / "jupyter"))


@pytest.mark.parametrize("spec, own", [
    ({}, True), ({"argv": ["python", "-m", "ipykernel_launcher", "-f", "{connection_file}"]}, True),
    ({"argv": [sys.executable, "-Xfrozen_modules=off", "-m", "ipykernel_launcher", "-f", "{connection_file}"]}, True),
    ({"argv": ["R", "--slave", "-e", "IRkernel::main()", "--args", "{connection_file}"], "language": "R"}, False),
    ({"argv": [sys.executable, "-m", "mine", "-f", "{connection_file}"]}, False),
    ({"argv": [sys.executable, "-m", "ipykernel_launcher", "--matplotlib=agg", "-f", "{connection_file}"]}, False),
    ({"env": {"A": "b"}}, False), ({"interrupt_mode": "message"}, False),
    ({"metadata": {"kernel_provisioner": {"provisioner_name": "remote"}}}, False),
    ({"metadata": {"debugger": True}}, True), ({"argv": []}, False)])
def test_whose_kernel_it_is(spec, own, tmp_path, monkeypatch):
    kernel_json(tmp_path, "other", monkeypatch, **spec)
    assert dropin.is_own("other") is own
    assert not dropin.is_own("there-is-none")


def test_the_python_of_another_environment_is_another(tmp_path, monkeypatch):
    """Though both are links to the same file."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(os.path.realpath(sys.executable))
    assert not dropin.is_this_python(str(tmp_path / "bin" / "python"))
    assert dropin.is_this_python(os.path.join(os.path.dirname(sys.executable), "python"))


@installed
def test_another_kernel_is_left_to_papermill(tmp_path, monkeypatch):
    kernel_json(tmp_path, "mine", monkeypatch, env={"A": "b"})
    done = papermill(tmp_path, cells=[SHOW, "import os\nprint(os.environ['A'])"], kernel="mine")
    assert done.returncode == 0, done.stderr
    assert outputs(tmp_path / "out.ipynb") == [f"0 {tmp_path} {ORDINARY}\n", "b\n"]


@installed
def test_a_kernel_that_is_not_there_is_papermills_error(tmp_path):
    done = papermill(tmp_path, kernel="there-is-none")
    assert done.returncode == 1 and "NoSuchKernel" in done.stderr


@installed
def test_who_has_settings_of_ipython_gets_an_ordinary_kernel(tmp_path):
    write(tmp_path / "IPYTHONDIR" / "profile_default" / "startup" / "first.py", "mine = 5")
    done = papermill(tmp_path, cells=[SHOW, "print(mine)"])
    assert done.returncode == 0, done.stderr
    assert outputs(tmp_path / "out.ipynb") == [f"0 {tmp_path} {ORDINARY}\n", "5\n"]


def test_settings_of_ipython(tmp_path, monkeypatch):
    assert not dropin.has_settings()
    monkeypatch.setenv("PYTHONSTARTUP", "first.py")
    assert dropin.has_settings()
    monkeypatch.delenv("PYTHONSTARTUP")
    monkeypatch.setattr(dropin, "SYSTEM_FOLDERS", [str(tmp_path / "etc")])
    assert not dropin.has_settings()
    write(tmp_path / "etc" / "ipython_config.py", "")
    assert dropin.has_settings()
    monkeypatch.undo()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "old"))
    assert not dropin.has_settings()
    (tmp_path / "old" / "ipython").mkdir(parents=True)
    assert dropin.has_settings()


def test_places_of_settings_are_ipythons(tmp_path, monkeypatch):
    """They are written down here, for IPython takes long to import."""
    from IPython.core.application import ENV_CONFIG_DIRS, SYSTEM_CONFIG_DIRS
    from IPython.paths import get_ipython_dir

    assert list(dropin.SYSTEM_FOLDERS) == SYSTEM_CONFIG_DIRS
    assert [os.path.join(sys.prefix, "etc", "ipython")] == ENV_CONFIG_DIRS
    for folder in (tmp_path, "~/mine"):
        monkeypatch.setenv("IPYTHONDIR", str(folder))
        assert dropin.ipython_folder() == Path(get_ipython_dir())
    monkeypatch.delenv("IPYTHONDIR")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert dropin.ipython_folder() == Path(get_ipython_dir()) == tmp_path / ".ipython"


# when there is no warm process
@installed
@on_linux
def test_papermill_starts_its_own_kernel_where_there_can_be_no_warm_one(tmp_path, monkeypatch):
    write(tmp_path / "broken" / "zmq.py", "raise ImportError('not here')")
    write(tmp_path / "broken" / "sitecustomize.py", "import sys\nif 'server' not in sys.orig_argv:\n"
                                                    "    sys.path.remove(__file__.rpartition('/')[0])")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(tmp_path / "broken"),
                                                                   os.environ.get("PYTHONPATH")])))
    done = papermill(tmp_path)
    assert done.returncode == 0, done.stderr
    assert outputs(tmp_path / "out.ipynb") == [f"0 {tmp_path} {ORDINARY}\n"]
    assert "notemill: ran in an ordinary kernel" in done.stderr


@pytest.mark.usefixtures("unmeasured")
def test_no_room_is_told_and_left_to_papermill(monkeypatch, caplog):
    def no_room(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "mkdtemp", no_room)
    monkeypatch.setattr(logging.getLogger("papermill"), "disabled", True)  # a run of notemill's silences it
    with dropin.warm_kernel(notebook("1"), "python3") as ready:
        assert ready() is None
    assert ["No space left" in record.getMessage() for record in caplog.records] == [True]


@on_linux
@pytest.mark.usefixtures("unmeasured")
def test_a_setting_that_means_nothing_is_told_and_left_aside(monkeypatch, caplog):
    monkeypatch.setenv("NOTEMILL_WARM", "perhaps")
    monkeypatch.setattr(logging.getLogger("papermill"), "disabled", True)
    with dropin.warm_kernel(notebook("1"), "python3") as ready:
        assert ready() is not None
    assert ["got 'perhaps'" in record.getMessage() for record in caplog.records] == [True]


def test_what_cannot_be_read_imports_nothing():
    assert dropin.imports_of({"cells": 5}) == () and dropin.imports_of({}) == ()
    assert dropin.imports_of(notebook("import numpy")) == ("numpy",)


# what it costs those who only import Papermill
@installed
def test_the_engine_is_light():
    program = ("import sys, time\nbegan = time.perf_counter()\nfrom notemill.papermill_engine import NotemillEngine\n"
               "print(time.perf_counter() - began, [name for name in sys.modules if 'notemill' in name])\n"
               "import papermill\nfrom papermill.engines import papermill_engines\n"
               "assert papermill_engines.get_engine('notemill') is NotemillEngine\n"
               "assert 'notemill.execute' not in sys.modules")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    seconds, names = done.stdout.split(" ", 1)
    assert float(seconds) < 0.02 and names.strip() == "['notemill', 'notemill.papermill_engine']"


@installed
@pytest.mark.parametrize("first", ["notemill.execute.engine", "notemill.papermill_engine", "papermill"])
def test_it_does_not_matter_what_is_imported_first(first):
    words = [sys.executable, "-c", f"import {first}, papermill, notemill.execute.engine"]
    assert subprocess.run(words, capture_output=True, timeout=60).returncode == 0
