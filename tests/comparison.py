"""Notebooks executed under two engines, and what differs between the two. `from comparison import ...`.

As a script it executes: Papermill and what it starts print warnings, which pytest would make errors of.
"""

import json
import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from importlib import import_module
from itertools import zip_longest
from pathlib import Path

import matplotlib

from notemill.execute.warm.process import WarmProcess

ENGINES = {"papermill": None, "notemill": "notemill"}  # folder: Papermill's name of the engine; None is its own
NOT_FOR_KERNELS = ("PYTEST_CURRENT_TEST",)  # ipykernel takes no text of subprocesses where it sees this
TIMES = {"start_time", "end_time", "duration", "iopub.execute_input", "iopub.status.busy", "iopub.status.idle",
         "shell.execute_reply", "shell.execute_reply.started"}
WIDGETS = "application/vnd.jupyter.widget-state+json"
PATIENCE = 60  # seconds that a cell may take
EXCERPT = 160  # characters of a difference that are shown
TRIES = 3
BY_BAD_LUCK = "Kernel died before replying to kernel_info"  # two kernels chose the same port for ZMQ

ID = re.compile(r"(?<![0-9a-f])(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32}"
                r"|[0-9a-f]{8}-[0-9a-f]{24}(?:_\d+_\d+)?)(?![0-9a-f])")
NEW_CELL = re.compile(r"[0-9a-f]{8}")  # the id of a cell that Papermill adds
TIMED = re.compile(r"CPU times|Wall time|per loop|it/s|s/it|\d\d:\d\d<")
UNEVEN = "The slowest run took "  # %timeit, where the machine was busy
DURATION = re.compile(r"[\d.]+(?:e[+-]\d+)? ?(?:ns|[uµμ]s|ms|s|min)\b|\d\d:\d\d"
                      r"|[\d.?]+ ?(?=it/s|s/it)|[ \t]+(?=[\r\n]|$)")
PLACES = ((re.compile(r"ipykernel_\d+"), "ipykernel_PID"),
          (re.compile(r"\b0x[0-9a-fA-F]{6,}\b|(?<=\bat )[0-9a-f]{8,16}\b"), "ADDRESS"))


class Executions:
    """Notebooks of the folder `source`, executed in `target`/ENGINE/NAME by a few processes in the background.

    Several of these, in several processes, may share a `target`: each notebook is executed once.
    """

    def __init__(self, source: Path, names: list[str], target: Path, parameters: dict, limits: dict, *,
                 at_once=2, engines=tuple(ENGINES)):
        self.target = target
        target.mkdir(parents=True, exist_ok=True)
        self.order = target / f"order-{os.getpid()}.json"
        todo = {"source": str(source), "names": names, "engines": engines, "parameters": parameters, "limits": limits}
        self.order.write_text(json.dumps(todo), encoding="utf-8")
        self.runtime = Path(tempfile.mkdtemp(prefix="outputs-"))  # short: sockets are to lie there
        env = surroundings(target, self.runtime)
        self.log = self.order.with_suffix(".log")
        with open(self.log, "wb") as log:
            self.runners = [subprocess.Popen([sys.executable, "-P", __file__, str(self.order)], env=env, cwd=target,
                                             stdin=subprocess.DEVNULL, stdout=log, stderr=log) for _ in range(at_once)]

    def differences(self, name: str) -> list[str]:
        """What differs between the notebook's executions, as soon as they are there."""
        return differences(*(self.result(name, engine) for engine in ENGINES))

    def result(self, name: str, engine: str) -> dict:
        """The notebook as that engine executed it, normalised."""
        folder, until = self.target / engine / name, time.monotonic() + 10 * PATIENCE
        while not (folder / "ended.json").exists():
            failed = any(runner.poll() for runner in self.runners)
            assert not failed and time.monotonic() < until, self.log.read_text(encoding="utf-8", errors="replace")
            time.sleep(0.05)
        return read_result(folder)

    def end(self) -> None:
        """Others may wait for a notebook that is being executed: it is executed to its end."""
        self.order.unlink()
        for runner in self.runners:
            runner.wait(10 * PATIENCE)
        for folder in self.runtime.glob("notemill/*/"):
            WarmProcess(folder).ask("stop")
        shutil.rmtree(self.runtime)


