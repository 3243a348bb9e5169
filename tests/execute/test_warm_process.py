"""The warm process seen from outside: who may talk to it, how long it lives, and that its end costs only time."""

import errno
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil
import pytest
from tiny import write

from notemill.execute import Pool, execute, sweep_kernels
from notemill.execute.folders import own_folder, own_folders
from notemill.execute.inside import channel
from notemill.execute.inside.channel import pid_of
from notemill.execute.warm import kept as kept_ones
from notemill.execute.warm import learnt, process
from notemill.execute.warm.kernel import WarmKernel
from notemill.execute.warm.kept import facts_of, kept_processes, stop, stop_all, warm_up
from notemill.execute.warm.process import (
    WarmError, WarmProcess, answer_of, key_of, kernel_pid, lasting_environment, withheld,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="warm processes are for Linux alone")
NOBODY = 65534
ENV = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}


@pytest.fixture
def kernel():
    return "warm"


@pytest.fixture(autouse=True)
def place(monkeypatch, tmp_path):
    """Where kept processes are in a test; they end with it."""
    short = tempfile.mkdtemp(prefix="t", dir="/tmp")
    monkeypatch.setattr(tempfile, "tempdir", short)
    monkeypatch.setattr("notemill.execute.folders.LAST_PLACE", short)  # the user's own processes are not to be stopped
    monkeypatch.setattr("notemill.execute.folders.RUNTIME", f"{short}/{{}}")
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    place = Path(short, f"notemill-warm-{os.getuid()}")
    yield place
    for found in kept_processes(place) if place.is_dir() else ():
        found.kill()
    subprocess.run(["rm", "-r", short], check=True)


def until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return condition()


def is_alive(pid):
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def a_kept_one(env=ENV):
    """The number of a process that outlives its pool, and where it is."""
    with Pool(keep=True) as pool:
        found, link = pool.connect(env)
        with link:
            return pid_of(link), found


# what it knows
def test_no_secret_and_nothing_of_a_step_is_in_its_environment():
    env = {"PATH": "/bin", "LANG": "C", "API_TOKEN": "x", "openai_api_key": "x", "MYSQL_PWD": "x",
           "DB": "pg://me:pw@h/d",  # pragma: allowlist secret
           "MINE": "x", "OMP_NUM_THREADS": "7", "MLFLOW_RUN_ID": "1",
           "SSH_AUTH_SOCK": "/s", "PWD": "/p", "AT": "me@home", "PYTHONPATH": "here"}
    assert withheld(env, ["MINE"]) == {"API_TOKEN", "openai_api_key", "MYSQL_PWD", "DB", "MINE"}
    assert lasting_environment(env, ["MINE"]) == {
        "PATH": "/bin", "LANG": "C", "AT": "me@home", "PYTHONPATH": os.path.abspath("here"), "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true"}


def test_the_kernel_alone_gets_a_secret(make_job, printed, place, monkeypatch):
    monkeypatch.setenv("CALLED_PRIVATE", "very-hidden-1")
    monkeypatch.setenv("SOME_PASSWORD", "very-hidden-2")
    found = {}

    def look(number, total):
        one, = kept_processes(place)
        files = [path.read_bytes() for path in place.rglob("*") if path.is_file()]
        found["said"] = [Path(f"/proc/{one.pid()}/environ").read_bytes(), *files]

    names = ("CALLED_PRIVATE", "SOME_PASSWORD")
    with Pool(keep=True) as pool:
        done = execute(make_job(f"import os\nprint([os.environ[n] for n in {names}])", pool=pool, names=names,
                                private=frozenset(names[:1]), on_cell=look))
    assert printed(done.notebook) == "['very-hidden-1', 'very-hidden-2']\n" and not done.slower
    assert len(found["said"]) >= 3 and b"HOME=" in found["said"][0]
    assert not any(b"very-hidden" in text for text in found["said"])


