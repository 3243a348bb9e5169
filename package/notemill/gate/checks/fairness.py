"""Do the groups of each declared attribute get the same decisions, and the same errors?

Demographic parity difference: how far apart the groups' shares of positive answers are. Equalized odds difference: how
far apart their true positive rates, or their false positive rates, are, whichever are further. Both from fairlearn:
Weerts et al. (2023), Fairlearn: assessing and improving fairness of AI systems, JMLR 24 (257); Hardt, Price and Srebro
(2016), Equality of opportunity in supervised learning, NeurIPS. Of a quantity: the mean absolute errors' difference,
after the bounded group loss of Agarwal, Dudik and Wu (2019), Fair regression, ICML.

The largest of many differences is large by chance alone. Its interval is from the bounds of all pairs of groups at once
(largest |t| of the bootstrap): Romano and Wolf (2005), Stepwise multiple testing as formalized data snooping,
Econometrica 73, 1237-1282; Chernozhukov, Lee and Rosen (2013), Intersection bounds, Econometrica 81, 667-737.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from statistics import NormalDist

import numpy as np

from notemill.gate.evidence import Evidence, Unfit
from notemill.gate.judged import Judged
from notemill.gate.metrics import BadMetric
from notemill.gate.parts import ORDER, part
from notemill.gate.slicing import Slice, check_declared, least, slices_of, too_small, units
from notemill.gate.statistics import LEVEL, SEED, Interval, Rows, Unsure, draw_blocks
from notemill.gate.verdict import NOT_ASKED, Check, not_asked

PARITY, ODDS, ERROR = "demographic parity difference", "equalized odds difference", "mean absolute error difference"
KEYS = {PARITY: "max_parity_difference", ODDS: "max_odds_difference", ERROR: "max_error_difference"}
LIMITS = {PARITY: 0.1, ODDS: 0.1, ERROR: 0.25}  # of an error: as a share of the mean absolute error of all rows
INSTALL = "pip install 'notemill[fairness]'"
Z = NormalDist().inv_cdf((1 + LEVEL) / 2)
SHOWN = 3


def check_settings(evidence: Evidence) -> None:
    """Raise BadMetric where `fairness` makes no sense for the task."""
    fairness = evidence.config.get("fairness", {})
    check_declared(fairness.get("attributes", ()), "fairness: attributes")
    fit = {KEYS[measure] for measure in measures(evidence)}
    for key in KEYS.values():
        if key in fairness and key not in fit:
            task = "a regression" if evidence.is_regression else "a classification"
            raise BadMetric(f"fairness: {key} makes no sense for {task}",
                            f"allowed: {', '.join(sorted(fit))}, max_difference", None)


def measures(evidence: Evidence) -> tuple[str, ...]:
    return (ERROR,) if evidence.is_regression else (PARITY, ODDS)


def limit_of(config: Mapping, measure: str) -> float | None:
    """Its own limit, the common one, or the default; None where the project sets one for the other measure alone."""
    if KEYS[measure] in config or "max_difference" in config:
        return float(config.get(KEYS[measure], config.get("max_difference")))
    return None if set(KEYS.values()) & config.keys() else LIMITS[measure]


def check_fairness(judged: Judged) -> Check:
    """No attribute's groups are surely further apart than the limit."""
    evidence = judged.evidence
    config = evidence.config.get("fairness")
    if not config or not config.get("attributes"):
        return not_asked("fairness", "no attribute is declared, as gate: fairness: {attributes: [sex], "
                                     "max_difference: 0.1}")
    need_fairlearn()
    every = slices_of(evidence, config["attributes"], "fairness: attributes")
    return told([found for groups in every for found in of_attribute(evidence, config, groups)])


def need_fairlearn() -> None:
    if find_spec("fairlearn") is None:
        raise Unfit(f"fairness is measured with fairlearn, which is not installed: {INSTALL}")


# an attribute
def of_attribute(evidence: Evidence, config: Mapping, groups: Sequence[Slice]) -> Iterator[dict]:
    """A part for each measure, and one for each group that is too small."""
    small = {group.name: why for group in groups
             if (why := too_small(evidence.rows, group.rows, least(evidence.config), lambda rows: {}))}
    large = [group for group in groups if group.name not in small]
    for measure in measures(evidence):
        yield from of_measure(evidence, measure, limit_of(config, measure), groups[0].column, large)
    yield from (part(group.name, "not assessed", n=len(group.rows), hint=small[group.name])
                for group in groups if group.name in small)


def of_measure(evidence: Evidence, measure: str, limit: float | None, column: str,
               groups: Sequence[Slice]) -> Iterator[dict]:
    rates, name = list(RATES[measure](evidence, groups)), f"{column}: {measure}"
    if rates:
        found, n = apart(measure, rates, evidence), len(np.unique(np.concatenate([rate.rows for rate in rates])))
        outcome = (NOT_ASKED if limit is None else "refused" if found.low > limit else "warned" if found.figure > limit
                   else "passed")
        yield part(name, outcome, found, n, limit, furthest(rates, evidence))
    else:
        yield part(name, "not assessed", limit=limit, hint=f"fewer than two groups of '{column}' have rows enough")
    for one, why in few_of_class(evidence, groups) if measure == ODDS and len(evidence.classes) == 2 else ():
        yield part(f"{one.name}: {measure}", "not assessed", n=len(one.rows), hint=why)


