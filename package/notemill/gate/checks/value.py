"""What are the model's answers worth a row, by the costs that the project declares?

Values of right and wrong answers, and the threshold on probabilities that they ask for: Elkan (2001), The foundations
of cost-sensitive learning, IJCAI, 973-978. A quantity's cost per unit over and under, and the shift that is best for
it: Koenker and Bassett (1978), Regression quantiles, Econometrica 46, 33-50. Rule of three for costly errors that these
rows happen not to show: Hanley and Lippman-Hand (1983), If nothing goes wrong, is everything all right?, JAMA 249,
1743-1745.
"""

from collections.abc import Iterator, Mapping

import numpy as np

from notemill.errors import did_you_mean
from notemill.gate.evidence import Evidence
from notemill.gate.judged import NO_ERROR, Judged
from notemill.gate.metrics import BadMetric
from notemill.gate.slicing import units
from notemill.gate.statistics import Interval, interval, mean_of
from notemill.gate.verdict import Check, not_asked

OF_TWO = {"true_negative": (0, 0), "false_positive": (0, 1), "false_negative": (1, 0), "true_positive": (1, 1)}
OF_ANY = {"error", "right", "costs"}
OF_QUANTITY = {"over", "under"}
POINTS = 99  # of the curve over thresholds


# the declared values
def check_settings(evidence: Evidence) -> None:
    """Raise BadMetric where `value` makes no sense for the task."""
    value = evidence.config.get("value")
    if value is None:
        return
    if evidence.is_regression:
        check_keys(value, OF_QUANTITY, "a regression")
        check_per_unit(value)
    elif classes := evidence.schema_classes:
        two = {} if len(classes) != 2 else OF_TWO
        check_keys(value, {*OF_ANY, *two}, "two classes" if two else f"{len(classes)} classes")
        check_matrix(matrix(value, classes), classes, value["minimum"])


def check_keys(value: Mapping, allowed: set[str], task: str) -> None:
    given, words = [key for key in value if key != "minimum"], f"allowed: {', '.join(sorted(allowed))}, minimum"
    for key in given:
        if key not in allowed:
            raise BadMetric(f"value: '{key}' makes no sense for {task}", words, did_you_mean(key, allowed))
    if not given:
        example = "over: -1, under: -3" if "over" in allowed else "error: -1"
        raise BadMetric("value says nothing of what an answer is worth", words,
                        f"as value: {{{example}, minimum: -0.5}}")
    if OF_TWO.keys() & value.keys() and OF_ANY & value.keys():
        raise BadMetric("value has both ways to say what an answer is worth", "false_positive, false_negative, "
                        "true_positive and true_negative; or costs, error and right", "take one of them out")


def check_per_unit(value: Mapping) -> None:
    for key in sorted(OF_QUANTITY):
        if value.get(key, 0) > 0:
            raise BadMetric(f"value: {key} is {value[key]:g}: an error would be worth more than none", "at most 0",
                            f"write {key}: {-value[key]:g}")
    if value["minimum"] > 0:
        raise BadMetric(f"value: no answer is worth more than 0, and the minimum is {value['minimum']:g}", "at most 0",
                        "as minimum: -0.5")


def matrix(value: Mapping, classes: tuple) -> np.ndarray:
    """(true class, predicted class) -> what it is worth. Raises BadMetric."""
    if OF_TWO.keys() & value.keys():
        worth = np.zeros((2, 2))
        for key, place in OF_TWO.items():
            worth[place] = value.get(key, 0)
        return worth
    worth = np.full((len(classes), len(classes)), float(value.get("error", np.nan)))
    np.fill_diagonal(worth, value.get("right", 0))
    for true, row in value.get("costs", {}).items():
        for predicted, number in row.items():
            worth[place_of(true, classes), place_of(predicted, classes)] = number
    if np.isnan(worth).any():
        true, predicted = np.argwhere(np.isnan(worth))[0]
        raise BadMetric(f"value: it is not said what '{classes[predicted]}' is worth where '{classes[true]}' is true",
                        None, "say it under costs, or for all errors that costs leaves out with error: -1")
    return worth


