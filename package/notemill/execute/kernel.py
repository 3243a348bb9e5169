"""A kernel process of this interpreter (or of a kernelspec), on local sockets, in a folder of its own."""

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from notemill.errors import UsageError, did_you_mean
from notemill.execute.folders import PREFIX, short_folder
from notemill.execute.job import Job
from notemill.execute.loop import close_loop
from notemill.files import sha256_text
from notemill.interpreter import OWN, WARM
from notemill.late import import_whole
from notemill.notebook import EXPORT, tags_of

if TYPE_CHECKING:  # Papermill's engine needs none of it
    from notemill.pipeline import Pipeline

START = Path(__file__).with_name("inside") / "start.py"  # run by path: the kernel imports nothing of notemill
PASSED_ON = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR",
             "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES", "SYSTEMROOT")
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS",
           "VECLIB_MAXIMUM_THREADS", "POLARS_MAX_THREADS", "RAYON_NUM_THREADS", "LOKY_MAX_CPU_COUNT")
KEPT_BACK = ("PASSWORD", "TOKEN", "SECRET", "KEY", "TRACKING_URI", "REGISTRY_URI", "USERNAME")
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


class Kernel:
    """An ordinary kernel that can be started; `manager` is jupyter_client's, `folder` holds its sockets and what it
    leaves."""

    born_mb, notes = 0.0, ()

    def __init__(self, manager, folder: Path, env: Mapping[str, str], cwd: str):
        self.manager, self.folder, self.env, self.cwd = manager, folder, env, cwd

    def start(self) -> None:
        """Start the process. What native code writes goes to a file: standard output is not the kernel's."""
        from jupyter_core.utils import run_sync

        with open(self.folder / "log", "wb") as log:
            run_sync(self.manager.start_kernel)(env=dict(self.env), cwd=self.cwd, stdout=log, stderr=log)

    def pid(self) -> int:
        return self.manager.provisioner.pid

    def end(self) -> None:
        """End the process if it is still there, and give back what talking to it took."""
        from jupyter_core.utils import run_sync

        if self.manager.has_kernel:
            run_sync(self.manager.shutdown_kernel)(now=True)
        close_loop()


def undeclared(folder: Path) -> tuple[str, ...]:
    """The files that the kernel of this folder read without being declared."""
    return tuple(json.loads(line) for line in _lines(folder / "undeclared"))


def log(folder: Path) -> str:
    """The end of what its process wrote past the notebook: an error before the first cell, a crash."""
    return "\n".join(_lines(folder / "log"))


def _with_package(job: Job) -> dict[str, str]:
    """The job's environment; a kernel that our launcher does not start finds the project's modules by PYTHONPATH."""
    if job.kernel in OWN:
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

    if not _is_warm(job):
        import_whole("jupyter_client", "nbformat")  # first: it takes long, and who is killed meanwhile leaves no folder
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=short_folder()))  # 0700
    try:
        with FileLock(folder / "lock"):
            yield from _kernel_in(folder, job)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _kernel_in(folder: Path, job: Job) -> Iterator[Kernel]:
    kernel = _warm(folder, job) if _is_warm(job) else _ordinary(folder, job)
    try:
        yield kernel
    finally:
        kernel.end()


def _is_warm(job: Job) -> bool:
    return job.kernel == WARM and bool(job.pool)


def _ordinary(folder: Path, job: Job) -> Kernel:
    import_whole("jupyter_client", "nbformat")
    return Kernel(_manager(job, folder), folder, _with_package(job), str(job.cwd))


def _warm(folder: Path, job: Job):
    from notemill.execute.warm.kernel import WarmKernel

    settings = {**_settings(job, folder), "env": dict(job.env), "cwd": str(job.cwd)}
    return WarmKernel(job.pool, folder, settings, lambda: _ordinary(folder, job), imports=job.imports,
                      private=job.private, stop=job.stop, notebook=job.notebook)


def _manager(job: Job, folder: Path):
    from jupyter_client import AsyncKernelManager

    local = {} if os.name == "nt" else {"transport": "ipc", "ip": str(folder / "k")}
    if job.kernel not in OWN:
        return AsyncKernelManager(kernel_name=job.kernel, connection_file=str(folder / "kernel.json"), **local)
    manager = AsyncKernelManager(connection_file=str(folder / "kernel.json"), **local)
    manager._kernel_spec = _own_spec(job, folder)
    return manager


def _own_spec(job: Job, folder: Path):
    """How this interpreter is started as a kernel."""
    from jupyter_client.kernelspec import KernelSpec

    settings = folder / "settings.json"
    settings.write_text(json.dumps({**_settings(job, folder), "parent": os.getpid()}))
    return KernelSpec(argv=[sys.executable, str(START), "launcher", str(settings), "-f", "{connection_file}"],
                      display_name="notemill", language="python")


def _settings(job: Job, folder: Path) -> dict:
    """What the kernel's process is to know."""
    return {"root": str(job.root), "declared": sorted(job.declared), "log": str(folder / "undeclared"),
            "threads": job.threads, "folder": str(folder), "exported": job.exported, "script": job.script,
            "export_cells": [sha256_text(cell["source"]) for cell in job.notebook["cells"] if EXPORT in tags_of(cell)]}


def check_kernels(pipeline: "Pipeline", steps: Iterable[str]) -> None:
    """Raises UsageError where one of these steps asks for a kernel that is not installed."""
    asked = [pipeline.steps[name] for name in steps if pipeline.steps[name].kernel not in OWN]
    if not asked:
        return
    from jupyter_client.kernelspec import KernelSpecManager

    there = KernelSpecManager().find_kernel_specs()
    for step in asked:
        if step.kernel not in there:
            raise UsageError(pipeline.where("steps", step.name, "kernel"),
                             f"there is no Jupyter kernel '{step.kernel}'",
                             f"there are: {', '.join([*OWN, *sorted(there)])}",
                             did_you_mean(step.kernel, [*OWN, *there]))