# rates of groups
@dataclass(frozen=True)
class Rate:
    """The mean of `of` over the rows of `among`, for each of some groups. `code`: the class that it speaks of."""

    what: str
    groups: Sequence[Slice]
    among: np.ndarray
    of: np.ndarray
    code: int | None = None

    @property
    def rows(self) -> np.ndarray:
        return np.concatenate([group.rows for group in self.groups])


def selected(evidence: Evidence, groups: Sequence[Slice]) -> Iterator[Rate]:
    """How often each class is the answer; of two, the one to detect."""
    everything = np.ones(len(evidence.truth.values), dtype=bool)
    for code, name in classes(evidence):
        if len(groups) > 1:
            yield Rate(f"answers '{name}'", groups, everything, evidence.answers.labels == code, code)


def right_and_wrong(evidence: Evidence, groups: Sequence[Slice]) -> Iterator[Rate]:
    """True and false positive rates, of groups with rows enough of the class and of the rest."""
    for code, name in classes(evidence):
        so, said = evidence.truth.values == code, evidence.answers.labels == code
        fit = [group for group in groups if lacks(evidence, group, code) is None]
        if len(fit) > 1:
            yield Rate(f"answers '{name}' where it is so", fit, so, said, code)
            yield Rate(f"answers '{name}' where it is not so", fit, ~so, said, code)


def errors(evidence: Evidence, groups: Sequence[Slice]) -> Iterator[Rate]:
    off = np.abs(evidence.truth.values - evidence.answers.labels)
    if len(groups) > 1:
        yield Rate("mean absolute error", groups, np.ones(len(off), dtype=bool), off)


RATES: dict[str, Callable] = {PARITY: selected, ODDS: right_and_wrong, ERROR: errors}


def classes(evidence: Evidence) -> list[tuple[int, object]]:
    every = list(enumerate(evidence.classes))
    return every[1:] if len(every) == 2 else every


def lacks(evidence: Evidence, group: Slice, code: int) -> str | None:
    def sides(rows):
        so, name = evidence.truth.values[rows] == code, evidence.classes[code]
        return {f"'{name}'": rows[so], f"not '{name}'": rows[~so]}

    return too_small(evidence.rows, group.rows, least(evidence.config), sides)


def few_of_class(evidence: Evidence, groups: Sequence[Slice]) -> list[tuple[Slice, str]]:
    return [(group, why) for group in groups if (why := lacks(evidence, group, 1))]


# how far apart
def apart(measure: str, rates: Sequence[Rate], evidence: Evidence) -> Interval:
    """fairlearn's figure, with an interval that allows for its being the largest of many differences."""
    figure = max(by_fairlearn(measure, rate, evidence) for rate in rates)
    n, sums, whole = totals_of(rates, evidence)
    low, high = bounds(n, sums, whole, smallest(rates, evidence.rows))
    return Interval(figure, min(low, figure), max(high, figure))


def by_fairlearn(measure: str, rate: Rate, evidence: Evidence) -> float:
    """Of several classes one against the rest; of a quantity as a share of the mean absolute error of all rows."""
    from fairlearn.metrics import MetricFrame, demographic_parity_difference, equalized_odds_difference
    from sklearn.metrics import mean_absolute_error

    names = np.concatenate([np.full(len(group.rows), at) for at, group in enumerate(rate.groups)])
    truth, said = evidence.truth.values[rate.rows], evidence.answers.labels[rate.rows]
    if measure == ERROR:
        whole = mean_absolute_error(evidence.truth.values, evidence.answers.labels)
        if not whole > 0:
            raise Unsure("the model makes no error at all: there is none to compare")
        return float(MetricFrame(metrics=mean_absolute_error, y_true=truth, y_pred=said,
                                 sensitive_features=names).difference()) / whole
    of = demographic_parity_difference if measure == PARITY else equalized_odds_difference
    return float(of(truth == rate.code, said == rate.code, sensitive_features=names))


def inside(rates: Sequence[Rate]) -> list[list[tuple[int, np.ndarray]]]:
    """For each rate: (number of the group, the rows that the rate is of)."""
    names = sorted({group.name for rate in rates for group in rate.groups})
    return [[(names.index(group.name), group.rows[rate.among[group.rows]]) for group in rate.groups] for rate in rates]


def smallest(rates: Sequence[Rate], rows: Rows) -> int:
    """The fewest independent units that a rate of a group is of."""
    return min(units(rows, of) for rate in inside(rates) for _, of in rate)


