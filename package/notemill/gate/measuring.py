"""How fast the model answers and how much memory it takes, in a process of its own: the clock is the gate's."""

import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from notemill.gate.asking import Asked, ModelFailed
from notemill.gate.metrics import Answers
from notemill.gate.robust import differing, spread
from notemill.gate.serving import Served, as_answers
from notemill.gate.variants import golden_rows
from notemill.runtime.golden import plain_rows

if TYPE_CHECKING:
    from notemill.gate.evidence import Evidence

SECONDS = 5.0  # for single rows, and again for batches
SINGLE = (200, 1_000)  # calls, where there is time for them
BATCHES = (7, 20)
BATCH = (1_000, 10_000)  # rows of a batch
WARM = 20  # calls before the first that counts


@dataclass(frozen=True)
class Measured:
    """`single`: seconds of each call with one row; `batches`: rows per second of each batch of `batch` rows; `first`:
    seconds until the first answer, with all that is loaded for it."""

    single: np.ndarray
    batches: np.ndarray
    batch: int
    memory_mb: float
    first: float


def measure(evidence: "Evidence") -> Measured:
    """After the gate's other processes have ended their work. Raises ModelFailed, also where answers are others."""
    wait_for_quiet(evidence)
    rows, folder = golden_rows(len(evidence.rows_asked)), Path(evidence.job["folder"]) / "budgets"
    table = evidence.rows_asked
    many = np.resize(np.arange(len(table)), int(np.clip(len(table), *BATCH)))
    wants = set(evidence.config.get("budgets", {}))
    with Served(evidence.job, folder) as served:
        lay(folder, evidence, table.iloc[rows].reset_index(drop=True), table.iloc[many].reset_index(drop=True))
        first, said = timed(lambda: served.answers("rows", folder / "rows.json"))
        need_same(evidence, as_answers(evidence, said, len(rows)), rows)
        single, batches = np.empty(0), np.empty(0)
        if wants & {"latency_p95_ms", "memory_mb"}:
            single = measure_single(evidence, served, rows, said.get("classes"))
        if wants & {"rows_per_second", "memory_mb"}:
            batches = len(many) / measure_batches(evidence, served, folder, many, said.get("classes"))
        return Measured(single, batches, len(many), served.peak_mb(), first)


def wait_for_quiet(evidence: "Evidence") -> None:
    """All that the models were asked is answered: nothing of the gate's competes for the processor."""
    for work in ("asked", *(["champion_asked"] if evidence.champion else [])):
        asked: Asked = getattr(evidence, work)
        for name in asked.rows:
            with suppress(ModelFailed):  # whoever asked has said so
                asked.wait(name)


def lay(folder: Path, evidence: "Evidence", few, many) -> None:
    """Write down what is asked."""
    plain = plain_rows(few, evidence.schema, most=len(few))
    (folder / "rows.json").write_text(json.dumps(plain), encoding="utf-8")
    many.to_parquet(folder / "many.parquet", index=False)


def timed(work: Callable):
    start = time.perf_counter()
    done = work()
    return time.perf_counter() - start, done


def measure_single(evidence: "Evidence", served: Served, rows: np.ndarray, classes: list) -> np.ndarray:
    """Seconds of each call with one row (a dictionary), after some that do not count."""
    said: dict[int, object] = {}

    def one(number: int) -> float:
        row = number % len(rows)
        took, reply = timed(lambda: served.ask(ask="alone", row=row))
        said[row] = reply.get("prediction")
        return took

    repeat(one, (1, WARM), SECONDS / 2)
    found = repeat(one, SINGLE, SECONDS)
    seen = sorted(said)
    answers = as_answers(evidence, {"predictions": [said[row] for row in seen], "classes": classes}, len(seen))
    need_same(evidence, answers, rows[seen])
    return found


def measure_batches(evidence: "Evidence", served: Served, folder: Path, many: np.ndarray, classes: list) -> np.ndarray:
    """Seconds of each batch (a DataFrame); reading it in and telling the predictions do not count."""
    served.answers("table", folder / "many.parquet")
    found = repeat(lambda number: timed(lambda: served.ask(ask="batch"))[0], BATCHES, SECONDS)
    answers = as_answers(evidence, {**served.ask(ask="last"), "classes": classes}, len(many))
    need_same(evidence, answers, many)
    return found


def repeat(work: Callable[[int], float], times: tuple[int, int], seconds: float) -> np.ndarray:
    """What each call took: the fewest calls, more of them in the first fifth of the time; none is begun after it."""
    least, most = times
    start, found = time.perf_counter(), []
    while len(found) < most and (gone := time.perf_counter() - start) < seconds:
        if len(found) >= least and gone > seconds / 5:
            break
        found.append(work(len(found)))
    return np.array(found)


def need_same(evidence: "Evidence", answers: Answers, rows: np.ndarray) -> None:
    """Raise ModelFailed where what is measured is not what was judged."""
    judged = evidence.answers.at(rows)
    unit = spread(evidence.answers.labels) if evidence.is_regression else 1.0
    wrong = int(differing(judged, answers, evidence.is_regression, unit).sum())
    if wrong:
        raise ModelFailed(f"while it was measured, {wrong:,} of {len(rows):,} answers were others than those judged")


def order_interval(found: np.ndarray, share: float) -> tuple[float, float]:
    """The 95 % interval of a quantile between two of the values, whatever their distribution; the outermost values
    where there are too few. Hahn and Meeker (1991), Statistical Intervals, 5.2."""
    from scipy.stats import binom

    ordered, n = np.sort(found), len(found)
    low, high = int(binom.ppf(0.025, n, share)), int(binom.ppf(0.975, n, share)) + 1
    return float(ordered[max(low, 1) - 1]), float(ordered[min(high, n) - 1])


def size_mb(job: Mapping) -> float:
    """Of the package's files, or of the model's alone."""
    package = job.get("package")
    if not package:
        return (Path(job["bundle"]) / "model.skops").stat().st_size / 1e6
    files = [path for path in (Path(package["folder"]) / package["name"]).rglob("*") if path.is_file()]
    return sum(path.stat().st_size for path in files if "__pycache__" not in path.parts) / 1e6
