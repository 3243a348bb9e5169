"""Do the figures that the evaluate notebook wrote down equal the gate's own?"""

import json
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from notemill.gate import metrics
from notemill.gate.evidence import Evidence, Unfit
from notemill.gate.judged import Judged
from notemill.gate.verdict import Check, not_asked

CLOSE = 1e-6  # of the figure: another processor may add up in another order
SHOWN = 3


def check_agreement(judged: Judged) -> Check:
    """Every figure of metrics.json whose name we know, and the gate's metric among them."""
    evidence = judged.evidence
    if evidence.job["metrics"] is None:
        return not_asked("agreement", "no figures of a notebook's are named (gate: metrics)")
    written = read_figures(evidence)
    known = {name: own for name in sorted(written) for own in [own_figures(judged, name)] if own is not None}
    wrong = list(differences(written, known))
    if not any(same_metric(evidence, name) for name in known):
        wrong.append(f"the gate's metric {evidence.metric.name} is not among the figures ({', '.join(written)})")
    if wrong:
        more = f"; and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
        return Check("agreement", "refused", figure=float(len(wrong)), n=len(evidence.good), limit=0.0,
                     hint="; ".join(wrong[:SHOWN]) + more)
    others = ", ".join(name for name in written if name not in known)
    unknown = f"; not compared: {others}" if others else ""
    return Check("agreement", "passed", figure=0.0, n=len(evidence.good), limit=0.0,
                 hint=f"equal: {', '.join(known)}{unknown}")


def read_figures(evidence: Evidence) -> dict:
    named = evidence.job["metrics"]
    try:
        written = json.loads(Path(named["path"]).read_bytes())
    except (OSError, ValueError) as error:
        raise Unfit(f"{named['name']} cannot be read as JSON: {error}") from error
    if not isinstance(written, dict) or not written:
        raise Unfit(f"{named['name']} holds no figures by their names")
    return written


def own_figures(judged: Judged, name: str) -> list[float] | None:
    """The gate's own figure of that name (of accuracy for two classes there are two); None where nobody knows it.
    Raises Unsure where the held-out rows have none, as where they lack a class."""
    evidence = judged.evidence
    if name == "n":
        return [float(len(evidence.held_out))]
    if name not in metrics.names(evidence.is_regression):
        return None
    metric = metrics.find(name, evidence.is_regression)
    own = [metric.sign * judged.score(evidence.answers, metric)]
    if metric.scorer == "accuracy" and evidence.truth.is_binary and evidence.answers.probabilities is not None:
        surely = evidence.answers.probabilities[:, 1] > 0.5  # as the evaluate notebook has it: a draw is not the class
        own.append(float(np.mean(surely == (evidence.truth.values == 1))))
    return own


def differences(written: dict, known: dict[str, list[float]]) -> Iterator[str]:
    for name, own in known.items():
        value = written[name]
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            yield f"{name} is {value!r} in the notebook's figures, which is no number"
        elif not any(abs(value - figure) <= CLOSE * max(1.0, abs(figure)) for figure in own):
            rounded = any(value == round(own[0], digits) for digits in range(1, 7))
            yield (f"{name} is {value:.6g} in the notebook's figures, and {own[0]:.6g} by the gate's"
                   + (" (write it unrounded)" if rounded else ""))


def same_metric(evidence: Evidence, name: str) -> bool:
    """Whether a written figure is the gate's metric, by this or another of its names."""
    return name != "n" and metrics.find(name, evidence.is_regression).scorer == evidence.metric.scorer
