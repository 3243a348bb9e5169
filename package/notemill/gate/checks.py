"""The checks on figures: metric, floor, dummy, baseline, rows. Each takes the evidence and gives a Check, or raises."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from notemill.gate import metrics
from notemill.gate.evidence import Evidence, once
from notemill.gate.metrics import Answers, Metric
from notemill.gate.statistics import Interval, difference, interval, need_numbers, sample
from notemill.gate.verdict import Check

LEAST_ROWS = 30
NO_ERROR = 3  # rule of three (Hanley and Lippman-Hand, 1983, JAMA 249): no error in n rows; up to 3 / n may be wrong
MARGIN = 0.01  # of a score that ends at 1; of a loss: this share of the baseline's
SHOWN = 3  # problems in a hint


class Judged:
    """The gate's figure of the model, and of what it has to beat, on the same resamples of the rows."""

    def __init__(self, evidence: Evidence):
        self.evidence = evidence

    def statistic(self, answers: Answers):
        return metrics.score(self.evidence.metric, self.evidence.truth, answers)

    @once
    def interval(self) -> Interval:
        """Of the model's score; higher is better. Resamples of rows without any error show none either."""
        evidence = self.evidence
        found = interval(self.statistic(evidence.answers), evidence.rows, drawn=self.drawn)
        if found.low == found.figure == 1 and not evidence.is_regression:
            return replace(found, low=1 - NO_ERROR / evidence.rows.count)
        return found

    @once
    def drawn(self) -> np.ndarray:
        return sample(self.statistic(self.evidence.answers), self.evidence.rows)

    def best(self, rivals: Mapping[str, Answers]) -> tuple[str, float, Answers]:
        """(name, score, answers) of the strongest rival on the held-out rows."""
        everything = np.ones(self.evidence.rows.count)
        own = {name: self.evidence.in_model_codes(answers) for name, answers in rivals.items()}
        scores = {name: self.statistic(answers)(everything) for name, answers in own.items()}
        need_numbers(np.array(list(scores.values())))
        name = max(scores, key=scores.get)
        return name, scores[name], own[name]

    def against(self, rivals: Mapping[str, Answers]) -> tuple[str, float, Interval]:
        """(the strongest rival, its score, how much better the model is)."""
        name, score, answers = self.best(rivals)
        gap = self.interval.figure - score
        return name, score, difference(self.drawn, sample(self.statistic(answers), self.evidence.rows), gap)


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


def check_floor(judged: Judged) -> Check:
    """Where a floor is set: not even the lower end of the interval is under it."""
    floor, metric = judged.evidence.config.get("floor"), judged.evidence.metric
    if floor is None:
        return Check("floor", "not assessed", hint="no floor is set (gate: floor)")
    found, n = judged.interval, judged.evidence.rows.count
    outcome, hint = "passed", None
    if not found.low >= floor:
        how = "is under the floor" if found.figure < floor else "is above the floor, but not surely"
        outcome, hint = "refused", (f"{metric.name} {found.figure:.4g} {how}: the lower end of its interval is "
                                    f"{found.low:.4g}, the floor {floor:g}")
    return Check("floor", outcome, found.figure, found.low, found.high, n, floor, hint)


def check_dummy(judged: Judged) -> Check:
    """Surely better than a dummy that knows the training rows' target alone."""
    name, score, gap = judged.against(judged.evidence.dummies)
    better = gap.low > 0
    hint = None if better else (f"not surely better than a dummy that knows only {name} of the training rows "
                                f"({judged.evidence.metric.name} {judged.evidence.metric.sign * score:.4g})")
    return Check("dummy", "passed" if better else "refused", gap.figure, gap.low, gap.high,
                 judged.evidence.rows.count, 0.0, hint)


def check_baseline(judged: Judged) -> Check:
    """Not worse, beyond the margin, than a linear model or a shallow tree on the raw columns."""
    name, score, gap = judged.against(judged.evidence.baselines)
    limit = -margin(judged.evidence, score)
    said = f"{name} on the raw columns has {judged.evidence.metric.name} {judged.evidence.metric.sign * score:.4g}"
    outcome, hint = "passed", said
    if not gap.figure >= limit:
        outcome, hint = "refused", f"worse than simple means: {said}. Take that, or another estimator"
    elif not gap.low >= limit:
        outcome, hint = "warned", f"may be worse than simple means: {said}"
    return Check("baseline", outcome, gap.figure, gap.low, gap.high, judged.evidence.rows.count, limit, hint)


def margin(evidence: Evidence, score: float) -> float:
    """How much worse is still as good: gate: margin, else 0.01, or of a loss 1 % of the baseline's."""
    given = evidence.config.get("margin")
    return float(given) if given is not None else MARGIN * (abs(score) if evidence.metric.is_loss else 1.0)


def check_rows(judged: Judged) -> Check:
    """Enough held-out rows, and none that the model package would not take."""
    evidence = judged.evidence
    least, total = evidence.config.get("least_rows", LEAST_ROWS), len(evidence.held_out)
    problems = evidence.conformed[1]
    hints = []
    if problems:
        more = f"; and {len(problems) - SHOWN:,} more" if len(problems) > SHOWN else ""
        hints.append("the model package would not take: " + "; ".join(map(str, problems[:SHOWN])) + more)
    n = len(evidence.good) if all(problem.row is not None for problem in problems) else 0
    if n < least:
        hints.append(f"{n:,} held-out rows are too few: {least:,} are wanted (gate: least_rows)")
    return Check("rows", "refused" if hints else "passed", float(n), n=total, limit=float(least),
                 hint=". ".join(hints) or None)
