"""Keeps matrix products that are small on one core."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_LOCK = threading.Lock()
_inside = 0
_limit: Any = None


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Let NumPy multiply matrices on one core while any thread is inside.

    The products of a shortlist take a third of a millisecond each. Shared by all cores they are no faster on an idle
    machine (30 ms instead of 25 ms for 50 images), and ten times slower on a busy one: every core waits for the
    slowest. Cores are used for different queries instead. The setting is the process's, so the first thread that
    comes makes it and the last that leaves takes it back.
    """
    global _inside, _limit
    with _LOCK:
        _inside += 1
        if _inside == 1:
            from threadpoolctl import threadpool_limits

            _limit = threadpool_limits(limits=1, user_api="blas")
    try:
        yield
    finally:
        with _LOCK:
            _inside -= 1
            if not _inside:
                _limit.restore_original_limits()
