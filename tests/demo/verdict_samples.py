"""A verdict with all that the demo draws. `from verdict_samples import ...`."""

from browsing import HOSTILE

LONG = "a_column_with_a_name_that_has_no_place_to_break_at"


def part(name, figure, outcome="passed", n=400, **more):
    span = {"low": figure - 0.05, "high": figure + 0.04} if figure is not None else {"low": None, "high": None}
    return {"name": name, "figure": figure, "outcome": outcome, "n": n, "limit": 0.7, "hint": None, **span, **more}


SLICES = [part("sex = Female", 0.91), part(f"{LONG} = {HOSTILE}", 0.7, "refused"),
          part("race = Other", None, "not assessed", 20, hint="20 rows are too few: 200 are wanted (gate: slicing)")]
FAIRNESS = [part("sex: demographic parity difference", 0.18, limit=0.4, hint="answers 'yes': men 0.27, women 0.09")]
KEPT = {"x": [0.1, 0.5, 0.9], "y": [0.15, 0.4, 0.9], "low": [0.05, 0.3, 0.8], "high": [0.2, 0.5, 0.95],
        "n": [30, 30, 30], "x_name": "probability of the predicted class"}
WIDE = {"x": [10, 200, 1000], "y": [0, 5, -20], "low": [-9, -40, -300], "high": [9, 60, 250], "n": [30, 30, 30]}
HALF = {**WIDE, "low": [-3, -10, -100], "high": [3, 20, 80]}


def verdict(*, quantity=False):
    errors = {"check": "calibration.residuals", "outcome": "passed", "details": {"curve": [WIDE, HALF]}}
    kept = {"check": "calibration.error", "outcome": "passed", "figure": 0.03, "details": {"curve": KEPT}}
    return {"verdict": "passed", "metric": "r2" if quantity else "roc_auc", "champion": "version 1",
            "made": "2026-11-21T22:56:47.26+00:00", "data": "d" * 64, "checks": [
                part("", 0.9, n=900) | {"check": "metric", "limit": None},
                part("", 0.02, n=900) | {"check": "champion", "limit": -0.01, "hint": "on the same rows"},
                {"check": "slices", "outcome": "warned", "figure": 0.7, "details": {"parts": SLICES}, "hint": HOSTILE},
                {"check": "fairness", "outcome": "passed", "figure": 0.18, "details": {"parts": FAIRNESS}},
                errors if quantity else kept, {"check": "value", "outcome": "not asked for"}]}
