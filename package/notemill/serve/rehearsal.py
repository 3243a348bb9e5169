"""The golden rows asked as requests will ask for them: through the Scorer, before anybody is told that it is ready."""

import asyncio
from collections.abc import Iterable

from notemill.serve.limits import Limits
from notemill.serve.loading import Loaded
from notemill.serve.problems import Problem
from notemill.serve.request import Request
from notemill.serve.scoring import INLINE, Scorer, Scores
from notemill.serve.v2 import in_words


class Uncounted:
    """Metrics that nobody reads: no client has asked."""

    def count_rows(self, what: str, rows: int) -> None:
        pass

    def count_scored(self, good: int, aside: int, warnings: Iterable[list]) -> None:
        pass


def rehearsed(loaded: Loaded) -> list[dict[str, list]]:
    """What the service answers to the golden rows, by each of its ways. Raises ValueError where it refuses them."""
    scorer = Scorer(loaded, Limits(), Uncounted(), None)
    try:
        return asyncio.run(by_all_ways(scorer, loaded.golden["rows"]))
    except Problem as problem:
        raise ValueError(in_words(problem)) from None
    finally:
        scorer.batcher.thread.shutdown()


async def by_all_ways(scorer: Scorer, rows: list[dict]) -> list[dict[str, list]]:
    """So many at once that the thread has them; and of a plan, which answers few at once, each alone."""
    request = Request({"headers": []}, None, "golden-rows")
    found = [said([await scorer.score(rows * (INLINE // len(rows) + 1), request)], len(rows))]
    if scorer.model.compiled:
        found.append(said([await scorer.score([row], request) for row in rows], len(rows)))
    return found


def said(answers: list[Scores], rows: int) -> dict[str, list]:
    """The first `rows` predictions and probabilities."""
    return {"predictions": [one for scores in answers for one in scores.predictions][:rows],
            "probabilities": [one for scores in answers for one in scores.probabilities or ()][:rows]}