def test_the_key_changes_with_what_a_fork_cannot_change(monkeypatch, tmp_path):
    key = key_of(lasting_environment(ENV))
    assert key_of(lasting_environment({**ENV, "A_TOKEN": "x", "OMP_NUM_THREADS": "3", "PWD": "/"})) == key
    terminal = dict.fromkeys(("TERM_PROGRAM", "TMUX_PANE", "SSH_TTY", "KITTY_PID", "COLUMNS", "STY", "HISTSIZE"), "5")
    assert key_of(lasting_environment({**ENV, **terminal})) == key
    assert key_of(lasting_environment({**ENV, "PYTHONPATH": ""})) == key  # and not the current folder
    assert key_of(lasting_environment({**ENV, "_MLFLOW_SERVER_ARTIFACT_ROOT": "/of/this/run"})) == key
    assert key_of(lasting_environment({**ENV, "MPLBACKEND": "agg"})) != key
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    assert key_of(lasting_environment(ENV)) == key
    about = write(tmp_path / "thing-1.0.dist-info" / "METADATA", "Name: thing")
    one = key_of(lasting_environment(ENV))
    about.parent.rename(tmp_path / "thing-1.1.dist-info")
    other = key_of(lasting_environment(ENV))
    assert len({key, one, other}) == 3
    monkeypatch.setattr(sys, "executable", "/elsewhere/python")
    assert key_of(lasting_environment(ENV)) != other


# where it is
def test_its_folder_is_its_users_alone(place, monkeypatch, tmp_path):
    assert own_folder() == place and place.stat().st_mode & 0o777 == 0o700
    runtime = Path(place.parent, "run")
    runtime.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    assert own_folder() == runtime / "notemill"
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime / "missing"))
    assert own_folder() == place
    long = tmp_path / ("x" * 90)
    long.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(long))
    assert own_folder() == place
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    assert own_folder() == place  # the last one of the list


def test_all_places_are_known_that_a_process_may_be_in(place, monkeypatch):
    runtime = place.parent / str(os.getuid())
    runtime.mkdir(mode=0o700)
    assert own_folders() == []  # they are looked for, not made
    own_folder()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    own_folder()
    assert own_folders() == [runtime / "notemill", place]
    monkeypatch.delenv("XDG_RUNTIME_DIR")  # as for a job of cron's
    assert own_folders() == [place, runtime / "notemill"]
    place.chmod(0o777)
    assert own_folders() == [runtime / "notemill"]


def make_link(place):
    (place.parent / "target").mkdir(mode=0o700)
    place.symlink_to(place.parent / "target")


def make_open(place):
    place.mkdir()
    place.chmod(0o777)


def make_others(place):
    if os.getuid():
        pytest.skip("only root can make another user's folder")
    place.mkdir(mode=0o700)
    os.chown(place, NOBODY, NOBODY)


def make_file(place):
    place.write_text("")


@pytest.mark.parametrize("make", [make_link, make_open, make_others, make_file])
def test_another_folder_than_that_is_not_used(make, place, monkeypatch):
    make(place)
    monkeypatch.setattr("notemill.execute.folders._places", lambda: iter([place]))
    assert own_folder() is None
    pool = Pool(keep=True)
    assert pool.place is None  # its processes are the run's own
    monkeypatch.undo()


def test_a_folder_that_others_could_exchange_is_not_used(place, monkeypatch):
    place.parent.chmod(0o777)
    assert own_folder() != place
    place.parent.chmod(0o1777)
    assert own_folder() == place


# how long it lives
def test_it_outlives_its_run_and_is_found_again_until_it_was_idle_for_long(place, monkeypatch):
    monkeypatch.setattr(process, "IDLE", 3.0)
    pid, found = a_kept_one()
    assert a_kept_one() == (pid, found) and found.folder.parent == place
    told = facts_of(found)
    assert (told["pid"], told["answers"], told["served"], told["running"]) == (pid, True, 0, 0) and told["ends_in"] <= 3
    assert until(lambda: facts_of(found) is None and not is_alive(pid))
    assert not (found.folder / "socket").exists()


def test_to_ask_how_it_is_does_not_keep_it_alive(monkeypatch):
    monkeypatch.setattr(process, "IDLE", 2.0)
    pid, found = a_kept_one()
    end = time.monotonic() + 20
    while facts_of(found) and time.monotonic() < end:
        time.sleep(0.2)
    assert facts_of(found) is None


ASK = """import sys, tempfile
tempfile.tempdir = sys.argv[1]
from notemill.execute import Pool
from notemill.execute.warm.process import pid_of
sys.stdin.read(1)
with Pool(keep=True) as pool:
    found, link = pool.connect({"PATH": "/bin:/usr/bin", "HOME": "/"})
    print(pid_of(link))
"""


