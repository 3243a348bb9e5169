"""How much do the model's probabilities lose against the same ones set right?

Brier (1950), Verification of forecasts expressed in terms of probability, Monthly Weather Review 78, 1-3; what is lost
by miscalibration: Murphy (1973), A new vector partition of the probability score, J. Applied Meteorology 12, 595-600,
here by cross-fitted logistic recalibration (see gate/recalibrating.py), in shares of what the classes' shares alone
lose. The shift: "calibration in the large", Van Calster et al. (2019), Calibration: the Achilles heel of predictive
analytics, BMC Medicine 17, 230.
"""

import math
from collections.abc import Iterator

import numpy as np

from notemill.gate import recalibrating
from notemill.gate.evidence import Evidence
from notemill.gate.judged import Judged
from notemill.gate.parts import part, together
from notemill.gate.statistics import Interval, interval, mean_of
from notemill.gate.verdict import Check, not_asked

MOST_LOST = 0.1  # of the Brier score that the classes' shares alone have
MOST_LOG_LOST = 0.35  # of their log loss: far surer of its errors than it may be
WARN = 0.3  # from this share of a limit on it is warned
MOST_SHIFT = 0.5  # of the logit: all odds wrong by a factor of 1.65
LEAST_OF_MEANS = 0.2  # and not only by single rows that it is too sure of: of the logits of both means
MARGIN = 0.02  # how much worse than the champion is still as good
MEND = "set them right with scikit-learn's CalibratedClassifierCV"


def check_calibration_loss(judged: Judged) -> Check:
    """Brier score and log loss given away, and the shift of all probabilities; not worse than the champion's."""
    name, evidence = "calibration.loss", judged.evidence
    if why := recalibrating.why_not(evidence):
        return not_asked(name, why)
    return together(name, [*lost(evidence), *shifted(evidence), *against_champion(evidence)])


def lost(evidence: Evidence) -> Iterator[dict]:
    """What would be gained by setting the probabilities right, of both losses."""
    y, p = pairs(evidence, evidence.answers)
    better = recalibrating.recalibrated(y, p, evidence.rows)
    config = evidence.config.get("calibration", {})
    for name, loss, limit in (("Brier score", brier, config.get("max_loss", MOST_LOST)),
                              ("log loss", log_loss, config.get("max_log_loss", MOST_LOG_LOST))):
        found = mean((loss(y, p) - loss(y, better)) / of_shares(y, loss), evidence)
        outcome = "refused" if found.low > limit else "warned" if found.low > WARN * limit else "passed"
        hint = (f"{name}: the same probabilities set right would gain {found.figure:.1%} (at least {found.low:.1%}) of "
                f"what the classes' shares alone lose: {MEND}")
        yield part(f"{name} given away", outcome, found, evidence.rows.count, limit, hint if outcome != "passed" else
                   "nothing, or little, is to be gained by recalibration")


def shifted(evidence: Evidence) -> Iterator[dict]:
    """The class whose probabilities are off most surely as a whole; of two classes the one to detect."""
    y, p = pairs(evidence, evidence.answers)
    limit = evidence.config.get("calibration", {}).get("max_shift", MOST_SHIFT)
    looks = [(y[:, side], p[:, side], evidence.rows, y.shape[1]) for side in range(y.shape[1])]
    found, means = ([method(*look) for look in looks] for method in (recalibrating.shift, recalibrating.of_means))
    off = [surely(one) if surely(mean) > LEAST_OF_MEANS else -math.inf for one, mean in zip(found, means, strict=True)]
    at = int(np.argmax(off)) if max(off) > limit else int(np.argmax([surely(one) for one in found]))
    label = evidence.classes[1 if len(evidence.classes) == 2 else at]
    outcome = "refused" if off[at] > limit else "passed"
    hint = None
    if outcome == "refused":
        how = "low" if found[at].figure > 0 else "high"
        hint = (f"the probabilities of '{label}' are too {how} as a whole: {p[:, at].mean():.1%} on average, and "
                f"{y[:, at].mean():.1%} of the rows are so; the odds are wrong by a factor of "
                f"{math.exp(abs(found[at].figure)):.2f} (weighted classes, or changed by hand?): {MEND}")
    yield part(f"shift of the logits of '{label}'", outcome, found[at], evidence.rows.count, limit, hint)


def surely(found: Interval) -> float:
    """How far from 0 it is at least."""
    return max(found.low, -found.high)


def against_champion(evidence: Evidence) -> Iterator[dict]:
    """Brier score and log loss better than the champion's by so much of what the classes' shares lose."""
    if evidence.champion is None:
        return
    theirs = evidence.champion_answers
    if theirs.probabilities is None:
        yield part("against the champion", "passed", hint=f"{evidence.champion} gives no probabilities")
        return
    y, p = pairs(evidence, evidence.answers)
    limit = -evidence.config.get("calibration", {}).get("margin", MARGIN)
    for name, loss in (("Brier score", brier), ("log loss", log_loss)):
        gain = (loss(y, pairs(evidence, theirs)[1]) - loss(y, p)) / of_shares(y, loss)
        found = mean(gain, evidence)
        outcome = "refused" if found.high < limit else "warned" if found.figure < limit else "passed"
        hint = (f"{name}: {-found.figure:.1%} (of what the classes' shares alone lose) worse than "
                f"{evidence.champion} on the same rows{'' if outcome == 'refused' else ', but not surely'}")
        yield part(f"{name} against {evidence.champion}", outcome, found, evidence.rows.count, limit,
                   hint if outcome != "passed" else None)


def pairs(evidence: Evidence, answers) -> tuple[np.ndarray, np.ndarray]:
    """(whether each row is of a class, its probability), (n, 1) of two classes, (n, classes) of several."""
    y = recalibrating.hits(evidence.truth.values, len(evidence.classes))
    return y, recalibrating.sides(answers.probabilities)


def brier(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    return ((p - y) ** 2).sum(axis=1)


def log_loss(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    said = np.where(y == 1, p, 1 - p) if y.shape[1] == 1 else (y * p).sum(axis=1, keepdims=True)
    return -np.log(np.clip(said[:, 0], recalibrating.LEAST, 1))


def of_shares(y: np.ndarray, loss) -> float:
    """The mean loss of whoever knows the classes' shares alone."""
    return max(float(loss(y, np.broadcast_to(y.mean(axis=0), y.shape)).mean()), 1e-12)


def mean(of_row: np.ndarray, evidence: Evidence) -> Interval:
    return interval(mean_of(of_row), evidence.rows)
