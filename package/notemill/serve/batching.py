"""Work for one thread beside the event loop: what arrives while it works is done together afterwards."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any


class Batcher:
    """`work(jobs)` gives a result, or an exception, for each job; nobody waits for a batch to fill."""

    def __init__(self, work: Callable[[Sequence], Sequence], most: int):
        self.work, self.most = work, most
        self.waiting: deque[tuple[Any, int, asyncio.Future]] = deque()
        self.rows, self.busy = 0, False  # rows: of those who wait
        self.thread = ThreadPoolExecutor(1, thread_name_prefix="scoring")

    async def ask(self, job: Any, rows: int) -> Any:
        """The job's result; raises what its work raised."""
        future = asyncio.get_running_loop().create_future()
        self.waiting.append((job, rows, future))
        self.rows += rows
        if not self.busy:
            self._start()
        return await future

    def _start(self) -> None:
        if jobs := self._taken():
            self.busy = True
            running = asyncio.get_running_loop().run_in_executor(self.thread, self.work, [job for job, _ in jobs])
            running.add_done_callback(lambda done: self._done(done, [future for _, future in jobs]))

    def _taken(self) -> list[tuple[Any, asyncio.Future]]:
        """As many as go together; those whom nobody awaits any more go nowhere."""
        jobs, rows = [], 0
        while self.waiting and (not jobs or rows + self.waiting[0][1] <= self.most):
            job, size, future = self.waiting.popleft()
            self.rows -= size
            if not future.done():
                jobs.append((job, future))
                rows += size
        return jobs

    def _done(self, running: asyncio.Future, futures: list[asyncio.Future]) -> None:
        self.busy = False
        failure = running.exception()
        results = [failure] * len(futures) if failure else running.result()
        for future, result in zip(futures, results, strict=True):
            if future.done():
                continue
            if isinstance(result, BaseException):
                future.set_exception(result)
            else:
                future.set_result(result)
        self._start()
