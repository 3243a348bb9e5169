"""The watch by itself: it knows its kernel by more than a number, which another process may have in the end."""

import subprocess
import sys
import threading
import time

import psutil
import pytest

from notemill.execute import watch as watching
from notemill.execute.watch import Watch
from notemill.limits import Limits

SLEEP = [sys.executable, "-c", "import time; block = bytearray(50_000_000); time.sleep(60)"]


@pytest.fixture
def begin():
    """Start a process that leads a group of its own; it ends with the test."""
    started = []

    def begin():
        started.append(subprocess.Popen(SLEEP, start_new_session=True))
        return started[-1]
    yield begin
    for process in started:
        process.kill()
        process.wait()


def watch_of(process):
    return Watch(process.pid, Limits(), threading.Event())


def test_its_kernel_is_measured_and_ended(begin):
    kernel = begin()
    watch = watch_of(kernel)
    end = time.monotonic() + 10
    while watch.peak_mb < 50 and time.monotonic() < end:
        watch.look()
    assert watch.peak_mb > 50
    watch.end()
    assert kernel.wait(10) == -9


def test_who_has_the_kernels_number_later_is_left_alone(begin):
    kernel, stranger = begin(), begin()
    watch, other = watch_of(kernel), watch_of(stranger)
    kernel.kill()
    kernel.wait()
    watch.pid = stranger.pid  # as if the system had given the number anew
    watch.look()
    watch.end()
    time.sleep(0.1)
    assert stranger.poll() is None and watch.peak_mb == 0
    assert other.kernel.status() != psutil.STATUS_STOPPED


def test_a_kernel_that_has_gone_already_is_nothing_to_watch(begin):
    kernel = begin()
    kernel.kill()
    kernel.wait()
    watch = watch_of(kernel)
    watch.look()
    watch.end()
    assert (watch.peak_mb, watch.cpu_seconds) == (0, 0)


@pytest.mark.parametrize(("reads", "breached"), [([90, 90, 20, 20], False), ([90, 90] * 3, True)],
                         ids=["once", "again-and-again"])
def test_what_processes_share_is_not_counted_twice_while_they_come_and_go(begin, monkeypatch, reads, breached):
    kernel = begin()
    watch = Watch(kernel.pid, Limits(memory_mb=100), threading.Event())
    monkeypatch.setattr(watching, "descendants", lambda process: [psutil.Process()])
    monkeypatch.setattr(watching, "_memory_mb", lambda process: 90)
    monkeypatch.setattr(watching, "_own_memory_mb", lambda process, told=iter(reads): next(told))
    watch.look()
    assert watch.breached() == breached
    monkeypatch.undo()  # the test's own process is nobody's child
