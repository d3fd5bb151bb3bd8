"""What a process that was forked may not take over from its parent.

A child begins with all of its parent's memory and with one of its threads: libraries wait there for threads that are
gone, and a lock that one of them held stays closed for ever. So a fork waits until no thread is at work in a library or
holds a lock of ours (`busy`, `Lock`), and a child makes anew what a library made for its parent (`Made`).
"""

from __future__ import annotations

import os
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Generic, TypeVar

from placeprint.errors import UsageError

PATIENCE = 5.0
"""Seconds that a fork waits for other threads. Most inferences take milliseconds, and to compile a graph one second."""

ADVICE = 'start processes by multiprocessing.get_context("spawn"), or before the first photo'

Thing = TypeVar("Thing")


class _Process:
    """What is known of this process and of its forks.

    Attributes
    ----------
    generation : int
        Forks between this process and the first one.
    torn : bool
        True where another thread was at work when this process was forked: what it worked on is half done here.
    inside : int
        Threads that are at work.
    forking : int
        Threads that are about to fork; nobody begins to work meanwhile.
    """

    def __init__(self, *, generation: int = 0, torn: bool = False, inside: int = 0) -> None:
        self.generation, self.torn, self.inside, self.forking = generation, torn, inside, 0
        self.changed = threading.Condition()


class _Depth(threading.local):
    """How many times this thread began to work and did not end."""

    depth = 0


_PROCESS, _THREAD = _Process(), _Depth()
_MADE: weakref.WeakSet[Made[Any]] = weakref.WeakSet()


def generation() -> int:
    """Return a number that is another one in a child than in its parent."""
    return _PROCESS.generation


@contextmanager
def busy() -> Iterator[None]:
    """Hold up forks of this process while the body is at work; one may be inside of another.

    Raises
    ------
    UsageError
        In a child that was forked all the same while another thread was at work: waiting for that would never end.
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


class Lock:
    """A lock that no other thread holds when this process is forked."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        """Take the lock."""
        _begin()
        self._lock.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give it back."""
        self._lock.release()
        _end()


class Made(Generic[Thing]):
    """What a library made, and makes anew in a child when it is first asked for there.

    What the parent's was is never taken apart in a child: that would wait for the parent's threads.

    Parameters
    ----------
    make : callable
        Makes it; called at once, and once in each child that asks.
    """

    def __init__(self, make: Callable[[], Thing]) -> None:
        self._make, self._lock = make, Lock()
        with busy():
            self._thing = make()
        self._generation = generation()
        _MADE.add(self)

    def get(self) -> Thing:
        """Return it, as this process's own.

        Raises
        ------
        UsageError
            As `busy`; and what the library raises that makes it.
        """
        if self._generation != generation():
            with self._lock:
                if self._generation != generation():
                    self._thing = self._make()
                    self._generation = generation()
        return self._thing

    def _keep(self) -> None:
        keep(self._thing)


def keep(thing: object) -> None:
    """Let something live until this process ends, whoever forgets it."""
    import ctypes

    ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))


def _before() -> None:
    """Wait until no other thread is at work."""
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
    if "faiss" in sys.modules:  # where more than one is to work, GNU OpenMP waits for the parent's
        sys.modules["faiss"].omp_set_num_threads(1)
    if "onnxruntime" in sys.modules:
        _end_without_libraries()


def _end_without_libraries() -> None:
    """Let this process end before libraries take themselves apart: ONNX Runtime waits for the parent's threads there.

    Python is done by then, and the exit code stays. Children of `multiprocessing` end so anyway.
    """
    import ctypes

    system = ctypes.CDLL(None)
    if hasattr(system, "on_exit"):  # of glibc; it hands the exit code on
        system.on_exit(system._exit, None)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
