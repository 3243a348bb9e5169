"""The processes that come from a kernel: none outlives it, and it does not outlive the run that asked for it."""

import contextlib
import ctypes
import os
import shutil
import signal
import time

PARENT_CHECK = 0.5  # seconds
END_TIME = 20  # seconds that the end of what a kernel has started may take
LOCK_TIME = 2  # seconds that the lock of a killed run may still be held
ROUNDS = 500  # looks for processes that are still there; one that hangs in the system cannot be ended
PR_SET_CHILD_SUBREAPER = 36
PR_SET_PDEATHSIG = 1


def adopt_orphans() -> None:
    """Let what a cell starts in the background stay among this process's children, to be found at the end (Linux)."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def wake_with_parent() -> None:
    """Let the run's death wake this process (Linux): the run may have stopped it, to end it."""
    _prctl(PR_SET_PDEATHSIG, int(signal.SIGCONT))


def _prctl(what: int, value: int) -> None:
    with contextlib.suppress(OSError, AttributeError):  # other systems have none
        ctypes.CDLL(None).prctl(what, value, 0, 0, 0)


def end_with(parent: int, folder: str) -> None:
    """End this process and all it started once the parent is gone: no kernel outlives the run that asked for it."""
    while os.getppid() == parent:
        time.sleep(PARENT_CHECK)
    end_now(folder)


def end_now(folder: str, client: int = 0) -> None:
    """End this process and all it started, and remove its folder; a client that has only turned away from this kernel
    still needs it."""
    if not is_there(client):
        shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(OSError):
        kernel = os.getpid()
        if os.fork() == 0:  # somebody else must do it: the cell that runs here may go on starting processes
            end_all(kernel)
        time.sleep(END_TIME)
    os._exit(1)


def is_there(pid: int) -> bool:
    """Whether the process lives; one that is about to end has no memory any more when its sockets are closed."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return bool(pid and file.read(1))
    except OSError:
        return False


def end_all(kernel: int) -> None:
    """End the kernel, all that comes from it, and this process."""
    try:
        end_family(kernel)
    finally:
        os._exit(0)


def end_family(kernel: int) -> None:
    """Stop the kernel, end all that comes from it while it still adopts orphans, and then itself and its group."""
    with contextlib.suppress(OSError):
        os.kill(kernel, signal.SIGSTOP)
        end_descendants(kernel)
    with contextlib.suppress(OSError):
        if os.getpgid(kernel) == kernel:
            os.killpg(kernel, signal.SIGKILL)
        os.kill(kernel, signal.SIGKILL)


def let_go_of_files() -> None:
    """Hold nothing of the process that this one was forked from: who waits for its end would wait for this one's."""
    signal.set_wakeup_fd(-1)
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2:
            with contextlib.suppress(OSError):
                os.close(int(name))


def remove_left(folder: str) -> None:
    """Remove the folder of a kernel whose run was killed; one that lives holds the folder's lock, and does it."""
    import fcntl  # Windows has none

    end = time.monotonic() + LOCK_TIME
    while folder and time.monotonic() < end:
        with contextlib.suppress(OSError), open(os.path.join(folder, "lock")) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        if not os.path.isdir(folder):
            return
        time.sleep(PARENT_CHECK / 10)


def end_descendants(kernel: int) -> None:
    """End all that comes from the kernel but this process; what they start meanwhile, too."""
    for _ in range(ROUNDS):
        found = descendants(kernel) - {os.getpid()}
        if not found:
            return
        for pid in found:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)


def end_in_peace(kernel: int) -> None:
    """A kernel that ends itself leaves no orphan to a run that may be killed before it looks."""
    if os.getpid() == kernel:  # and not one of its forks
        end_descendants(kernel)


def end_descendants_first() -> None:
    """Also where SIGTERM ends it, as jupyter_client does when its end takes long; a fork's signals are its own."""
    kernel = os.getpid()

    def end(number: int, frame: object) -> None:
        if os.getpid() == kernel:
            end_descendants(kernel)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    signal.signal(signal.SIGTERM, end)
    if not hasattr(os, "register_at_fork"):
        return
    masks = []  # a signal that comes while a fork begins waits: Python would lose it

    def begin() -> None:
        if signal.getsignal(signal.SIGTERM) is end:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, masks.pop())

    os.register_at_fork(before=lambda: masks.append(signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})),
                        after_in_parent=lambda: signal.pthread_sigmask(signal.SIG_SETMASK, masks.pop()),
                        after_in_child=begin)


def descendants(root: int) -> set[int]:
    """The living processes that come from `root`, as /proc tells; none where there is no /proc."""
    if told_children(root) == set():  # to look at all processes takes its time
        return set()
    parents = living()
    found, new = set(), {root}
    while new:
        new = {pid for pid, parent in parents.items() if parent in new}
        found |= new
    return found


def children(parent: int) -> set[int]:
    """The processes whose parent this is: the living ones, and such as nobody has waited for.

    Where one ends meanwhile, others may be left out; who waits for it looks again.
    """
    told = told_children(parent)
    return {pid for pid, its in living().items() if its == parent} if told is None else told


def told_children(parent: int) -> set[int] | None:
    """As Linux lists them, in a fiftieth of the time; None where it does not."""
    found: set[int] = set()
    try:
        for thread in os.listdir(f"/proc/{parent}/task"):
            with open(f"/proc/{parent}/task/{thread}/children", "rb") as file:
                found.update(map(int, file.read().split()))
    except OSError:
        return None
    return found


def living() -> dict[int, int]:
    """The parent of each process that is not dead."""
    parents = {}
    for name in os.listdir("/proc") if os.path.isdir("/proc") else ():
        with contextlib.suppress(OSError, ValueError):
            with open(f"/proc/{int(name)}/stat", "rb") as file:
                state, parent = file.read().rpartition(b")")[2].split()[:2]
            if state not in (b"Z", b"X"):
                parents[int(name)] = int(parent)
    return parents
