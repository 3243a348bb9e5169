"""A forked process becomes the kernel that was asked for."""

import atexit
import contextlib
import faulthandler
import gc
import io
import os
import random
import signal
import socket
import sys
import threading

from . import app as apps
from . import family, preload, setup

CPUS = "OMP_NUM_THREADS"


def run(app, before: dict, pools: list, asked: dict, end: socket.socket, log: int) -> None:
    """Be a kernel until the client asks for the end."""
    become(asked, log)
    modules = set(sys.modules)
    faulthandler.enable(open(os.dup(2), "w"))
    reseed()
    preload.restore(before)
    for pool in pools:  # of a single thread each until now
        pool.set_num_threads(asked["threads"] or cpus(asked["env"]))
    setup.before(asked)
    apps.come_alive(app, end, lambda: family.end_now(asked["folder"]))
    setup.after(app, asked)
    apps.serve(app, end)
    app.iopub_thread.sender.send([b"learnt", "\n".join(learnt(modules)).encode()])
    finish(app, modules)


def become(asked: dict, log: int) -> None:
    """The process's surroundings."""
    os.setsid()
    family.adopt_orphans()
    family.wake_with_parent()
    atexit.register(family.end_in_peace, os.getpid())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    family.end_descendants_first()
    os.environ.clear()
    os.environ.update(asked["env"])
    os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    for number in (1, 2):
        os.dup2(log, number)
    os.close(nothing)
    os.close(log)
    os.chdir(asked["cwd"])
    sys.argv = asked["argv"]


def reseed() -> None:
    """All forked processes have the same random state until they get one of their own."""
    random.seed()
    if numpy := sys.modules.get("numpy.random"):
        numpy.seed()
    if torch := sys.modules.get("torch"):
        torch.seed()


def cpus(env: dict) -> int:
    """Threads for native libraries as they choose them themselves."""
    wanted = env.get(CPUS, "")
    return int(wanted) if wanted.isdecimal() and int(wanted) else len(os.sched_getaffinity(0))


def finish(app, before: set[str]) -> None:
    """End as an interpreter does, as far as it can be seen: what was written to files that nobody closed is there.

    To take the libraries apart as well would take longer than most notebooks.
    """
    own = [app.shell.user_ns, app.shell.user_ns_hidden, app.shell.history_manager.output_hist]
    try:
        threading._shutdown()
        atexit._run_exitfuncs()
        for names in (*own, *map(vars, projects_modules(before))):
            names.clear()
        gc.collect()
        flush_files()
    finally:
        os._exit(0)


def projects_modules(before: set[str]) -> list:
    """Those that were loaded since and come from no installation."""
    found = [module for name, module in list(sys.modules.items()) if name not in before]
    places = (sys.prefix, sys.base_prefix)
    return [module for module in found if not str(getattr(module, "__file__", None) or sys.prefix).startswith(places)]


def flush_files() -> None:
    """Write what is still in the buffers of open files; the collector knows those of this process alone."""
    for found in gc.get_objects():
        if isinstance(found, io.IOBase):
            with contextlib.suppress(OSError, ValueError):
                found.flush()


def learnt(before: set[str]) -> list[str]:
    """Modules that the notebook has imported and the warm process had not."""
    return [name for name in sys.modules if name not in before and not name.startswith("_")]
