"""Make forking safe: what a child process must not inherit from its parent.

A child has all of its parent's memory but only one of its threads: libraries wait there for threads that are gone, and
a lock that another thread held is never released. So a fork waits until no thread is inside a library or holds one of
our locks (`busy`, `Lock`), and a child builds its own copy of what a library built for its parent (`Made`).
"""

from __future__ import annotations

import os
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import thread as _pools  # noqa: F401  see `_before`
from contextlib import contextmanager
from functools import partial
from types import TracebackType
from typing import Any, Generic, TypeVar

from placeprint.errors import UsageError

PATIENCE = 5.0
"""Seconds that a fork waits for other threads. Inference takes milliseconds, compiling a graph about a second."""

ADVICE = 'start processes by multiprocessing.get_context("spawn"), or before the first photo'

Thing = TypeVar("Thing")


class _Process:
    """The state of this process, replaced in every fork.

    `generation`: Forks between this process and the first one.
    `torn`: True when another thread was busy at the fork: what it worked on is left half done here.
    `inside`: Threads that are busy.
    `forking`: Threads that are about to fork; no thread may become busy meanwhile.
    """

    def __init__(self, *, generation: int = 0, torn: bool = False, inside: int = 0) -> None:
        self.generation, self.torn, self.inside, self.forking = generation, torn, inside, 0
        self.changed = threading.Condition()


class _Depth(threading.local):
    """How many nested `busy` blocks this thread is in."""

    depth = 0


_PROCESS, _THREAD = _Process(), _Depth()
_MADE: weakref.WeakSet[Made[Any]] = weakref.WeakSet()


def generation() -> int:
    """Return a number that differs between a child and its parent."""
    return _PROCESS.generation


@contextmanager
def busy() -> Iterator[None]:
    """Delay forks of this process while the body runs. Blocks may be nested.

    Raises `UsageError` in a child that was forked while another thread was busy: waiting for that thread would never
    end.
    """
    _begin()
    try:
        yield
    finally:
        _end()


def _begin() -> None:
    process = _PROCESS
    if process.torn:
        raise UsageError(f"this process was forked while another thread used placeprint: {ADVICE}")
    if not _THREAD.depth:
        with process.changed:
            process.changed.wait_for(lambda: not process.forking)
            process.inside += 1
    _THREAD.depth += 1


def _end() -> None:
    process = _PROCESS
    _THREAD.depth -= 1
    if not _THREAD.depth:
        with process.changed:
            process.inside -= 1
            process.changed.notify_all()


def helping() -> Callable[[], None]:
    """Return what the threads of a pool begin with that works for this thread while it waits: they count as this one.

    Else a fork would wait for this thread where it is busy, this one for them, and they for the fork.
    """
    return partial(setattr, _THREAD, "depth", _THREAD.depth)


class Lock:
    """A lock that is never held by another thread at a fork."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        """Acquire the lock."""
        _begin()
        self._lock.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Release the lock."""
        self._lock.release()
        _end()


class Made(Generic[Thing]):
    """An object of a library, built again in a child when it is first asked for there.

    The parent's object is never destroyed in a child: that would wait for the parent's threads.

    `make`: Builds the object; called at once, and once in each child that asks.
    """

    def __init__(self, make: Callable[[], Thing]) -> None:
        self._make, self._lock = make, Lock()
        with busy():
            self._thing = make()
        self._generation = generation()
        _MADE.add(self)

    def get(self) -> Thing:
        """Return this process's own object. Raises `UsageError`: as `busy`; `make` may raise errors of its own."""
        if self._generation != generation():
            with self._lock:
                if self._generation != generation():
                    self._thing = self._make()
                    self._generation = generation()
        return self._thing

    def _keep(self) -> None:
        keep(self._thing)


def keep(thing: object) -> None:
    """Keep an object alive until this process ends, even when nothing refers to it any more."""
    import ctypes

    ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))


def _before() -> None:
    """Wait until no other thread is busy.

    What is registered last is called first. Pools of threads (and logging, which they import) hold a lock of their own
    from here until the fork, and who is busy may need a pool: so they are imported before this is registered.
    """
    own = int(_THREAD.depth > 0)
    with _PROCESS.changed:
        _PROCESS.forking += 1
        _PROCESS.changed.wait_for(lambda: _PROCESS.inside <= own, timeout=PATIENCE)


def _in_parent() -> None:
    with _PROCESS.changed:
        _PROCESS.forking -= 1
        _PROCESS.changed.notify_all()


def _in_child() -> None:
    global _PROCESS
    before, own = _PROCESS, int(_THREAD.depth > 0)
    _PROCESS = _Process(generation=before.generation + 1, torn=before.torn or before.inside > own, inside=own)
    for made in list(_MADE):
        made._keep()
    if "faiss" in sys.modules:  # with more than one thread, GNU OpenMP waits for the parent's
        sys.modules["faiss"].omp_set_num_threads(1)
    if "onnxruntime" in sys.modules:
        _end_without_libraries()


def _end_without_libraries() -> None:
    """End this process before libraries run their destructors: that of ONNX Runtime waits for the parent's threads.

    Python has shut down by then, and the exit code stays. Children of `multiprocessing` end like this anyway.
    """
    import ctypes

    system = ctypes.CDLL(None)
    if hasattr(system, "on_exit"):  # of glibc; it hands the exit code on
        system.on_exit(system._exit, None)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
