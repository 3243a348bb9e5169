"""Is the model worth its trouble: not worse than simple means?"""

from notemill.gate.judged import Judged, margin
from notemill.gate.verdict import Check


def check_baseline(judged: Judged) -> Check:
    """Not worse, beyond the margin, than a linear model or a shallow tree on the raw columns."""
    name, score, gap = judged.against(judged.evidence.baselines)
    limit = -margin(judged.evidence, score)
    said = f"{name} on the raw columns has {judged.evidence.metric.name} {judged.evidence.metric.sign * score:.4g}"
    outcome, hint = "passed", said
    if not gap.figure >= limit:
        outcome, hint = "refused", f"worse than simple means: {said}. Take that, or another estimator"
    elif not gap.low >= limit:
        outcome, hint = "warned", f"may be worse than simple means: {said}"
    return Check("baseline", outcome, gap.figure, gap.low, gap.high, judged.evidence.rows.count, limit, hint)
