"""How the C library keeps what is freed."""

from __future__ import annotations

import os

_LARGE_BLOCK = 1 << 20
"""Bytes from which memory that is freed goes back to the system."""
_KEPT = 8 << 20
"""Freed bytes at the end of the heap that are kept for the next image. The C library's 128 KB go back to the system and
are asked for again several times an image: 400 page faults and a tenth of a server's processor time an answer."""


def lean_heap() -> None:
    """Let all threads share a heap, and give large blocks back when they are freed, where the C library is glibc.

    It gives each thread a heap of its own, and after the first large block that was freed keeps the next ones in it,
    scattered between small ones: memory grew with the number of photographs until each thread had met a large one.
    """
    import ctypes

    arena_max, mmap_threshold, trim_threshold = -8, -3, -1  # see mallopt(3)
    if os.name == "posix" and hasattr(library := ctypes.CDLL(None), "mallopt"):
        library.mallopt(arena_max, 1)
        library.mallopt(mmap_threshold, _LARGE_BLOCK)
        library.mallopt(trim_threshold, _KEPT)
