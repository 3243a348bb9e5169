"""Rivals measured in turn, round after round, so that what else the machine does meets all of them; and what follows.

A benchmark is a function that yields Measurements; `alternate` makes them from a function for each rival.
"""

import os
import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

Spread = tuple[float, float, float]  # median, lowest, highest


class Broken(Exception):
    """A rival did not do its work, or not rightly: its time would mean nothing."""


@dataclass(frozen=True)
class Measurement:
    """One figure of one rival in one round; `value` is None, and `note` says why, where it did not do its work.

    `load` is the machine's (of one minute) as the rival began.
    """

    rival: str
    figure: str
    round: int
    value: float | None
    load: float
    unit: str = "s"
    note: str = ""


@dataclass(frozen=True)
class Goal:
    """What `figure` (rival, figure) should come to, at `least` or at `most`; with `over`: divided by that one, in each
    round by itself, so that what slows a whole round down cancels out."""

    text: str
    figure: tuple[str, str]
    over: tuple[str, str] | None = None
    least: float | None = None
    most: float | None = None


def alternate(rivals: Mapping[str, Callable[[int], Mapping[str, float]]], rounds: int,
              unit: Callable[[str], str] = lambda figure: "s", first: int = 1) -> Iterator[Measurement]:
    """Each rival once in each round, in their order. A rival is called with the round and gives its figures; `unit`
    says in what a figure is; `first`: the first round's number."""
    for number in range(first, first + rounds):
        for name, measure in rivals.items():
            load = round(os.getloadavg()[0], 2)
            try:
                figures = measure(number)
            except Broken as error:
                yield Measurement(name, "broken", number, None, load, note=str(error).strip().splitlines()[-1])
                continue
            for figure, value in figures.items():
                yield Measurement(name, figure, number, round(value, 4), load, unit(figure))


def values(measurements: Iterable[Measurement], rival: str, figure: str) -> dict[int, float]:
    """The rival's figure by round."""
    return {one.round: one.value for one in measurements
            if (one.rival, one.figure) == (rival, figure) and one.value is not None}


def spread(found: Iterable[float]) -> Spread | None:
    """Median, lowest and highest; None of nothing."""
    ordered = sorted(found)
    return (statistics.median(ordered), ordered[0], ordered[-1]) if ordered else None


def judge(measurements: Sequence[Measurement], goal: Goal) -> tuple[Spread | None, bool]:
    """What the goal speaks of, and whether the median keeps to it; a goal that could not be measured is missed."""
    found = values(measurements, *goal.figure)
    if goal.over:
        below = values(measurements, *goal.over)
        found = {number: found[number] / below[number] for number in found.keys() & below.keys()}
    come = spread(found.values())
    if come is None:
        return None, False
    return come, (goal.least is None or come[0] >= goal.least) and (goal.most is None or come[0] <= goal.most)
