"""Which inputs made the prediction: Shapley values of this row against reference rows. They add up to the difference
between what the model says here and what it says of the reference rows on average."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations

from notemill.demo.state import Failed

MOST_ROWS = 12_000  # that the model is asked for one explanation; half as many where it takes a sample anyway
MOST_CELLS = 400_000  # that are there at once
Score = Callable[[list[dict]], list[float]]
Term = tuple[str, int, float]  # input, place of a row, its weight


@dataclass(frozen=True)
class Explained:
    """`base` + all parts = `value`. `exact`: every order of the inputs was looked at, not a sample of them."""

    base: float
    value: float
    parts: list[tuple[str, float]]
    exact: bool
    references: int


def explain(score: Score, row: Mapping, references: Sequence[Mapping], most: int = MOST_ROWS) -> Explained:
    """The parts, largest first. Raises Failed."""
    exact = sum(2 ** len(differing(row, one)) for one in references) <= most
    orders = 0 if exact else most // 2 // max(1, sum(len(differing(row, one)) + 1 for one in references))
    if not exact and orders < 2:
        references, orders = fewer(row, references, most), 2
    plan, weighed = Asked(row, references), []
    for number, one in enumerate(references):
        names = differing(row, one)
        weighed += every_order(plan, number, names) if exact else some_orders(plan, number, names, orders)
    said = [figure for some in plan.chunks() for figure in score(some)]
    parts = dict.fromkeys(row, 0.0)
    for name, place, weight in weighed:
        parts[name] += weight * said[place] / len(references)
    base = sum(said[plan.place(number, 0)] for number in range(len(references))) / len(references)
    return Explained(base, said[0], sorted(parts.items(), key=lambda part: -abs(part[1])), exact, len(references))


def differing(row: Mapping, one: Mapping) -> list[str]:
    return [name for name in row if row[name] != one[name]]


def fewer(row: Mapping, references: Sequence[Mapping], most: int) -> list[Mapping]:
    """As many of them as leave each an order of the inputs and its reverse."""
    need = 2 * (max(len(differing(row, one)) for one in references) + 1)
    if need > most:
        raise Failed(f"{len(row):,} inputs are too many to tell apart")
    count = min(len(references), max(1, most // 2 // need))
    return [references[number * len(references) // count] for number in range(count)]


class Asked:
    """The rows to ask about, each once: this row's inputs in a reference row, as many of them as a set names. A set is
    a whole number with a bit for each input; the first row is this row itself."""

    def __init__(self, row: Mapping, references: Sequence[Mapping]):
        self.row, self.references = row, references
        self.bits = {name: 1 << number for number, name in enumerate(row)}
        self.places: dict[tuple[int, int], int] = {(-1, 0): 0}
        for number in range(len(references)):
            self.place(number, 0)

    def place(self, number: int, taken: int) -> int:
        """Where that mixture of a reference row stands."""
        return self.places.setdefault((number, taken), len(self.places))

    def mixed(self, number: int, taken: int) -> dict:
        if number < 0:
            return dict(self.row)
        other = self.references[number]
        return {name: self.row[name] if taken & bit else other[name] for name, bit in self.bits.items()}

    def chunks(self) -> Iterator[list[dict]]:
        """All of them in order; where there are few inputs, at once."""
        keys, size = list(self.places), max(1, MOST_CELLS // max(1, len(self.row)))
        for begin in range(0, len(keys), size):
            yield [self.mixed(*key) for key in keys[begin:begin + size]]


def every_order(plan: Asked, one: int, names: list[str]) -> Iterator[Term]:
    """Over all sets of the other inputs."""
    shares = weights(len(names))
    for number in range(2 ** len(names)):
        inside = [bool(number >> place & 1) for place in range(len(names))]
        here = plan.place(one, sum(plan.bits[name] for name, there in zip(names, inside, strict=True) if there))
        count = sum(inside)
        for name, there in zip(names, inside, strict=True):
            yield name, here, shares[count - 1] if there else -shares[count]


def weights(count: int) -> list[float]:
    """For each size of a set of other inputs: its share of all orders."""
    found, ways = [], 1
    for size in range(count):
        found.append(1 / (count * ways))
        ways = ways * (count - 1 - size) // (size + 1)
    return [*found, 0.0]


def some_orders(plan: Asked, one: int, names: list[str], most: int) -> Iterator[Term]:
    """The same over a sample of orders, each with its reverse; the same sample each time."""
    orders = drawn(names, most)
    for order in orders:
        taken = 0
        for name in order:
            before, taken = plan.place(one, taken), taken | plan.bits[name]
            yield name, plan.place(one, taken), 1 / len(orders)
            yield name, before, -1 / len(orders)


def drawn(names: list[str], most: int) -> list[list[str]]:
    if len(names) <= 3:
        return [list(order) for order in permutations(names)]
    source, found = random.Random(7), []
    while len(found) < most:
        order = source.sample(names, len(names))
        found += [order, order[::-1]]
    return found[:most - most % 2]
