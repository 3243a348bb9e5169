"""Is the model not worse than the version in production, beyond the margin, on the same rows?

Non-inferiority: Piaggio et al. (2012), Reporting of noninferiority and equivalence randomized trials, JAMA 308,
2594-2604. Paired bootstrap of the difference: Efron and Tibshirani (1993), An Introduction to the Bootstrap, chapters
13 and 16; whole groups where `group:` is given: Field and Welsh (2007), Bootstrapping clustered data, JRSS B 69,
369-390.
"""

import math

from notemill.gate.evidence import Evidence
from notemill.gate.judged import Judged, margin
from notemill.gate.metrics import Answers
from notemill.gate.statistics import Interval, difference, sample
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
    ours = judged.score(evidence.answers)  # outside of try: a model that fails is not the champion's fault
    try:
        theirs = judged.score(evidence.champion_answers)
    except Exception as error:
        return refused("champion", no_answer(evidence, error))
    return compared(judged, ours, theirs)


def compared(judged: Judged, ours: float, theirs: float) -> Check:
    evidence, metric = judged.evidence, judged.evidence.metric
    gap, least = gap_between(judged, evidence.champion_answers, ours - theirs)
    limit = -margin(evidence, theirs)
    outcome = "passed" if least > limit else "refused"
    hint = (f"{metric.name} on the same rows: {metric.sign * ours:.4g}, of the champion ({evidence.champion}) "
            f"{metric.sign * theirs:.4g}; {at_worst(least)} (95 % sure, one-sided: this is held against the margin)")
    if outcome == "refused":
        hint += f". {advice(evidence, gap.figure, least, limit)}"
    return Check("champion", outcome, gap.figure, gap.low, gap.high, evidence.rows.count, limit, hint, {"least": least})


def gap_between(judged: Judged, theirs: Answers, gap: float) -> tuple[Interval, float]:
    """How much better the model is with its 95 % interval, and at the least, 95 % sure (one-sided)."""
    drawn = sample(judged.statistic(theirs), judged.evidence.rows)
    return difference(judged.drawn, drawn, gap), difference(judged.drawn, drawn, gap, TAIL).low


def at_worst(least: float) -> str:
    return f"at least {least:.4g} better" if least > 0 else f"at worst {abs(least):.4g} worse"


def no_answer(evidence: Evidence, error: Exception) -> str:
    return (f"the champion ({evidence.champion}) cannot be compared on today's rows: {error}. Where columns, classes "
            "or the task have changed on purpose, there is nothing to compare with: after `notemill rollback --retire "
            "--reason '...'` this model is judged as the first; else mend what has changed")


def advice(evidence: Evidence, gap: float, least: float, limit: float) -> str:
    """What to do: a model that is worse is another matter than too few rows to tell."""
    if not gap > limit:
        return f"It is worse by more than the margin of {-limit:.4g}: the champion is the one to keep"
    times = ((gap - least) / (gap - limit)) ** 2  # how far the bound is from the figure goes with 1 / sqrt(n)
    units = evidence.rows.count if evidence.rows.groups is None else int(evidence.rows.groups.max()) + 1
    if times > MOST_TIMES:
        return f"It may be worse by more than the margin of {-limit:.4g}"
    more = math.ceil(times * units / 10) * 10
    what = "rows" if evidence.rows.groups is None else "groups of rows"
    return (f"It may be worse by more than the margin of {-limit:.4g}, these {units:,} {what} cannot tell. Were it so "
            f"on more rows, about {more:,} {what} would do; or say with gate: margin how much worse is still as good")
