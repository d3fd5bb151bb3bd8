"""Keeps matrix products that are small on one core."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import lru_cache
from typing import Any


def one_blas_thread() -> AbstractContextManager[Any]:
    """Return a context in which NumPy multiplies matrices on one core.

    The products of a shortlist take a third of a millisecond each. Shared by all cores they are no faster on an idle
    machine (30 ms instead of 25 ms for 50 images), and ten times slower on a busy one: every core waits for the
    slowest. Cores are used for different queries instead.
    """
    return _controller().limit(limits=1, user_api="blas")  # type: ignore[no-any-return]


@lru_cache(maxsize=1)
def _controller() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
