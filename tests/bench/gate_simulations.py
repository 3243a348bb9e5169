"""How often the gate is wrong, by simulation: `python tests/bench/gate_simulations.py [--only PART]`.

Writes docs/explanation/gate-simulations.md (between its marks) and its JSON. Truth is known, because scores are drawn:
within a class they are normal, so that AUC = Phi(shift / sqrt 2). All judging is done by the gate's own functions, with
their resamples and defaults. The tests (tests/gate/test_simulations.py) run the same functions with fewer simulations.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist
from types import SimpleNamespace

import numpy as np
from threadpoolctl import threadpool_limits

from notemill.gate import metrics
from notemill.gate.checks.champion import TAIL, check_champion
from notemill.gate.checks.floor import check_floor
from notemill.gate.checks.slices import MARGIN as SLICE_MARGIN
from notemill.gate.checks.slices import check_slices
from notemill.gate.judged import Judged
from notemill.gate.metrics import Answers, Metric, Truth
from notemill.gate.shares import wilson
from notemill.gate.statistics import Rows

DOCS = Path(__file__).parents[2] / "docs" / "explanation"
PAGE, FIGURES = "gate-simulations.md", "gate-simulations.json"
BEGIN, FINISH = "<!-- figures: begin (tests/bench/gate_simulations.py) -->", "<!-- figures: end -->"
NORMAL = NormalDist()
AUC, POSITIVE, MARGIN = 0.85, 0.3, 0.01
SLICES = 6
ENTITIES, EACH, ALIKE = 100, 20, 0.5  # ALIKE: the share of a score's variance that is its entity's


@dataclass(frozen=True)
class Rate:
    """How often something happened in a number of simulations, with its 95 % interval (Wilson)."""

    hits: int
    of: int

    @property
    def share(self) -> float:
        return self.hits / self.of

    @property
    def ends(self) -> tuple[float, float]:
        found = wilson(self.hits, self.of)
        return found.low, found.high

    def __str__(self) -> str:
        return "{:.1%} ({:.1%} to {:.1%})".format(self.share, *self.ends).replace("%", " %")


def rate(happens: Callable[[np.random.Generator], bool], simulations: int, *seed: int) -> Rate:
    """Each simulation has a seed of its own."""
    return Rate(sum(bool(happens(np.random.default_rng([*seed, number]))) for number in range(simulations)),
                simulations)


# worlds of which the truth is known
def shift(auc: float) -> float:
    """How far the classes' normal scores are apart."""
    return NORMAL.inv_cdf(auc) * 2 ** 0.5


def classes(n: int) -> np.ndarray:
    return (np.arange(n) < POSITIVE * n).astype("int64")


def answers(scores: np.ndarray) -> Answers:
    p = 1 / (1 + np.exp(-scores))
    return Answers((p > 0.5).astype("int64"), np.column_stack([1 - p, p]))


def alike(random: np.random.Generator, n: int, correlation: float) -> np.ndarray:
    """(2, n) standard normal noise of two models on the same rows."""
    noise = random.normal(size=(2, n))
    noise[1] = correlation * noise[0] + (1 - correlation ** 2) ** 0.5 * noise[1]
    return noise


def judged(y: np.ndarray, ours: np.ndarray, theirs: np.ndarray | None = None, groups: np.ndarray | None = None,
           table=None, **config) -> Judged:
    """What the checks are given, of scores instead of models."""
    metric = Metric(config.get("metric", "roc_auc"), config.get("metric", "roc_auc"))
    return Judged(SimpleNamespace(
        job={}, config=config, metric=metric, truth=Truth(y, (0, 1)), rows=Rows(len(y), y, groups),
        is_regression=False, answers=answers(ours), champion=None if theirs is None else "version 1",
        champion_answers=None if theirs is None else answers(theirs), classes=(0, 1), good=np.arange(len(y)),
        held_out=table, target="y"))


