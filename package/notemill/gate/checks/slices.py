"""Does the model serve each declared part of the rows about as well as all of them?

For each slice a one-sided test that it is worse than all rows by more than the margin: the bootstrap's standard error
of the difference (the same resamples for both; whole groups where `group:` is given) and Student's t with one less
degree of freedom than the slice has independent units. Efron and Tibshirani (1993), An Introduction to the Bootstrap,
chapter 6; Cameron, Gelbach and Miller (2008), Bootstrap-based improvements for inference with clustered errors, Review
of Economics and Statistics 90, 414-427, for t with few groups. Over all slices: Holm (1979), A simple sequentially
rejective multiple test procedure, Scandinavian Journal of Statistics 6, 65-70.
"""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from notemill.gate import metrics
from notemill.gate.evidence import Evidence
from notemill.gate.judged import Judged
from notemill.gate.metrics import Answers, Truth
from notemill.gate.parts import part
from notemill.gate.slicing import Slice, check_declared, least, slices_of, too_small, units
from notemill.gate.statistics import LEVEL, Batched, Interval, Statistic, Unsure, samples
from notemill.gate.verdict import Check, not_asked

MARGIN = 0.05  # of a score that ends at 1
MARGIN_OF_LOSS = 0.25  # of a loss: this share of that of all rows
ALPHA = 0.05  # chance of any false refusal, over all slices
RESAMPLES = 400  # at least: the tail of the test hangs on the standard error
OF_ROWS = {"accuracy", "neg_log_loss", "neg_brier_score"}  # means over rows: a class may be rare in a slice of several
SHOWN = 3


@dataclass(frozen=True)
class Tested:
    """A slice that is large enough: its score and interval, how far above its limit, how probable that by chance."""

    slice: Slice
    score: Interval
    above: float
    p: float


def check_settings(evidence: Evidence) -> None:
    check_declared(evidence.config.get("slices", ()), "slices")


def check_slices(judged: Judged) -> Check:
    """No declared slice is surely worse than all rows by more than the margin."""
    evidence = judged.evidence
    declared = evidence.config.get("slices")
    if not declared:
        return not_asked("slices", "no slices are declared, as gate: slices: [sex, {column: age, bins: [0, 30, 60]}]")
    every = [one for column in slices_of(evidence, declared, "slices") for one in column]
    small = {one.name: why for one in every if (why := too_small(evidence.rows, one.rows, least(evidence.config),
                                                                 lambda rows: classes_of(evidence, rows)))}
    large = [one for one in every if one.name not in small]
    whole, tested = test_all(judged, large, small)
    surely = dict(zip((one.slice.name for one in tested), holm(np.array([one.p for one in tested])), strict=True))
    parts = [of_small(one, small[one.name]) for one in every if one.name in small]
    parts = [*(of_tested(judged, one, whole, surely[one.slice.name]) for one in tested), *parts]
    return told(evidence, parts, sorted(tested, key=lambda one: (surely[one.slice.name], one.p, one.above)))


def classes_of(evidence: Evidence, rows: np.ndarray) -> dict[str, np.ndarray]:
    """{class: its rows}, of each class that a slice's figure rests on: both of two; of several those that it has."""
    if evidence.is_regression or (len(evidence.classes) > 2 and evidence.metric.scorer in OF_ROWS):
        return {}
    found = {f"'{name}'": rows[evidence.truth.values[rows] == code] for code, name in enumerate(evidence.classes)}
    return found if len(found) == 2 else {name: of for name, of in found.items() if len(of)}


# the test
def test_all(judged: Judged, slices: Sequence[Slice], small: dict) -> tuple[float, list[Tested]]:
    """(the score of all rows, the slices tested). A slice whose score is no number is written into `small`."""
    evidence, everything = judged.evidence, np.ones(judged.evidence.rows.count)
    of = [score_in(evidence, evidence.answers, one.rows) for one in slices]
    whole = judged.statistic(evidence.answers)
    drawn = samples([whole, *of], evidence.rows, resamples=max(evidence.rows.resamples, RESAMPLES)) if of else []
    tested, score = [], whole(everything)
    for one, statistic, ours in zip(slices, of, drawn[1:], strict=True):
        try:
            tested.append(test(evidence, one, statistic(everything), score, ours, drawn[0]))
        except Unsure as error:
            small[one.name] = str(error)
    return score, tested


def test(evidence: Evidence, one: Slice, score: float, whole: float, ours: np.ndarray, all_of: np.ndarray) -> Tested:
    fine = np.isfinite(ours) & np.isfinite(all_of)
    if not np.isfinite([score, whole]).all() or fine.mean() < LEVEL:
        raise Unsure(f"its {evidence.metric.name} is no number: it may lack a class")
    ours, all_of = ours[fine], all_of[fine]
    above = ours - all_of + margin(evidence, all_of)
    low, high = np.quantile(ours, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    count = min([units(evidence.rows, of) for of in (one.rows, *classes_of(evidence, one.rows).values())])
    gap = float(score - whole + margin(evidence, whole))
    return Tested(one, Interval(score, float(low), float(high)), gap, p_value(gap, float(np.std(above, ddof=1)), count))


def p_value(above: float, error: float, units: int) -> float:
    """How probable a slice so far below its limit is by chance, were it just at the limit."""
    from scipy.stats import t

    error *= np.sqrt(units / max(units - 1, 1))
    if not error > 0:
        return 0.0 if above < 0 else 1.0
    return float(t.cdf(above / error, max(units - 1, 1)))


def holm(p: np.ndarray) -> np.ndarray:
    """The p-values for all tests together."""
    order = np.argsort(p, kind="stable")
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)))
    return adjusted


