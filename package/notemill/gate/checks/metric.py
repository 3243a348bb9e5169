"""The gate's own figure, with its interval."""

from notemill.gate.evidence import Evidence
from notemill.gate.judged import Judged
from notemill.gate.metrics import Metric
from notemill.gate.statistics import Interval
from notemill.gate.verdict import Check


def check_metric(judged: Judged) -> Check:
    """The gate's figure can be computed, with its interval."""
    figure, low, high = shown(judged.evidence.metric, judged.interval)
    return Check("metric", "passed", figure, low, high, judged.evidence.rows.count, hint=grouped(judged.evidence))


def shown(metric: Metric, found: Interval) -> tuple[float, float, float]:
    """Figure and interval with the sign of the figure's name."""
    low, high = sorted([metric.sign * found.low, metric.sign * found.high])
    return metric.sign * found.figure, low, high


def grouped(evidence: Evidence) -> str | None:
    if evidence.rows.groups is None:
        return None
    return f"rows of one group are drawn together: {int(evidence.rows.groups.max()) + 1:,} groups"
