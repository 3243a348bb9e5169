"""Is the model not worse than the version in production, beyond the margin, on the same rows?

Non-inferiority: Piaggio et al. (2012), Reporting of noninferiority and equivalence randomized trials, JAMA 308,
2594-2604. Paired bootstrap of the difference: Efron and Tibshirani (1993), An Introduction to the Bootstrap, chapters
13 and 16; whole groups where `group:` is given: Field and Welsh (2007), Bootstrapping clustered data, JRSS B 69,
369-390.
"""

import math

import numpy as np

from notemill.gate.evidence import Evidence
from notemill.gate.judged import Judged, margin
from notemill.gate.metrics import Answers
from notemill.gate.statistics import Interval, Unsure, difference, sample
from notemill.gate.verdict import Check, refused

TAIL = 0.05  # one-sided: a model that is worse by the margin passes one time in twenty
MOST_TIMES = 1000  # to tell the two apart by that many times the rows is no advice


def check_champion(judged: Judged) -> Check:
    """Surely not worse than the champion by more than the margin."""
    evidence = judged.evidence
    if unknown := evidence.job.get("unknown"):
        return refused("champion", f"it cannot be known whether there is a champion: {unknown}")
    if evidence.champion is None:
        return Check("champion", "passed", hint="there is no champion yet: nothing to compare with")
    ours = score_of(judged, evidence.answers)  # outside of try: a model that fails is not the champion's fault
    try:
        theirs = score_of(judged, evidence.champion_answers)
    except Exception as error:
        return refused("champion", no_answer(evidence, error))
    return compared(judged, ours, theirs)


def compared(judged: Judged, ours: float, theirs: float) -> Check:
    evidence = judged.evidence
    gap = gap_between(judged, evidence.champion_answers, ours - theirs)
    limit = -margin(evidence, theirs)
    passed = gap.low > limit
    metric = evidence.metric
    hint = (f"{metric.name} on the same rows: {metric.sign * ours:.4g}, of the champion ({evidence.champion}) "
            f"{metric.sign * theirs:.4g}")
    return Check("champion", "passed" if passed else "refused", gap.figure, gap.low, gap.high, evidence.rows.count,
                 limit, hint if passed else f"{hint}. {advice(evidence, gap, limit)}")


def score_of(judged: Judged, answers: Answers) -> float:
    score = judged.statistic(answers)(np.ones(judged.evidence.rows.count))
    if not math.isfinite(score):
        raise Unsure(f"its {judged.evidence.metric.name} on these rows is no number")
    return score


def gap_between(judged: Judged, theirs: Answers, gap: float) -> Interval:
    """How much better the model is; each end alone is a 95 % bound."""
    return difference(judged.drawn, sample(judged.statistic(theirs), judged.evidence.rows), gap, TAIL)


def no_answer(evidence: Evidence, error: Exception) -> str:
    return (f"the champion ({evidence.champion}) cannot be compared on today's rows: {error}. Where columns, classes "
            "or the task have changed on purpose, there is nothing to compare with: take MLflow's alias 'champion' "
            "away, and this model is judged as the first; else mend what has changed")


def advice(evidence: Evidence, gap: Interval, limit: float) -> str:
    """What to do: a model that is worse is another matter than too few rows to tell."""
    if not gap.figure > limit:
        return f"It is worse by more than the margin of {-limit:.4g}: the champion is the one to keep"
    least = f"at worst (95 % sure) {-gap.low:.4g} worse, and the margin is {-limit:.4g}"
    times = ((gap.figure - gap.low) / (gap.figure - limit)) ** 2  # the interval's width goes with 1 / sqrt(n)
    units = evidence.rows.count if evidence.rows.groups is None else int(evidence.rows.groups.max()) + 1
    if times > MOST_TIMES:
        return f"It may be worse by more than the margin: {least}"
    more = math.ceil(times * units / 10) * 10
    what = "rows" if evidence.rows.groups is None else "groups of rows"
    return (f"It may be worse by more than the margin, these {units:,} {what} cannot tell: {least}. Were it so on more "
            f"rows, about {more:,} {what} would do; or say with gate: margin how much worse is still as good")