def surroundings(target: Path, runtime: Path) -> dict[str, str]:
    """The environment: nothing is kept or found outside these folders, and warm processes are kept."""
    places = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    env = {name: value for name, value in os.environ.items()
           if name not in NOT_FOR_KERNELS and not name.startswith("COVERAGE_PROCESS")}  # notebooks show what is there
    return {**env, "IPYTHONDIR": str(target / "ipython"), "XDG_CACHE_HOME": str(own_cache(target)),
            "XDG_RUNTIME_DIR": str(runtime), "NOTEMILL_WARM": "1",
            "PYTHONPATH": os.pathsep.join(os.path.abspath(place) for place in places if place)}


def own_cache(target: Path) -> Path:
    """A user's cache that holds nothing but matplotlib's list of fonts, which takes long to make."""
    cache = target / "cache"
    cache.mkdir(exist_ok=True)
    with suppress(FileExistsError):
        (cache / "matplotlib").symlink_to(matplotlib.get_cachedir())
    return cache


def main(order: Path) -> None:
    """Execute what no other process has taken yet, as long as the order stands."""
    todo = json.loads(order.read_text(encoding="utf-8"))
    for name in todo["names"]:
        for engine in todo["engines"]:
            folder = order.parent / engine / name
            if not order.exists():
                return
            with suppress(FileExistsError):
                folder.mkdir(parents=True)
                execute_one(Path(todo["source"]), name, folder, engine, todo["parameters"].get(name),
                            todo["limits"].get(name, PATIENCE))