def test_two_runs_that_start_at_once_start_one_process(place):
    runs = [subprocess.Popen([sys.executable, "-c", ASK, str(place.parent)], stdin=subprocess.PIPE, text=True,
                             stdout=subprocess.PIPE) for _ in range(3)]
    time.sleep(2)
    for run in runs:
        run.stdin.write("x")
        run.stdin.flush()
    told = {run.communicate(timeout=60)[0] for run in runs}
    assert len(told) == 1 and told.pop().strip().isdecimal()
    assert len(kept_processes(place)) == 1


def test_what_kill_9_leaves_is_no_obstacle(place):
    pid, found = a_kept_one()
    os.kill(pid, signal.SIGKILL)
    assert until(lambda: not is_alive(pid)) and (found.folder / "socket").exists()
    again, same = a_kept_one()
    assert again != pid and same == found and is_alive(again)


def test_what_is_left_of_others_is_tidied_up(place):
    pid, found = a_kept_one()
    os.kill(pid, signal.SIGKILL)
    assert until(lambda: not is_alive(pid))
    _, other = a_kept_one({**ENV, "LANG": "C"})
    assert kept_processes(place) == [other] and not found.folder.with_suffix(".lock").exists()


def test_one_that_was_stopped_by_a_signal_is_replaced_at_once():
    pid, found = a_kept_one()
    os.kill(pid, signal.SIGSTOP)
    assert until(lambda: psutil.Process(pid).status() == psutil.STATUS_STOPPED)
    began = time.monotonic()
    assert a_kept_one()[0] != pid and time.monotonic() - began < 30
    assert until(lambda: not is_alive(pid))


def test_a_lock_that_is_held_for_too_long_leaves_the_run_a_process_of_its_own(place, monkeypatch):
    from filelock import FileLock

    monkeypatch.setattr(kept_ones, "PATIENCE", 0.2)
    own_folder()
    with FileLock(place / (key_of(lasting_environment(ENV)) + ".lock")), Pool(keep=True) as pool:
        found, link = pool.connect(ENV)
        link.close()
        assert not pool.is_kept(found) and found.folder.exists()
    assert not found.folder.exists()


def test_no_room_for_a_kept_one_leaves_the_run_its_own(place, monkeypatch):
    own_folder()
    monkeypatch.setattr(kept_ones, "start", no_room)
    with Pool(keep=True) as pool:
        found, link = pool.connect(ENV)
        link.close()
        assert not pool.is_kept(found)


def no_room(*args, **kwargs):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_no_room_at_all_is_a_slower_run(make_job, printed, monkeypatch):
    monkeypatch.setattr("notemill.execute.warm.pool.start", no_room)
    with Pool() as pool:
        done = execute(make_job("print(1)", pool=pool))
    assert done.failure is None and printed(done.notebook) == "1\n"
    assert done.slower == ("ran in an ordinary kernel, which takes longer to start: the warm process cannot be "
                           "started: No space left on device",)


@pytest.mark.parametrize("what", ["notemill.execute.warm.process.as_file", "notemill.execute.inside.channel.pair"])
def test_no_file_descriptor_is_a_slower_run(make_job, printed, monkeypatch, what):
    monkeypatch.setattr(what, no_room)
    with Pool() as pool:
        done = execute(make_job("print(1)", pool=pool))
    assert done.failure is None and printed(done.notebook) == "1\n"
    assert "the warm process cannot be asked: No space left on device" in done.slower[0]


def test_a_home_that_may_not_be_written_does_not_matter(make_job, monkeypatch, tmp_path):
    write(tmp_path / "cache", "a file where a folder should be")
    with Pool() as pool:
        done = execute(make_job("import sqlite3", pool=pool))
    assert done.failure is None and done.slower == ()


# its end
def test_a_run_goes_on_when_its_process_is_killed(make_job, printed):
    def kill(number, total):
        if number == 3:
            found, = kept_processes(own_folder())
            os.kill(found.pid(), signal.SIGKILL)

    with Pool(keep=True) as pool:
        done = execute(make_job("a = 1", "print(a)", pool=pool, on_cell=kill))
        assert done.failure is None and printed(done.notebook) == "1\n" and done.slower == ()
        again = execute(make_job("print(2)", pool=pool))
        assert again.failure is None and again.slower == ()