def champion_passes(random: np.random.Generator, n: int, correlation: float, worse: float) -> bool:
    """A challenger whose AUC is lower by `worse`, beside a champion with AUC 0.85."""
    y, noise = classes(n), alike(random, n, correlation)
    found = check_champion(judged(y, noise[0] + shift(AUC - worse) * y, noise[1] + shift(AUC) * y))
    return found.outcome == "passed"


def clustered_passes(random: np.random.Generator, worse: float, grouped: bool) -> bool:
    """The same with 20 rows of each entity, all of one class, whose scores are alike."""
    y, groups = np.repeat(classes(ENTITIES), EACH), np.repeat(np.arange(ENTITIES), EACH)
    noise = (ALIKE ** 0.5 * alike(random, ENTITIES, 0.95)[:, groups]
             + (1 - ALIKE) ** 0.5 * alike(random, len(y), 0.95))
    found = check_champion(judged(y, noise[0] + shift(AUC - worse) * y, noise[1] + shift(AUC) * y,
                                  groups if grouped else None))
    return found.outcome == "passed"


def floor_at_the_truth(random: np.random.Generator, n: int, auc: float) -> tuple[bool, bool]:
    """(the interval holds the true AUC, the floor of that very AUC is passed)."""
    y = classes(n)
    case = judged(y, random.normal(size=n) + shift(auc) * y, floor=auc)
    passed = check_floor(case).outcome == "passed"
    return case.interval.low <= auc <= case.interval.high, passed


def auc_of_all(shifts: Sequence[float]) -> float:
    """Of slices of one size, in which the classes are so far apart, around the same middle."""
    return float(np.mean([NORMAL.cdf((one + other) / 8 ** 0.5) for one in shifts for other in shifts]))


def five_at_the_limit(metric: str, best: float = 0.99) -> list[float]:
    """Six slices' figures: five worse than all rows by just the margin, because one is so good."""
    if metric == "accuracy":
        return [best - SLICES * SLICE_MARGIN] * (SLICES - 1) + [best]
    low, high = 0.5, best
    while high - low > 1e-9:
        middle = (low + high) / 2
        whole = auc_of_all([shift(middle)] * (SLICES - 1) + [shift(best)])
        low, high = (low, middle) if whole - middle < SLICE_MARGIN else (middle, high)
    return [low] * (SLICES - 1) + [best]


def slices_refused(random: np.random.Generator, each: int, metric: str, figures: Sequence[float]) -> bool:
    """Six slices of `each` rows with these figures."""
    import pandas as pd

    of, y = np.repeat(np.arange(SLICES), each), np.tile(classes(each), SLICES)
    if metric == "accuracy":
        right = random.random(len(y)) < np.array(figures)[of]
        scores = np.where(right == (y == 1), 1.0, -1.0)
    else:
        scores = random.normal(size=len(y)) + np.array([shift(one) for one in figures])[of] * (y - 0.5)
    table = pd.DataFrame({"region": of.astype(str), "y": y})
    return check_slices(judged(y, scores, table=table, metric=metric, slices=["region"])).outcome == "refused"


def gap(random: np.random.Generator, n: int, correlation: float, auc: float) -> float:
    """The difference of two models' AUCs, where there is none in truth."""
    y, noise = classes(n), alike(random, n, correlation)
    ours, theirs = (metrics.score(Metric("roc_auc", "roc_auc"), Truth(y, (0, 1)), answers(one + shift(auc) * y))
                    for one in noise)
    return ours(np.ones(n)) - theirs(np.ones(n))


# the parts: each yields rows of its tables
def champion(simulations: int, sizes=(200, 500, 1000, 2000), correlations=(0.8, 0.9, 0.95, 0.99),
             worse: float = 0.0) -> Iterator[dict]:
    """Refusals by rows and correlation."""
    for n in sizes:
        for correlation in correlations:
            found = rate(lambda random, n=n, rho=correlation: not champion_passes(random, n, rho, worse), simulations,
                         n, round(100 * correlation), round(1000 * worse))
            yield {"rows": f"{n:,}", "correlation": f"{correlation:g}", "rate": found}


