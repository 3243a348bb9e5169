"""Processes that tests start, kill and look for. `from processes import ...`."""

import contextlib
import os
import signal
import subprocess
import time

import psutil
from tiny import command

# A cell that notes its kernel and two processes that it starts, one of them in a session of its own.
SPAWN = """import os, psutil, subprocess
here = ['sleep', '300']
wanted = os.path.exists(PIDS + '.wanted')   # a kernel that ends in peace takes its time to end its children
started = [subprocess.Popen(here, start_new_session=apart).pid for apart in (True, False) if wanted]
with open(PIDS, 'a') as file:
    file.write(''.join(f'{pid} {psutil.Process(pid).create_time()}\\n' for pid in [os.getpid(), *started]))
"""


def spawn(pids):
    """That cell, for a list of numbers at `pids`."""
    return SPAWN.replace("PIDS", repr(str(pids)))


def want_children(path):
    """From now on that cell starts processes."""
    path.with_name(path.name + ".wanted").touch()


def alive(path):
    """The processes noted at `path` that still live; a number may be another process's by now."""
    noted = [line.split() for line in path.read_text().splitlines()] if path.exists() else []
    return [int(pid) for pid, created in noted if lives(int(pid), float(created))]


def lives(pid, created):
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        return process.create_time() == created and process.status() != psutil.STATUS_ZOMBIE
    return False


def until(condition, seconds=100):
    """Wait for a condition: its value, at the latest after `seconds`."""
    end = time.monotonic() + seconds
    while not (value := condition()) and time.monotonic() < end:
        time.sleep(0.02)
    return value


def interruptible():
    """Tests that go on in the background of a shell have Ctrl-C switched off, and hand that down."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextlib.contextmanager
def started(*args, project, **environ):
    """`notemill ARGS` going on in a process group of its own, as from a terminal; killed at the end if need be."""
    process = subprocess.Popen(command(*args, project=project), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               text=True, start_new_session=True, env={**os.environ, **environ},
                               preexec_fn=interruptible)
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