def test_stop_lets_running_kernels_finish_and_takes_no_new_ones(make_job, printed, place):
    told = []

    def end(number, total):
        if number == 2:
            found, = kept_processes(place)
            told.append(stop(found))

    with Pool(keep=True) as pool:
        done = execute(make_job("a = 1", "print(a)", pool=pool, on_cell=end))
        assert done.failure is None and printed(done.notebook) == "1\n"
        assert [one["running"] for one in told] == [1]
        assert until(lambda: not is_alive(told[0]["pid"]))
        assert execute(make_job("print(2)", pool=pool)).slower == ()
        assert kept_processes(place)[0].pid() != told[0]["pid"]


def test_nothing_is_left_of_what_was_stopped_but_for_a_kernel_that_runs(make_job, place):
    """And of what ended before."""
    dead, other = a_kept_one({**ENV, "LANG": "C"})
    os.kill(dead, signal.SIGKILL)
    assert until(lambda: not is_alive(dead))
    told, left = [], []

    def end(number, total):
        if number == 2:
            told.extend(stop_all())
            left.extend(place.iterdir())

    with Pool(keep=True) as pool:
        assert execute(make_job("a = 1", "print(a)", pool=pool, on_cell=end)).failure is None
    assert [one["running"] for one in told] == [1]
    assert sorted(path.suffix for path in left) == ["", ".lock"] and other.folder not in left
    assert until(lambda: not is_alive(told[0]["pid"]))
    pid, _ = a_kept_one({**ENV, "LANG": "C"})
    assert [one["pid"] for one in stop_all()] == [pid]
    assert list(place.iterdir()) == [] and until(lambda: not is_alive(pid))


HELPER = """
import os, signal, socket, time
from notemill.execute.inside import family, server
family.end_family = lambda pid: time.sleep(60)
ours, theirs = socket.socketpair()
helper = server.end_family(os.getpid(), "")
theirs.close()
ours.settimeout(10)
try:
    print(ours.recv(1))
finally:
    os.kill(helper, signal.SIGKILL)
"""


def test_who_ends_a_kernel_holds_nothing_of_the_server():
    done = subprocess.run([sys.executable, "-c", HELPER], capture_output=True, text=True, timeout=60)
    assert done.stdout == "b''\n", done.stderr


def test_an_open_connection_gets_no_kernel_after_stop(make_job):
    """While the process waits for the end of the kernel that it has."""
    refused = []

    def ask(number, total):
        found, link = pool.connect(env)
        with link, open(os.devnull, "wb") as log, pytest.raises(WarmError) as told:
            assert stop(found)["running"] == 1
            process.ask_for_kernel(link, {"env": env, "imports": [], "cwd": "/", "root": None}, log.fileno()).close()
            kernel_pid(link)
        refused.append((told.value.got, told.value.again))

    with Pool(keep=True) as pool:
        job = make_job("1", pool=pool, on_cell=lambda number, total: number == 2 and ask(number, total))
        env = job.env
        assert execute(job).failure is None
    assert refused == [("is ending", True)]


BAD = """import importlib, os, runpy, sys, time
def fork():
    raise OSError(12, os.strerror(12))
def bad(name, package=None):
    if name == 'numpy':
        {}
    return good(name, package)
good, importlib.import_module = importlib.import_module, bad
{}
sys.argv[0] = {!r}
runpy.run_path(sys.argv[0], run_name='__main__')
"""


@pytest.mark.usefixtures("unmeasured")
@pytest.mark.parametrize("importing, forking, note, avoided", [
    ("time.sleep(300)", "", "did not answer within 2.5 s", True),
    ("os.abort()", "", "ended before it had answered", True),
    ("", "os.fork = fork", "[Errno 12] Cannot allocate memory", False)], ids=["hangs", "crashes", "has no memory"])
def test_one_that_cannot_do_it_is_a_note(make_job, printed, monkeypatch, tmp_path, importing, forking, note, avoided):
    """In an import, or where it forks."""
    text = BAD.format(importing or "pass", forking, str(process.START))
    monkeypatch.setattr(process, "START", write(tmp_path / "bad.py", text))
    monkeypatch.setattr(process, "PATIENCE", 2.5)
    with Pool() as pool:
        for _ in range(2):
            done = execute(make_job("print(1)", pool=pool, imports=("numpy",)))
            assert done.failure is None and printed(done.notebook) == "1\n"
            assert (note in done.slower[0]) is True
            if avoided:
                break
        folders = [found.folder for found, _ in pool.started]
    assert (learnt.to_import(["numpy"]) == []) is avoided
    assert learnt.to_import(["pandas"]) == ["pandas"] and not any(folder.exists() for folder in folders)


