"""Runs with a warm process that outlives them: what is sent to MLflow, and what comes of that process's end."""

import os
import signal
import sqlite3
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from tiny import cli_process, last_record, make_project, write_notebook

from notemill.execute.warm.kept import kept_processes

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="kernels are forked on Linux alone")


@pytest.fixture
def warm():
    """The environment of runs that keep a warm process of their own; it ends with the test."""
    with tempfile.TemporaryDirectory(prefix="t", dir="/tmp") as place:  # a socket's address is short
        environ = {"NOTEMILL_WARM": "1", "XDG_RUNTIME_DIR": place, "XDG_CACHE_HOME": f"{place}/cache"}
        yield environ
        for pid in pids(environ):
            os.kill(pid, signal.SIGKILL)


def pids(environ):
    """The warm processes of this place, by the folder that their command line names."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:  # it has just ended
            continue
        if b"server" in words and any(word.startswith(environ["XDG_RUNTIME_DIR"].encode()) for word in words):
            found.append(int(path.parent.name))
    return found


@pytest.fixture
def project(tmp_path):
    return make_project(tmp_path, steps={"one": {"notebook": "one.ipynb"}, "two": {"notebook": "two.ipynb"}},
                        notebooks={"one.ipynb": ["print('one')"], "two.ipynb": ["print('two')"]})


class Answers(BaseHTTPRequestHandler):
    """As a tracking server does whether it is there."""

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *args):
        """Say nothing."""


def statuses(project):
    return {step["step"]: step["status"] for step in last_record(project)["steps"]}


def runs_in_mlflow(project):
    with sqlite3.connect(project / "mlflow.db") as database:
        return [name for name, in database.execute("select name from runs order by start_time")]


def test_the_next_run_finds_the_process_and_lineage_is_sent_from_a_fork_of_it(project, warm):
    first = cli_process("run", project=project, **warm)
    assert first.code == 0 and len(pids(warm)) == 1, first
    known, = pids(warm)
    write_notebook(project / "notebooks" / "one.ipynb", ["print('other')"])
    told = project / "imported"  # what the run's own process has imported at its end
    (project / "site").mkdir()
    (project / "site" / "sitecustomize.py").write_text(
        "import atexit, os, sys\nif '-m' in sys.orig_argv and 'notemill' in sys.orig_argv:\n"
        f"    atexit.register(lambda: open({str(told)!r}, 'a').write('\\n'.join(sys.modules)))\n")
    path = os.pathsep.join(filter(None, [str(project / "site"), os.environ.get("PYTHONPATH")]))
    second = cli_process("run", project=project, **warm, PYTHONPATH=path)
    assert second.code == 0 and statuses(project) == {"one": "done", "two": "reused"}, second
    assert "papermill" in told.read_text().split() and "mlflow" not in told.read_text().split()
    assert pids(warm) == [known]
    assert last_record(project)["mlflow_run"]
    assert len(runs_in_mlflow(project)) == 5  # two runs with two steps, one of them reused


def test_lineage_of_runs_offline_is_sent_by_a_later_one(project, warm):
    result = cli_process("run", "--offline", project=project, **warm)
    assert result.code == 0 and "waits here to be sent" in result.out
    assert not (project / "mlflow.db").exists()
    again = cli_process("run", "--force", project=project, **warm)
    assert again.code == 0 and "sent to MLflow, late" in again.out and len(runs_in_mlflow(project)) == 6


def test_a_server_that_is_gone_is_told_and_the_lineage_waits(project, warm):
    """It answers at the run's start, and no more at its end."""
    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        uri = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=lambda: server.handle_request() or server.socket.close(), daemon=True).start()
        result = cli_process("run", project=project, **warm, MLFLOW_TRACKING_URI=uri)
    assert result.code == 0 and set(statuses(project).values()) == {"done"}, result
    told = " ".join(last_record(project)["warnings"])
    assert f"MLflow took no lineage: MLflow at {uri}: cannot be reached" in told and "1 run waits here" in told
    process, = kept_processes(Path(warm["XDG_RUNTIME_DIR"], "notemill"))
    assert process.ask("status")["served"] == 3  # two kernels, and who found that nobody is there
    again = cli_process("run", "--force", project=project, **warm)
    assert again.code == 0 and "sent to MLflow, late" in again.out and len(runs_in_mlflow(project)) == 6


def test_a_warm_process_that_was_killed_is_nothing_but_slower(project, warm):
    assert cli_process("run", "--offline", project=project, **warm).code == 0
    known, = pids(warm)
    os.kill(known, signal.SIGKILL)
    result = cli_process("run", "--force", project=project, **warm)
    assert result.code == 0 and result.err == "" and set(statuses(project).values()) == {"done"}
    assert len(runs_in_mlflow(project)) == 6 and known not in pids(warm)


def test_cold_runs_leave_nothing(project, warm):
    for words, more in ((["--cold"], {}), ([], {"NOTEMILL_WARM": "0"}), ([], {"NOTEMILL_WARM": ""})):
        environ = {**warm, **more}
        result = cli_process("run", "--offline", "--force", *words, project=project, **environ)
        assert result.code == 0 and pids(warm) == []
