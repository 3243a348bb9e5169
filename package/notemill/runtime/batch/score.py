"""Files of any size: the rows of CSV and Parquet files, with their predictions.

What was asked becomes a job of plain values: files, each cut into sections. Sections are scored, by several processes
where that is worth it, into parts that outlive a kill; the parts become the output, which appears whole.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from .asked import Asked, open_files
from .failures import telling
from .job import check_unchanged, is_cut, job_of, parts_of, tasks_of
from ..model import Model, ModelError
from .pool import WorkerLost, run_in_processes
from .progress import Progress, on_terminal
from .record import record_of
from .results import NOTHING, write_outputs, write_record
from ..rows import BadRows
from .section import Scorer
from .tables import ScoreError
from .work import WorkFolder

PACE = 1  # seconds between two words on progress; longer where they stay, as in a log
WORTH = 8 << 20  # bytes of input below which one process is faster
__all__ = ["Asked", "BadRows", "Model", "ModelError", "ScoreError", "WorkerLost", "on_terminal", "record_place", "run",
           "score"]


def score(model: Model, source: Path, target: Path, *, aside: bool = False, only: bool = False, decimal: str = ".",
          told: Callable[[str], None] = lambda words: None) -> tuple[int, int]:
    """(rows scored, rows set aside) of one file, in this process. `only`: leave its columns out of the result."""
    record = run(model, Asked((Path(source),), str(target), aside, () if only else None, decimal, 1, told=told))
    return record["rows"], record["set_aside"]


def run(model: Model, asked: Asked) -> dict:
    """Score what was asked: the run's record, which stands beside the output as well, as OUTPUT.run.json.

    Raises BadRows where rows are bad and not set aside, ScoreError for files that are no table, ModelError. Then no
    output has changed. An OSError says what came of it. After a kill the same call takes up what was finished.
    """
    with telling(asked.target, NOTHING):
        return run_all(model, asked)


def run_all(model: Model, asked: Asked) -> dict:
    """The steps of `run`."""
    began, files = time.time(), open_files(model, asked)
    place = work_place(asked.target)
    with WorkFolder(place) as work:
        job = job_of(model, asked, files, place)
        try:
            resumed, cpu = do(model, job, asked, work)
        except ScoreError:
            if not is_cut(job, files):
                raise
            job = job_of(model, asked, files, place, cut=False)  # a line's end in a cell may have been a section's
            resumed, cpu = do(model, job, asked, work)
        check_unchanged(job)
        outputs = write_outputs(job, files, place)
        record = record_of(model, job, outputs, began, resumed=resumed, cpu=cpu)
        written = asked.record or record_place(asked.target)
        with telling(written, f"{asked.target} is written, and this record of it is not"):
            write_record(written, record)
    return record


def record_place(target: str) -> Path:
    """OUTPUT.run.json."""
    path = Path(target)
    return path.with_name(f"{path.name}.run.json")


def work_place(target: str) -> Path:
    """The hidden folder beside the output."""
    path = Path(target)
    return path.with_name(f".{path.name}.score")


def do(model: Model, job: dict, asked: Asked, work: WorkFolder) -> tuple[int, float]:
    """Score all sections: (rows that an earlier call had done, seconds of CPU in other processes)."""
    tasks = tasks_of(job)
    work.only({Path(one["work"]).name for one in job["files"]})
    done = sum(part["rows"] + part["bad"] for file, section in tasks for part in parts_of(job["files"][file], section))
    progress = Progress(asked.told, done, PACE if sys.stderr.isatty() else 10 * PACE)
    count = workers_for(asked, job, len(tasks))
    if count > 1:
        path = work.place / "job.json"
        path.write_text(json.dumps(job), encoding="utf-8")
        return done, run_in_processes(path, tasks, count, progress, [work.lock.fileno()])
    scorer = Scorer(job, model)
    for file, section in tasks:
        for rows, bad in scorer.run(file, section):
            progress(rows, bad)
    return done, 0.0


def workers_for(asked: Asked, job: Mapping, tasks: int) -> int:
    if asked.workers is None and sum(one["bytes"] for one in job["files"]) < WORTH:
        return 1
    return max(1, min(asked.workers or processors(), tasks))


def processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
