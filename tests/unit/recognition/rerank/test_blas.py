"""Matrix products stay on one core while any thread asks for it, and only then."""

import subprocess
import sys
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


@pytest.mark.skipif(sys.platform == "win32", reason="the loader there has no such lock")
def test_looking_for_them_does_not_wait_for_a_thread_that_loads_a_library() -> None:
    """`threadpoolctl` before 3.8 waits for the interpreter inside the loader's lock; that thread waits for the lock."""
    looked = subprocess.run([sys.executable, "-c", _LOOK_WHILE_LOADING], capture_output=True, text=True, timeout=30)
    assert (looked.stdout, looked.stderr) == ("looked 200 times\n", "")


_LOOK_WHILE_LOADING = """
import _ctypes, importlib.util, threading
from placeprint.recognition.rerank.blas import _libraries

over, library = threading.Event(), importlib.util.find_spec("PIL._imagingmath").origin

def load():
    while not over.is_set():
        _ctypes.dlclose(_ctypes.dlopen(library, 2))

threading.Thread(target=load, daemon=True).start()
for _ in range(200):
    _libraries.cache_clear()
    _libraries()
over.set()
print("looked 200 times")
"""
