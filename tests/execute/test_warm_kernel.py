"""A kernel forked from the warm process: it shares nothing with its siblings, and ends as any interpreter does."""

import contextlib
import gzip
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from tiny import write

from notemill.execute import Pool, execute
from notemill.execute.warm import learnt

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="there are warm kernels on Linux alone")
warm = pytest.mark.parametrize("kernel", ["warm"])
HARMLESS = {"jemalloc_bg_thd", "polars-ooc-clea"}


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """What is learnt here is learnt for this test alone."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def told(executed):
    """The JSON that the notebook's last cell printed."""
    assert executed.failure is None, executed.failure
    return json.loads(executed.notebook["cells"][-1]["outputs"][-1]["text"])


def lasting(pid):
    """Whether the process is still there."""
    with contextlib.suppress(psutil.Error):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


def until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return condition()


def tell(expression, imports=""):
    return f"import json, os, sys\n{imports}\nprint(json.dumps({expression}))"


# Isolation

@warm
def test_no_thread_is_alive_in_the_warm_process(execute_cells):
    execute_cells("1", imports=learnt.KNOWN_GOOD)
    warm_process, loaded = told(execute_cells(tell("[os.getppid(), [n for n in sys.modules if '.' not in n]]"),
                                              imports=learnt.KNOWN_GOOD))
    threads = {path.read_text().strip() for path in Path(f"/proc/{warm_process}/task").glob("*/comm")
               if path.parent.name != str(warm_process)}
    assert {"numpy", "pandas", "sklearn", "matplotlib"} <= set(loaded), "nothing was preloaded"
    assert "start.py" in psutil.Process(warm_process).cmdline()[-3] and threads <= HARMLESS


RANDOM = tell("[random.random(), numpy.random.random(), str(uuid.uuid4()), str(uuid.uuid1()),"
              " get_ipython().kernel.session.session, get_ipython().kernel.ident, "
              " bytes(multiprocessing.current_process().authkey).hex(), next(tempfile._get_candidate_names())]",
              "import multiprocessing, numpy, random, tempfile, uuid")


@warm
def test_what_is_random_is_each_kernels_own(execute_cells):
    one, other, third = (told(execute_cells(RANDOM, imports=("numpy",))) for _ in range(3))
    assert [place for place in range(len(one)) if len({one[place], other[place], third[place]}) < 3] == []


SPOIL = """import atexit, builtins, gc, locale, logging, os, random, signal, sys, threading, warnings
import numpy, pandas, matplotlib
os.environ['SPOILT'] = 'yes'; os.chdir('/'); os.umask(0o077); sys.path.insert(0, '/spoilt')
sys.modules['spoilt'] = sys; del sys.modules['csv']; numpy.spoilt = pandas.DataFrame.head = builtins.spoilt = 1
warnings.simplefilter('error'); logging.basicConfig(level='DEBUG', force=True); logging.getLogger('spoilt')
matplotlib.rcParams['figure.dpi'] = 11; signal.signal(signal.SIGUSR1, lambda *_: None); sys.setrecursionlimit(500)
pandas.set_option('display.max_rows', 7); numpy.seterr(all='raise'); locale.setlocale(locale.LC_ALL, 'C')
atexit.register(lambda: open(given_file, 'a').write('.')); gc.disable(); sys.argv.append('spoilt')
get_ipython().user_ns['spoilt'] = get_ipython().magics_manager.magics['line']['spoilt'] = 1
spoilt_file = open(__file__)
os.nice(1); sys.stdout.spoilt = threading.main_thread().name = 'spoilt'"""
LOOK = tell("""dict(environ='SPOILT' in os.environ, cwd=os.getcwd() == '/', path='/spoilt' in sys.path,
    modules='spoilt' in sys.modules or 'csv' not in sys.modules, library=hasattr(numpy, 'spoilt'),
    method=pandas.DataFrame.head == 1, builtins=hasattr(builtins, 'spoilt'), filters=warnings.filters[0][0] == 'error',
    logging=logging.root.level == 10, logger='spoilt' in logging.root.manager.loggerDict,
    figure=matplotlib.rcParams['figure.dpi'] == 11, signal=signal.getsignal(signal.SIGUSR1) != signal.SIG_DFL,
    recursion=sys.getrecursionlimit() == 500, rows=pandas.get_option('display.max_rows') == 7,
    errors=numpy.geterr()['divide'] == 'raise', collector=not gc.isenabled(), argv='spoilt' in sys.argv,
    names='spoilt' in globals(), magics='spoilt' in get_ipython().magics_manager.magics['line'],
    files=[n for n in os.listdir('/proc/self/fd') if os.path.exists(f'/proc/self/fd/{n}')
           and os.readlink(f'/proc/self/fd/{n}').endswith('spoilt.txt')] != [],
    nice=os.nice(0) > os.getpriority(os.PRIO_PROCESS, os.getppid()),
    stream=hasattr(sys.stdout, 'spoilt'), thread=threading.main_thread().name == 'spoilt',
    umask=os.umask(0o022) == 0o077)""",
            "import builtins, gc, logging, matplotlib, numpy, pandas, signal, threading, warnings")


