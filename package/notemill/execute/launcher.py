"""The process of a kernel: `python -P launcher.py SETTINGS.json -f CONNECTION`.

Before IPython starts: note which project files are read without being declared, share out CPU threads, and end with
the process that asked for the kernel. Nothing here is seen by the notebook.
"""

import atexit
import contextlib
import faulthandler
import functools
import hashlib
import importlib.util
import json
import os
import shutil
import signal
import sys
import threading
import time
import types

PARENT_CHECK = 0.5  # seconds
END_TIME = 20  # seconds that the end of what a kernel has started may take
ROUNDS = 500  # looks for processes that are still there; one that hangs in the system cannot be ended
PR_SET_CHILD_SUBREAPER = 36
PR_SET_PDEATHSIG = 1


def main(argv: list[str]) -> None:
    """Read the settings and become an ipykernel."""
    with open(argv[1], encoding="utf-8") as file:
        settings = json.load(file)
    sys.argv = [argv[0], *argv[2:]]
    watch_reads(settings["root"], frozenset(settings["declared"]), settings["log"], (sys.prefix, sys.base_prefix))
    faulthandler.enable(open(os.dup(2), "w"))  # IPython takes standard error for the notebook
    adopt_orphans()
    atexit.register(end_in_peace, os.getpid())  # the first to be registered is the last to be called
    end_descendants_first()
    os.environ.pop("JPY_PARENT_PID", None)  # else ipykernel ends itself first, and leaves its children alone
    threading.Thread(target=end_with, args=(settings["parent"], settings["folder"]), daemon=True).start()
    app = kernel_app()
    app.initialize(sys.argv[1:])
    find_modules(os.path.join(settings["root"], "package"))
    limit_threads(app.shell.events, settings["threads"])
    export_cells(app.shell, settings["exported"], frozenset(settings["export_cells"]))
    if settings["script"]:  # what every script knows of itself, and no notebook
        app.shell.user_ns["__file__"], sys.argv = settings["script"], [settings["script"]]
    app.shell.keepkernel_on_exit = True  # `exit()` is told to the client, which ends the notebook, and then the kernel
    app.start()


def kernel_app():
    """ipykernel's application, with sockets that drop nothing: a cell may print faster than it is listened to."""
    from ipykernel.kernelapp import IPKernelApp

    class KernelApp(IPKernelApp):
        def _bind_socket(self, s, port):
            s.sndhwm = 0  # no limit; beyond one, outputs would be lost, and the message that the cell has ended
            return super()._bind_socket(s, port)

    return KernelApp.instance()


def watch_reads(root: str, declared: frozenset[str], log: str, installed: tuple[str, ...]) -> None:
    """Append to `log`, once each, the files below `root` that are opened for reading and are not `declared`."""
    seen: set[str] = set()
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    prefix = os.path.join(root, "")
    libraries = tuple(os.path.join(place, "") for place in installed if place.startswith(prefix))

    def hook(event: str, args: tuple) -> None:
        if event not in ("open", "sqlite3.connect") or not isinstance(args[0], str | bytes):
            return
        if event == "open" and not _is_read(args[1], args[2]):
            return
        path = source_of(os.path.abspath(os.fsdecode(args[0])))
        if not path.startswith(prefix) or path in seen:
            return
        seen.add(path)
        hidden = any(part.startswith(".") or part.endswith((".egg-info", ".dist-info"))
                     for part in path[len(prefix):].split(os.sep))
        if path not in declared and not hidden and not path.startswith(libraries) and os.path.isfile(path):
            os.write(handle, (json.dumps(path) + "\n").encode())

    sys.addaudithook(hook)


def _is_read(mode: object, flags: object) -> bool:
    if isinstance(mode, str):
        return "r" in mode
    return isinstance(flags, int) and flags & os.O_ACCMODE == os.O_RDONLY