def test_one_that_does_not_answer_is_waited_for_no_longer_than_patience(make_job, printed, monkeypatch):
    """Stopped here; a library's import that never ends is the same from outside."""
    monkeypatch.setattr("notemill.execute.warm.kernel.kernel_pid", stopped_first)
    monkeypatch.setattr(process, "PATIENCE", 1.0)
    with Pool() as pool:
        began = time.monotonic()
        done = execute(make_job("print(1)", pool=pool, imports=("numpy",)))
        assert done.failure is None and printed(done.notebook) == "1\n" and time.monotonic() - began < 30
        assert "did not answer within 1 s" in done.slower[0]
        began = time.monotonic()
        with pytest.raises(WarmError):
            pool.connect(ENV)  # the rest of the run does not wait for it
        assert time.monotonic() - began < 0.5
    assert learnt.to_import(["numpy"]) == [] and learnt.to_import(["pandas"]) == ["pandas"]


def stopped_first(link, stop=None):
    os.kill(pid_of(link), signal.SIGSTOP)
    while link.recv(channel.FRAME, socket.MSG_DONTWAIT | socket.MSG_PEEK) if has_answer(link) else False:
        link.recv(channel.FRAME)  # it was faster
    return kernel_pid(link, stop)


def has_answer(link):
    import select

    return bool(select.select([link], [], [], 0)[0])


def test_who_waits_may_leave():
    ours, theirs = channel.pair()
    left = threading.Event()
    threading.Timer(0.5, left.set).start()
    began = time.monotonic()
    with ours, theirs, pytest.raises(WarmError, match="was not waited for"):
        answer_of(ours, 60, left)
    assert time.monotonic() - began < 10


# a process that is a run's own
def test_a_run_does_not_wait_for_the_end_of_its_own_if_that_does_not_come(monkeypatch):
    monkeypatch.setattr("notemill.execute.warm.pool.END_SECONDS", 0.5)
    began = time.monotonic()
    with Pool() as pool:
        found, link = pool.connect(ENV)
        with link:
            pid = pid_of(link)
            os.kill(pid, signal.SIGSTOP)
    assert time.monotonic() - began < 20 and not is_alive(pid) and not found.folder.exists()


OWN = """import sys, tempfile, time
tempfile.tempdir = sys.argv[1]
from notemill.execute import Pool
from notemill.execute.warm.process import pid_of
with Pool() as pool:
    found, link = pool.connect({"PATH": "/bin:/usr/bin", "HOME": "/"})
    print(pid_of(link), found.folder, flush=True)
    time.sleep(300)
"""


@pytest.mark.parametrize("both", [False, True])
def test_a_run_that_is_killed_leaves_none_of_its_own(place, monkeypatch, both):
    run = subprocess.Popen([sys.executable, "-c", OWN, str(place.parent)], stdout=subprocess.PIPE, text=True)
    pid, folder = run.stdout.readline().split()
    pid, folder = int(pid), Path(folder)
    monkeypatch.setattr("notemill.execute.folders.NEW", -1)
    sweep_kernels()
    assert folder.exists()
    if both:
        os.kill(pid, signal.SIGKILL)
    run.kill()
    run.communicate()
    assert until(lambda: not is_alive(pid))
    if both:
        sweep_kernels()
    assert until(lambda: not folder.exists(), 5)


HANGS = """import ctypes
        open({!r}, 'w').close()
        ctypes.PyDLL(None).sleep(300)"""
HUNG = """import sys, tempfile, time
tempfile.tempdir = sys.argv[1]
from pathlib import Path
from notemill.execute.warm import process
process.START = Path(sys.argv[2])
from notemill.execute import Pool
with Pool() as pool:
    found, link = pool.connect({"PATH": "/bin:/usr/bin", "HOME": "/"})
    found.teach(["numpy"])
    print(process.pid_of(link), flush=True)
    time.sleep(300)
"""


@pytest.mark.usefixtures("unmeasured")
def test_a_run_that_is_killed_ends_its_own_in_native_code_too(place, tmp_path):
    hung = tmp_path / "hung"
    bad = write(tmp_path / "bad.py", BAD.format(HANGS.format(str(hung)), "", str(process.START)))
    run = subprocess.Popen([sys.executable, "-c", HUNG, str(place.parent), str(bad)], stdout=subprocess.PIPE, text=True)
    pid = int(run.stdout.readline())
    assert until(hung.exists, 60) and is_alive(pid)
    run.kill()
    run.communicate()
    assert until(lambda: not is_alive(pid))


