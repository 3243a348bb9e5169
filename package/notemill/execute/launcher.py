"""The process of a kernel: `python -P launcher.py SETTINGS.json -f CONNECTION`.

Before IPython starts: note which project files are read without being declared, share out CPU threads, and end with
the process that asked for the kernel. Nothing here is seen by the notebook.
"""

import json
import os
import signal
import sys
import threading
import time

PARENT_CHECK = 0.5  # seconds


def main(argv: list[str]) -> None:
    """Read the settings and become an ipykernel."""
    with open(argv[1], encoding="utf-8") as file:
        settings = json.load(file)
    sys.argv = [argv[0], *argv[2:]]
    watch_reads(settings["root"], frozenset(settings["declared"]), settings["log"], (sys.prefix, sys.base_prefix))
    threading.Thread(target=end_with, args=(settings["parent"],), daemon=True).start()
    from ipykernel.kernelapp import IPKernelApp

    app = IPKernelApp.instance()
    app.initialize(sys.argv[1:])
    limit_threads(app.shell.events, settings["threads"])
    app.start()


def watch_reads(root: str, declared: frozenset[str], log: str, outside: tuple[str, ...]) -> None:
    """Append to `log`, once each, the files below `root` that are opened for reading and are not `declared`."""
    seen: set[str] = set()
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    prefix = os.path.join(root, "")

    def hook(event: str, args: tuple) -> None:
        if event != "open" or not isinstance(args[0], str) or not _is_read(args[1], args[2]):
            return
        path = source_of(os.path.abspath(args[0]))
        if not path.startswith(prefix) or path in seen:
            return
        seen.add(path)
        hidden = any(part.startswith(".") for part in path[len(prefix):].split(os.sep))
        if path not in declared and not hidden and not path.startswith(outside) and os.path.isfile(path):
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


def limit_threads(events, threads: int) -> None:
    """Hold native thread pools to their share, those also that a cell has just loaded."""
    from threadpoolctl import threadpool_limits

    def hold(*_) -> None:
        threadpool_limits(threads)

    events.register("post_run_cell", hold)


def end_with(parent: int) -> None:
    """End this process and its group once the parent is gone: no kernel outlives the run that asked for it."""
    while os.getppid() == parent:
        time.sleep(PARENT_CHECK)
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpgrp(), signal.SIGKILL)
    os._exit(1)


if __name__ == "__main__":
    main(sys.argv)
