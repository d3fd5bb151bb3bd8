"""Keeps small matrix products on one core."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

from placeprint import forks

_LOCK = forks.Lock()
_inside = 0
_before: list[int] = []


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Let NumPy multiply matrices on one core while any thread is inside.

    The products of a shortlist take a third of a millisecond each. Shared by all cores they are no faster on an idle
    machine (30 ms instead of 25 ms for 50 images), and ten times slower on a busy one: every core waits for the
    slowest; and a core that had its share spins for some 50 ms, which matching points waits for. Cores are used for
    different queries instead. The setting is the process's, so the first thread that comes makes it and the last that
    leaves takes it back.
    """
    global _inside, _before
    with _LOCK:
        _inside += 1
        if _inside == 1:
            _before = [library.get_num_threads() for library in _libraries()]
            _allow([1] * len(_before))
    try:
        with forks.busy():
            yield
    finally:
        with _LOCK:
            _inside -= 1
            if not _inside:
                _allow(_before)


@cache
def _libraries() -> Sequence[Any]:
    """Return the BLAS libraries that are loaded; finding them takes milliseconds.

    Those that count threads by OpenMP are left alone: there the number is each thread's own.
    """
    from threadpoolctl import ThreadpoolController

    found = ThreadpoolController().select(user_api="blas").lib_controllers
    return [library for library in found if getattr(library, "threading_layer", "") != "openmp"]


def _allow(threads: Sequence[int]) -> None:
    for library, count in zip(_libraries(), threads, strict=True):
        if hasattr(library, "clear_controlling_thread"):  # else only the thread that came first is heard (3.8)
            library.clear_controlling_thread(force=True)
        library.set_num_threads(count)
