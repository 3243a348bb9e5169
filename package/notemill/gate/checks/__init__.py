"""The checks, one to a file. Each takes what is `Judged`, and gives a Check or raises."""

from collections.abc import Callable

from notemill.gate.checks.agreement import check_agreement
from notemill.gate.checks.baseline import check_baseline
from notemill.gate.checks.dummy import check_dummy
from notemill.gate.checks.duplicates import check_duplicates
from notemill.gate.checks.floor import check_floor
from notemill.gate.checks.metric import check_metric
from notemill.gate.checks.rows import check_rows
from notemill.gate.checks.target import check_target
from notemill.gate.judged import Judged
from notemill.gate.verdict import Check

# in the order of work: what needs no answer of the model's comes first, while the model is at work
CHECKS: dict[str, Callable[[Judged], Check]] = {
    "rows": check_rows, "leakage.target": check_target, "leakage.duplicates": check_duplicates,
    "metric": check_metric, "floor": check_floor, "dummy": check_dummy, "baseline": check_baseline,
    "agreement": check_agreement}
