"""Work on a few threads behind a bounded queue: requests beyond the queue's limit get 503 at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from typing import Any, TypeVar

from placeprint.web.problems import busy

T = TypeVar("T")


class WorkQueue:
    """Threads with a bounded queue, used from one event loop.

    A job that runs out of time keeps its place until its thread is free again; anyio's CapacityLimiter gives the place
    away at once, so that jobs which hang would pile up.

    `name`: Of the threads.
    `threads`: Jobs that run at once.
    `waiting`: Jobs that may wait.
    `seconds`: How long a job may wait and run.
    """

    def __init__(self, name: str, *, threads: int, waiting: int, seconds: float) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._seconds, self.threads, self.limit = seconds, threads, threads + waiting
        self._jobs: set[Future[Any]] = set()

    @property
    def jobs(self) -> int:
        """How many jobs run or wait."""
        return len(self._jobs)

    def require_room(self) -> None:
        """Refuse a request before its body is read when the queue is full. Raises `Problem`: 503, with Retry-After."""
        if self.jobs >= self.limit:
            raise busy("too many requests are waiting: try again shortly", closes=True)

    async def run(self, work: Callable[..., T], *args: Any) -> T:
        """Run a job on a thread.

        Raises `Problem`: 503 when the queue is full, or when the job runs out of time: then it is dropped where it
        still waits, and left to end where it runs.
        """
        self.require_room()
        loop = asyncio.get_running_loop()
        job: Future[T] = self._pool.submit(work, *args)
        self._jobs.add(job)
        job.add_done_callback(lambda _: self._leave(loop, job))
        try:
            async with asyncio.timeout(self._seconds):
                return await asyncio.wrap_future(job)
        except TimeoutError as error:
            raise busy(f"the answer took more than {self._seconds:g} s: try a smaller photo, or again later") from error

    def _leave(self, loop: asyncio.AbstractEventLoop, done: Future[Any]) -> None:
        with suppress(RuntimeError):  # the loop is closed: the job was given up when the server stopped
            loop.call_soon_threadsafe(self._jobs.discard, done)

    def close(self, seconds: float) -> None:
        """Drop the jobs that wait, and wait this long for those that run."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        wait(set(self._jobs), seconds)
