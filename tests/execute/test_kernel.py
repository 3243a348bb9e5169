"""The kernel's process: its environment, its limits, and that nothing of it is left."""

import gc
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil
import pytest
from filelock import FileLock
from tiny import make_project, write

from notemill.errors import UsageError
from notemill.execute import check_kernels, execute, sweep_kernels
from notemill.execute.kernel import THREADS, kernel_environment
from notemill.pipeline import read_pipeline

SPAWN = """import subprocess, sys
apart = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(300)'], start_new_session=True)
near = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(300)'])
orphan = subprocess.check_output("setsid sleep 300 >/dev/null & echo $!", shell=True, text=True)
print(apart.pid, near.pid, orphan)"""


def alive(pids):
    return [pid for pid in pids if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE]


def until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return condition()


def test_the_environment_is_a_short_list():
    environ = {"PATH": "/bin", "HOME": "/home/me", "LANG": "C.UTF-8", "TZ": "UTC", "AWS_SECRET_ACCESS_KEY": "x",
               "PYTHONPATH": "/elsewhere", "WANTED": "yes", "MLFLOW_TRACKING_PASSWORD": "x",
               "MLFLOW_TRACKING_TOKEN": "x", "MLFLOW_TRACKING_URI": "http://tracking",
               "MLFLOW_HTTP_REQUEST_TIMEOUT": "5", "OMP_NUM_THREADS": "16"}
    seen = kernel_environment(environ, ("WANTED", "NOT_SET"), 2)
    assert seen == {"PATH": "/bin", "HOME": "/home/me", "LANG": "C.UTF-8", "TZ": "UTC", "WANTED": "yes",
                    "MLFLOW_HTTP_REQUEST_TIMEOUT": "5", **dict.fromkeys(THREADS, "2")}


