"""`notemill warm`: starts, tells of and stops the process that kernels are forked from."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest
from tiny import cli, cli_process, make_project, notebook, run, write

from notemill.execute.warm import process
from notemill.execute.warm.kept import kept_processes

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="warm processes are for Linux alone")
PARENT = "import os\nopen(out, 'w').write(str(os.getppid()))"


@pytest.fixture(autouse=True)
def surroundings(monkeypatch, tmp_path):
    """A place of its own for warm processes, which end with the test."""
    short = tempfile.mkdtemp(prefix="t", dir="/tmp")
    monkeypatch.setattr(tempfile, "tempdir", short)
    monkeypatch.setattr("notemill.execute.folders.LAST_PLACE", short)  # the user's own processes are not to be stopped
    monkeypatch.setattr("notemill.execute.folders.RUNTIME", f"{short}/{{}}")
    monkeypatch.setenv("TMPDIR", short)
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    yield Path(short)
    place = Path(short, f"notemill-warm-{os.getuid()}")
    for found in kept_processes(place) if place.is_dir() else ():
        found.kill()
    subprocess.run(["rm", "-r", short], check=True)


@pytest.fixture
def project(tmp_path):
    return make_project(tmp_path / "project", steps={
        "one": {"notebook": "one.ipynb", "outputs": {"out": "parent.txt"}}},
        notebooks={"one.ipynb": notebook("import pandas", PARENT, parameters="out = ''")})


def started(project):
    """`notemill warm`, in a process of its own as the run is: what other tests put on sys.path makes another key."""
    return cli_process("warm", "--json", project=project)


def parent_of_kernel(project, *words, **environ):
    """The process that the step's kernel was forked from, after a run."""
    done = run(project, "--force", *words, **environ)
    assert done.code == 0, done.err
    told = cli("get", "one.out", project / "parent.txt", project=project)
    assert told.code == 0, told.err
    return int((project / "parent.txt").read_text())


def is_alive(pid):
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return condition()


@on_linux
def test_start_status_run_stop(project, monkeypatch):
    assert cli("warm", "--status").out == "no warm process is there: notemill warm\n"
    told = started(project)
    assert told.code == 0 and told.json["error"] is None and told.json["notes"] == []
    one, = told.json["processes"]
    assert one["new"] and one["answers"] and one["memory_mb"] > 30 and (one["served"], one["running"]) == (0, 0)
    assert 0 < one["ends_in"] <= 600 and one["began"].endswith("+00:00")
    assert "pandas" in Path(f"/proc/{one['pid']}/maps").read_text()

    again, = started(project).json["processes"]
    assert (again["pid"], again["new"]) == (one["pid"], False)

    assert parent_of_kernel(project, NOTEMILL_WARM="1") == one["pid"]
    text = cli("warm", "--status").out
    assert text.splitlines()[1].split()[0] == str(one["pid"]) and "notemill warm --stop ends it now" in text
    assert max(map(len, text.splitlines())) < 80
    now, = cli("warm", "--status", "--json").json["processes"]
    assert (now["pid"], now["served"], now["running"]) == (one["pid"], 1, 0)

    monkeypatch.setenv("XDG_RUNTIME_DIR", str(project.parent))  # another place than that of the start
    assert [each["pid"] for each in cli("warm", "--status", "--json").json["processes"]] == [one["pid"]]
    assert cli("warm", "--stop").out == f"stopped: 1 warm process of user {os.getuid()}\n"
    assert until(lambda: not is_alive(one["pid"]))
    assert cli("warm", "--stop", "--json").json == {"stopped": [], "error": None}
    assert cli("warm", "--stop").out == f"stopped: 0 warm processes of user {os.getuid()}\n"