def execute_one(source: Path, name: str, folder: Path, engine: str, parameters: dict | None = None,
                seconds: int = PATIENCE) -> None:
    """Execute a copy of the notebook in its own folder, with copies of what is in `source`/beside and `source`/NAME."""
    from papermill.engines import papermill_engines

    if engine not in ("papermill", *papermill_engines._engines):  # a checkout that is not installed
        papermill_engines.register(engine, import_module("notemill.execute.engine").NotemillEngine)
    for beside in filter(Path.is_dir, (source / "beside", source / name)):
        shutil.copytree(beside, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(source / f"{name}.ipynb", folder / "notebook.ipynb")
    for _ in range(TRIES):
        ended = ending(str(folder / "notebook.ipynb"), str(folder / "executed.ipynb"), parameters=parameters,
                       cwd=str(folder), engine_name=ENGINES[engine], progress_bar=False, execution_timeout=seconds)
        if ENGINES[engine] or ended.get("message") != BY_BAD_LUCK:  # our engine is to have none
            break
    (folder / "ending.json").write_text(json.dumps(ended), encoding="utf-8")
    (folder / "ending.json").rename(folder / "ended.json")  # whole, once it is there


def ending(*files: str, **options) -> dict:
    """How Papermill came to the notebook's end, and what notemill told meanwhile."""
    import papermill

    with told_by_notemill() as told:
        try:
            papermill.execute_notebook(*files, **options)
        except Exception as error:  # whatever ends a notebook is compared too
            return {"error": type(error).__name__, "message": str(error), "told": told}
    return {"error": None, "told": told}


@contextmanager
def told_by_notemill():
    """The warnings of notemill's logger, as they come."""
    told: list[str] = []
    handler, logger = logging.Handler(), logging.getLogger("notemill")
    handler.emit = lambda record: told.append(record.getMessage())
    logger.addHandler(handler)
    try:
        yield told
    finally:
        logger.removeHandler(handler)


def read_result(folder: Path) -> dict:
    """The executed notebook and how its execution ended, normalised."""
    notebook = json.loads((folder / "executed.ipynb").read_text(encoding="utf-8"))
    ended = json.loads((folder / "ended.json").read_text(encoding="utf-8"))
    return normalise({**notebook, "ended": ended}, folder)


def normalise(result: dict, folder: Path) -> dict:
    """Without what no two executions have in common.

    Times, durations, ids, addresses, process ids and the folder's name get placeholders; neighbouring pieces of one
    stream are one (an ordinary kernel cuts them by the clock).
    """
    seen: dict[str, str] = {}
    widgets = result["metadata"].pop("widgets", None)
    for cell in result["cells"]:
        if "outputs" in cell:
            cell["outputs"] = join_streams(cell["outputs"])
    result = replaced(result, folder, lambda found: seen.setdefault(found.group(), f"ID-{len(seen) + 1}"))
    if widgets:
        models = replaced(widgets.get(WIDGETS, {}).pop("state", []), folder, lambda found: "ID")
        result["widgets"] = {**widgets, "models": sorted(models, key=lambda model: json.dumps(model, sort_keys=True))}
    return result


def join_streams(outputs: list[dict]) -> list[dict]:
    joined: list[dict] = []
    for output in outputs:
        if output["output_type"] == "stream":
            output = {**output, "text": "".join(output["text"])}
            if joined and joined[-1]["output_type"] == "stream" and joined[-1]["name"] == output["name"]:
                joined[-1]["text"] += output["text"]
                continue
        joined.append(output)
    return joined


def replaced(value, folder: Path, new_id, key=None):
    """The JSON value with its strings replaced; a dictionary whose keys are ids becomes the list of its values."""
    if key in TIMES:
        return "TIME"
    if key == "id" and NEW_CELL.fullmatch(value):
        return "NEW"
    if isinstance(value, dict):
        pairs = {name: replaced(item, folder, new_id, name) for name, item in value.items()}
        return list(pairs.values()) if pairs and all(map(ID.fullmatch, pairs)) else pairs
    if isinstance(value, list):
        whole = all(isinstance(item, str) for item in value) and any(item.endswith("\n") for item in value)
        return replaced("".join(value), folder, new_id) if whole else [
            replaced(item, folder, new_id) for item in value]
    return replaced_text(value, folder, new_id) if isinstance(value, str) else value


def replaced_text(text: str, folder: Path, new_id) -> str:
    text = ID.sub(new_id, text.replace(str(folder), "FOLDER"))
    for pattern, word in PLACES:
        text = pattern.sub(word, text)
    lines = [line for line in text.splitlines(keepends=True) if not line.startswith(UNEVEN)]
    return "".join(DURATION.sub("TIME", line) if TIMED.search(line) else line for line in lines)


def differences(theirs, ours, place="") -> list[str]:
    """Each place at which the two JSON values differ, with both contents there."""
    if type(theirs) is not type(ours) or not isinstance(theirs, dict | list):
        return [] if theirs == ours else [f"{place}: {shown(theirs, ours)} != {shown(ours, theirs)}"]
    if isinstance(theirs, dict):
        pairs = ((f"{place}.{key}".lstrip("."), theirs.get(key), ours.get(key)) for key in {**theirs, **ours})
    else:
        pairs = ((f"{place}[{n}]", *pair) for n, pair in enumerate(zip_longest(theirs, ours)))
    return [line for where, one, other in pairs for line in differences(one, other, where)]


def shown(one, other) -> str:
    """The value, from shortly before the place where the other one differs."""
    if isinstance(one, str) and isinstance(other, str):
        start = max(0, len(os.path.commonprefix([one, other])) - 40)
        one = ("..." if start else "") + one[start:]
    text = repr(one)
    return text if len(text) <= EXCERPT else f"{text[:EXCERPT]}..."


if __name__ == "__main__":
    main(Path(sys.argv[1]))
