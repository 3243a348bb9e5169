"""How much better is the model on the rows that it learnt from?

The optimism of the training figure: Efron (1983), Estimating the error rate of a prediction rule, JASA 78, 316-331. The
two sets of rows are drawn from independently (unpaired bootstrap): Efron and Tibshirani (1993), An Introduction to the
Bootstrap, chapter 8.
"""

import numpy as np

from notemill.gate import metrics
from notemill.gate.evidence import Evidence, encode, finite
from notemill.gate.judged import Judged
from notemill.gate.metrics import Answers, Truth
from notemill.gate.parts import part, together
from notemill.gate.statistics import SEED, Interval, Rows, difference, need_numbers, sample
from notemill.gate.training import TRAIN, positions
from notemill.gate.verdict import Check

WARN = 0.1  # of a score; a forest has a training figure near 1 by nature, so that a gap alone is no fault
WARN_LOSS = 0.5  # of a loss: this share of the held-out rows' own


def check_gap(judged: Judged) -> Check:
    """The gate's metric on training rows, less that on the held-out ones; and no worse than a dummy on the former."""
    evidence = judged.evidence
    truth, answers, known = on_training(evidence)
    score = metrics.score(evidence.metric, truth, answers)
    rows = Rows(len(known), None if evidence.is_regression else truth.values)
    figure, drawn = score(np.ones(rows.count)), sample(score, rows, SEED + 1)
    need_numbers(np.append(drawn, figure))
    least = min(len(drawn), len(judged.drawn))
    gap = difference(drawn[:least], judged.drawn[:least], figure - judged.interval.figure)
    return together("training.gap", [wide(judged, gap, figure, rows.count), learnt(judged, truth, figure, rows.count)])


def on_training(evidence: Evidence) -> tuple[Truth, Answers, np.ndarray]:
    """(what is true, what the model says) of the training rows asked, less those of classes that it does not know."""
    said, values = evidence.answers_to(TRAIN), evidence.train[evidence.target].iloc[positions(evidence)]
    codes = finite(values) if evidence.is_regression else encode(values, evidence.classes)
    known = np.arange(len(codes)) if evidence.is_regression else np.flatnonzero(codes >= 0)
    return Truth(codes[known], evidence.classes), said.at(known), known


def wide(judged: Judged, gap: Interval, figure: float, n: int) -> dict:
    """Refused only by a limit that the project sets."""
    evidence = judged.evidence
    metric, own = evidence.metric, judged.interval.figure
    limit = evidence.config.get("training", {}).get("max_gap")
    told = WARN_LOSS * abs(own) if metric.is_loss else WARN
    outcome = "refused" if limit is not None and gap.low > limit else "warned" if gap.low > told else "passed"
    hint = (f"{metric.name} {metric.sign * figure:.4g} on {n:,} training rows, {metric.sign * own:.4g} on the held-out "
            "ones")
    if outcome != "passed":
        hint += ": it has learnt its training rows by heart (a simpler model, or more rows)"
    elif gap.high < -told:
        outcome, hint = "warned", f"{hint}: better where it has not learnt (are these rows easier, or were they seen?)"
    return part("gap", outcome, gap, n, told if limit is None else limit, hint)


def learnt(judged: Judged, truth: Truth, figure: float, n: int) -> dict:
    """Better than a dummy on the very rows that it learnt from."""
    evidence = judged.evidence
    name, best = None, -np.inf
    for dummy, said in evidence.dummies.items():
        said = evidence.in_model_codes(said)
        same = said.at(np.zeros(n, dtype="int64"))  # a dummy says the same of all rows
        score = metrics.score(evidence.metric, truth, same)(np.ones(n))
        name, best = (dummy, score) if score > best else (name, best)
    gap = figure - best
    hint = None if gap > 0 else (f"on its own training rows it is no better than a dummy that knows only {name}: it "
                                 "has learnt nothing")
    return part("better than a dummy on training rows", "passed" if gap > 0 else "refused",
                Interval(float(gap), None, None), n, 0.0, hint)