def equal(simulations: int) -> Iterator[dict]:
    yield from champion(simulations)


def worse_by_two(simulations: int) -> Iterator[dict]:
    yield from champion(simulations, sizes=(500, 1000, 2000), worse=0.02)


def at_the_margin(simulations: int) -> Iterator[dict]:
    yield from champion(simulations, sizes=(500, 2000), worse=MARGIN)


def clustered(simulations: int) -> Iterator[dict]:
    for grouped in (True, False):
        for worse in (MARGIN, 0.0):
            found = rate(lambda random, worse=worse, grouped=grouped: clustered_passes(random, worse, grouped),
                         simulations, 7, round(1000 * worse))
            told = found if worse else Rate(found.of - found.hits, found.of)
            yield {"gate": "with `group`" if grouped else "without",
                   "what": "worse by the margin: passed" if worse else "equal: refused", "rate": told}


def floor(simulations: int, sizes=(200, 500, 2000), aucs=(0.8, 0.95, 0.99)) -> Iterator[dict]:
    for n in sizes:
        for auc in aucs:
            found = [floor_at_the_truth(np.random.default_rng([8, n, round(100 * auc), number]), n, auc)
                     for number in range(simulations)]
            for what, hits in zip(("interval holds the truth", "floor at the truth passed"), np.sum(found, axis=0),
                                  strict=True):
                yield {"rows": f"{n:,}", "what": f"AUC {auc:g}: {what}", "rate": Rate(int(hits), simulations)}


def slices(simulations: int, sizes=(200, 500)) -> Iterator[dict]:
    scenes = {"all alike": lambda metric: [0.85] * SLICES, "five just at the limit": five_at_the_limit,
              "one broken (0.7, the others 0.9)": lambda metric: [0.9] * (SLICES - 1) + [0.7]}
    for name, figures in scenes.items():
        for metric in ("roc_auc", "accuracy"):
            for each in sizes:
                found = rate(lambda random, each=each, metric=metric, of=figures(metric): slices_refused(
                    random, each, metric, of), simulations, 9, each, len(metric), len(name))
                yield {"slices": f"{metric}: {name}", "rows of a slice": f"{each:,}", "rate": found}


def needed(simulations: int, n: int = 2000) -> Iterator[dict]:
    """Rows of which an equal challenger is refused 5 % of the time: where the standard error is so small that the bound
    lies above -margin in 95 % of all cases, with the standard error going down as 1 / sqrt(n)."""
    apart = NORMAL.inv_cdf(1 - TAIL) * 2
    for auc in (0.75, 0.85, 0.95, 0.99):
        for correlation in (0.8, 0.9, 0.95, 0.99):
            found = [gap(np.random.default_rng([10, round(100 * correlation), number]), n, correlation, auc)
                     for number in range(simulations)]
            rows, unsure = n * (float(np.std(found)) * apart / MARGIN) ** 2, 1.96 * (2 / simulations) ** 0.5
            yield {"AUC": f"{auc:g}", "correlation": f"{correlation:g}",
                   "rate": f"{rows:,.0f} ({rows * (1 - unsure):,.0f} to {rows * (1 + unsure):,.0f})"}


@dataclass(frozen=True)
class Part:
    """A question: what is asked, in words, what answers it, and how its table is laid out (rows by columns)."""

    title: str
    words: str
    simulate: Callable[[int], Iterator[dict]]
    down: str
    across: str
    simulations: int = 300


