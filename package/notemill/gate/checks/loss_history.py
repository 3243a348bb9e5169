"""Did the loss fall while the model was fitted, and not rise again?

Prechelt (1998), Early stopping - but when?, Neural Networks: Tricks of the Trade, 55-69: generalization loss, the
rise over the best so far; here in shares of the whole fall, and of means of a tenth of the history against noise.
"""

import json
from pathlib import Path

import numpy as np

from notemill.gate.evidence import Evidence, Unfit
from notemill.gate.history import checked
from notemill.gate.judged import Judged
from notemill.gate.parts import part, together
from notemill.gate.statistics import Interval
from notemill.gate.verdict import Check, not_asked

MOST_RISE = 0.1  # of the fall, at the end


def check_loss_history(judged: Judged) -> Check:
    """The mean of the last tenth is under that of the first; warned where it ends well above its best."""
    name, found = "training.loss", history(judged.evidence)
    if found is None:
        return not_asked(name, "the model keeps no loss history (name the project's own under training: history)")
    values, n = np.array(found["values"]), len(found["values"])
    if found["bad"] is not None:
        return Check(name, "refused", n=n, hint=f"the loss ({found['name']}) is no number in step {found['bad'] + 1} "
                     f"of {n}: lower the learning rate, or look for NaN in the rows")
    if n < 2:
        return Check(name, "not assessed", n=n, hint=f"{found['name']} has {n} figure: its course cannot be told")
    losses = values if found["falls"] else -values
    curve = {"x": list(range(1, n + 1)), "y": found["values"], "x_name": "step", "y_name": found["name"]}
    return together(name, judged_loss(found["name"], losses), [curve])


def judged_loss(name: str, losses: np.ndarray) -> list[dict]:
    first, last, best = course(losses)
    n, noise = len(losses), 1e-9 * max(1.0, float(np.abs(losses).max()))
    fall = first - last
    if not fall > noise:
        return [part("fall", "refused", Interval(fall, None, None), n, 0.0,
                     f"the loss ({name}) did not fall: {first:.4g} in the first tenth of {n} steps, {last:.4g} in the "
                     "last. Try another learning rate, or look whether the target is joined to the right rows")]
    rise = (last - best) / (first - best)
    hint = None
    if rise > MOST_RISE:
        hint = (f"the loss ({name}) rose again by {rise:.0%} of its fall: {best:.4g} at best, {last:.4g} at the end. "
                "Stop earlier, or lower the learning rate")
    fell = part("fall", "passed", Interval(fall, None, None), n, 0.0, f"{name}: from {first:.4g} to {last:.4g}")
    rose = part("rise at the end", "warned" if hint else "passed", Interval(rise, None, None), n, MOST_RISE, hint)
    return [fell, rose]


def course(losses: np.ndarray) -> tuple[float, float, float]:
    """Means of the first tenth, of the last, and of the best tenth in a row."""
    tenth = max(1, len(losses) // 10)
    means = np.convolve(losses, np.ones(tenth) / tenth, mode="valid")
    return float(means[0]), float(means[-1]), float(means.min())


def history(evidence: Evidence) -> dict | None:
    """The project's own, where it names one; else the model's."""
    named = evidence.job.get("history")
    if named is None:
        said = evidence.said.get("history")
        return None if said is None else checked(said)
    try:
        return {**checked(json.loads(Path(named["path"]).read_bytes())), "name": named["name"].strip("'")}
    except (OSError, ValueError) as error:
        raise Unfit(f"{named['name']}: {error}; a list of numbers is wanted") from error
