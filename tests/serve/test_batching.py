"""Rows of several requests in one call of a slow model: each request gets its own, and bad ones harm no others."""

import asyncio
import threading
from dataclasses import dataclass
from types import SimpleNamespace

import pytest

from notemill.serve.batching import Batcher
from notemill.serve.limits import Limits
from notemill.serve.problems import Problem
from notemill.serve.scoring import Job, Scorer


@dataclass
class Bad:
    row: int | None
    column: str = "x"
    check: str = "type"
    rule: str = "is bad"
    got: str = ""
    allowed: object = None


class BadRows(ValueError):
    def __init__(self, problems):
        super().__init__("bad")
        self.problems = problems


class Model:
    """Says x twice; refuses what is no number; counts its calls."""

    compiled = False

    def __init__(self):
        self.calls = []

    def score_rows(self, rows):
        self.calls.append(len(rows))
        if rows and all("x" not in row for row in rows):
            raise BadRows([Bad(None)])
        if bad := [Bad(number) for number, row in enumerate(rows) if not isinstance(row.get("x"), int)]:
            raise BadRows(bad)
        return SimpleNamespace(predictions=[2 * row["x"] for row in rows], probabilities=None,
                               warnings=[[] for _ in rows])


class Counts:
    def count_rows(self, what, rows):
        pass

    def count_scored(self, *given):
        pass


@pytest.fixture
def scorer():
    loaded = SimpleNamespace(model=Model(), bad_rows=BadRows, version="1", digest="d")
    return Scorer(loaded, Limits(rows=100), Counts(), None)


def jobs(*lists, aside=False):
    return [Job([{"x": x} for x in one], SimpleNamespace(id="r", milliseconds=0), aside) for one in lists]


def test_one_call_for_all(scorer):
    found = scorer.together(jobs([1, 2], [3], []))
    assert [one.predictions for one in found] == [[2, 4], [6], []] and scorer.model.calls == [3]


def test_a_bad_row_is_told_to_whom_it_belongs(scorer):
    first, second, third = scorer.together(jobs([1], [2, None, 3], [4]))
    assert first.predictions == [2] and third.predictions == [8]
    assert isinstance(second, Problem) and [one["row"] for one in second.more["faults"]] == [1]
    assert scorer.model.calls == [5, 3, 2]  # all, the bad request alone, the others together


def test_a_bad_row_is_set_aside_for_whom_it_belongs(scorer):
    asks, others = jobs([2, None, 3], aside=True), jobs([4])
    first, second = scorer.together(asks + others)
    assert first.predictions == [4, None, 6] and [one["row"] for one in first.faults] == [1]
    assert second.predictions == [8]


def test_a_column_that_nobody_has_is_told_to_each(scorer):
    request = SimpleNamespace(id="r", milliseconds=0)
    found = scorer.together([Job([{}], request, False), Job([{}], request, True)])
    assert all(isinstance(one, Problem) and one.more["faults"][0]["row"] is None for one in found)


def test_what_the_log_does_not_take_is_not_answered(scorer):
    def full(records):
        raise OSError("no space left")
    scorer.keep = full
    first, second = scorer.together(jobs([1], [2]))
    assert (first.reason, second.reason) == ("log-full", "log-full") and "no space" in first.detail


def test_what_arrives_meanwhile_goes_together():
    gate, seen = threading.Event(), []

    def work(given):
        seen.append(list(given))
        gate.wait(10)
        return [one * 10 for one in given]

    async def ask():
        batcher = Batcher(work, 4)
        first = asyncio.ensure_future(batcher.ask(1, 1))
        await asyncio.sleep(0.05)
        rest = [asyncio.ensure_future(batcher.ask(one, rows)) for one, rows in [(2, 2), (3, 2), (4, 1), (5, 9)]]
        await asyncio.sleep(0.05)
        gone = asyncio.ensure_future(batcher.ask(6, 1))
        await asyncio.sleep(0)
        waiting = batcher.rows
        gone.cancel()
        gate.set()
        return await asyncio.gather(first, *rest), waiting
    results, waiting = asyncio.run(ask())
    assert results == [10, 20, 30, 40, 50] and waiting == 15
    assert seen == [[1], [2, 3], [4], [5]]


def test_an_exception_reaches_who_asked_and_the_next_are_served():
    def work(given):
        if 1 in given:
            raise RuntimeError("broken")
        return [ValueError("mine") if one == 2 else one for one in given]

    async def ask():
        batcher = Batcher(work, 4)
        return [await asyncio.gather(batcher.ask(one, 1), return_exceptions=True) for one in (1, 2, 3)]
    (first,), (second,), (third,) = asyncio.run(ask())
    assert str(first) == "broken" and str(second) == "mine" and third == 3
