"""Matrix products stay on one core while any thread asks for it, and only then."""

import threading

import pytest

from placeprint.recognition.rerank import blas
from placeprint.recognition.rerank.blas import one_blas_thread


def counts() -> list[int]:
    return [library.get_num_threads() for library in blas._libraries()]


def test_every_thread_that_is_inside_has_one_core_and_the_last_gives_it_back() -> None:
    before = counts()
    if not before or max(before) < 2:
        pytest.skip("NumPy's library has one thread here anyway")
    seen: list[list[int]] = []
    with one_blas_thread():  # the main thread comes first: later it must not be the only one that is heard
        seen.append(counts())
    assert counts() == before
    both, first_gone = threading.Barrier(2), threading.Event()

    def stay(wait: bool) -> None:
        with one_blas_thread():
            both.wait(10)
            if wait:
                first_gone.wait(10)
            seen.append(counts())

    threads = [threading.Thread(target=stay, args=(wait,)) for wait in (True, False)]
    for thread in threads:
        thread.start()
    threads[1].join(10)
    first_gone.set()
    threads[0].join(10)
    assert seen == [[1] * len(before)] * 3
    assert counts() == before
