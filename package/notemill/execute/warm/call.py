"""Run one of notemill's modules in a process that is forked from a warm one, which has its libraries loaded."""

import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import notemill
from notemill.execute.warm.client import Connection
from notemill.execute.warm.pool import Pool
from notemill.execute.warm.process import WarmError, ask_for_kernel, kernel_pid

LONGEST = 3600  # seconds


def call(pool: Pool, module: str, arguments: list[str], env: Mapping[str, str], imports: Iterable[str]) -> str:
    """What the module printed. Raises WarmError where no warm process is there, or none of it came back."""
    process = next(iter(pool.processes.values()), None)
    link = process and process.connect()
    if not link:
        raise WarmError("has gone")
    request = {"call": module, "argv": [module, *arguments], "env": dict(env), "cwd": os.getcwd(), "root": None,
               "imports": list(imports), "threads": 1, "path": [str(Path(notemill.__file__).parents[1])]}
    with link, tempfile.TemporaryFile() as printed:
        ask_for_kernel(link, request, printed.fileno()).close()
        status = Connection(link, kernel_pid(link)).wait(LONGEST)
        printed.seek(0)
        text = printed.read().decode("utf-8", "replace")
    if status is None or status < 0 or not text.strip():
        raise WarmError(f"gave nothing: exit status {status}")
    return text
