"""A forked process becomes the kernel that was asked for, and ends as an interpreter does."""

import atexit
import contextlib
import faulthandler
import functools
import gc
import io
import itertools
import logging
import multiprocessing.process
import os
import signal
import socket
import sys
import threading
import time
import types
import warnings
import weakref
from collections.abc import Callable, Mapping
from types import MappingProxyType

from . import app as apps
from . import channel, family, preload, setup

CPUS = "OMP_NUM_THREADS"


def run(app, filters: list, loaded, asked: dict, end: socket.socket, log: int) -> None:
    """Be a kernel until the client asks for the end; `loaded` is the warm process's Preload."""
    become(asked, log, loaded.variables)
    mark_modules()
    if asked["root"]:  # the run tells of a crash by what is said here
        faulthandler.enable(open(os.dup(2), "w"))
    renew(asked)
    warnings.filters[:] = filters
    warnings._filters_mutated()
    warn_as_asked(asked["env"].get("PYTHONWARNINGS", ""))
    for pool in loaded.pools:  # of a single thread each until now
        pool.set_num_threads(asked["threads"] or cpus(asked["env"]))
    setup.before(asked)
    apps.come_alive(app, end, lambda: family.end_now(asked["folder"], channel.pid_of(end)))
    setup.after(app, asked, len(sys.modules))
    apps.serve(app, end)
    app.iopub_thread.sender.send([b"learnt", "\n".join(learnt()).encode()])
    finish(app)


def warn_as_asked(options: str) -> None:
    """What an interpreter does at its start: the warm process has begun without this variable."""
    words = [word.strip() for word in options.split(",") if word.strip()]
    sys.warnoptions += words
    warnings._processoptions(words)


def become(asked: dict, log: int, variables: Mapping[str, str] = MappingProxyType({})) -> None:
    """The process's surroundings; `variables` are those that libraries set at their import."""
    os.setsid()
    family.adopt_orphans()
    family.wake_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    family.end_descendants_first()
    os.environ.clear()
    os.environ.update(asked["env"])
    os.environ.setdefault("PYDEVD_USE_FRAME_EVAL", "NO")
    for name, value in variables.items():  # as the libraries that are loaded would have done in this environment
        os.environ.setdefault(name, value)
    os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    for number in (1, 2):
        os.dup2(log, number)
    os.close(nothing)
    os.close(log)
    os.chdir(asked["cwd"])
    sys.argv = list(asked["argv"])


def renew(asked: dict) -> None:
    """What all forked processes would have in common, though each interpreter has its own."""
    if numpy := sys.modules.get("numpy.random"):
        numpy.seed()
    if torch := sys.modules.get("torch"):
        torch.seed()
    process = multiprocessing.process.current_process()
    process.authkey = os.urandom(32)
    multiprocessing.process.ORIGINAL_DIR = asked["cwd"]  # where spawned workers look for modules
    logging._startTime = time.time()
    threading.main_thread()._set_native_id()
    for finalizer in list(weakref.finalize._registry):
        finalizer.atexit = False  # what it would remove is the warm process's
    if os.path.isfile("matplotlibrc") and (matplotlib := sys.modules.get("matplotlib")):
        read_settings(matplotlib)


def read_settings(matplotlib) -> None:
    """Those beside the notebook, as when matplotlib is imported there: no other file counts then."""
    with contextlib.suppress(Exception):
        given = matplotlib.rc_params_from_file("matplotlibrc", use_default_template=False)
        usual, default = matplotlib.rcParamsOrig.copy(), matplotlib.rcParamsDefault
        theirs = {name: default[name] for name in usual if usual[name] != default[name] and "backend" not in name}
        for params in (matplotlib.rcParams, matplotlib.rcParamsOrig):
            params.update({**theirs, **given})


def cpus(env: dict) -> int:
    """Threads for native libraries as they choose them themselves."""
    wanted = env.get(CPUS, "")
    return int(wanted) if wanted.isdecimal() and int(wanted) else len(os.sched_getaffinity(0))


def finish(app) -> None:
    """End as an interpreter does, as far as it can be seen: what was written to files that nobody closed is there.

    To take the libraries apart as well would take longer than most notebooks.
    """
    app.iopub_thread.sender = None  # nobody listens any more
    own = [app.shell.user_ns, app.shell.user_ns_hidden, app.shell.history_manager.output_hist]
    for step in (threading._shutdown, atexit._run_exitfuncs, lambda: family.end_in_peace(os.getpid()),
                 lambda: forget(app.shell, own), flush_files):
        attempt(step)
    os._exit(0)


def attempt(step: Callable[[], object]) -> None:
    """One step of the end; what goes wrong in a cell's own code does not keep the next from being done."""
    with contextlib.suppress(BaseException):
        step()


def forget(shell, own: list[dict]) -> None:
    """Let go of all that cells have made: their names, results, errors, and the project's modules."""
    for name in ("last_type", "last_value", "last_traceback"):
        vars(sys).pop(name, None)
    shell.last_execution_result = shell._last_traceback = None
    vars(shell.InteractiveTB).update(tb=None, etype=None, evalue=None, value=None)
    spaces = [*map(vars, reversed(projects_modules())), *own]  # the last that came is the first to go
    for rank in range(3):
        for names in spaces:
            clear(names, rank)
        gc.collect()


def clear(names: dict, rank: int) -> None:
    """First what cells have made, then the functions and classes, then what these need in `__del__`."""
    for name, value in list(names.items()):
        if rank_of(value) <= rank and not str(name).startswith("__"):
            attempt(functools.partial(names.pop, name, None))


def rank_of(value: object) -> int:
    if isinstance(value, type | types.FunctionType):
        return 1 if value.__module__ == "__main__" else 2
    return 2 if isinstance(value, types.ModuleType) or callable(value) else 0


def projects_modules() -> list:
    """Those that were loaded since and come from no installation."""
    return [module for module in new_modules().values()
            if getattr(module, "__file__", None) and not preload.is_installed(module)]


def flush_files() -> None:
    """Write what is still in the buffers of open files; the collector knows those of this process alone."""
    for found in gc.get_objects():
        if isinstance(found, io.IOBase):
            attempt(found.flush)


def learnt() -> list[str]:
    """Modules of installed distributions that the notebook has imported and the warm process had not."""
    return [name for name, module in new_modules().items()
            if not name.startswith("_") and preload.is_installed(module)]


def mark_modules() -> None:
    """This module is the last of those that were there before the notebook."""
    sys.modules[__name__] = sys.modules.pop(__name__)


def new_modules() -> dict[str, object]:
    """What was loaded since, in that order. To touch all names would copy the memory that they are in."""
    try:
        names = list(itertools.takewhile(lambda name: name != __name__, reversed(sys.modules)))
    except RuntimeError:  # a thread has loaded something meanwhile
        there = list(sys.modules)
        names = there[:there.index(__name__):-1]
    return {name: sys.modules[name] for name in reversed(names) if name in sys.modules}
