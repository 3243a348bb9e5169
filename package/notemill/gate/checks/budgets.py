"""Is the model fast and small enough for where it will run?

Latency is the 95th percentile of single calls, throughput the median of batches; both with an interval between two of
the values measured (order statistics): Hahn and Meeker (1991), Statistical Intervals, Wiley, section 5.2. Refused is
what is surely over its budget; what may be only warns: the machine that judges is seldom the one that serves.
"""

from collections.abc import Callable

import numpy as np

from notemill.gate.judged import Judged
from notemill.gate.measuring import Measured, order_interval, size_mb
from notemill.gate.verdict import Check, not_asked

TAIL = 0.95
KEYS = {"latency": "latency_p95_ms", "throughput": "rows_per_second", "size": "size_mb", "memory": "memory_mb"}


def budgeted(name: str, check: Callable[[Judged, float], Check]) -> Callable[[Judged], Check]:
    """The check, where its budget is set."""
    def carry_out(judged: Judged) -> Check:
        limit = judged.evidence.config.get("budgets", {}).get(KEYS[name])
        if limit is None:
            return not_asked(f"budgets.{name}", f"no budget is set (gate: budgets: {KEYS[name]})")
        return check(judged, float(limit))

    return carry_out


def check_latency(judged: Judged, limit: float) -> Check:
    """Milliseconds that one row takes, in all but the slowest 5 % of calls."""
    found = judged.evidence.measured
    calls = 1_000 * found.single
    figure, (low, high) = float(np.quantile(calls, TAIL)), order_interval(calls, TAIL)
    said = (f"one row took {np.median(calls):.3g} ms (median) and {figure:.3g} ms (95th percentile) in {len(calls):,} "
            f"calls{beside(found)}")
    return of_interval("budgets.latency", figure, low, high, len(calls), limit, said, over=low > limit,
                       maybe=figure > limit)


def check_throughput(judged: Judged, limit: float) -> Check:
    """Rows per second, in batches."""
    found = judged.evidence.measured
    figure, (low, high) = float(np.median(found.batches)), order_interval(found.batches, 0.5)
    said = f"{figure:,.0f} rows a second in {len(found.batches)} batches of {found.batch:,} rows{beside(found)}"
    return of_interval("budgets.throughput", figure, low, high, len(found.batches), limit, said, over=high < limit,
                       maybe=figure < limit)


def beside(found: Measured) -> str:
    return f", with one thread; the first answer took {found.first:.3g} s"


def of_interval(name: str, figure: float, low: float, high: float, n: int, limit: float, said: str, *, over: bool,
                maybe: bool) -> Check:
    if over:
        return Check(name, "refused", figure, low, high, n, limit,
                     f"surely over budget: {said}. Take a smaller model, or do less with each row")
    if maybe:
        return Check(name, "warned", figure, low, high, n, limit,
                     f"over budget, but not surely: {said}. Judge again where nothing else runs")
    return Check(name, "passed", figure, low, high, n, limit, said)


def check_size(judged: Judged, limit: float) -> Check:
    """Megabytes (10^6 bytes) of the package's files, or of the model's."""
    figure, what = size_mb(judged.evidence.job), "package" if judged.evidence.job.get("package") else "model's file"
    said = f"the {what} has {figure:.3g} MB"
    if figure <= limit:
        return Check("budgets.size", "passed", figure, limit=limit, hint=said)
    return Check("budgets.size", "refused", figure, limit=limit,
                 hint=f"{said}: take fewer or smaller trees, fewer categories, or a larger budget")


def check_memory(judged: Judged, limit: float) -> Check:
    """Megabytes (10^6 bytes) at the most, resident: Python, libraries, model, and the largest batch."""
    found = judged.evidence.measured
    said = (f"it took {found.memory_mb:,.0f} MB at the most, with Python and its libraries, to answer single rows and "
            f"{found.batch:,} at once")
    over = found.memory_mb > limit
    return Check("budgets.memory", "refused" if over else "passed", found.memory_mb, limit=limit,
                 hint=f"{said}: take a smaller model, or a larger budget" if over else said)


BUDGETS = {f"budgets.{name}": budgeted(name, check) for name, check in
           {"size": check_size, "latency": check_latency, "throughput": check_throughput,
            "memory": check_memory}.items()}