def source_of(path: str) -> str:
    """The module's source for a file of `__pycache__`; any other path as it is."""
    folder, name = os.path.split(path)
    if os.path.basename(folder) == "__pycache__" and name.endswith(".pyc"):
        return os.path.join(os.path.dirname(folder), name.split(".")[0] + ".py")
    return path


def find_modules(package: str) -> None:
    """Modules beside the notebook, then those of the project: as in Jupyter after the standard library's own."""
    installed = (i for i, path in enumerate(sys.path) if path.endswith(("site-packages", "dist-packages")))
    place = next(installed, len(sys.path))
    sys.path[place:place] = ["", package]
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))  # for children


def adopt_orphans() -> None:
    """Let what a cell starts in the background stay among this process's children, to be found at the end (Linux).

    And let the run's death wake this process: the run may have stopped it, to end it.
    """
    with contextlib.suppress(Exception):
        import ctypes

        system = ctypes.CDLL(None)
        system.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        system.prctl(PR_SET_PDEATHSIG, int(signal.SIGCONT), 0, 0, 0)


def limit_threads(events, threads: int) -> None:
    """Hold native thread pools to their share, those also that a cell has just loaded."""
    from threadpoolctl import ThreadpoolController

    def hold(*_) -> None:
        for pool in ThreadpoolController().lib_controllers:
            if (pool.num_threads or 0) > threads:
                pool.set_num_threads(threads)

    events.register("post_run_cell", hold)


def export_cells(shell, name: str, digests: frozenset[str]) -> None:
    """What the cells of these digests define belongs to the module `name`, where it will be found later, and not to
    `__main__`; the module's names are the notebook's."""
    if not digests:
        return
    module, parent = types.ModuleType(name), name.partition(".")[0]
    module.__getattr__ = functools.partial(find_name, shell.user_ns, name)
    sys.modules[name] = module
    if importlib.util.find_spec(parent) is None:
        sys.modules[parent] = types.ModuleType(parent)

    def begin(info) -> None:
        if hashlib.sha256(info.raw_cell.encode("utf-8", "surrogatepass")).hexdigest() in digests:
            shell.user_ns["__name__"] = name

    def end(result) -> None:
        shell.user_ns["__name__"] = "__main__"

    shell.events.register("pre_run_cell", begin)
    shell.events.register("post_run_cell", end)


def find_name(names: dict, module: str, name: str) -> object:
    """A module's attribute (PEP 562)."""
    try:
        return names[name]
    except KeyError:
        raise AttributeError(f"module {module!r} has no attribute {name!r}") from None


def end_with(parent: int, folder: str) -> None:
    """End this process and all it started once the parent is gone: no kernel outlives the run that asked for it."""
    while os.getppid() == parent:
        time.sleep(PARENT_CHECK)
    shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(Exception):
        kernel = os.getpid()
        if os.fork() == 0:  # somebody else must do it: the cell that runs here may go on starting processes
            end_all(kernel)
        time.sleep(END_TIME)
    os._exit(1)


def end_all(kernel: int) -> None:
    """Stop the kernel, end all that comes from it while it still adopts orphans, and then itself and its group."""
    try:
        os.kill(kernel, signal.SIGSTOP)
        end_descendants(kernel)
    finally:
        if os.getpgid(kernel) == kernel:
            os.killpg(kernel, signal.SIGKILL)
        os.kill(kernel, signal.SIGKILL)
        os._exit(0)


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
    parents = {}
    for name in os.listdir("/proc") if os.path.isdir("/proc") else ():
        with contextlib.suppress(OSError, ValueError):
            with open(f"/proc/{int(name)}/stat", "rb") as file:
                state, parent = file.read().rpartition(b")")[2].split()[:2]
            parents[int(name)] = (int(parent), state)
    found, new = set(), {root}
    while new:
        new = {pid for pid, (parent, _) in parents.items() if parent in new}
        found |= new
    return {pid for pid in found if parents[pid][1] not in (b"Z", b"X")}


if __name__ == "__main__":
    main(sys.argv)
