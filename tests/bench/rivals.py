"""The ways to run notebooks that are compared. Each is looked at afterwards: who did not do the work is Broken."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from bench.rounds import Broken
from tiny import command

CALLS = Path(__file__).with_name("calls.py")
PATIENCE = 900  # seconds
STEERING = ("MLFLOW_", "NOTEMILL_", "DRONE_")
COLD, WARM = {"NOTEMILL_WARM": "0"}, {"NOTEMILL_WARM": "1"}
TAIL = 500  # characters of what a failed process wrote
CALLED, END, REPORTS = "in the calls", "to the end", "to all reports"


def environ(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """This environment without what steers notemill or MLflow, and with `more`."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(STEERING) and name != "CI"}
    return {**plain, "NO_COLOR": "1", **(more or {})}


def process(words: Sequence[object], more: Mapping[str, str] | None = None) -> tuple[float, str]:
    """Run a process: its seconds, and what it printed. Raises Broken where it fails, or never lets go of its output."""
    began = time.perf_counter()
    try:
        done = subprocess.run(list(map(str, words)), capture_output=True, text=True, timeout=PATIENCE,
                              env=environ(more))
    except subprocess.TimeoutExpired:
        raise Broken(f"not done after {PATIENCE} s") from None
    if done.returncode:
        raise Broken(f"ended with {done.returncode}: {(done.stderr.strip() or done.stdout.strip())[-TAIL:]}")
    return time.perf_counter() - began, done.stdout


@dataclass(frozen=True)
class Ran:
    """A `notemill run`: when it began (Unix time), its seconds, and what it said of itself."""

    began: float
    seconds: float
    told: Mapping

    def until(self, files: Sequence[Path]) -> float:
        """Seconds from the command to the last of these files, all of which it has written."""
        late = [path.stat().st_mtime - self.began if path.is_file() else -1.0 for path in files]
        if min(late) < 0:
            raise Broken(f"{files[late.index(min(late))].name} was not written by this run")
        return max(late)


def notemill_run(project: Path, *words: object, more: Mapping[str, str]) -> Ran:
    """`notemill run --json WORDS`, as a user would call it. Raises Broken where a step was warned of anything."""
    began = time.time()
    seconds, out = process(command("run", "--json", *words, project=project), more)
    told = json.loads(out)
    if told["status"] != "done":
        raise Broken(f"the run ended as {told['status']}")
    for step in told["steps"]:
        for text in step["warnings"]:  # that it fell back to an ordinary kernel, for one
            raise Broken(f"{step['step']}: {text}")
    return Ran(began, seconds, told)


def run_all(project: Path, expected: Mapping[str, str], *words: object, more: Mapping[str, str]) -> dict[str, float]:
    """A run of every step, 2 at a time: seconds to the last step's report, and to the process's end."""
    ran = notemill_run(project, "--jobs", 2, *words, more=more)
    if {step["step"]: step["action"] for step in ran.told["steps"]} != dict.fromkeys(expected, "run"):
        raise Broken("not every step ran")
    reports = {name: project / "reports" / f"{name}.html" for name in expected}
    seconds = ran.until(list(reports.values()))
    check({name: path.read_text(encoding="utf-8") for name, path in reports.items()}, expected)
    return {REPORTS: seconds, END: ran.seconds}


def run_scripts(scripts: Mapping[str, Path], expected: Mapping[str, str] | None = None) -> dict[str, float]:
    """Plain Python, 2 at a time."""
    began = time.perf_counter()
    printed = printed_by(scripts)
    seconds = time.perf_counter() - began
    check(printed, expected or {})
    return {END: seconds}


def printed_by(scripts: Mapping[str, Path]) -> dict[str, str]:
    """What each script prints; 2 at a time."""
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(scripts, pool.map(lambda path: process([sys.executable, path])[1].strip(), scripts.values()),
                        strict=True))


def execute_notebooks(notebooks: Mapping[str, Path], folder: Path, expected: Mapping[str, str], *, processes: int = 1,
                      parameters: Mapping[str, Mapping] | None = None, engine: str | None = None,
                      least: int = 0, more: Mapping[str, str] | None = None) -> dict[str, float]:
    """`papermill.execute_notebook` for each: seconds of the calls alone, and of the whole process.

    `least`: bytes that an executed notebook has, whole.
    """
    folder.mkdir(parents=True, exist_ok=True)
    executed = {name: folder / f"{name}.ipynb" for name in notebooks}
    for path in executed.values():
        path.unlink(missing_ok=True)
    job = {"pairs": [[str(notebooks[name]), str(executed[name])] for name in notebooks], "processes": processes,
           "engine": engine, "parameters": [(parameters or {}).get(name, {}) for name in notebooks]}
    (folder / "job.json").write_text(json.dumps(job))
    seconds, out = process([sys.executable, CALLS, folder / "job.json"], more)
    check({name: shown_in(path) for name, path in executed.items()}, expected)
    if min(path.stat().st_size for path in executed.values()) < least:
        raise Broken("outputs are missing")
    return {CALLED: json.loads(out.splitlines()[-1])["seconds"], END: seconds}


def shown_in(path: Path) -> str:
    """All text that the cells of an executed notebook show, with HTML; every code cell must have run."""
    cells = [cell for cell in json.loads(path.read_bytes())["cells"] if cell["cell_type"] == "code"]
    if not all(cell["execution_count"] for cell in cells):
        raise Broken(f"{path.name}: not every cell ran")
    outputs = [output for cell in cells for output in cell["outputs"]]
    return "".join("".join(output.get("text") or output.get("data", {}).get("text/html", "")) for output in outputs)


def check(shown: Mapping[str, str], expected: Mapping[str, str]) -> None:
    """Each notebook shows what it should. Raises Broken."""
    wrong = [name for name, text in expected.items() if text not in shown.get(name, "")]
    if wrong:
        raise Broken(f"{wrong[0]} does not show {expected[wrong[0]][:80]!r}, and {len(wrong) - 1} others are wrong")
