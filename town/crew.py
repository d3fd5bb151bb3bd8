"""The processes that render a town, place by place."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import active_children, get_context
from threading import current_thread, main_thread

from town.shoot import Job, Made, render_place


def render_all(jobs: Sequence[Job], workers: int | None) -> Iterator[Made]:
    """Yield what each job makes, in their order; None takes a process for each CPU, and 1 stays in this one."""
    count = min(workers if workers is not None else (os.cpu_count() or 1), len(jobs))
    if count <= 1:
        yield from map(render_place, jobs)
        return
    others = set(active_children())
    with ProcessPoolExecutor(count, mp_context=get_context("spawn")) as pool:
        try:
            with _ctrl_c_kept():
                made = pool.map(render_place, jobs)
            yield from made
        except BaseException:
            for worker in set(active_children()) - others:
                worker.kill()  # they write no files, and nobody waits for what they render
            raise


@contextmanager
def _ctrl_c_kept() -> Iterator[None]:
    """Let the processes that start here not hear Ctrl-C, which a terminal sends to all: this one ends them.

    It hears of it afterwards: a process that is only half started when its parent ends says so in a traceback.
    """
    if not hasattr(signal, "pthread_sigmask") or current_thread() is not main_thread():
        yield
        return
    came: list[int] = []
    usual = signal.signal(signal.SIGINT, lambda number, _: came.append(number))
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        signal.signal(signal.SIGINT, usual)
        if came and callable(usual):  # the signal itself would count as the second, which ends all at once
            usual(signal.SIGINT, None)