def margin(evidence: Evidence, whole):
    """How much worse a slice may be than all rows: gate: slicing: margin, in the metric's unit."""
    given = evidence.config.get("slicing", {}).get("margin")
    if given is not None:
        return float(given)
    return MARGIN_OF_LOSS * np.abs(whole) if evidence.metric.is_loss else MARGIN


# a score of some of the rows
def score_in(evidence: Evidence, answers: Answers, rows: np.ndarray) -> Statistic:
    """The score of these rows, of how often each of all the rows is drawn."""
    if evidence.metric.scorer == "r2":
        return explained_in(evidence.truth.values, answers.labels, rows)
    truth = Truth(evidence.truth.values[rows], evidence.truth.classes)
    inner = metrics.score(evidence.metric, truth, answers.at(rows))
    if isinstance(inner, Batched):
        return Batched(lambda counts: inner.many(counts[:, rows]))
    return or_none(lambda counts: inner(counts[rows]))


def explained_in(y: np.ndarray, said: np.ndarray, rows: np.ndarray) -> Batched:
    """R2 with the spread of all rows: a slice of like rows has little of its own, so that a fine model would look poor.
    Its mean over the slices of a column is the R2 of all."""
    squares = np.zeros(len(y))
    squares[rows] = (y[rows] - said[rows]) ** 2
    inside = np.zeros(len(y))
    inside[rows] = 1.0
    centred = y - y.mean()

    def many(counts):
        n, of = counts.sum(axis=1), counts @ inside
        spread = counts @ centred ** 2 / n - (counts @ centred / n) ** 2
        ratio = np.full(len(counts), np.nan)
        return 1 - np.divide(counts @ squares, of * spread, out=ratio, where=of * spread > 0)

    return Batched(many)


def or_none(statistic: Callable[[np.ndarray], float]) -> Callable[[np.ndarray], float]:
    """NaN where scikit-learn's scorer refuses, as where a class lacks."""
    def of(counts):
        try:
            return statistic(counts)
        except ValueError:
            return float("nan")

    return of


# in words
def of_small(one: Slice, why: str) -> dict:
    return part(one.name, "not assessed", n=len(one.rows), hint=why)


def of_tested(judged: Judged, one: Tested, whole: float, p: float) -> dict:
    evidence = judged.evidence
    sign, name = evidence.metric.sign, evidence.metric.name
    low, high = sorted([sign * one.score.low, sign * one.score.high])
    limit, n = sign * (whole - margin(evidence, whole)), len(one.slice.rows)
    hint = (f"{name} {sign * one.score.figure:.4g} (n = {n:,}), of all rows {sign * whole:.4g} (p = {p:.2g} with "
            "Holm's correction)")
    if p <= ALPHA:
        hint += simple_means(judged, one.slice)
    return part(one.slice.name, "refused" if p <= ALPHA else "passed", Interval(sign * one.score.figure, low, high), n,
                limit, hint)


def simple_means(judged: Judged, one: Slice) -> str:
    """What the better baseline has there: where it is as poor, the rows may be hard by nature."""
    evidence = judged.evidence
    with contextlib.suppress(Exception):  # it is a help alone; the baseline's own check says what ails it
        name, _, answers = judged.best(evidence.baselines)
        score = score_in(evidence, answers, one.rows)(np.ones(evidence.rows.count))
        return f"; {name} has {evidence.metric.sign * score:.4g} there"
    return ""


def told(evidence: Evidence, parts: Sequence[dict], worst_first: Sequence[Tested]) -> Check:
    """Refused by any slice; the figures are those of the worst."""
    by = {one["name"]: one for one in parts}
    refused = [by[one.slice.name] for one in worst_first if by[one.slice.name]["outcome"] == "refused"]
    small = [one for one in parts if one["outcome"] == "not assessed"]
    hints = [f"{one['name']}: {one['hint']}" for one in (refused or [by[one.slice.name] for one in worst_first[:1]])]
    hint = "; ".join(hints[:SHOWN]) + (f"; and {len(hints) - SHOWN} more slices" if len(hints) > SHOWN else "")
    if refused:
        hint = (f"surely worse than all rows: {hint}. Look at these rows (more of them in training, a column that "
                "tells them apart); where they are harder by nature, say what will do with gate: slicing: margin")
    elif hint:
        hint = f"{len(worst_first)} slice{'s' * (len(worst_first) > 1)}, the worst {hint}"
    first = by[worst_first[0].slice.name] if worst_first else {}
    outcome = "refused" if refused else "passed" if worst_first else "not assessed"
    return Check("slices", outcome, *(first.get(key) for key in ("figure", "low", "high", "n", "limit")),
                 hint=". ".join(filter(None, [hint, left_out(small)])), details={"parts": list(parts)})


def left_out(small: Sequence[dict]) -> str:
    if not small:
        return ""
    named = ", ".join(f"{one['name']} (n = {one['n']:,})" for one in small[:SHOWN])
    more = f" and {len(small) - SHOWN} more" if len(small) > SHOWN else ""
    return f"Not assessed: {named}{more}"