def test_a_user_may_ask_for_fewer_threads_than_the_share():
    seen = kernel_environment({"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "many", "RAYON_NUM_THREADS": "0"}, (), 4)
    assert (seen["OMP_NUM_THREADS"], seen["MKL_NUM_THREADS"], seen["RAYON_NUM_THREADS"]) == ("1", "4", "4")


def test_a_notebook_sees_what_it_is_given_and_no_more(execute_cells, printed, monkeypatch):
    monkeypatch.setenv("UNLISTED", "hidden")
    monkeypatch.setenv("LISTED", "seen")
    executed = execute_cells("import os\nprint(os.environ.get('UNLISTED'), os.environ.get('LISTED'))\n"
                             "print(sorted(name for name in os.environ if name.startswith(('JPY_', 'NOTEMILL'))))",
                             names=("LISTED",))
    assert printed(executed.notebook).splitlines()[0] == "None seen"
    assert "NOTEMILL" not in printed(executed.notebook)


def test_threads_are_held_to_the_share(execute_cells, printed):
    pools = "import numpy, threadpoolctl\nprint({pool['num_threads'] for pool in threadpoolctl.threadpool_info()})"
    executed = execute_cells("import os\nos.environ['OPENBLAS_NUM_THREADS'] = os.environ['OMP_NUM_THREADS'] = '2'",
                             pools.splitlines()[0], f"import os\n{pools}\nprint(os.environ['MKL_NUM_THREADS'])")
    assert executed.failure is None, executed.failure
    assert printed(executed.notebook).splitlines() == ["{1}", "1"]


def test_a_share_is_an_upper_bound(execute_cells, printed):
    executed = execute_cells("import numpy, threadpoolctl\nlimits = threadpoolctl.threadpool_limits(1)",
                             "print({pool['num_threads'] for pool in threadpoolctl.threadpool_info()})", threads=2)
    assert printed(executed.notebook) == "{1}\n"


def test_a_time_limit_ends_the_step_and_names_itself(execute_cells):
    executed = execute_cells("1", "import time\ntime.sleep(60)", seconds=2.5)
    assert (executed.failure.name, executed.failure.cell) == ("LimitExceeded", 3)
    assert "2.5 s (limits.seconds)" in executed.failure.message
    assert executed.seconds < 20


def test_a_memory_limit_ends_the_step_and_names_itself(execute_cells):
    executed = execute_cells("block = bytearray(400_000_000)\nimport time\ntime.sleep(60)", memory_mb=300)
    assert (executed.failure.name, executed.failure.cell) == ("LimitExceeded", 2)
    assert "300 MB (limits.memory_mb)" in executed.failure.message and executed.peak_mb > 300


def test_memory_counts_processes_that_a_cell_starts(execute_cells):
    start = ("import subprocess, sys\nsubprocess.run([sys.executable, '-c',"
             " 'block = bytearray(400_000_000); import time; time.sleep(60)'])")
    executed = execute_cells(start, memory_mb=300)
    assert executed.failure and executed.failure.name == "LimitExceeded"


def test_memory_that_forks_share_counts_once(execute_cells):
    forks = ("import os, time\nblock = bytearray(os.urandom(1000)) * 500_000\n"
             "children = [os.fork() for _ in range(1)]\n"
             "if children == [0]:\n    time.sleep(1)\n    os._exit(0)\n"
             "os.waitpid(children[0], 0)")
    executed = execute_cells(forks, memory_mb=850)
    assert executed.failure is None, executed.failure
    assert executed.peak_mb > 500


def test_the_systems_own_limit_is_an_error_like_any_other(execute_cells):
    cell = "import resource\nresource.setrlimit(resource.RLIMIT_AS, (2_000_000_000,) * 2)\nbytearray(4_000_000_000)"
    executed = execute_cells(cell)
    assert (executed.failure.name, executed.failure.cell, executed.failure.line) == ("MemoryError", 2, 3)


def test_what_a_step_costs_is_measured(execute_cells):
    executed = execute_cells("import time\nend = time.process_time() + 0.7\nwhile time.process_time() < end: pass",
                             "block = bytearray(100_000_000)\ndel block")
    assert 0.7 < executed.cpu_seconds < 5 and executed.cpu_seconds <= executed.seconds + 1
    assert 99 < executed.peak_mb < 400  # a warm kernel's libraries are not its own


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="orphans are adopted on Linux alone")
def test_no_process_is_left_behind(execute_cells, printed):
    executed = execute_cells(SPAWN)
    pids = [int(word) for word in printed(executed.notebook).split()]
    assert executed.failure is None and len(pids) == 3
    assert until(lambda: not alive(pids)), alive(pids)


def test_no_process_is_left_behind_by_a_dead_kernel(execute_cells, printed):
    executed = execute_cells(SPAWN, "import time\ntime.sleep(0.5)", "import os\nos._exit(1)")
    pids = [int(word) for word in printed(executed.notebook).split()]
    assert executed.failure.cell == 4 and len(pids) == 3
    assert until(lambda: not alive(pids)), alive(pids)


def test_a_kernel_that_a_signal_ends_leaves_no_process_behind(execute_cells, printed, monkeypatch):
    """By itself: jupyter_client sends one where the end takes long, and the run may be killed before it looks."""
    for name in ("kill_family", "kill_group", "kill_all"):
        monkeypatch.setattr(f"notemill.execute.watch.{name}", lambda *args: None)
    end = "import os, signal, time\nos.kill(os.getpid(), signal.SIGTERM)\ntime.sleep(60)"
    executed = execute_cells(SPAWN, end)
    pids = [int(word) for word in printed(executed.notebook).split()[:3]]
    try:
        assert "SIGTERM" in executed.failure.message and until(lambda: not alive(pids), 60), executed.failure
    finally:
        for pid in alive(pids):
            os.kill(pid, signal.SIGKILL)


def test_a_signal_ends_a_fork_of_the_kernel_and_no_more(execute_cells, printed):
    cell = ("import os, signal, subprocess, time\nother = subprocess.Popen(['sleep', '300'])\nfork = os.fork()\n"
            "if fork == 0:\n    time.sleep(60)\n    os._exit(0)\nos.kill(fork, signal.SIGTERM)\n"
            "print(os.WTERMSIG(os.waitpid(fork, 0)[1]), other.poll())")
    executed = execute_cells(cell)
    assert executed.failure is None and printed(executed.notebook) == "15 None\n"


def ended_children():
    return {child.pid for child in psutil.Process().children() if child.status() == psutil.STATUS_ZOMBIE}


def test_nothing_is_left_open(make_job, monkeypatch, tmp_path):
    execute(make_job("1"))  # a warm process has its folder elsewhere
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    execute(make_job("1"))
    before, known = (len(os.listdir("/proc/self/fd")), threading.active_count()), ended_children()
    for _ in range(2):
        execute(make_job("1"))
    gc.collect()
    assert (len(os.listdir("/proc/self/fd")), threading.active_count()) == before
    assert ended_children() <= known  # other tests may have left some
    assert list(tmp_path.glob("notemill-*")) == []


def test_folders_of_killed_runs_are_swept_and_others_left(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr("notemill.execute.folders.SOCKET_PATH", 1000)
    for name in ("dead", "living", "new"):
        write(tmp_path / f"notemill-{name}" / "lock", "")
        write(tmp_path / f"notemill-{name}" / "k-1", "")
    write(tmp_path / "notemill-0" / "cache", "of another kind")
    for name in ("dead", "living"):
        os.utime(tmp_path / f"notemill-{name}" / "lock", (0, 0))
    with FileLock(tmp_path / "notemill-living" / "lock"):
        os.utime(tmp_path / "notemill-living" / "lock", (0, 0))
        sweep_kernels()
    left = sorted(path.name for path in tmp_path.glob("notemill-*"))
    assert left == ["notemill-0", "notemill-living", "notemill-new"]


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="there are no users to tell apart")
def test_folders_of_other_users_are_left(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr("notemill.execute.folders.SOCKET_PATH", 1000)
    lock = write(tmp_path / "notemill-dead" / "lock", "")
    os.utime(lock, (0, 0))
    user = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: user + 1)
    sweep_kernels()
    assert lock.exists()
    monkeypatch.setattr(os, "getuid", lambda: user)
    sweep_kernels()
    assert not lock.exists()


def test_a_running_kernel_holds_its_folders_lock(make_job, monkeypatch):
    monkeypatch.setattr("notemill.execute.folders.NEW", -1)
    left = []

    def sweep(number, total):
        sweep_kernels()
        left.append(len(list(Path(short).glob("notemill-*/lock"))))

    with tempfile.TemporaryDirectory(prefix="t", dir="/tmp") as short:     # a folder of its own: this sweeps all there
        monkeypatch.setattr(tempfile, "tempdir", short)
        assert execute(make_job("1", on_cell=sweep)).failure is None
    assert left and set(left) == {1}


def test_a_long_name_of_the_temporary_folder_does_not_matter(execute_cells, monkeypatch, tmp_path):
    long = tmp_path / ("x" * 60) / ("y" * 60)
    long.mkdir(parents=True)
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    assert execute_cells("1").failure is None


@pytest.mark.parametrize("kernel", ["process"])
def test_kernels_talk_over_local_sockets_that_others_may_not_enter(make_job, monkeypatch, tmp_path):
    short = tempfile.mkdtemp(prefix="t", dir="/tmp")  # an address that is too long is made elsewhere
    monkeypatch.setattr(tempfile, "tempdir", short)
    tmp_path = Path(short)
    seen = {}

    def look(number, total):
        folder = next(tmp_path.glob("notemill-*"))
        seen["mode"] = folder.stat().st_mode & 0o777
        seen["sockets"] = sum(path.is_socket() for path in folder.iterdir())

    execute(make_job("1", on_cell=look))
    assert seen["mode"] == 0o700 and seen["sockets"] >= 4


ELSEWHERE = """import json, os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from tiny import notebook
from notemill.execute import Job, execute
root = Path(sys.argv[2])
execute(Job("s", notebook(*json.loads(sys.argv[3])), {}, root / "saved.ipynb", root, root, dict(os.environ)))
"""


def words_elsewhere(root, *cells):
    """A process that executes the cells."""
    return [sys.executable, "-c", ELSEWHERE, str(Path(__file__).parents[1]), str(root), json.dumps(cells)]


def test_native_output_does_not_reach_standard_output(tmp_path):
    """With --json, standard output is one object alone; a kernel that crashes writes to its own."""
    words = words_elsewhere(tmp_path, "import os\nos.write(1, b'native\\n')\nos.system('echo shell')", "os.abort()")
    done = subprocess.run(words, capture_output=True, text=True, timeout=100)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert "SIGABRT" in (tmp_path / "saved.ipynb").read_text()


def test_a_kernel_ends_with_the_process_that_asked_for_it(tmp_path):
    note = "import os\nopen('pids', 'w').write(f'{os.getpid()} {apart.pid} {near.pid} {orphan}')"
    process = subprocess.Popen(words_elsewhere(tmp_path, f"{SPAWN}\n{note}", "import time\ntime.sleep(300)"),
                               env={**os.environ, "TMPDIR": str(tmp_path)})
    try:
        assert until((tmp_path / "pids").exists, 60)
        assert until(lambda: len((tmp_path / "pids").read_text().split()) == 4)
    finally:
        process.kill()
        process.wait()
    pids = [int(word) for word in (tmp_path / "pids").read_text().split()]
    assert until(lambda: not alive(pids)), alive(pids)
    assert until(lambda: not list(tmp_path.glob("notemill-*")))


STARTS_AND_STARTS = """import subprocess
words = ['sh', '-c', 'echo $$ >> pids; exec sleep 300']
while True:
    subprocess.Popen(words, start_new_session=True)"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="orphans are adopted on Linux alone")
def test_what_a_cell_starts_while_its_run_is_killed_ends_too(tmp_path):
    process = subprocess.Popen(words_elsewhere(tmp_path, STARTS_AND_STARTS))
    try:
        assert until(lambda: (tmp_path / "pids").exists() and len(noted(tmp_path)) > 20, 60)
    finally:
        process.kill()
        process.wait()
    time.sleep(1)
    assert until(lambda: not alive(noted(tmp_path)), 20), alive(noted(tmp_path))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux alone wakes it")
def test_a_kernel_that_is_stopped_while_its_run_is_killed_ends_too(tmp_path):
    """A run stops its kernel before it ends it, and may be killed between the two."""
    process = subprocess.Popen(words_elsewhere(
        tmp_path, "import os, time\nopen('pids', 'w').write(f'{os.getpid()}\\n')\ntime.sleep(300)"))
    try:
        assert until(lambda: (tmp_path / "pids").exists() and noted(tmp_path), 60)
        os.kill(noted(tmp_path)[0], signal.SIGSTOP)
    finally:
        process.kill()
        process.wait()
    try:
        assert until(lambda: not alive(noted(tmp_path)), 60)
    finally:
        for pid in alive(noted(tmp_path)):
            os.kill(pid, signal.SIGKILL)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="orphans are adopted on Linux alone")
def test_what_a_cell_starts_while_a_limit_ends_it_ends_too(execute_cells, tmp_path):
    executed = execute_cells(STARTS_AND_STARTS, seconds=2)
    assert executed.failure.name == "LimitExceeded" and len(noted(tmp_path / "notebooks")) > 1
    assert until(lambda: not alive(noted(tmp_path / "notebooks"))), alive(noted(tmp_path / "notebooks"))


def noted(folder):
    return [int(line) for line in (folder / "pids").read_text().split()]


def test_an_unknown_kernel_is_told_before_anything_runs(tmp_path):
    make_project(tmp_path, steps={"one": {"notebook": "one.ipynb", "kernel": "pyhton3"}},
                 notebooks={"one.ipynb": ["1"]})
    with pytest.raises(UsageError) as told:
        check_kernels(read_pipeline(tmp_path), ["one"])
    text = str(told.value)
    assert "notebooks/pipeline.yaml" in text and "'pyhton3'" in text
    assert "process" in text and "did you mean 'python3'?" in text


def test_kernels_that_are_there_pass(tmp_path):
    steps = {"one": {"notebook": "one.ipynb", "kernel": "python3"}, "two": {"notebook": "one.ipynb"},
             "other": {"notebook": "one.ipynb", "kernel": "nowhere"}}
    make_project(tmp_path, steps=steps, notebooks={"one.ipynb": ["1"]})
    check_kernels(read_pipeline(tmp_path), ["one", "two"])
