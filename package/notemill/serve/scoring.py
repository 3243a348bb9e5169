"""Rows in, predictions out, whatever the door that they came through: checked, scored, logged, counted."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from notemill.serve.batching import Batcher
from notemill.serve.bodies import check_depth
from notemill.serve.limits import Limits
from notemill.serve.loading import Loaded
from notemill.serve.metrics import Metrics
from notemill.serve.problems import Problem
from notemill.serve.request import Request

INLINE = 16  # rows that a compiled model answers at once: a millisecond or two
TOGETHER = 4096  # rows that scikit-learn is given in one call
REFUSALS = (ValueError, ArithmeticError)  # what scikit-learn says of figures that it cannot take, as an overflow
LOG = logging.getLogger("notemill.serve")


class Job(NamedTuple):
    """A request's rows; `aside`: score the good ones though others are bad."""

    rows: list
    request: Request
    aside: bool


class Scores(NamedTuple):
    """One prediction a row, None where the row was set aside; `faults` says why."""

    predictions: list
    probabilities: list | None
    warnings: list
    faults: list


class Scorer:
    """The model's one way in. `keep` writes records of the prediction log, None where none is kept."""

    def __init__(self, loaded: Loaded, limits: Limits, metrics: Metrics, keep: Callable[[list], None] | None):
        self.loaded, self.limits, self.metrics, self.keep = loaded, limits, metrics, keep
        self.model = loaded.model
        self.batcher = Batcher(self.together, TOGETHER)

    async def score(self, rows: list, request: Request, aside: bool = False) -> Scores:
        """Raises Problem."""
        try:
            self.check(rows)
            job = Job(rows, request, aside)
            scored = self.model.score_quickly(rows) if self.model.compiled and len(rows) <= INLINE else None
            scores = self.kept(job, given(scored)) if scored else await self.batcher.ask(job, len(rows))
        except Problem:
            self.metrics.count_rows("refused", len(rows))
            raise
        bad = len({fault["row"] for fault in scores.faults}) if scores.faults else 0
        self.metrics.count_scored(len(rows) - bad, bad, scores.warnings)
        return scores

    def check(self, rows: list) -> None:
        if len(rows) > self.limits.rows:
            raise Problem("too-many-rows", f"{len(rows):,} rows; {self.limits.rows:,} may come at once")
        for number, row in enumerate(rows):
            if type(row) is not dict:
                raise Problem("bad-request", f"row {number} is no object {{column: value}}")
        check_depth(rows, self.limits.nesting)

    # in the thread, or inline
    def together(self, jobs: Sequence[Job]) -> list:
        """All rows in one call; where some are bad, the requests that sent them are asked alone."""
        results, left = {}, list(range(len(jobs)))
        while len(left) > 1:
            try:
                scored = self.model.score_rows([row for one in left for row in jobs[one].rows])
            except self.loaded.bad_rows as error:
                guilty = owners([len(jobs[one].rows) for one in left], error.problems) or range(len(left))
                alone = [one for place, one in enumerate(left) if place in guilty]
                results |= {one: caught(self.answered, jobs[one]) for one in alone}
                left = [one for one in left if one not in alone]
                continue
            except REFUSALS:  # of whichever row: each request hears of its own
                break
            return merged(results, self.shared_out(scored, jobs, left), len(jobs))
        results |= {one: caught(self.answered, jobs[one]) for one in left}
        return merged(results, {}, len(jobs))

    def shared_out(self, scored: Any, jobs: Sequence[Job], left: list[int]) -> dict:
        """To each job its part."""
        results, begin = {}, 0
        for one in left:
            part = slice(begin, begin := begin + len(jobs[one].rows))
            scores = Scores(scored.predictions[part], scored.probabilities and scored.probabilities[part],
                            scored.warnings[part], [])
            results[one] = caught(self.kept, jobs[one], scores)
        return results

    def answered(self, job: Job) -> Scores:
        """One job alone. Raises Problem."""
        try:
            scores = self.scores(job)
        except REFUSALS as error:
            LOG.warning("request %s: the model refused: %s", job.request.id, type(error).__name__)  # no cells in here
            raise Problem("unscorable", f"the model refuses: {error}"[:300]) from None
        return self.kept(job, scores)

    def scores(self, job: Job) -> Scores:
        try:
            return given(self.model.score_rows(job.rows))
        except self.loaded.bad_rows as error:
            if not job.aside:
                raise refused(job.rows, error.problems) from None
            return self.without(job.rows, error.problems)

    def without(self, rows: list, problems: list) -> Scores:
        """The good rows' predictions; None where a row is bad. Raises Problem where a column is bad as a whole."""
        good, told, scored = list(range(len(rows))), [], None
        while problems:
            if any(problem.row is None for problem in problems):
                raise refused(rows, problems)
            told += [{**fault, "row": good[fault["row"]]} for fault in faults(problems)]
            bad = {problem.row for problem in problems}
            good = [number for place, number in enumerate(good) if place not in bad]
            try:
                scored, problems = self.model.score_rows([rows[number] for number in good]) if good else None, []
            except self.loaded.bad_rows as error:  # absent cells are told first, and alone
                problems = error.problems
        return spread(scored, {number: place for place, number in enumerate(good)}, len(rows), told)

    def kept(self, job: Job, scores: Scores) -> Scores:
        """The same, once the log has it. Raises Problem where the log takes no more."""
        if self.keep is not None and job.rows:
            try:
                self.keep(self.records(job, scores))
            except Exception as error:  # whatever the log's own are: nothing is answered that is not kept
                raise Problem("log-full", str(error)[:200]) from None
        return scores

    def records(self, job: Job, scores: Scores) -> list[dict]:
        """What the prediction log is given: it takes the model's own columns of each row."""
        request, at, ms = job.request.id, time.time(), job.request.milliseconds
        version, content = self.loaded.version, self.loaded.digest
        chances = scores.probabilities or [None] * len(job.rows)
        lines = zip(job.rows, scores.predictions, chances, scores.warnings, strict=True)
        return [{"request": request, "row": number, "at": at, "version": version, "content": content,
                 "inputs": row, "prediction": prediction, "probabilities": chance, "ms": ms, "warnings": warnings}
                for number, (row, prediction, chance, warnings) in enumerate(lines) if prediction is not None]


