"""The process of an ordinary kernel: `python start.py launcher SETTINGS.json -f CONNECTION`.

Before IPython starts: note which project files are read without being declared, share out CPU threads, and end with
the process that asked for the kernel. Nothing here is seen by the notebook.
"""

import atexit
import faulthandler
import json
import os
import sys
import threading

from . import family, setup


def main(argv: list[str]) -> None:
    """Read the settings and become an ipykernel."""
    with open(argv[1], encoding="utf-8") as file:
        settings = json.load(file)
    sys.argv = [argv[0], *argv[2:]]
    setup.before(settings)
    faulthandler.enable(open(os.dup(2), "w"))  # IPython takes standard error for the notebook
    family.adopt_orphans()
    family.wake_with_parent()
    atexit.register(family.end_in_peace, os.getpid())  # the first to be registered is the last to be called
    family.end_descendants_first()
    os.environ.pop("JPY_PARENT_PID", None)  # else ipykernel ends itself first, and leaves its children alone
    threading.Thread(target=family.end_with, args=(settings["parent"], settings["folder"]), daemon=True).start()
    app = kernel_app()
    app.initialize(sys.argv[1:])
    setup.after(app, settings)
    app.start()


def kernel_app():
    """ipykernel's application, with sockets that drop nothing: a cell may print faster than it is listened to."""
    from ipykernel.kernelapp import IPKernelApp

    class KernelApp(IPKernelApp):
        def _bind_socket(self, s, port):
            s.sndhwm = 0  # no limit; beyond one, outputs would be lost, and the message that the cell has ended
            return super()._bind_socket(s, port)

    return KernelApp.instance()
