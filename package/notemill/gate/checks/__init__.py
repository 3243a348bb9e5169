"""The checks, one to a file. Each takes what is `Judged`, and gives a Check or raises."""

from collections.abc import Callable, Mapping

from notemill.gate.checks import fairness, slices, value
from notemill.gate.checks.agreement import check_agreement
from notemill.gate.checks.baseline import check_baseline
from notemill.gate.checks.budgets import BUDGETS
from notemill.gate.checks.calibration_error import check_calibration_error
from notemill.gate.checks.calibration_loss import check_calibration_loss
from notemill.gate.checks.champion import check_champion
from notemill.gate.checks.custom import custom_checks
from notemill.gate.checks.dummy import check_dummy
from notemill.gate.checks.duplicates import check_duplicates
from notemill.gate.checks.entities import check_entities
from notemill.gate.checks.floor import check_floor
from notemill.gate.checks.gap import check_gap
from notemill.gate.checks.identifiers import check_identifiers
from notemill.gate.checks.inputs import check_inputs
from notemill.gate.checks.later import check_later
from notemill.gate.checks.loss_history import check_loss_history
from notemill.gate.checks.metric import check_metric
from notemill.gate.checks.residuals import check_residuals
from notemill.gate.checks.robustness import ROBUSTNESS
from notemill.gate.checks.rows import check_rows
from notemill.gate.checks.skew import check_skew
from notemill.gate.checks.target import check_target
from notemill.gate.columns import check_columns
from notemill.gate.judged import Judged
from notemill.gate.verdict import Check

# in the order of work: what needs no answer of the model's comes first, while the model is at work
CHECKS: dict[str, Callable[[Judged], Check]] = {
    "rows": check_rows, "leakage.target": check_target, "leakage.duplicates": check_duplicates,
    "leakage.groups": check_entities, "leakage.time": check_later, "leakage.identifiers": check_identifiers,
    "metric": check_metric, "floor": check_floor, "dummy": check_dummy, "baseline": check_baseline,
    "champion": check_champion, "agreement": check_agreement,
    "slices": slices.check_slices, "value": value.check_value, "fairness": fairness.check_fairness,
    "calibration.loss": check_calibration_loss, "calibration.error": check_calibration_error,
    "calibration.residuals": check_residuals,
    "training.inputs": check_inputs, "training.gap": check_gap, "training.loss": check_loss_history,
    **ROBUSTNESS, "skew": check_skew,
    **BUDGETS}

# what raises BadMetric where its part of the gate section makes no sense
SETTINGS = (check_columns, slices.check_settings, value.check_settings, fairness.check_settings)


def checks_for(config: Mapping) -> dict[str, Callable[[Judged], Check]]:
    """All of them, the project's own among them; those that measure are last, when nothing else is at work."""
    return {**custom_checks(config), **CHECKS}
