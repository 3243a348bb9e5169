"""A warm kernel for `papermill --engine notemill`: for any notebook, without a project."""

import json
import logging
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from notemill.errors import NotemillError
from notemill.execute.folders import PREFIX, short_folder
from notemill.execute.warm.kernel import WarmKernel
from notemill.execute.warm.pool import Pool
from notemill.interpreter import OWN_WORDS
from notemill.notebook import describe
from notemill.warmth import VARIABLE, keep_warm

OWN_ARGUMENTS = ["-m", "ipykernel_launcher", "-f", "{connection_file}"]
SYSTEM_FOLDERS = ("/usr/local/etc/ipython", "/etc/ipython")  # of IPython's settings for all
USUAL_PROVISIONER = "local-provisioner"
SETTINGS = ("ipython_config.py", "ipython_config.json", "ipython_kernel_config.py", "ipython_kernel_config.json",
            "startup/*.py", "startup/*.ipy")  # a user's: in a warm process they would act once for all


@contextmanager
def warm_kernel(notebook: Mapping, kernel_name: str) -> Iterator[Callable[[], object | None]]:
    """Ask for a warm kernel, gone afterwards. What it gives waits for it, and returns its manager; None where the
    notebook asks for another than this Python's, or there can be no warm one: that leaves it to Papermill."""
    with ExitStack() as at_the_end:
        possible = sys.platform == "linux" and is_own(kernel_name) and not has_settings()
        kernel = ask(at_the_end, notebook) if possible else None
        yield lambda: kernel and manager_of(kernel, at_the_end)


def ask(at_the_end: ExitStack, notebook: Mapping) -> WarmKernel | None:
    """Ask for a kernel; what goes wrong is told."""
    try:
        kernel = make_kernel(at_the_end, notebook)
        kernel.start()
    except (OSError, NotemillError) as error:
        warn(f"a warm kernel cannot be started: {error}")
        return None
    return kernel


def manager_of(kernel: WarmKernel, at_the_end: ExitStack) -> object | None:
    """Wait for the kernel; what goes wrong is told."""
    try:
        kernel.pid()
    except (OSError, NotemillError) as error:
        warn(f"a warm kernel cannot be started: {error}")
        return None
    for note in kernel.notes:
        warn(note)
    if kernel.manager:
        at_the_end.push(partial(shut_down, kernel.manager))
    return kernel.manager


def make_kernel(at_the_end: ExitStack, notebook: Mapping) -> WarmKernel:
    from filelock import FileLock

    folder = Path(at_the_end.enter_context(tempfile.TemporaryDirectory(
        prefix=PREFIX, dir=short_folder(), ignore_cleanup_errors=True)))
    at_the_end.enter_context(FileLock(folder / "lock"))  # else it would be swept
    pool = at_the_end.enter_context(Pool(keep=is_to_keep()))
    kernel = WarmKernel(pool, folder, settings_of(folder), lambda: None, imports=imports_of(notebook),
                        notebook=notebook)
    at_the_end.callback(kernel.leave)
    return kernel


def is_to_keep() -> bool:
    """Whether the warm process may outlive this one; a setting that means nothing is told and left aside."""
    terminal = sys.stdout.isatty()
    try:
        return keep_warm(os.environ, terminal=terminal)
    except NotemillError as error:
        warn(str(error))
        return keep_warm({**os.environ, VARIABLE: ""}, terminal=terminal)


def shut_down(manager, kind: type | None, *_) -> None:
    """Ask the kernel to end, so that what it does at its end is done, and an interrupted cell shows where it was."""
    from jupyter_core.utils import run_sync

    if manager.kernel and manager.is_alive():
        run_sync(manager.shutdown_kernel)(now=bool(kind) and not issubclass(kind, Exception | KeyboardInterrupt))


def warn(text: str) -> None:
    """As Papermill tells things; its own logger is silent where a run of notemill's was in this process before."""
    logging.getLogger("notemill").warning("notemill: %s", text)


def settings_of(folder: Path) -> dict:
    """What the kernel's process is to know: it belongs to no project, and sees this process's surroundings."""
    return {"root": None, "declared": [], "log": None, "threads": 0, "folder": str(folder), "exported": "",
            "script": "", "export_cells": [], "env": dict(os.environ), "cwd": os.getcwd()}


def is_own(kernel_name: str) -> bool:
    """Whether the kernelspec is this interpreter's ipykernel, with nothing added."""
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
    from jupyter_core.paths import jupyter_path

    folders = [*jupyter_path("kernels"), str(ipython_folder() / "kernels")]
    try:
        spec = KernelSpecManager(kernel_dirs=folders).get_kernel_spec(kernel_name)
    except NoSuchKernel:
        return False
    words = [word for word in spec.argv if word != "-Xfrozen_modules=off"]
    provisioner = spec.metadata.get("kernel_provisioner", {}).get("provisioner_name", USUAL_PROVISIONER)
    return (bool(words) and is_this_python(words[0]) and words[1:] == OWN_ARGUMENTS and not spec.env
            and spec.interrupt_mode == "signal" and provisioner == USUAL_PROVISIONER)


def is_this_python(word: str) -> bool:
    """Whether it starts this very interpreter; that of another environment may be a link to the same file."""
    folders = [os.path.realpath(os.path.dirname(path)) for path in (word, sys.executable)]
    same = folders[0] == folders[1] and os.path.realpath(word) == os.path.realpath(sys.executable)
    return word in OWN_WORDS or (os.path.isabs(word) and same)


def has_settings() -> bool:
    """Whether somebody has changed how IPython behaves."""
    folders = [ipython_folder() / "profile_default", *map(Path, SYSTEM_FOLDERS), Path(sys.prefix, "etc", "ipython")]
    return bool(os.environ.get("PYTHONSTARTUP")) or old_folder().is_dir() or any(
        any(folder.glob(name)) for folder in folders for name in SETTINGS)


def ipython_folder() -> Path:
    """Where a user's IPython keeps its settings. IPython would tell; to import it takes longer than a warm kernel."""
    return Path(os.environ.get("IPYTHONDIR", "~/.ipython")).expanduser()


def old_folder() -> Path:
    """Where IPython up to 1.x kept them; it still reads them there."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config", "ipython").expanduser()


def imports_of(notebook: Mapping) -> tuple[str, ...]:
    """What the notebook's code imports, as far as it can be read."""
    try:
        return describe(json.loads(json.dumps(notebook)), "", "the notebook").imports
    except Exception:  # whatever is odd in it, it is not ours to tell
        return ()
