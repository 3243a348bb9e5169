"""Several processes for one job: they load the libraries and the model once, then divide, and share that memory."""

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from ..rows import BadRows, Problem
from .tables import ScoreError

FORKS = sys.platform == "linux"  # elsewhere libraries that are loaded do not bear it
START = "import sys; sys.path[:0] = {paths!r}; from {package}.pool import work; work({job!r}, {pipes!r})"
ONE = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "ARROW_IO_THREADS")}
LOST = "a process that scores has ended too soon: was there memory enough? fewer --workers need less"


class WorkerLost(RuntimeError):
    """A process has ended without a word: killed, or out of memory."""


def run_in_processes(job: Path, tasks: list[tuple[int, int]], count: int, told: Callable[[int, int], None],
                     keep: list[int]) -> float:
    """Give out the tasks of a job's file, in order: the processes' seconds of CPU. `told` gets (rows, bad) as they
    come, `keep` are open files that they hold, too, as a lock. Raises what a task raised: of several that of the first.
    """
    pool = Pool(job, count, keep)
    try:
        failed = pool.run(tasks, told)
    finally:
        pool.end()
    if failed:
        raise failed[min(failed)]
    return sum(pool.cpu.values())


class Pool:
    """Processes, each with a pipe for its tasks and one for its answers."""

    def __init__(self, job: Path, count: int, keep: list[int]):
        self.asks, self.answers, self.begun, self.cpu, pipes = [], [], {}, {}, []
        for _ in range(count):
            (task, ask), (answer, reply) = os.pipe(), os.pipe()
            self.asks.append(open(ask, "w", buffering=1))
            self.answers.append(answer)
            pipes.append((task, reply))
        together = [pipes] if FORKS else [[pair] for pair in pipes]
        self.processes = [self._start(job, some, keep) for some in together]
        for pair in pipes:
            for end in pair:
                os.close(end)

    def _start(self, job: Path, pipes: list, keep: list[int]) -> subprocess.Popen:
        paths = [path for path in sys.path if path]
        command = START.format(paths=paths, package=__package__, job=str(job), pipes=pipes)
        return subprocess.Popen([sys.executable, "-P", "-c", command], stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, pass_fds=[*keep, *(end for pair in pipes for end in pair)],
                                env={**ONE, **os.environ}, process_group=0)

    def run(self, tasks: list[tuple[int, int]], told: Callable[[int, int], None]) -> dict[int, Exception]:
        """{number of the task: what it raised}: after the first of these no new task is given out."""
        waiting, busy, failed = list(enumerate(tasks)), {}, {}
        with selectors.DefaultSelector() as selector:
            for number, answer in enumerate(self.answers):
                selector.register(answer, selectors.EVENT_READ, number)
                self._give(number, waiting, busy)
            while busy:
                for key, _ in selector.select():
                    for said in self._hear(key.fd):
                        if "rows" in said:
                            told(said["rows"], said["bad"])
                            continue
                        if "error" in said:
                            failed[busy[key.data]] = error_of(said["error"])
                            waiting.clear()
                        self.cpu[key.data] = said.get("cpu", 0.0)
                        del busy[key.data]
                        self._give(key.data, waiting, busy)
        return failed

    def _give(self, number: int, waiting: list, busy: dict) -> None:
        if waiting:
            busy[number], task = waiting.pop(0)
            try:
                self.asks[number].write(json.dumps(task) + "\n")
            except BrokenPipeError:
                raise WorkerLost(LOST) from None

    def _hear(self, answer: int) -> Iterator[dict]:
        data = os.read(answer, 1 << 16)
        if not data:
            raise WorkerLost(LOST)
        *lines, self.begun[answer] = (self.begun.get(answer, b"") + data).split(b"\n")
        return map(json.loads, lines)

    def end(self) -> None:
        """Nobody is left behind."""
        for pipe in self.asks:
            with contextlib.suppress(OSError):
                pipe.close()
        for answer in self.answers:
            os.close(answer)
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


# in the processes
def work(job: str, pipes: list[tuple[int, int]]) -> None:
    """Load, divide, and do what comes through the pipe until it is closed."""
    from .section import Scorer

    task, reply = pipes[0]
    try:
        scorer = Scorer(json.loads(Path(job).read_text(encoding="utf-8")))
    except Exception as error:
        scorer = error
    for other in pipes[1:]:
        if os.fork() == 0:
            task, reply = other
            break
    for pair in pipes:
        for end in pair:
            if end not in (task, reply):
                os.close(end)
    with open(task, encoding="utf-8") as tasks:
        for line in tasks:
            for said in answer(scorer, json.loads(line)):
                tell(reply, said)


def tell(reply: int, said: dict) -> None:
    """Write a line; where nobody hears it any more, all is over."""
    data = (json.dumps(said) + "\n").encode()
    try:
        while data:
            data = data[os.write(reply, data):]
    except BrokenPipeError:
        os._exit(1)


def answer(scorer, task: list[int]) -> Iterator[dict]:
    """What is said of a task: rows done, and at the end that it is done, or what it raised."""
    try:
        if isinstance(scorer, Exception):
            raise scorer
        for rows, bad in scorer.run(*task):
            yield {"rows": rows, "bad": bad}
        yield {"done": task, "cpu": time.process_time()}
    except Exception as error:
        yield {"error": told_of(error)}


def told_of(error: Exception) -> dict:
    """An error as JSON."""
    if isinstance(error, BadRows):
        return {"kind": "BadRows", "problems": [[one.row, one.column, one.rule, one.got, one.place]
                                                for one in error.problems]}
    if isinstance(error, OSError):
        place = error.filename and str(error.filename)
        return {"kind": "OSError", "words": [error.errno, error.strerror or str(error), place]}
    return {"kind": type(error).__name__, "words": str(error)}


def error_of(told: dict) -> Exception:
    """The error again."""
    from ..model import ModelError

    if told["kind"] == "BadRows":
        return BadRows([Problem(*one[:4], place=one[4]) for one in told["problems"]])
    if told["kind"] == "OSError":
        return OSError(*told["words"])
    known = {"ScoreError": ScoreError, "ModelError": ModelError}
    return known[told["kind"]](told["words"]) if told["kind"] in known else \
        RuntimeError(f"{told['kind']}: {told['words']}")
