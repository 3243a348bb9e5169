"""A kernel process of this interpreter (or of a kernelspec), on local sockets, in a folder of its own."""

import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from notemill.errors import UsageError, did_you_mean
from notemill.execute.job import Job
from notemill.files import sha256_text
from notemill.late import import_whole
from notemill.notebook import EXPORT, tags_of
from notemill.pipeline import Pipeline

LAUNCHER = Path(__file__).with_name("launcher.py")  # run by path: the kernel imports nothing of notemill
PASSED_ON = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR",
             "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES", "SYSTEMROOT")
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS",
           "VECLIB_MAXIMUM_THREADS", "POLARS_MAX_THREADS", "RAYON_NUM_THREADS", "LOKY_MAX_CPU_COUNT")
KEPT_BACK = ("PASSWORD", "TOKEN", "SECRET", "KEY", "TRACKING_URI", "REGISTRY_URI", "USERNAME")
SOCKET_PATH = 107  # bytes that the address of a local socket may have
OWN_PART = len("/notemill-12345678/k-1")
PREFIX = "notemill-"
NEW = 60  # seconds in which a folder may stand unlocked because it is being made
LOG_END = 20_000  # bytes; more of what native code wrote is not of interest


def kernel_environment(environ: Mapping[str, str], names: tuple[str, ...], threads: int) -> dict[str, str]:
    """What a step sees of the environment: a short list, the variables in `names`, its share of threads."""
    mlflow = [name for name in environ if name.startswith("MLFLOW_") and not any(word in name for word in KEPT_BACK)]
    seen = {name: environ[name] for name in (*PASSED_ON, *mlflow, *names) if name in environ}
    measured = {name: environ[name] for name in environ if name.startswith("COVERAGE_PROCESS")}
    shares = {name: str(at_most(threads, environ.get(name, ""))) for name in THREADS}
    return {**shares, **seen, **measured}


def at_most(threads: int, wanted: str) -> int:
    """The share of threads, or fewer where the user has asked for fewer."""
    return min(threads, int(wanted)) if wanted.isdecimal() and int(wanted) else threads


@dataclass(frozen=True)
class Kernel:
    """A kernel that can be started; `manager` is jupyter_client's, `folder` holds its sockets and what it leaves."""

    manager: object
    folder: Path

    def start(self, job: Job) -> int:
        """Start the process; its id. What native code writes goes to a file: standard output is not the kernel's."""
        from jupyter_core.utils import run_sync

        with open(self.folder / "log", "wb") as log:
            run_sync(self.manager.start_kernel)(env=_with_package(job), cwd=str(job.cwd), stdout=log, stderr=log)
        return self.manager.provisioner.pid

    def end(self) -> None:
        """End the process if it is still there, and give back what talking to it took."""
        from jupyter_core.utils import ensure_event_loop, run_sync

        if self.manager.has_kernel:
            run_sync(self.manager.shutdown_kernel)(now=True)
        ensure_event_loop().close()

    def undeclared(self) -> tuple[str, ...]:
        """The files that were read without being declared."""
        return tuple(json.loads(line) for line in _lines(self.folder / "undeclared"))

    def log(self) -> str:
        """The end of what the process wrote past the notebook: an error before the first cell, a crash."""
        return "\n".join(_lines(self.folder / "log"))


def _with_package(job: Job) -> dict[str, str]:
    """The job's environment; a kernel that our launcher does not start finds the project's modules by PYTHONPATH."""
    if job.kernel == "process":
        return dict(job.env)
    places = [str(job.root / "package"), job.env.get("PYTHONPATH")]
    return {**job.env, "PYTHONPATH": os.pathsep.join(filter(None, places))}


def _lines(path: Path) -> list[str]:
    data = path.read_bytes()[-LOG_END:] if path.exists() else b""
    return data.decode("utf-8", "replace").splitlines()


@contextmanager
def make_kernel(job: Job) -> Iterator[Kernel]:
    """The job's kernel, not yet started; it is gone afterwards, with its folder, which is locked until then."""
    from filelock import FileLock

    import_whole("jupyter_client", "nbformat")  # first: it takes long, and who is killed meanwhile leaves no folder
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=_short_folder()))  # 0700
    try:
        with FileLock(folder / "lock"):
            yield from _kernel_in(folder, job)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _kernel_in(folder: Path, job: Job) -> Iterator[Kernel]:
    kernel = Kernel(_manager(job, folder), folder)
    try:
        yield kernel
    finally:
        kernel.end()


def sweep_kernels() -> None:
    """Remove the folders of kernels whose run was killed: this user's, and nobody holds their lock."""
    from filelock import FileLock, Timeout

    for folder in Path(_short_folder() or tempfile.gettempdir()).glob(f"{PREFIX}*"):
        lock = folder / "lock"
        with suppress(OSError, Timeout):  # another user's, or another program's, or in use
            ours = not hasattr(os, "getuid") or folder.lstat().st_uid == os.getuid()
            if ours and lock.is_file() and time.time() - lock.stat().st_mtime > NEW:
                with FileLock(lock, timeout=0):
                    shutil.rmtree(folder)


def _short_folder() -> str | None:
    """Where temporary files go, unless a local socket's address would get too long there."""
    usual = tempfile.gettempdir()
    return None if len(os.fsencode(usual)) + OWN_PART <= SOCKET_PATH or not os.path.isdir("/tmp") else "/tmp"


def _manager(job: Job, folder: Path):
    from jupyter_client import AsyncKernelManager

    local = {} if os.name == "nt" else {"transport": "ipc", "ip": str(folder / "k")}
    if job.kernel != "process":
        return AsyncKernelManager(kernel_name=job.kernel, connection_file=str(folder / "kernel.json"), **local)
    manager = AsyncKernelManager(connection_file=str(folder / "kernel.json"), **local)
    manager._kernel_spec = _own_spec(job, folder)
    return manager


def _own_spec(job: Job, folder: Path):
    """How this interpreter is started as a kernel."""
    from jupyter_client.kernelspec import KernelSpec

    settings = folder / "settings.json"
    settings.write_text(json.dumps({
        "root": str(job.root), "declared": sorted(job.declared), "log": str(folder / "undeclared"),
        "threads": job.threads, "parent": os.getpid(), "folder": str(folder), "exported": job.exported,
        "script": job.script,
        "export_cells": [sha256_text(cell["source"]) for cell in job.notebook["cells"] if EXPORT in tags_of(cell)]}))
    return KernelSpec(argv=[sys.executable, "-P", str(LAUNCHER), str(settings), "-f", "{connection_file}"],
                      display_name="notemill", language="python")


def check_kernels(pipeline: Pipeline, steps: Iterable[str]) -> None:
    """Raises UsageError where one of these steps asks for a kernel that is not installed."""
    asked = [pipeline.steps[name] for name in steps if pipeline.steps[name].kernel != "process"]
    if not asked:
        return
    from jupyter_client.kernelspec import KernelSpecManager

    there = KernelSpecManager().find_kernel_specs()
    for step in asked:
        if step.kernel not in there:
            raise UsageError(pipeline.where("steps", step.name, "kernel"),
                             f"there is no Jupyter kernel '{step.kernel}'",
                             f"there are: process, {', '.join(sorted(there))}",
                             did_you_mean(step.kernel, ["process", *there]))
