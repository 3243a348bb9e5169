"""Is the model good enough, surely?"""

from notemill.gate.judged import Judged
from notemill.gate.verdict import Check, not_asked


def check_floor(judged: Judged) -> Check:
    """Where a floor is set: not even the lower end of the interval is under it."""
    floor, metric = judged.evidence.config.get("floor"), judged.evidence.metric
    if floor is None:
        return not_asked("floor", "no least figure is set")
    found, n = judged.interval, judged.evidence.rows.count
    outcome, hint = "passed", None
    if not found.low >= floor:
        how = "is under the floor" if found.figure < floor else "is above the floor, but not surely"
        outcome, hint = "refused", (f"{metric.name} {found.figure:.4g} {how}: the lower end of its interval is "
                                    f"{found.low:.4g}, the floor {floor:g}")
    return Check("floor", outcome, found.figure, found.low, found.high, n, floor, hint)
