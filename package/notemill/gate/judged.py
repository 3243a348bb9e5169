"""The gate's figure of the model, and of what it has to beat, on the same resamples of the rows."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from notemill.gate import metrics
from notemill.gate.evidence import Evidence, once
from notemill.gate.metrics import Answers, Metric
from notemill.gate.statistics import Interval, Unsure, difference, interval, sample

NO_ERROR = 3  # rule of three (Hanley and Lippman-Hand, 1983, JAMA 249): no error in n rows; up to 3 / n may be wrong
MARGIN = 0.01  # of a score that ends at 1; of a loss: this share of the rival's


class Judged:
    """The gate's figure of the model, and of what it has to beat, on the same resamples of the rows."""

    def __init__(self, evidence: Evidence):
        self.evidence = evidence

    def statistic(self, answers: Answers):
        return metrics.score(self.evidence.metric, self.evidence.truth, answers)

    def score(self, answers: Answers, metric: Metric | None = None) -> float:
        """Of all rows, by the gate's metric or another one. Raises Unsure, in words, where it is no number."""
        evidence, metric = self.evidence, metric or self.evidence.metric
        try:
            found = metrics.score(metric, evidence.truth, answers)(np.ones(evidence.rows.count))
        except ValueError as error:  # scikit-learn's scorers say so where a class lacks
            raise Unsure(without_number(metric, evidence.truth.lacking, str(error))) from error
        if not math.isfinite(found):
            raise Unsure(without_number(metric, evidence.truth.lacking))
        return found

    @once
    def interval(self) -> Interval:
        """Of the model's score; higher is better. Resamples of rows without any error show none either."""
        evidence = self.evidence
        self.score(evidence.answers)  # where it is none, its words are better than those of the resamples
        found = interval(self.statistic(evidence.answers), evidence.rows, drawn=self.drawn)
        if found.low == found.figure == 1 and not evidence.is_regression:
            return replace(found, low=1 - NO_ERROR / evidence.rows.count)
        return found

    @once
    def drawn(self) -> np.ndarray:
        return sample(self.statistic(self.evidence.answers), self.evidence.rows)

    def best(self, rivals: Mapping[str, Answers]) -> tuple[str, float, Answers]:
        """(name, score, answers) of the strongest rival on the held-out rows."""
        own = {name: self.evidence.in_model_codes(answers) for name, answers in rivals.items()}
        scores = {name: self.score(answers) for name, answers in own.items()}
        name = max(scores, key=scores.get)
        return name, scores[name], own[name]

    def against(self, rivals: Mapping[str, Answers]) -> tuple[str, float, Interval]:
        """(the strongest rival, its score, how much better the model is)."""
        name, score, answers = self.best(rivals)
        gap = self.interval.figure - score
        return name, score, difference(self.drawn, sample(self.statistic(answers), self.evidence.rows), gap)


def without_number(metric: Metric, lacking: Sequence[str], why: str = "") -> str:
    """Why a figure cannot be had of the held-out rows."""
    if lacking:
        classes = " or ".join(f"'{name}'" for name in lacking)
        why = f"none of them is of the class {classes}. Hold out rows of every class"
    return f"{metric.name} on the held-out rows is no number{f': {why}' if why else ''}"


def margin(evidence: Evidence, score: float) -> float:
    """How much worse is still as good: gate: margin, else 0.01, or of a loss 1 % of the rival's."""
    given = evidence.config.get("margin")
    return float(given) if given is not None else MARGIN * (abs(score) if evidence.metric.is_loss else 1.0)
