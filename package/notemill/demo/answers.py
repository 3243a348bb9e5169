"""One row asked and answered: prediction, probabilities, warnings, or what is wrong with the row."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from notemill.demo.state import Demo, Failed


@dataclass(frozen=True)
class Answer:
    """`problems`: why there is no prediction, as (input, words); `whose`: what it lies at."""

    prediction: Any = None
    probabilities: Sequence[tuple[Any, float]] = ()
    warnings: Sequence[tuple[str, str]] = ()
    problems: Sequence[tuple[str, str]] = ()
    ms: float = 0.0
    whose: str = ""
    raw: Any = field(default=None, repr=False)

    @property
    def chance(self) -> float | None:
        """Of the class that is predicted."""
        return next((chance for label, chance in self.probabilities if label == self.prediction), None)


ROW, REFUSED = "the row is not one the model takes", "the model refuses this row"
FAILED = "the model failed on this row"


def ask(demo: Demo, row: Mapping) -> Answer:
    began = time.perf_counter()
    try:
        scored = demo.score([dict(row)])
    except demo.loaded.bad_rows as error:
        return Answer(problems=[(one.column, f"{one.got} {one.rule}".strip()) for one in error.problems], whose=ROW)
    except Failed as error:
        return Answer(problems=[("", str(error))], whose=REFUSED if error.refused else FAILED)
    took = 1000 * (time.perf_counter() - began)
    chances = list(zip(demo.classes, scored.probabilities[0], strict=True)) if scored.probabilities else []
    warnings = [(one.column, f"{one.got} {one.words}".strip()) for one in scored.warnings[0]]
    return Answer(scored.predictions[0], chances, warnings, ms=took, raw=scored)


def score_of(demo: Demo, answer: Answer) -> Callable[[list[dict]], list[float]]:
    """What is explained: the probability of the class that is predicted, whether it is predicted (1 or 0; where there
    are no probabilities), or the quantity. It raises Failed, too, where such a row is none that the model takes."""
    place = demo.classes.index(answer.prediction) if answer.probabilities else None

    def score(rows: list[dict]) -> list[float]:
        try:
            scored = demo.score(rows)
        except demo.loaded.bad_rows as error:
            one = error.problems[0]
            raise Failed(f"the model does not take one: {one.column}: {one.got} {one.rule}"[:300]) from None
        if place is not None:
            return [one[place] for one in scored.probabilities]
        return [float(one == answer.prediction) if demo.classes else float(one) for one in scored.predictions]
    return score


NOTICEABLE = 0.1  # of what the answers to the example rows span: what counts as another answer of a quantity


def gap(demo: Demo, answer: Answer) -> float:
    """How far off a quantity is another answer."""
    said = demo.loaded.golden["predictions"]
    return NOTICEABLE * ((max(said) - min(said)) or abs(answer.prediction) or 1)


def changed_of(demo: Demo, answer: Answer) -> Callable[[list[dict]], list[bool]]:
    """Whether rows have another answer: another class, or a quantity that is that far off."""
    if demo.classes:
        return lambda rows: [one not in (None, answer.prediction) for one in predictions(demo, rows)]
    far = gap(demo, answer)
    return lambda rows: [one is not None and abs(one - answer.prediction) >= far for one in predictions(demo, rows)]


def predictions(demo: Demo, rows: Sequence[dict]) -> list:
    """None where a row is not one that the model takes."""
    try:
        return list(demo.score(list(rows)).predictions) if rows else []
    except demo.loaded.bad_rows as error:
        bad = {one.row for one in error.problems}
    if None in bad:
        return [None] * len(rows)
    good = iter(predictions(demo, [row for number, row in enumerate(rows) if number not in bad]))
    return [None if number in bad else next(good) for number in range(len(rows))]