PARTS = {
    "equal": Part("An equal challenger: how often it is refused", """
Both models have the AUC 0.85; 30 % of the rows are positive; the margin is the default, 0.01. The columns are the
correlation of the two models' scores within a class.""", equal, "rows", "correlation"),
    "needed": Part("Rows that it takes", """
Of how many rows an equal challenger is refused 5 % of the time, by the AUC of both and the correlation of their scores
within a class: from the spread of the difference in simulations of 2,000 rows. For fewer than about 200 rows the normal
approximation behind it is rough.""", needed, "AUC", "correlation", 1000),
    "worse": Part("A challenger that is 0.02 worse: how often it is refused", """
The champion's AUC is 0.85, the challenger's 0.83; else as above.""", worse_by_two, "rows", "correlation"),
    "margin": Part("A challenger that is worse by the margin: how often it is refused", """
The champion's AUC is 0.85, the challenger's 0.84: the hardest case that is not to pass. The bound promises that 95 %
are refused.""", at_the_margin, "rows", "correlation"),
    "slices": Part("Six slices: how often any of them is refused", """
All slices have as many rows, 30 % of them positive; the slices' margin is the default, 0.05. Where all are alike, or
none is worse than all rows by more than the margin, a refusal is false, and 5 % of these is the most that Holm's
correction allows over all slices together; a broken slice should be refused.""", slices, "slices", "rows of a slice",
                   200),
    "clustered": Part("Clustered rows: 20 rows of each of 100 entities", """
All rows of an entity are of one class, and half of a score's variance is the entity's. With `group` whole entities are
drawn, without it single rows, as if each told something new. A challenger that is worse by the margin may pass at most
5 % of the time.""", clustered, "what", "gate"),
    "floor": Part("The interval that a floor is held against", """
One model whose AUC is known; the floor is set to that very AUC, so that it may be passed at most 2.5 % of the time, and
the 95 % interval (BCa) should hold the AUC 95 % of the time.""", floor, "what", "rows", 500),
}


def table(part: Part, found: Sequence[dict]) -> Iterator[str]:
    """Lines of Markdown: rows by columns, each cell a rate with its interval."""
    across = list(dict.fromkeys(one[part.across] for one in found))
    cells = {(one[part.down], one[part.across]): one["rate"] for one in found}
    yield "| " + " | ".join([part.down, *(f"{part.across} {name}" for name in across)]) + " |"
    yield "|---" * (len(across) + 1) + "|"
    for name in dict.fromkeys(one[part.down] for one in found):
        yield "| " + " | ".join([name, *(cells.get((name, column), "not run") for column in across)]) + " |"


def page(kept: dict) -> Iterator[str]:
    for name, part in PARTS.items():
        if name in kept:
            yield from ("", f"### {part.title}", " ".join(part.words.split()), "", *table(part, kept[name]["found"]),
                        "", f"{kept[name]['simulations']:,} simulations a cell, {kept[name]['date']}.")


def write(kept: dict, folder: Path) -> None:
    """The JSON, and the page between its marks."""
    (folder / FIGURES).write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    before, begin, rest = (folder / PAGE).read_text(encoding="utf-8").partition(BEGIN)
    _, finish, after = rest.partition(FINISH)
    if not begin or not finish:
        raise ValueError(f"{PAGE} has not both marks: {BEGIN} {FINISH}")
    (folder / PAGE).write_text("\n".join([before + begin, *page(kept), "", finish + after]), encoding="utf-8")


def main(words: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", choices=PARTS, help="one part; the others' figures stay")
    parser.add_argument("--simulations", type=int, help="how many a cell, instead of the part's own number")
    parser.add_argument("--output", type=Path, default=DOCS, help="where the page and its JSON are")
    asked = parser.parse_args(words)
    for name in asked.only or PARTS:
        simulations, found = asked.simulations or PARTS[name].simulations, []
        for one in PARTS[name].simulate(simulations):
            print(name, *one.values(), flush=True)
            found.append({**one, "rate": str(one["rate"])})
            keep(name, simulations, found, asked.output)  # after each: it takes long, and may be ended at any time


def keep(name: str, simulations: int, found: Sequence[dict], folder: Path) -> None:
    path = folder / FIGURES
    kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    kept[name] = {"simulations": simulations, "date": time.strftime("%Y-%m-%d"), "found": list(found)}
    write(kept, folder)


if __name__ == "__main__":
    with threadpool_limits(1):  # small matrices: more threads only wait for each other
        main(sys.argv[1:])