@pytest.mark.usefixtures("unmeasured")
def test_one_that_outlives_its_run_does_not_import_for_ever(monkeypatch, place, tmp_path):
    hung, sooner = tmp_path / "hung", "import signal; alarm = signal.alarm; signal.alarm = lambda _: alarm(1)"
    text = BAD.format(HANGS.format(str(hung)), sooner, str(process.START))
    monkeypatch.setattr(process, "START", write(tmp_path / "bad.py", text))
    pid, found = a_kept_one()
    found.teach(["numpy"])
    assert until(hung.exists, 60) and until(lambda: not is_alive(pid))


def test_an_upgrade_ends_the_process_that_has_the_old_one(place, monkeypatch, tmp_path):
    other, _ = a_kept_one()
    about = write(tmp_path / "thing-1.0.dist-info" / "METADATA", "Name: thing")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    old, _ = a_kept_one()
    about.parent.rename(tmp_path / "thing-1.1.dist-info")
    new, _ = a_kept_one()
    assert until(lambda: not is_alive(old)) and is_alive(other) and is_alive(new)


def test_an_upgrade_leaves_alone_what_has_a_kernel(make_job, place, monkeypatch, tmp_path):
    about = write(tmp_path / "site" / "thing-1.0.dist-info" / "METADATA", "Name: thing")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path / "site")])
    found = []

    def upgrade(number, total):
        if number == 2:
            found.extend(kept_processes(place))
            about.parent.rename(tmp_path / "site" / "thing-1.1.dist-info")
            with Pool(keep=True) as other:
                other.connect(env)[1].close()

    with Pool(keep=True) as pool:
        job = make_job("1", pool=pool, on_cell=upgrade)
        env = job.env
        assert execute(job).failure is None
    assert len(kept_processes(place)) == 2 and found[0].ask("status")["served"] == 1


# answers
class Answers:
    """In place of a pool: each connection gets the next of these answers; "" closes it."""

    def __init__(self, folder, *answers):
        self.process, self.answers, self.asked = WarmProcess(folder), list(answers), []

    def connect(self, env, private=(), bare=False):
        ours, theirs = channel.pair()
        threading.Thread(target=self._answer, args=(theirs, self.answers.pop(0))).start()
        return self.process, ours

    def _answer(self, end, answer):
        with end:
            data, files, _, _ = socket.recv_fds(end, 1 << 16, 4)
            with open(files[2], "rb") as file:
                self.asked.append(json.load(file)["imports"])
            for number in files[:2]:
                os.close(number)
            if answer:
                end.send(json.dumps(answer).encode())

    def give_up(self, process, error):
        raise AssertionError

    def is_kept(self, process):
        return False


def a_kernel(pool, folder, imports=("numpy",)):
    settings = {"env": ENV, "cwd": str(folder), "root": None}
    kernel = WarmKernel(pool, folder, settings, lambda: None, imports=imports)
    kernel.start()
    pid = kernel.pid()
    kernel.leave()
    return pid, kernel.notes


def test_a_process_that_cannot_fork_is_a_note(tmp_path):
    pid, notes = a_kernel(Answers(tmp_path, {"error": "[Errno 12] Cannot allocate memory"}), tmp_path)
    assert pid == 0
    assert notes == ["ran in an ordinary kernel, which takes longer to start: the warm process "
                     "[Errno 12] Cannot allocate memory"]
    assert learnt.to_import(["numpy"]) == ["numpy"]


def test_one_that_ends_meanwhile_is_replaced_without_a_word(tmp_path):
    pool = Answers(tmp_path, "", {"pid": os.getpid()})
    assert a_kernel(pool, tmp_path) == (os.getpid(), []) and len(pool.asked) == 2


def test_what_ends_each_of_them_is_left_alone(tmp_path):
    pid, notes = a_kernel(Answers(tmp_path, "", "", ""), tmp_path)
    assert pid == 0 and "ended before it had answered" in notes[0]
    assert learnt.to_import(["numpy"]) == []


