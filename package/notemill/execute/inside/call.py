"""A forked process that runs a module, as `python -m MODULE ARGUMENTS` does, with the libraries that are there."""

import os
import runpy
import sys
import traceback

from . import child


def run(app, asked: dict, log: int) -> None:
    """Run `asked["call"]`; what it prints goes to `log`. Its exit status is the process's."""
    child.become(asked, log)
    child.renew(asked)
    app.reset_io()
    sys.path[:0] = [path for path in asked["path"] if path not in sys.path]
    status = 1
    try:
        runpy.run_module(asked["call"], run_name="__main__", alter_sys=True)
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(bool(end.code))
    except Exception:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