@warm
def test_nothing_that_a_notebook_does_reaches_its_siblings(execute_cells, tmp_path, monkeypatch):
    import csv  # noqa: F401  (the warm process has it, too)

    said = write(tmp_path / "spoilt.txt", "")
    monkeypatch.setattr("notemill.execute.warm.kernel.changes_imports", lambda *_: False)  # one process for all
    imports = ("csv", "matplotlib", "numpy", "pandas")
    spoil = SPOIL.replace("given_file", repr(str(said))).replace("__file__", repr(str(said)))
    assert not any(told(execute_cells(LOOK, imports=imports)).values())
    assert all(told(execute_cells(f"{spoil}\n{LOOK}", imports=imports)).values())
    left = {name for name, found in told(execute_cells(LOOK, imports=imports)).items() if found}
    assert left == set() and said.read_text() == "."


@warm
def test_siblings_that_run_at_once_do_not_meet(make_job, tmp_path):
    meet = "import os, time\nos.environ['MINE'] = os.path.basename(os.getcwd())\nglobal_name = given\ntime.sleep(1)\n"
    jobs = [make_job(meet + tell("[given, global_name, os.environ['MINE']]"), values={"given": n}) for n in (1, 2)]
    for job, name in zip(jobs, ("one", "two"), strict=True):
        (tmp_path / name).mkdir()
        object.__setattr__(job, "cwd", tmp_path / name)
    found = []
    threads = [threading.Thread(target=lambda job=job: found.append(told(execute(job)))) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [[1, 1, "one"], [2, 2, "two"]]


@pytest.fixture
def site():
    """A module that counts as installed, for as long as the test lasts."""
    import sysconfig

    place = Path(sysconfig.get_path("purelib"))
    if not os.access(place, os.W_OK):
        pytest.skip(f"{place} may not be written")
    made = []

    def make(name, text):
        made.append(write(place / f"{name}_{os.getpid()}.py", textwrap.dedent(text)))
        return made[-1].stem

    yield make
    for path in made:
        path.unlink()
        for compiled in path.parent.glob(f"__pycache__/{path.stem}.*"):
            compiled.unlink()


@warm
@pytest.mark.usefixtures("cache")
def test_a_module_that_starts_threads_spoils_the_process_and_is_not_asked_for_again(make_job, site, printed):
    name = site("starts_threads", "import threading, time\n"
                                  "threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()\n")
    cell = f"import {name}, os, threading\nprint(threading.active_count(), os.getppid())"
    with Pool() as pool:
        first, second, third = (execute(make_job(cell, imports=(name,), pool=pool)) for _ in range(3))
    assert [one.failure or one.slower for one in (first, second, third)] == [()] * 3
    one, spoiled, other = (printed(one.notebook).split() for one in (first, second, third))
    assert one[0] == spoiled[0] == other[0] == "3" and name in learnt.place().read_text()
    assert one[1] != spoiled[1] == other[1], "the spoiled process served on, or the next was spoiled, too"


@warm
@pytest.mark.usefixtures("cache")
def test_what_is_learnt_is_loaded_by_the_next(make_job, site, printed):
    name = site("slow_to_import", "import os\nloaded_by = os.getpid()\n")
    cell = f"import {name}, os\nprint({name}.loaded_by == os.getpid(), '{name}' in learnt_before)"
    with Pool() as pool:
        jobs = [make_job("import sys\nlearnt_before = set(sys.modules)", cell, imports=(name,), pool=pool)
                for _ in range(2)]
        assert [printed(execute(job).notebook) for job in jobs] == ["True False\n", "False True\n"]


PROJECTS = "import sys\nbefore = set(sys.modules)\nprint('{0}' in before)\nimport {0}\nprint({0}.whose)"


@warm
@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize("place", ["notebooks", "package", "path"])
def test_modules_of_the_project_are_never_preloaded(make_job, printed, tmp_path, place):
    write(tmp_path / place / "of_the_project.py", "whose = 1")
    with Pool() as pool:
        for whose in (1, 22):
            write(tmp_path / place / "of_the_project.py", f"whose = {whose}")
            job = make_job(PROJECTS.format("of_the_project"), imports=("of_the_project",), pool=pool)
            job.env["PYTHONPATH"] = str(tmp_path / "path")
            learnt.learn(("of_the_project",), ["of_the_project"])
            executed = execute(job)
            assert executed.slower == () and printed(executed.notebook) == f"False\n{whose}\n"
            assert learnt._known()["never"] == [], "it was imported, and that spoiled the warm process"


@warm
@pytest.mark.usefixtures("cache")
def test_an_editable_install_is_not_preloaded(make_job, printed, site, tmp_path):
    source = write(tmp_path / "source" / "editable_one.py", "whose = 1")
    finder = site("__editable___finder", f"""
        import importlib.machinery, importlib.util, sys
        class Finder:
            @staticmethod
            def find_spec(name, path=None, target=None):
                if name == 'editable_one':
                    return importlib.util.spec_from_file_location(name, {str(source)!r})
        sys.meta_path.append(Finder)
        """)
    brings = site("brings_editable", "import editable_one\n")
    with Pool() as pool:
        job = make_job("import editable_one\nprint(editable_one.whose)", pool=pool, imports=("editable_one",))
        learnt.learn(job.imports, [finder, "editable_one"])
        assert printed(execute(job).notebook) == "1\n"
        job = make_job(PROJECTS.format("editable_one"), pool=pool, imports=("more",))
        learnt.learn(job.imports, [finder, "editable_one"])
        executed = execute(job)
        assert executed.slower == () and printed(executed.notebook) == "False\n1\n"
        execute(job)
        assert learnt._known()["never"] == [], "it was imported, and that spoiled the warm process"
        learnt.learn(job.imports, [brings])
        executed = execute(job)  # where a library loads it, it would be an old one for the next kernel
        assert executed.slower == () and printed(executed.notebook) == "False\n1\n"
        assert brings in learnt.place().read_text()


@warm
@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize("place", ["notebooks", "package", "path"])
def test_a_projects_module_comes_before_a_library_of_its_name(make_job, printed, tmp_path, site, place):
    name = site("two_of_a_name", "whose = 'the library'")
    cell = f"import {name}\nprint({name}.whose)"
    with Pool() as pool:
        def run():
            job = make_job(cell, imports=(name,), pool=pool)
            job.env["PYTHONPATH"] = str(tmp_path / "path")
            return execute(job)

        learnt.learn((name,), [name])
        first = run()
        assert first.slower == () and printed(first.notebook) == "the library\n"
        write(tmp_path / place / f"{name}.py", "whose = 'the project'")
        second = run()
        assert name in second.slower[0] and printed(second.notebook) == "the project\n"


@warm
def test_a_notebook_finds_what_ipykernel_gives(execute_cells, tmp_path):
    write(tmp_path / "notebooks" / "matplotlibrc", "figure.dpi: 77\n")
    found = told(execute_cells(tell(
        "[IPKernelApp.initialized(), os.environ['TERM'], os.environ['PAGER'], sys.flags.safe_path, breakpoint(),"
        " process.ORIGINAL_DIR == os.getcwd(), matplotlib.rcParams['figure.dpi'],"
        " matplotlib.rcParamsOrig['figure.dpi']]",
        "import matplotlib\nfrom ipykernel.kernelapp import IPKernelApp\nfrom multiprocessing import process"),
        imports=("matplotlib",)))
    assert found == [True, "xterm-color", "cat", False, None, True, 77.0, 77.0]


@warm
@pytest.mark.usefixtures("cache")
def test_filters_of_a_moment_are_gone(make_job, site):
    name = site("filters_in_passing", "import warnings\nwith warnings.catch_warnings():\n"
                "    warnings.simplefilter('always', BytesWarning)\nwarnings.simplefilter('always', ImportWarning)\n")
    cell = f"import {name}\n" + tell("[str(warnings.filters).count(n) for n in ('BytesWarning', 'ImportWarning')]",
                                     "import warnings")
    with Pool() as pool:
        first, second = (told(execute(make_job(cell, imports=(name,), pool=pool))) for _ in range(2))
    assert first == second


@warm
@pytest.mark.usefixtures("cache")
def test_a_librarys_filters_of_warnings_are_its_users_alone(execute_cells):
    look = tell("['RankWarning' in str(warnings.filters), len(warnings.filters)]", "import warnings")
    assert told(execute_cells(f"import numpy\n{look}", imports=("numpy",)))[0]
    assert not told(execute_cells(look))[0]


# The end

ENDINGS = {
    "text.txt": "text = open('text.txt', 'w'); _ = text.write('whole')",
    "buffered.txt": "import io\nbuffered = open('buffered.txt', 'wb'); _ = buffered.write(b'whole')",
    "packed.gz": "import gzip\npacked = gzip.open('packed.gz', 'wt'); _ = packed.write('whole')",
    "zipped.zip": "import zipfile\nzipped = zipfile.ZipFile('zipped.zip', 'w'); zipped.writestr('a', 'whole')",
    "table.csv": "import csv\ntable = csv.writer(open('table.csv', 'w')); _ = table.writerow(['whole'])",
    "held.txt": "import json\njson.held = open('held.txt', 'w'); _ = json.held.write('whole')",
    "in_output.txt": "class Closing:\n    def __init__(self, name): self.name = name\n"
                     "    def __del__(self): open(self.name, 'w').write('whole')\n"
                     "    def __repr__(self): return 'x'\nClosing('in_output.txt')",
    "name.txt": "closing = Closing('name.txt')",
    "cycle.txt": "cycle = Closing('cycle.txt'); cycle.me = cycle",
    "closure.txt": "def make():\n    inner = Closing('closure.txt')\n    return lambda: inner\nclosure = make()",
    "class.txt": "class Holder:\n    held = Closing('class.txt')",
    "cached.txt": "import functools\n@functools.lru_cache\ndef cached(): return Closing('cached.txt')\n_ = cached()",
    "module.txt": "import beside\nbeside.held = Closing('module.txt')",
    "finalized.txt": "import weakref\nkept = Closing('dropped.txt')\n"
                     "weakref.finalize(kept, lambda: open('finalized.txt', 'w').write('whole'))",
    "dropped.txt": "1",
    "thread.txt": "import threading, time\ndef slow():\n    time.sleep(0.4); open('thread.txt', 'w').write('whole')\n"
                  "threading.Thread(target=slow).start()",
    "logged.txt": "import logging, logging.handlers\nlog = logging.getLogger('mine')\n"
                  "log.addHandler(logging.FileHandler('logged.txt')); log.error('whole')",
    "remembered.txt": "log = logging.getLogger('other')\nlog.addHandler(logging.handlers.MemoryHandler(100, "
                      "flushLevel=60, target=logging.FileHandler('remembered.txt'))); log.error('whole')",
    "pool.txt": "from concurrent.futures import ThreadPoolExecutor\npool = ThreadPoolExecutor(1)\n"
                "_ = pool.submit(lambda: (time.sleep(0.3), open('pool.txt', 'w').write('whole')))",
    "error.txt": "def fail():\n    local = Closing('error.txt'); 1/0\ntry:\n    fail()\n"
                 "except ZeroDivisionError as e:\n    error = e",
}
LAST = """import atexit, tempfile, sys
def note(word):
    open('order.txt', 'a').write(word + ' '); print('printed at the end'); sys.stdout.flush()
for word in 'first second third'.split():
    atexit.register(note, word)
atexit.register(lambda: 1/0)
atexit.register(note, 'before-error')
temporary = tempfile.TemporaryDirectory(); open('temporary.txt', 'w').write(temporary.name)"""


def content(path):
    """What a file holds, as text; None where there is none."""
    if not path.exists():
        return None
    if path.suffix == ".gz":
        return gzip.decompress(path.read_bytes()).decode()
    return zipfile.ZipFile(path).read("a").decode() if path.suffix == ".zip" else path.read_text().strip()


def test_what_the_end_of_an_interpreter_does_is_done(execute_cells, tmp_path):
    write(tmp_path / "notebooks" / "beside.py", "")
    executed = execute_cells(*ENDINGS.values(), LAST)
    assert executed.failure is None, executed.failure
    found = {name: content(tmp_path / "notebooks" / name) for name in ENDINGS}
    assert {name: text for name, text in found.items() if text != "whole"} == {}
    assert content(tmp_path / "notebooks" / "order.txt") == "before-error third second first"
    assert not Path(content(tmp_path / "notebooks" / "temporary.txt")).exists()


def test_a_worker_process_is_waited_for_or_ended_at_the_end(execute_cells, tmp_path):
    """As ipykernel has it: what a cell has started is told to end with it."""
    executed = execute_cells("import multiprocessing, time\nworker = multiprocessing.get_context('fork').Process("
                             "target=time.sleep, args=(300,))\nworker.start()\nprint(worker.pid)")
    pid = int(executed.notebook["cells"][-1]["outputs"][0]["text"])
    assert executed.failure is None and executed.seconds < 20 and until(lambda: not lasting(pid), 5)


HANGS = {"expression": "import re\nre.match(r'(a+)+$', 'a' * 60 + 'b')",
         "native": "import ctypes\nctypes.PyDLL(None).sleep(300)"}


@pytest.mark.parametrize("cell", HANGS.values(), ids=HANGS)
def test_a_time_limit_ends_a_cell_that_lets_no_other_thread_run(execute_cells, cell):
    executed = execute_cells("1", cell, seconds=6)  # an ordinary kernel takes its time to start on a busy machine
    assert (executed.failure.name, executed.failure.cell) == ("LimitExceeded", 3) and executed.seconds < 14


CRASHES = {"exit": ("import os\nos._exit(3)", "exit status 3"), "abort": ("import os\nos.abort()", "SIGABRT"),
           "kill": ("import os\nos.kill(os.getpid(), 9)", "SIGKILL"),
           "terminate": ("import os, time\nos.kill(os.getpid(), 15)\ntime.sleep(60)", "SIGTERM"),
           "segfault": ("import ctypes\nctypes.string_at(0)", "SIGSEGV"),
           "recursion": ("import sys\nsys.setrecursionlimit(10**8)\nclass A:\n    def __repr__(self):\n"
                         "        return repr([self])\nrepr(A())", "SIGSEGV")}
LEAVES = """import os, subprocess, time
near = subprocess.Popen(['sleep', '300'])
os.system("setsid sh -c 'sleep 300 & echo $$ $! > far; exec sleep 300' > /dev/null 2>&1 &")
while not os.path.exists('far') or len(open('far').read().split()) < 2:
    time.sleep(0.01)
open('near', 'w').write(f'{near.pid} {os.getpid()}')
"""


@pytest.mark.parametrize(("cell", "words"), CRASHES.values(), ids=CRASHES)
def test_a_kernel_that_dies_is_told_and_leaves_nothing(execute_cells, tmp_path, cell, words, monkeypatch, kernel):
    """A warm one's processes are ended though the run has not seen them."""
    if kernel == "warm":
        monkeypatch.setattr("notemill.execute.watch.kill_all", lambda processes: None)
        monkeypatch.setattr("notemill.execute.watch.kill_family", lambda pid: None)
    executed = execute_cells("print('text')", f"{LEAVES}\nprint('last', flush=True)\n{cell}")
    assert (executed.failure.name, executed.failure.cell) == ("KernelDied", 3) and words in executed.failure.message
    assert executed.seconds < 30
    near, far = (noted(tmp_path / "notebooks" / name) for name in ("near", "far"))
    if kernel == "warm":
        assert executed.notebook["cells"][-1]["outputs"][0]["text"] == "last\n"
        assert until(lambda: not any(map(lasting, [*near, *far])), 5)
    for pid in filter(lasting, far):
        os.kill(pid, signal.SIGKILL)


def noted(path):
    return [int(word) for word in path.read_text().split()]


def memory_group():
    """A control group for memory that is ours to make, and how its limit is called; None where there is none."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        number, names, path = line.split(":", 2)
        base = Path("/sys/fs/cgroup", "memory" if names else "", path.lstrip("/"))
        limit = "memory.limit_in_bytes" if names else "memory.max"
        if names in ("memory", "") and (base / limit).exists() and os.access(base, os.W_OK):
            return base / f"notemill-test-{os.getpid()}", limit
    return None


def test_a_kernel_that_the_system_ends_for_want_of_memory(execute_cells):
    group = memory_group()
    if not group:
        pytest.skip("this user may make no control group")
    folder, limit = group
    folder.mkdir()
    try:
        (folder / limit).write_text("300000000")
        executed = execute_cells(f"import os\nopen({str(folder / 'cgroup.procs')!r}, 'w').write(str(os.getpid()))",
                                 "block = bytearray(b'x') * 900_000_000")
    finally:
        until(lambda: not (folder / "cgroup.procs").read_text())
        folder.rmdir()
    assert (executed.failure.name, executed.failure.cell) == ("KernelDied", 3), executed.failure
    assert "SIGKILL" in executed.failure.message and "memory" in executed.failure.message


@pytest.mark.usefixtures("unmeasured")
@warm
def test_many_forks_that_share_memory_keep_within_the_limit(execute_cells):
    executed = execute_cells("import multiprocessing, time\nblock = bytearray(b'x') * 100_000_000\n"
                             "with multiprocessing.get_context('fork').Pool(12) as pool:\n"
                             "    print(sum(pool.map(lambda_free, range(24))))".replace("lambda_free", "abs") +
                             "\n    time.sleep(0.6)", memory_mb=300)
    assert executed.failure is None, executed.failure


@warm
@pytest.mark.parametrize("cell", ["print('went on')", "import os\nos._exit(3)"], ids=["lives", "dies"])
def test_the_death_of_the_warm_process_is_no_hang(make_job, printed, cell):
    with Pool() as pool:
        warm_process = int(printed(execute(make_job("import os\nprint(os.getppid())", pool=pool)).notebook))
        executed = execute(make_job("pass", f"import os, time\nos.kill({warm_process}, 9)\ntime.sleep(0.3)\n{cell}",
                                    "print('to the end')", pool=pool))
        assert executed.seconds < 20
        if "exit" in cell:
            assert executed.failure.name == "KernelDied" and "unknown" in executed.failure.message
        else:
            assert executed.failure is None and printed(executed.notebook) == "went on\nto the end\n"
        assert execute(make_job("1", pool=pool)).slower == (), "there is no other warm process"


ELSEWHERE = """import sys
sys.path.insert(0, sys.argv[1])
import os
from pathlib import Path
from tiny import notebook
from notemill.execute import Job, Pool, execute
root = Path(sys.argv[2])
with Pool() as pool:
    execute(Job("s", notebook(sys.argv[3]), {}, root / "saved.ipynb", root, root, dict(os.environ), "warm", pool=pool))
"""
WAITS = {"asleep": "time.sleep(300)", "holds-all": HANGS["native"], "prints": "while True:\n    print('x' * 1000)",
         "stopped": "os.kill(os.getpid(), 19)"}


@pytest.mark.parametrize("wait", WAITS.values(), ids=WAITS)
def test_a_run_that_is_killed_leaves_nothing(tmp_path, wait):
    short = tmp_path / "t"
    short.mkdir()
    process = subprocess.Popen([sys.executable, "-c", ELSEWHERE, str(Path(__file__).parents[1]), str(tmp_path),
                                f"{LEAVES}\n{wait}"], env={**os.environ, "TMPDIR": str(short)})
    try:
        assert until((tmp_path / "near").exists, 60) and until(lambda: (tmp_path / "near").read_text())
    finally:
        process.kill()
        process.wait()
    pids = [*noted(tmp_path / "near"), *noted(tmp_path / "far")]
    assert until(lambda: not any(map(lasting, pids)), 10), [pid for pid in pids if lasting(pid)]
    assert until(lambda: not list(short.glob("notemill-*")), 10)


def test_warnings_are_filtered_as_the_environment_says(make_job, pool, printed):
    """The variable differs from step to step: the warm process has begun without it."""
    cells = ["import sys, warnings\nprint(sys.warnoptions)", "warnings.warn('one asked for'); warnings.warn('another')"]
    job = make_job(*cells, kernel="warm", pool=pool)
    asked = replace(job, env={**job.env, "PYTHONWARNINGS": "ignore:one asked for,error::BytesWarning"})
    text = printed(execute(asked).notebook)
    assert "['ignore:one asked for', 'error::BytesWarning']\n" in text
    assert "UserWarning: another" in text and "UserWarning: one" not in text
    assert "UserWarning: one" in printed(execute(job).notebook)


@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_a_stream_that_a_cell_closes_hangs_nothing(execute_cells, name):
    executed = execute_cells(f"import sys\nsys.{name}.close()", "x = 1", seconds=30)
    assert executed.seconds < 20


def test_a_descriptor_that_a_cell_replaces_costs_nothing(make_job, pool):
    cells = ["import os\nos.dup2(os.open(os.devnull, os.O_WRONLY), 1)", "import time\ntime.sleep(1.5)"]
    executed = execute(make_job(*cells, kernel="warm", pool=pool))
    assert executed.failure is None and executed.cpu_seconds < 0.7


def test_the_channel_is_not_for_what_a_cell_starts(make_job, pool, printed):
    cell = ("import os\nfor number in map(int, os.listdir('/proc/self/fd')):\n    try:\n"
            "        if number > 2 and os.get_inheritable(number):\n            print(number)\n"
            "    except OSError:\n        pass")
    assert printed(execute(make_job(cell, kernel="warm", pool=pool)).notebook) == ""


def test_variables_that_a_library_sets_at_its_import_are_there(make_job, pool, printed):
    cell = "import os, sklearn\nprint(sorted(name for name in os.environ if name.startswith('KMP_')))"
    shown = [printed(execute(make_job(cell, kernel=kernel, pool=pool, imports=("sklearn",))).notebook)
             for kernel in ("process", "warm")]
    assert "KMP_" in shown[0] and shown[0] == shown[1]
    none = [printed(execute(make_job(cell.replace(", sklearn", ""), kernel=kernel, pool=pool)).notebook)
            for kernel in ("process", "warm")]
    assert none[0] == none[1] != shown[0]  # though it is loaded in the warm process by now