def totals_of(rates: Sequence[Rate], evidence: Evidence) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """(how many rows each rate of each group is of, their sum), both (1 + resamples, rates, groups): the rows as they
    are come first, and a group that a rate leaves out has no rows. Of a regression also the mean error of all rows."""
    from scipy.sparse import coo_array

    found = inside(rates)
    size = 1 + max(number for rate in found for number, _ in rate)
    cells = [(at * size + number, of, rates[at].of[of]) for at, rate in enumerate(found) for number, of in rate]
    place = np.concatenate([np.full(len(of), cell) for cell, of, _ in cells])
    rows, values = (np.concatenate([cell[part] for cell in cells]) for part in (1, 2))
    shape = (size * len(rates), evidence.rows.count)
    of_n = coo_array((np.ones(len(rows)), (place, rows)), shape=shape).tocsr()
    of_sum = coo_array((values.astype("float64"), (place, rows)), shape=shape).tocsr()
    off = rates[0].of.astype("float64")
    totals = [((of_n @ counts).T, (of_sum @ counts).T, off @ counts / counts.sum(axis=0))
              for counts in drawn(evidence.rows)]
    n, sums, whole = (np.concatenate(parts) for parts in zip(*totals, strict=True))
    shape = (-1, len(rates), size)
    return n.reshape(shape), sums.reshape(shape), whole if evidence.is_regression else None


def drawn(rows: Rows) -> Iterator[np.ndarray]:
    """How often each row is drawn, (rows, some resamples); first each once."""
    yield np.ones((rows.count, 1))
    for counts in draw_blocks(rows, SEED):
        yield counts.T.astype("float64")


def bounds(n: np.ndarray, sums: np.ndarray, whole: np.ndarray | None, units: int) -> tuple[float, float]:
    """Ends between which the largest difference of any two groups lies: the largest of the lower ends, and of the upper
    ones, of all pairs at once."""
    used = n[0] > 0
    kept = (n > 0)[:, used].all(axis=1)
    rates = np.divide(sums, n, out=np.full(n.shape, np.nan), where=n > 0)
    rates = rates if whole is None else rates / whole[:, np.newaxis, np.newaxis]
    one, other = np.triu_indices(n.shape[2], 1)
    apart, noise = rates[..., one] - rates[..., other], 0.0
    if whole is None:
        noise = np.sqrt(chance(n[0], sums[0])[:, one] + chance(n[0], sums[0])[:, other])
    apart, there = apart[kept], ~np.isnan(apart[0])
    error = np.maximum(apart[1:].std(axis=0, ddof=1) * np.sqrt(units / (units - 1)), noise)[there]
    largest = (np.abs(apart[1:, there] - apart[0, there]) / np.maximum(error, 1e-300)).max(axis=1)
    wide = max(float(np.quantile(largest, LEVEL)), Z) * few_units(units) * error
    figures = np.abs(apart[0, there])
    high = float((figures + wide).max())
    return max(0.0, float((figures - wide).max())), high if whole is not None else min(1.0, high)


def chance(n: np.ndarray, hits: np.ndarray) -> np.ndarray:
    """The variance of a share, which is not nothing where the rows show none or all: Agresti and Coull (1998),
    Approximate is better than exact for interval estimation of binomial proportions, The American Statistician 52,
    119-126."""
    share = (hits + 2) / (n + 4)
    return share * (1 - share) / (n + 4)


def few_units(units: int) -> float:
    """How much wider Student's t is than the normal distribution."""
    from scipy.stats import t

    return float(t.ppf((1 + LEVEL) / 2, units - 1) / Z)


# in words
def furthest(rates: Sequence[Rate], evidence: Evidence) -> str:
    """The two groups that are furthest apart."""
    found = []
    for rate, of in zip(rates, inside(rates), strict=True):
        means = [float(rate.of[rows].mean()) for _, rows in of]
        low, high = int(np.argmin(means)), int(np.argmax(means))
        said = " and ".join(f"{rate.groups[at].name} {means[at]:.4g} (n = {len(of[at][1]):,})" for at in (high, low))
        found.append((means[high] - means[low], f"{rate.what}: {said}"))
    return max(found)[1]


def told(parts: Sequence[dict]) -> Check:
    """Refused by any attribute; the figures are those of the worst."""
    judged = [one for one in parts if one["outcome"] in ("refused", "warned", "passed")]
    bad = [f"{one['name']} {one['figure']:.3g}: {one['hint']}" for one in judged if one["outcome"] != "passed"]
    small = [one["name"] for one in parts if one["outcome"] == "not assessed"]
    first = min(judged, key=lambda one: (ORDER.index(one["outcome"]), one["limit"] - one["figure"]), default={})
    outcome = first.get("outcome", "not assessed")
    hint = [ADVICE[outcome].format("; ".join(bad[:SHOWN]))] if bad else [first["hint"]] if first else []
    if small:
        more = f" and {len(small) - SHOWN} more" if small[SHOWN:] else ""
        hint.append(f"Not assessed: {', '.join(small[:SHOWN])}{more}")
    return Check("fairness", outcome, *(first.get(key) for key in ("figure", "low", "high", "n", "limit")),
                 hint=". ".join(hint), details={"parts": list(parts)})


ADVICE = {
    "refused": "surely further apart than the limit: {}. fairlearn's ThresholdOptimizer or reductions bring groups "
               "nearer; or say what is allowed, and why, with gate: fairness",
    "warned": "further apart than the limit, though not surely: {}. More rows would tell"}
