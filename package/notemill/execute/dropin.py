"""A warm kernel for `papermill --engine notemill`: for any notebook, without a project."""

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from notemill.errors import UsageError
from notemill.execute.folders import PREFIX, short_folder
from notemill.execute.warm.kernel import WarmKernel
from notemill.execute.warm.pool import Pool
from notemill.interpreter import OWN_WORDS
from notemill.notebook import describe
from notemill.warmth import keep_warm

OWN_ARGUMENTS = ["-m", "ipykernel_launcher", "-f", "{connection_file}"]
SETTINGS = ("ipython_config.py", "ipython_config.json", "ipython_kernel_config.py", "ipython_kernel_config.json",
            "startup/*.py", "startup/*.ipy")  # a user's: in a warm process they would act once for all


@contextmanager
def kernel_manager(notebook: Mapping, kernel_name: str) -> Iterator[object | None]:
    """The manager of a warm kernel, gone afterwards; None where the notebook asks for another than this Python's, or
    there can be no warm one."""
    if sys.platform != "linux" or not is_own(kernel_name) or has_settings():
        yield None
        return
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=short_folder()))
    try:
        with Pool(keep=keep_warm(os.environ, terminal=sys.stdout.isatty())) as pool:
            yield from _kernel(notebook, folder, pool)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _kernel(notebook: Mapping, folder: Path, pool: Pool) -> Iterator[object]:
    from jupyter_core.utils import run_sync

    kernel = WarmKernel(pool, folder, settings_of(folder), lambda: None, imports=imports_of(notebook))
    try:
        kernel.start()
        kernel.pid()
        yield kernel.manager
        if kernel.manager and kernel.manager.kernel:
            run_sync(kernel.manager.shutdown_kernel)()
    finally:
        kernel.end()


def settings_of(folder: Path) -> dict:
    """What the kernel's process is to know: it belongs to no project, and sees this process's surroundings."""
    return {"root": None, "declared": [], "log": None, "threads": 0, "folder": str(folder), "exported": "",
            "script": "", "export_cells": [], "env": dict(os.environ), "cwd": os.getcwd()}


def is_own(kernel_name: str) -> bool:
    """Whether the kernelspec is this interpreter's ipykernel, with nothing added."""
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    try:
        spec = KernelSpecManager().get_kernel_spec(kernel_name)
    except NoSuchKernel:
        return False
    own = spec.argv[0] in OWN_WORDS or os.path.realpath(spec.argv[0]) == os.path.realpath(sys.executable)
    plain = [word for word in spec.argv[1:] if word != "-Xfrozen_modules=off"]
    return own and plain == OWN_ARGUMENTS and not spec.env


def has_settings() -> bool:
    """Whether the user has changed how IPython behaves."""
    from IPython.paths import get_ipython_dir

    profile = Path(get_ipython_dir(), "profile_default")
    return any(any(profile.glob(name)) for name in SETTINGS)


def imports_of(notebook: Mapping) -> tuple[str, ...]:
    """What the notebook's code imports, as far as it can be read."""
    try:
        return describe(json.loads(json.dumps(notebook)), "", "the notebook").imports
    except UsageError:
        return ()
