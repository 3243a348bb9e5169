"""The gate's figure of the model, and of what it has to beat, on the same resamples of the rows."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from notemill.gate import metrics
from notemill.gate.evidence import Evidence, once
from notemill.gate.metrics import Answers
from notemill.gate.statistics import Interval, difference, interval, need_numbers, sample

NO_ERROR = 3  # rule of three (Hanley and Lippman-Hand, 1983, JAMA 249): no error in n rows; up to 3 / n may be wrong
MARGIN = 0.01  # of a score that ends at 1; of a loss: this share of the rival's


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


def margin(evidence: Evidence, score: float) -> float:
    """How much worse is still as good: gate: margin, else 0.01, or of a loss 1 % of the rival's."""
    given = evidence.config.get("margin")
    return float(given) if given is not None else MARGIN * (abs(score) if evidence.metric.is_loss else 1.0)