@on_linux
def test_a_run_uses_none_that_outlives_it_unless_it_may(project):
    found, = started(project).json["processes"]
    assert parent_of_kernel(project) != found["pid"]  # no terminal
    assert parent_of_kernel(project, "--cold", NOTEMILL_WARM="1") != found["pid"]
    assert parent_of_kernel(project, NOTEMILL_WARM="0") != found["pid"]
    assert parent_of_kernel(project, NOTEMILL_WARM="1", CI="true") == found["pid"]


@on_linux
def test_each_environment_of_the_steps_has_its_process(tmp_path, monkeypatch):
    steps = {"a": {"notebook": "a.ipynb", "env": ["LOUD"]}, "b": {"notebook": "a.ipynb"},
             "c": {"notebook": "a.ipynb", "secrets": ["QUIET"]}, "d": {"notebook": "a.ipynb", "kernel": "process"}}
    make_project(tmp_path, steps=steps, notebooks={"a.ipynb": ["1"]})
    for name in ("LOUD", "QUIET"):
        monkeypatch.setenv(name, "some-value")
    found = cli("warm", "--json", project=tmp_path).json["processes"]
    environs = [Path(f"/proc/{one['pid']}/environ").read_bytes() for one in found]
    assert sorted(b"LOUD=some-value" in environ for environ in environs) == [False, False, True]  # c has a secret
    assert not any(b"QUIET" in environ for environ in environs)


@on_linux
def test_a_project_without_such_kernels(tmp_path):
    make_project(tmp_path, steps={"a": {"notebook": "a.ipynb", "kernel": "process"}}, notebooks={"a.ipynb": ["1"]})
    told = cli("warm", project=tmp_path)
    assert told.code == 0 and told.out == "" and "no step of this project has a kernel that is forked" in told.err


@on_linux
@pytest.mark.parametrize("environ, said", [({"NOTEMILL_WARM": "0"}, "NOTEMILL_WARM=0: "), ({"CI": "1"}, "CI is set: ")])
def test_where_runs_do_not_use_it_that_is_said(project, monkeypatch, environ, said):
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    told = cli("warm", project=project)
    assert told.code == 0 and told.err.startswith(f"note: {said}`notemill run` does not use it")


@on_linux
def test_one_that_does_not_answer(project, monkeypatch):
    found, = cli("warm", "--json", project=project).json["processes"]
    monkeypatch.setattr(process, "SHORT", 0.3)
    monkeypatch.setattr(process.WarmProcess.ask, "__defaults__", (0.3,))
    os.kill(found["pid"], signal.SIGSTOP)
    assert "does not answer" in cli("warm", "--status").out
    told, = cli("warm", "--status", "--json").json["processes"]
    assert (told["pid"], told["answers"], told["memory_mb"]) == (found["pid"], False, None)
    assert cli("warm", "--stop").code == 0 and until(lambda: not is_alive(found["pid"]))


def test_where_there_can_be_none_it_says_so(project, monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    told = cli("warm", project=project)
    assert told.code == 2 and "there are no warm processes on darwin" in told.err
    assert cli("warm", "--json", project=project).json["error"]["where"] == "notemill warm"
    assert cli("warm", "--status").code == 0


@on_linux
def test_without_a_safe_place_it_says_so(project, monkeypatch):
    monkeypatch.setattr("notemill.execute.folders._places", lambda: iter([]))
    told = cli("warm", project=project)
    assert told.code == 2 and "there is no safe place for a socket" in told.err
    assert cli("warm", "--status").code == 0 and cli("warm", "--stop").code == 0


@on_linux
def test_one_that_cannot_start_is_an_error_in_words(project, monkeypatch):
    monkeypatch.setattr(process, "START", project / "nothing.py")
    told = cli("warm", project=project)
    assert told.code == 1 and told.err.startswith("the warm process: ended at once: ")


def test_misuse(project):
    assert cli("warm", "--status", "--stop").code == 2
    assert cli("warm", project=project / "notebooks").code == 2
    write(project / "notebooks" / "one.ipynb", "{")
    assert cli("warm", project=project).code == 2
