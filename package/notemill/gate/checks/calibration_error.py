"""How far are the probabilities from how often it is so?

Expected calibration error over bins of equally many rows: Nixon et al. (2019), Measuring calibration in deep learning,
CVPR workshops. Its upward bias in few rows is taken off, by the bootstrap: Kumar, Liang and Ma (2019), Verified
uncertainty calibration, NeurIPS. Wilson (1927), Probable inference, JASA 22, 209-212, for the curve.
"""

import numpy as np

from notemill.gate.evidence import Evidence
from notemill.gate.judged import Judged
from notemill.gate.parts import part, together
from notemill.gate.recalibrating import sides, why_not
from notemill.gate.shares import wilson
from notemill.gate.statistics import LEVEL, Batched, Interval, Rows, sample
from notemill.gate.verdict import Check, not_asked

MOST = 0.15
WARN = 0.5  # from this share of the limit on it is warned where it is surely so
MOST_BINS, ROWS_OF_BIN = 10, 30


def check_calibration_error(judged: Judged) -> Check:
    """Of two classes by the probability of the one to detect, of several by that of the predicted one (top label)."""
    name, evidence = "calibration.error", judged.evidence
    if why := why_not(evidence):
        return not_asked(name, why)
    p, y = top(evidence)
    bins = equal_mass(p)
    found, n = error(p, y, bins, evidence.rows), evidence.rows.count
    limit = evidence.config.get("calibration", {}).get("max_error", MOST)
    is_doubtful = found.figure > limit or found.low > WARN * limit
    outcome = "refused" if found.low > limit else "warned" if is_doubtful else "passed"
    hint = (f"the probabilities are {found.figure:.3f} from the truth on average, in {bins.max() + 1} bins of equally "
            "many rows")
    if outcome != "passed":
        hint += (f"{'' if outcome == 'refused' else ' (not surely over the limit)'}: look at the reliability curve, "
                 "and set them right with scikit-learn's CalibratedClassifierCV")
    whole = part("expected calibration error", outcome, found, n, limit, hint)
    return together(name, [whole], [curve(p, y, bins, len(evidence.classes) == 2)])


def top(evidence: Evidence) -> tuple[np.ndarray, np.ndarray]:
    """(probability, whether it is so)."""
    p, codes = sides(evidence.answers.probabilities), evidence.truth.values
    if p.shape[1] == 1:
        return p[:, 0], (codes == 1).astype("float64")
    return p.max(axis=1), (p.argmax(axis=1) == codes).astype("float64")


def equal_mass(p: np.ndarray) -> np.ndarray:
    """The number of each row's bin; equal probabilities share one."""
    bins = int(np.clip(len(p) // ROWS_OF_BIN, 1, MOST_BINS))
    edges = np.quantile(p, np.arange(1, bins) / bins)
    return np.unique(np.searchsorted(edges, p), return_inverse=True)[1]


def error(p: np.ndarray, y: np.ndarray, bins: np.ndarray, rows: Rows) -> Interval:
    """The error less its bias in so few rows, and the interval, moved likewise."""
    inside = (bins[:, np.newaxis] == np.arange(bins.max() + 1)) * (p - y)[:, np.newaxis]
    statistic = Batched(lambda counts: np.abs(counts @ inside).sum(axis=1) / counts.sum(axis=1))
    plain, drawn = statistic(np.ones(rows.count)), sample(statistic, rows)
    bias = max(float(drawn.mean()) - plain, 0.0)
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]) - 2 * bias
    return Interval(*(max(0.0, float(value)) for value in (plain - bias, low, high)))


def curve(p: np.ndarray, y: np.ndarray, bins: np.ndarray, is_binary: bool) -> dict:
    """How often it is so, of each bin's rows, with Wilson's interval."""
    n = np.bincount(bins)
    found = [wilson(float(hit), int(count)) for hit, count in zip(np.bincount(bins, weights=y), n, strict=True)]
    what = "probability of the class to detect" if is_binary else "probability of the predicted class"
    return {"x": (np.bincount(bins, weights=p) / n).tolist(), "y": [one.figure for one in found],
            "low": [one.low for one in found], "high": [one.high for one in found], "n": n.tolist(),
            "x_name": what, "y_name": "share of rows that are so"}