def given(scored: Any) -> Scores:
    """What the model gave, none set aside."""
    return Scores(scored.predictions, scored.probabilities, scored.warnings, [])


def spread(scored: Any, places: Mapping[int, int], count: int, told: list) -> Scores:
    """What the model gave, each at its row's place among all."""
    def at_places(values: list | None, empty: object) -> list:
        return [values[places[number]] if number in places else empty for number in range(count)]

    if scored is None:
        return Scores([None] * count, None, [[]] * count, told)
    return Scores(at_places(scored.predictions, None), scored.probabilities and at_places(scored.probabilities, None),
                  at_places(scored.warnings, []), told)


def caught(ask: Callable, *words: Any) -> Any:
    """The result, or the exception."""
    try:
        return ask(*words)
    except Exception as error:
        return error


def owners(sizes: list[int], problems: list) -> set[int]:
    """The places of the jobs to which the bad rows belong; all, where a column is bad as a whole."""
    if any(problem.row is None for problem in problems):
        return set(range(len(sizes)))
    of_row = [place for place, size in enumerate(sizes) for _ in range(size)]
    return {of_row[problem.row] for problem in problems}


def merged(left: dict, right: dict, count: int) -> list:
    found = left | right
    return [found[number] for number in range(count)]


def refused(rows: list, problems: list) -> Problem:
    told = faults(problems)
    return Problem("bad-rows", f"{len(told):,} fault{'s' * (len(told) != 1)} in {len(rows):,} "
                   f"row{'s' * (len(rows) != 1)}: none is scored", {"faults": told})


def faults(problems: list) -> list[dict]:
    """As they stand in an answer."""
    return [{"row": problem.row, "column": problem.column, "check": problem.check, "rule": problem.rule,
             "got": problem.got, "allowed": problem.allowed} for problem in problems]