def place_of(label: str, classes: tuple) -> int:
    """The number of a class that pipeline.yaml names: 1 and true are text in the job."""
    names = [str(one) for one in classes]
    found = {**{name: at for at, name in enumerate(names)}, **{name.lower(): at for at, name in enumerate(names)
                                                               if isinstance(classes[at], bool)}}
    if str(label) not in found:
        raise BadMetric(f"value: costs names the class '{label}', which there is not", f"classes: {', '.join(names)}",
                        did_you_mean(str(label), names))
    return found[str(label)]


def check_matrix(worth: np.ndarray, classes: tuple, minimum: float) -> None:
    """A wrong answer is worth less than the right one (Elkan 2001, section 1.2)."""
    for true, predicted in np.argwhere(worth >= np.diag(worth)[:, np.newaxis]):
        if true != predicted and not worth[true, predicted] < worth[true, true]:
            raise BadMetric(f"value: '{classes[predicted]}' where '{classes[true]}' is true is worth "
                            f"{worth[true, predicted]:g}, the right answer {worth[true, true]:g}",
                            "a wrong answer is worth less than the right one", "costs are numbers below 0")
    if minimum > (best := float(np.diag(worth).max())):
        raise BadMetric(f"value: the minimum is {minimum:g}, and not even a model without an error is worth more than "
                        f"{best:g}", f"at most {best:g}", None)


# the check
def check_value(judged: Judged) -> Check:
    """The lower end of the mean value a row is not under the minimum."""
    evidence = judged.evidence
    value = evidence.config.get("value")
    if value is None:
        return not_asked("value", "it is not said what answers are worth, as gate: value: {false_positive: -1, "
                                  "false_negative: -20, minimum: -0.5}")
    of_row, worth = values(evidence, value)
    found, minimum = mean(of_row, evidence), float(value["minimum"])
    if worth is not None:
        found = less_unseen(found, worth, evidence)
    curve = None if worth is None else over_thresholds(evidence, worth)
    hint = f"worth {found.figure:.4g} a row"
    passed = found.low >= minimum
    if not passed:
        how = "which is under the minimum" if found.figure < minimum else "but not surely above the minimum"
        hint += f", {how} of {minimum:g}: the lower end of its interval is {found.low:.4g}"
    more = better(evidence, value, of_row, worth)
    return Check("value", "passed" if passed else "refused", found.figure, found.low, found.high, len(of_row), minimum,
                 ". ".join([hint, *more]), {"curve": curve} if curve else None)


def values(evidence: Evidence, value: Mapping) -> tuple[np.ndarray, np.ndarray | None]:
    """(what each row's answer is worth, (true, predicted) -> worth for a classification)."""
    truth, labels = evidence.truth.values, evidence.answers.labels
    if evidence.is_regression:
        return per_unit(value, labels - truth), None
    of_schema = [evidence.schema_classes.index(one) for one in evidence.classes]
    worth = matrix(value, evidence.schema_classes)[np.ix_(of_schema, of_schema)]
    return worth[truth, labels], worth


def per_unit(value: Mapping, over: np.ndarray) -> np.ndarray:
    """`over`: how much more was said than is so, (n,)."""
    return value.get("over", 0) * np.maximum(over, 0) + value.get("under", 0) * np.maximum(-over, 0)


def mean(of_row: np.ndarray, evidence: Evidence) -> Interval:
    return interval(mean_of(of_row), evidence.rows)


def less_unseen(found: Interval, worth: np.ndarray, evidence: Evidence) -> Interval:
    """Of an error that no row shows, up to 3 / n of the rows may be one: resamples of these rows cannot know."""
    truth, labels = evidence.truth.values, evidence.answers.labels
    n, low = units(evidence.rows, np.arange(len(truth))), found.low
    for code in range(len(worth)):
        if not np.any((truth == code) & (labels != code)):
            drop = NO_ERROR / n * (worth[code, code] - worth[code].min())
            low = min(low, found.figure - drop)
    return Interval(found.figure, low, found.high)


