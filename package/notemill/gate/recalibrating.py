"""Probabilities set right by a shift and a slope of their logits, as well as the held-out rows can tell.

Logistic recalibration: Cox (1958), Two further applications of a model for binary regression, Biometrika 45, 562-565;
of several classes each against the rest, and rescaled: Zadrozny and Elkan (2002), Transforming classifier scores into
accurate multiclass probability estimates, KDD.
"""

from collections.abc import Callable
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from notemill.gate.statistics import SEED, Interval, Rows

if TYPE_CHECKING:
    from notemill.gate.evidence import Evidence

FOLDS = 10
LEAST = 1e-6  # of a probability: further out the rows of a gate can tell nothing
PULL = 1.0  # towards "as they are": where the rows tell little, little is set right
STEPS, HALVINGS = 50, 20
AS_THEY_ARE = np.array([0.0, 1.0])  # shift and slope that change nothing


def why_not(evidence: "Evidence") -> str | None:
    """Why there are no probabilities that could be set right; None where there are."""
    if evidence.is_regression:
        return "a regression has no probabilities: see calibration.residuals"
    return "the model gives no probabilities" if evidence.answers.probabilities is None else None


def logit(p: np.ndarray) -> np.ndarray:
    p = np.clip(p, LEAST, 1 - LEAST)
    return np.log(p) - np.log1p(-p)


def expit(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(z, -700, 700)))


def hits(codes: np.ndarray, classes: int) -> np.ndarray:
    """(n, 1) of two classes, whether it is the one to detect; (n, classes) of several, whether it is each."""
    return (codes[:, np.newaxis] == (np.array([1]) if classes == 2 else np.arange(classes))).astype("float64")


def sides(probabilities: np.ndarray) -> np.ndarray:
    """The probabilities that go with `hits`, rescaled to add up to 1."""
    p = np.clip(probabilities, 0, 1)
    p = p / p.sum(axis=1, keepdims=True)
    return p[:, 1:] if p.shape[1] == 2 else p


def recalibrated(y: np.ndarray, p: np.ndarray, rows: Rows) -> np.ndarray:
    """`p` (n, sides), each row set right by what the rows of the other folds tell (whole groups)."""
    fold, z, made = folds(rows), logit(p), np.empty_like(p)
    for number in np.unique(fold):
        ask = fold == number
        for side in range(p.shape[1]):
            shift, slope = fit(z[~ask, side], y[~ask, side])
            made[ask, side] = expit(shift + slope * z[ask, side])
    return made if p.shape[1] == 1 else made / np.maximum(made.sum(axis=1, keepdims=True), LEAST)


def folds(rows: Rows) -> np.ndarray:
    """A fold's number for each row; rows of a group are in one."""
    units = np.arange(rows.count) if rows.groups is None else np.unique(rows.groups, return_inverse=True)[1]
    total = int(units.max()) + 1
    return (np.random.default_rng(SEED).permutation(total) % FOLDS)[units]


def fit(z: np.ndarray, y: np.ndarray, sloped: bool = True) -> np.ndarray:
    """(shift, slope) of the logits `z` that make `y` likeliest: Newton's steps, each halved until it helps."""
    X = np.column_stack([np.ones_like(z), z])
    free = np.array([True, sloped])

    def loss(w):
        return np.logaddexp(0, X @ w) @ np.ones(len(y)) - y @ (X @ w) + PULL / 2 * ((w - AS_THEY_ARE) ** 2).sum()

    w = AS_THEY_ARE
    for _ in range(STEPS):
        new = halved(loss, w, newton_step(X, y, w, free))
        if np.abs(new - w).max() < 1e-9:
            break
        w = new
    return w


def newton_step(X: np.ndarray, y: np.ndarray, w: np.ndarray, free: np.ndarray) -> np.ndarray:
    """Down the loss from `w`, where `free`; the rest stays."""
    q = expit(X @ w)
    slope = X.T @ (q - y) + PULL * (w - AS_THEY_ARE)
    curve = (X * (q * (1 - q))[:, np.newaxis]).T @ X + PULL * np.eye(2)
    step = np.zeros(2)
    step[free] = np.linalg.solve(curve[np.ix_(free, free)], slope[free])
    return step


def halved(loss: Callable, w: np.ndarray, step: np.ndarray) -> np.ndarray:
    now = loss(w)
    for _ in range(HALVINGS):
        if loss(w - step) <= now:
            return w - step
        step = step / 2
    return w


def shift(y: np.ndarray, p: np.ndarray, rows: Rows, looks: int = 1) -> Interval:
    """How far the logits are off as a whole, with a 95 % interval (of `looks` figures together: Bonferroni).

    Sandwich variance, whole groups: Liang and Zeger (1986), Longitudinal data analysis using generalized linear models,
    Biometrika 73, 13-22.
    """
    z = logit(p)
    found = float(fit(z, y, sloped=False)[0])
    q = expit(z + found)
    off = y - q if rows.groups is None else np.bincount(rows.groups, weights=y - q)
    wide = NormalDist().inv_cdf(1 - 0.025 / looks) * float(np.sqrt((off ** 2).sum()) / ((q * (1 - q)).sum() + PULL))
    return Interval(found, found - wide, found + wide)


def of_means(y: np.ndarray, p: np.ndarray, rows: Rows, looks: int = 1) -> Interval:
    """How far apart the logits of the mean of `y` and of the mean of `p` are, with a 95 % interval (delta method)."""
    found = float((logit(y.mean()) - logit(p.mean())))
    off = y - p - (y - p).mean()
    off = off if rows.groups is None else np.bincount(rows.groups, weights=off)
    share = float(np.clip(y.mean(), 1 / (2 * len(y)), 1 - 1 / (2 * len(y))))
    wide = NormalDist().inv_cdf(1 - 0.025 / looks) * float(np.sqrt((off ** 2).sum())) / len(y) / (share * (1 - share))
    return Interval(found, found - wide, found + wide)
