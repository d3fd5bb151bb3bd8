"""Work on a few threads behind a bounded queue: who comes when it is full is sent away at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from typing import Any, TypeVar

from placeprint.web.problems import busy

T = TypeVar("T")


class Desk:
    """Threads, and a queue in front of them. Used from one event loop.

    Parameters
    ----------
    name : str
        Of the threads.
    threads : int
        As many as the work can use at once.
    waiting : int
        Pieces of work that may wait.
    seconds : float
        How long one may wait and take.
    """

    def __init__(self, name: str, *, threads: int, waiting: int, seconds: float) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._seconds, self.threads, self.limit = seconds, threads, threads + waiting
        self._running: set[Future[Any]] = set()

    @property
    def inside(self) -> int:
        """Pieces of work that run or wait."""
        return len(self._running)

    def require_room(self) -> None:
        """Refuse a request whose body need not be read, because there is no room for its work.

        Raises
        ------
        Problem
            503, with Retry-After.
        """
        if self.inside >= self.limit:
            raise busy("too many requests are waiting: try again shortly", closes=True)

    async def run(self, work: Callable[..., T], *args: Any) -> T:
        """Do a piece of work on a thread.

        Raises
        ------
        Problem
            503 when the queue is full, or when it takes too long: what waits is then dropped, and what runs is left
            to end, in its place in the queue.
        """
        self.require_room()
        loop = asyncio.get_running_loop()
        running: Future[T] = self._pool.submit(work, *args)
        self._running.add(running)
        running.add_done_callback(lambda _: self._leave(loop, running))
        try:
            async with asyncio.timeout(self._seconds):
                return await asyncio.wrap_future(running)
        except TimeoutError as error:
            raise busy(f"the answer took more than {self._seconds:g} s: try a smaller photo, or again later") from error

    def _leave(self, loop: asyncio.AbstractEventLoop, done: Future[Any]) -> None:
        with suppress(RuntimeError):  # the loop is closed: this was given up when the server stopped
            loop.call_soon_threadsafe(self._running.discard, done)

    def close(self, seconds: float) -> None:
        """Drop what waits, and wait so long for what runs."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        wait(set(self._running), seconds)
