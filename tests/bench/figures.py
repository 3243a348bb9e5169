"""Figures of checking, planning and reuse on this machine: `python tests/bench/figures.py [WORD]...` prints a table.

Not part of the suite, because times depend on the machine. Every figure is of a process of its own; CPU is user and
system time. WORDs choose rows by what their name contains; "2 GB" writes 4 GB to the temporary folder.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tiny import command, make_project, notebook, pretend_run  # noqa: E402  (the line above finds it)

HOUSE = Path(__file__).parents[2]
HEAVY = ("mlflow", "sklearn", "pandas", "numpy", "nbconvert", "papermill", "jinja2", "IPython")
WATCH = ("import atexit, sys\n"
         "atexit.register(lambda: sys.__stderr__.write('MODULES ' + ' '.join(sys.modules) + '\\n'))\n")


@dataclass(frozen=True)
class Cost:
    """What a process took: seconds of wall clock and CPU, MB of memory at most, MB read, heavy modules imported."""

    wall: float
    cpu: float
    peak_mb: float
    read_mb: float
    heavy: str


def measure(*words: object, project: Path | None = None, environ: dict[str, str] | None = None) -> Cost:
    """Run `notemill WORDS` and watch it."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "sitecustomize.py").write_text(WATCH)
        path = os.pathsep.join(filter(None, [folder, os.environ.get("PYTHONPATH")]))
        began = time.perf_counter()
        with open(Path(folder, "err"), "w+") as err:
            process = subprocess.Popen(command(*words, project=project), stdout=subprocess.DEVNULL, stderr=err,
                                       env={**os.environ, **(environ or {}), "PYTHONPATH": path})
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
            read = read_so_far(process.pid)
            _, status, usage = os.wait4(process.pid, 0)
            wall = time.perf_counter() - began
            err.seek(0)
            text = err.read()
    if status:
        sys.exit(f"notemill {' '.join(map(str, words))} failed:\n{text}")
    modules = set(text.rpartition("MODULES ")[2].split())
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, read,
                " ".join(name for name in HEAVY if name in modules) or "none")


def read_so_far(pid: int) -> float:
    """MB that the process, ended but not yet waited for, read from files (Linux; else 0)."""
    try:
        text = Path(f"/proc/{pid}/io").read_text()
    except OSError:
        return 0.0
    return int(text.split()[1]) / 1e6


def help_and_version(folder: Path) -> Iterator[tuple[str, str, Cost]]:
    measure("--help")  # the byte code of a fresh checkout
    yield "--help", "< 0.2 s CPU", measure("--help")
    yield "run --help", "", measure("run", "--help")


def thousand_steps(folder: Path) -> Iterator[tuple[str, str, Cost]]:
    """A chain in tens, each with a notebook and a project module of its own."""
    cells = ["import json\nfrom helper import f", "x = 1\ny = 2",
             "with open(out, 'w') as file:\n    file.write(str(n))"]
    steps = {f"s{n}": {"notebook": f"s{n}.ipynb", "params": {"n": n}, "outputs": {"out": "out.txt"},
                       "inputs": {"data": f"s{n - 1}.out"} if n % 10 else {"data": "data.csv"}} for n in range(1000)}
    notebooks = {f"s{n}.ipynb": notebook(*cells, f"import m{n}\nz = {n}", parameters="n: int = 0\nout = data = ''")
                 for n in range(1000)}
    files = {f"package/m{n}.py": f"import helper\nX = {n}\n" for n in range(1000)}
    project = make_project(folder / "thousand", steps=steps, notebooks=notebooks,
                           files={"data.csv": "x", "package/helper.py": "def f():\n    pass\n", **files})
    yield "plan of 1,000 steps, nothing known", "< 2 s", measure("plan", "--json", project=project)
    yield "plan of 1,000 steps, notebooks known", "< 2 s", measure("plan", "--json", project=project)
    pretend_run(project)
    yield "plan of 1,000 steps, all reused", "< 2 s", measure("plan", "--json", project=project)
    yield "why, one of 1,000 steps", "", measure("why", "s999", project=project)


def two_gigabytes(folder: Path) -> Iterator[tuple[str, str, Cost]]:
    project = make_project(folder / "large", notebooks={"a.ipynb": notebook(parameters="data = ''")}, steps={
        "a": {"notebook": "a.ipynb", "inputs": {"data": "large.bin"}}})
    with open(project / "large.bin", "wb") as file:
        for _ in range(2000):
            file.write(os.urandom(1_000_000))  # in small blocks: a child's peak counts what its parent held
    yield "plan with a 2 GB input, first time", "bounded memory", measure("plan", project=project)
    yield "plan with a 2 GB input, again", "not read", measure("plan", project=project)
    os.utime(project / "large.bin")
    yield "plan with a 2 GB input, touched", "read once", measure("plan", project=project)
    shutil.rmtree(project)


def starter(folder: Path) -> Iterator[tuple[str, str, Cost]]:
    shutil.copytree(HOUSE / "notebooks", folder / "starter/notebooks")
    environ = {"MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db"}
    yield "starter: first run", "", measure("run", project=folder / "starter", environ=environ)
    yield "starter: run with nothing to do", "< 0.5 s CPU", measure("run", project=folder / "starter", environ=environ)
    yield "starter: the same again", "< 0.5 s CPU", measure("run", project=folder / "starter", environ=environ)
    yield "starter: plan", "", measure("plan", project=folder / "starter", environ=environ)


ROWS: dict[str, Callable[[Path], Iterator[tuple[str, str, Cost]]]] = {
    "--help": help_and_version, "1,000 steps": thousand_steps, "2 GB": two_gigabytes, "starter": starter}


def main(words: list[str]) -> None:
    """Print the rows whose name contains one of `words`; all where there is none."""
    print(f"{'':<38} {'floor':<16} {'wall s':>7} {'CPU s':>7} {'peak MB':>8} {'read MB':>8}  heavy modules")
    with tempfile.TemporaryDirectory() as folder:
        for name, rows in ROWS.items():
            if not words or any(word in name for word in words):
                for title, floor, cost in rows(Path(folder)):
                    print(f"{title:<38} {floor:<16} {cost.wall:7.2f} {cost.cpu:7.2f} {cost.peak_mb:8.0f} "
                          f"{cost.read_mb:8.1f}  {cost.heavy}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
