"""Is the model better than one that knows no columns?"""

from notemill.gate.judged import Judged
from notemill.gate.verdict import Check


def check_dummy(judged: Judged) -> Check:
    """Surely better than a dummy that knows the training rows' target alone."""
    name, score, gap = judged.against(judged.evidence.dummies)
    better = gap.low > 0
    hint = None if better else (f"not surely better than a dummy that knows only {name} of the training rows "
                                f"({judged.evidence.metric.name} {judged.evidence.metric.sign * score:.4g})")
    return Check("dummy", "passed" if better else "refused", gap.figure, gap.low, gap.high,
                 judged.evidence.rows.count, 0.0, hint)
