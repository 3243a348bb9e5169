"""Does the model look at its inputs at all?

Every column is shuffled by itself: Breiman (2001), Random forests, Machine Learning 45, 5-32, section 10, and Fisher,
Rudin and Dominici (2019), All models are wrong, but many are useful, JMLR 20 (model reliance); here it is asked only
whether the answers change. Wilson (1927), JASA 22, 209-212, for the interval.
"""

import numpy as np

from notemill.gate.evidence import Evidence
from notemill.gate.judged import Judged
from notemill.gate.metrics import Answers
from notemill.gate.parts import part, together
from notemill.gate.rivals import some
from notemill.gate.shares import wilson
from notemill.gate.training import ALL, MOST_ROWS, ONE_BY_ONE, ROWS_OF_COLUMN, some_columns
from notemill.gate.verdict import Check

LEAST = 0.005  # of the rows
SAME = 1e-6  # of a probability, or of the target's standard deviation: no change


def check_inputs(judged: Judged) -> Check:
    """Of rows with every column shuffled, hardly any gets another answer: the model ignores its inputs."""
    evidence = judged.evidence
    changed = differ(evidence, evidence.answers.at(some(len(evidence.good), MOST_ROWS)), evidence.answers_to(ALL))
    found, n = wilson(int(changed.sum()), len(changed)), len(changed)
    hint = None
    if found.figure < LEAST:
        hint = (f"{int(changed.sum()):,} of {n:,} rows get another answer when every column is shuffled: the model "
                "ignores its inputs (are they lost on the way, or all set to one value?)")
    columns = alone(evidence)
    ignored = [one["name"] for one in columns if not one["figure"]]
    whole = part("all columns", "refused" if hint else "passed", found, n, LEAST, hint or told(ignored))
    return together("training.inputs", [whole, *columns])


def alone(evidence: Evidence) -> list[dict]:
    """How many answers each column changes alone."""
    few, said = some(len(evidence.good), ROWS_OF_COLUMN), evidence.answers_to(ONE_BY_ONE)
    before = evidence.answers.at(np.tile(few, len(said.labels) // len(few)))
    changed = differ(evidence, before, said).reshape(-1, len(few))
    return [part(name, "passed", wilson(int(of.sum()), len(of)), len(of))
            for name, of in zip(some_columns(evidence), changed, strict=True)]


def told(ignored: list[str]) -> str | None:
    """No harm in itself: a model may leave columns aside."""
    if not ignored:
        return None
    more = f" and {len(ignored) - 5} more" if len(ignored) > 5 else ""
    return f"of {ROWS_OF_COLUMN} rows or fewer no answer changes with {', '.join(map(repr, ignored[:5]))}{more} alone"


def differ(evidence: Evidence, before: Answers, after: Answers) -> np.ndarray:
    """Whether each row's answer is another one, by the finest that the model says."""
    for name in ("probabilities", "decision", "labels"):
        old, new = getattr(before, name), getattr(after, name)
        if old is not None and new is not None:
            scale = 1.0 if name == "probabilities" else np.std(old)
            if name == "labels":
                scale = np.std(evidence.truth.values) if evidence.is_regression else 1.0
            return (np.abs(new - old).reshape(len(old), -1) > SAME * max(float(scale), 1e-12)).any(axis=1)
    raise ValueError("the model gives no answers that can be compared")
