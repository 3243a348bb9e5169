"""The gate's paired bootstrap of an AUC difference beside scikit-learn's roc_auc_score, called for each draw."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

from bench.rounds import Broken, Goal, Measurement, alternate
from notemill.gate import metrics
from notemill.gate.metrics import Answers, Metric, Truth
from notemill.gate.statistics import Rows, draw_blocks, samples

OURS, WEIGHTED, DRAWN = "notemill", "roc_auc_score, counts as weights", "roc_auc_score, rows drawn"
ALL = "all draws of both"
FEW = 40  # draws that scikit-learn is asked for in a round; its time is that of all, were each to take as long
CLOSE = 1e-12
TITLE = f"AUC difference, 100,000 rows, 2,000 paired draws (scikit-learn: {FEW} draws, times {2000 // FEW})"
GOALS = tuple(Goal(f"times as fast as {rival}", (rival, ALL), (OURS, ALL), least=20) for rival in (WEIGHTED, DRAWN))


def measure(folder: Path, scale, rounds: int) -> Iterator[Measurement]:
    """`scale`: `rows` and `draws`. Drawing is part of our time, and not of scikit-learn's."""
    y, scores = two_models(scale.rows)
    rows, few = Rows(scale.rows, y), min(FEW, scale.draws)
    counts = np.concatenate(list(draw_blocks(rows, 1, few)))
    drawn = [np.repeat(np.arange(scale.rows), one) for one in counts]
    gaps = paired(y, scores, rows, few)

    def ours(number: int) -> dict[str, float]:
        began = time.perf_counter()
        paired(y, scores, rows, scale.draws)
        return {ALL: time.perf_counter() - began}

    def theirs(auc: Callable[[np.ndarray, int], float]) -> Callable[[int], dict[str, float]]:
        def once(number: int) -> dict[str, float]:
            began = time.perf_counter()
            found = [auc(scores[0], draw) - auc(scores[1], draw) for draw in range(few)]
            seconds = time.perf_counter() - began
            need_equal(gaps, np.array(found))
            return {ALL: seconds / few * scale.draws}

        return once

    yield from alternate({
        OURS: ours,
        WEIGHTED: theirs(lambda score, draw: roc_auc_score(y, score, sample_weight=counts[draw])),
        DRAWN: theirs(lambda score, draw: roc_auc_score(y[drawn[draw]], score[drawn[draw]]))}, rounds)


def two_models(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """(truth, scores of two models); every tenth score is rounded, so that there are ties."""
    random = np.random.default_rng(0)
    y = (random.random(rows) < 0.3).astype("int64")
    scores = 1 / (1 + np.exp(-(random.normal(size=(2, rows)) + 1.5 * y - 1)))
    scores[:, ::10] = np.round(scores[:, ::10], 2)
    return y, scores


def paired(y: np.ndarray, scores: np.ndarray, rows: Rows, draws: int) -> np.ndarray:
    """The difference of each draw, by the gate's functions."""
    metric, truth = Metric("roc_auc", "roc_auc"), Truth(y, (0, 1))
    models = [Answers((one > 0.5).astype("int64"), np.column_stack([1 - one, one])) for one in scores]
    first, second = samples([metrics.score(metric, truth, model) for model in models], rows, 1, draws)
    return first - second


def need_equal(ours: np.ndarray, theirs: np.ndarray) -> None:
    """Raise Broken where a draw's differences are not the same."""
    worst = float(np.abs(ours - theirs).max())
    if not worst <= CLOSE:
        raise Broken(f"the differences are not the same: by up to {worst:.2g}")