def test_a_module_that_starts_threads_is_not_imported_again(tmp_path):
    spoiled = {"error": "has a thread that importing mlflow.genai.scorers started", "spoiled": "mlflow.genai.scorers"}
    learnt.learn(["mlflow"], ["mlflow.genai.judges", "mlflow.models"])
    pool = Answers(tmp_path, spoiled, {"pid": os.getpid()})
    assert a_kernel(pool, tmp_path, ("mlflow",)) == (os.getpid(), [])
    assert pool.asked == [["mlflow", "mlflow.genai.judges", "mlflow.models"], ["mlflow", "mlflow.models"]]


# other users
as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
LISTEN = """import os, socket, sys
os.setgid(65534), os.setuid(65534)
server = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
server.bind(sys.argv[1]), server.listen(), print("ready", flush=True)
end, _ = server.accept()
print(len(end.recv(100)))
"""
CONNECT = """import json, os, socket, sys
os.setgid(65534), os.setuid(65534)
link = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
link.connect(sys.argv[1])
try:
    link.send(json.dumps({"ask": "status"}).encode())
    print(link.recv(100))
except OSError as error:
    print(b"")
"""


@as_root
def test_another_users_process_at_the_socket_is_told_nothing(place):
    folder = place.parent / "f"
    folder.mkdir()
    for path in (place.parent, folder):
        path.chmod(0o777)
    other = subprocess.Popen([sys.executable, "-c", LISTEN, str(folder / "socket")], stdout=subprocess.PIPE, text=True)
    assert other.stdout.readline() == "ready\n"
    (folder / "socket").chmod(0o777)
    assert WarmProcess(folder).connect() is None and WarmProcess(folder).ask("status") is None
    assert other.communicate(timeout=20)[0] == "0\n"


@as_root
def test_another_user_is_told_nothing(place):
    pid, found = a_kept_one()
    for path in (place.parent, place, found.folder, found.folder / "socket"):
        path.chmod(0o777)
    words = [sys.executable, "-c", CONNECT, str(found.folder / "socket")]
    assert subprocess.run(words, capture_output=True, text=True, timeout=20).stdout == "b''\n"
    for path in (place, found.folder):
        path.chmod(0o700)
    assert facts_of(found)["pid"] == pid


# what it imports
LAZY = "def later():\n    import sqlalchemy.orm\n    return sqlalchemy.orm.__name__\nprint(later())"
SEEN = "import sys\nprint('sqlalchemy.orm' in sys.modules)\n"


def test_what_a_notebook_imports_late_is_there_the_next_time(make_job, printed, place):
    def run(pool):
        done = execute(make_job(SEEN + LAZY, pool=pool, imports=("sys",)))
        assert done.failure is None and done.slower == ()
        return printed(done.notebook).split()[0]

    for expected in ("False", "True"):
        with Pool() as pool:
            assert run(pool) == expected  # in a process of its own each time


def test_a_kept_process_learns_while_it_has_nothing_to_do(make_job, place):
    with Pool(keep=True) as pool:
        assert execute(make_job(LAZY, pool=pool)).failure is None
    found, = kept_processes(place)
    before = found.ask("status")["modules"]
    assert until(lambda: found.ask("status")["modules"] > before + 50 or "sqlalchemy.orm" in maps(found))
    assert found.ask("status")["served"] == 1


def maps(found):
    """Native libraries that the process has loaded tell what it has imported."""
    return "sqlalchemy.orm" if "sqlalchemy" in Path(f"/proc/{found.pid()}/maps").read_text() else ""


def test_warming_up_imports_before_it_answers(place):
    found, is_new = warm_up(ENV, (), ["sqlalchemy.orm", "no_such_module_at_all"])
    assert is_new and "sqlalchemy" in Path(f"/proc/{found.pid()}/maps").read_text()
    again, is_new = warm_up(ENV, (), [])
    assert again == found and not is_new


# that no thread is there
def test_it_has_no_thread_that_breaks_under_fork():
    found, _ = warm_up(ENV, (), ["numpy", "pandas", "sklearn", "matplotlib.pyplot"])
    folder = Path(f"/proc/{found.pid()}/task")
    names = [path.joinpath("comm").read_text().strip() for path in folder.iterdir() if path.name != str(found.pid())]
    assert [name for name in names if name != "jemalloc_bg_thd"] == []


def test_elsewhere_there_is_none(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    with Pool() as pool, pytest.raises(WarmError, match="is for Linux alone"):
        pool.connect(ENV)
