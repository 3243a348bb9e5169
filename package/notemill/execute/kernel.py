"""A kernel process of this interpreter (or of a kernelspec), on local sockets, in a folder of its own."""

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from notemill.errors import UsageError, did_you_mean
from notemill.execute.job import Job

LAUNCHER = Path(__file__).with_name("launcher.py")  # run by path: the kernel imports nothing of notemill
PASSED_ON = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR",
             "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES", "SYSTEMROOT")
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS",
           "VECLIB_MAXIMUM_THREADS", "POLARS_MAX_THREADS", "RAYON_NUM_THREADS", "LOKY_MAX_CPU_COUNT")
KEPT_BACK = ("PASSWORD", "TOKEN", "SECRET", "KEY", "TRACKING_URI", "REGISTRY_URI", "USERNAME")


def kernel_environment(environ: Mapping[str, str], names: tuple[str, ...], threads: int, root: Path) -> dict[str, str]:
    """What a step sees of the environment: a short list, the variables in `names`, its share of threads, package/."""
    mlflow = [name for name in environ if name.startswith("MLFLOW_") and not any(word in name for word in KEPT_BACK)]
    seen = {name: environ[name] for name in (*PASSED_ON, *mlflow, *names) if name in environ}
    measured = {name: environ[name] for name in environ if name.startswith("COVERAGE_PROCESS")}
    shares = {name: str(threads) for name in THREADS}
    return {**shares, **seen, **measured, "PYTHONPATH": str(root / "package")}


@contextmanager
def kernel_manager(job: Job) -> Iterator:
    """A manager for the job's kernel, not yet started, with `undeclared()`: the files read without being declared."""
    folder = Path(tempfile.mkdtemp(prefix="notemill-"))  # 0700, and short: a local socket's path holds 107 bytes
    try:
        yield _manager(job, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _manager(job: Job, folder: Path):
    from jupyter_client import AsyncKernelManager
    from jupyter_client.kernelspec import KernelSpec

    log = folder / "undeclared"
    local = {} if os.name == "nt" else {"transport": "ipc", "ip": str(folder / "k")}
    if job.kernel == "process":
        settings = folder / "settings.json"
        settings.write_text(json.dumps({"root": str(job.root), "declared": sorted(job.declared), "log": str(log),
                                        "threads": job.threads, "parent": os.getpid()}))
        manager = AsyncKernelManager(connection_file=str(folder / "kernel.json"), **local)
        manager._kernel_spec = KernelSpec(
            argv=[sys.executable, "-P", str(LAUNCHER), str(settings), "-f", "{connection_file}"],
            display_name="notemill", language="python")
    else:
        check_kernel(job.kernel, job.step)
        manager = AsyncKernelManager(kernel_name=job.kernel, connection_file=str(folder / "kernel.json"), **local)
    manager.undeclared = lambda: [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    return manager


def check_kernel(name: str, step: str) -> None:
    """Raises UsageError where no such kernel is installed."""
    from jupyter_client.kernelspec import KernelSpecManager

    there = KernelSpecManager().find_kernel_specs()
    if name not in there:
        raise UsageError(f"step '{step}': kernel", f"there is no Jupyter kernel '{name}'",
                         f"there are: process, {', '.join(sorted(there))}", did_you_mean(name, there))