# what would be better
def better(evidence: Evidence, value: Mapping, of_row: np.ndarray, worth: np.ndarray | None) -> Iterator[str]:
    """Other answers from the same model, where they would be worth more."""
    now = float(of_row.mean())
    if worth is None:
        yield from shifted(evidence, value, now)
    elif evidence.answers.probabilities is not None:
        p, truth = evidence.answers.probabilities, evidence.truth.values
        asked = float(worth[truth, (p @ worth).argmax(axis=1)].mean())
        yield from thresholds(p[:, 1], truth, worth, asked, now) if len(worth) == 2 else by_expectation(asked, now)


def thresholds(p: np.ndarray, truth: np.ndarray, worth: np.ndarray, asked: float, now: float) -> Iterator[str]:
    threshold, best = best_threshold(p, truth, worth)
    if asked > now:
        yield f"With the threshold {elkan(worth):.3g}, which these values ask for, it would be worth {asked:.4g}"
    if best > max(asked, now):
        how = f"with the threshold {threshold:.3g}" if np.isfinite(threshold) else "never answering the class to detect"
        yield f"At best, {how}, it would be worth {best:.4g} (optimistic: chosen on these very rows)"


def by_expectation(asked: float, now: float) -> Iterator[str]:
    if asked > now:
        yield f"Answers chosen by their expected value, from the model's probabilities, would be worth {asked:.4g}"


def elkan(worth: np.ndarray) -> float:
    """From which probability on the class to detect is the better answer (Elkan 2001, equation 2)."""
    false_alarm, missed = worth[0, 0] - worth[0, 1], worth[1, 1] - worth[1, 0]
    return float(false_alarm / (false_alarm + missed))


def best_threshold(p: np.ndarray, truth: np.ndarray, worth: np.ndarray) -> tuple[float, float]:
    """(threshold, mean value) where answers from that probability on are the class to detect; infinite: none are."""
    order = np.argsort(-p, kind="stable")
    gained = np.cumsum((worth[truth, 1] - worth[truth, 0])[order])
    last = np.flatnonzero(np.append(np.diff(p[order]) != 0, True))  # equal probabilities get one answer
    at = last[gained[last].argmax()]
    never = float(worth[truth, 0].mean())
    return (float(p[order][at]), never + float(gained[at]) / len(p)) if gained[at] > 0 else (float("inf"), never)


def over_thresholds(evidence: Evidence, worth: np.ndarray) -> dict | None:
    """The mean value by the threshold on the probability of the class to detect."""
    if evidence.answers.probabilities is None or len(worth) != 2:
        return None
    p, truth = evidence.answers.probabilities[:, 1], evidence.truth.values
    at = np.arange(1, POINTS + 1) / (POINTS + 1)
    gain, order = worth[truth, 1] - worth[truth, 0], np.argsort(p, kind="stable")
    above = np.append(np.cumsum(gain[order][::-1])[::-1], 0.0)[np.searchsorted(p[order], at)]
    return {"x": at.tolist(), "y": (worth[truth, 0].mean() + above / len(p)).tolist(), "n": [len(p)] * POINTS,
            "x_name": "threshold on the probability of the class to detect", "y_name": "value a row"}


def shifted(evidence: Evidence, value: Mapping, now: float) -> Iterator[str]:
    """The shift that is best for these rows: a quantile of what was said too little (Koenker and Bassett 1978)."""
    over, under = (-value.get(key, 0) for key in ("over", "under"))
    too_little = evidence.truth.values - evidence.answers.labels
    shift = float(np.quantile(too_little, under / (over + under), method="inverted_cdf")) if over + under else 0.0
    best = float(per_unit(value, shift - too_little).mean())
    if best > now:
        yield (f"{shift:+.4g} on each answer would make it {best:.4g} (optimistic: chosen on these very rows); or let "
               f"the model learn the quantile {under / (over + under):.3g}")
