"""The memory that decoding images may take, all threads together."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from placeprint.errors import ImageError, UsageError

VARIABLE = "PLACEPRINT_DECODE_MB"
MEBIBYTE = 1 << 20
PROGRAM_BYTES = 450 * MEBIBYTE
"""Of `index`, `check` and all other verbs."""
SMALL_BYTES = 24 * MEBIBYTE
"""An image that takes no more is decoded without waiting, and is not counted."""


class Budget:
    """So many bytes, of which each large image takes its share and gives it back.

    Parameters
    ----------
    most : int
        Bytes, where the environment's PLACEPRINT_DECODE_MB says nothing else.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._held, self._given_back = 0, threading.Condition()

    @contextmanager
    def holding(self, size: int) -> Iterator[None]:
        """Take so many bytes for as long as the block lasts, waiting until others gave back enough.

        Raises
        ------
        ImageError
            ``too-large`` where it is more than there is in all.
        """
        most = self.bytes
        if size > most:
            need = -(-size // MEBIBYTE)
            raise ImageError(
                "too-large",
                f"decoding it may take {need} MB of memory, more than {most // MEBIBYTE}: "
                f"if you trust the file, set {VARIABLE}={need} or more",
            )
        if size <= SMALL_BYTES:
            yield
            return
        with self._given_back:
            self._given_back.wait_for(lambda: not self._held or self._held + size <= most)
            self._held += size
        try:
            yield
        finally:
            with self._given_back:
                self._held -= size
                self._given_back.notify_all()

    @property
    def bytes(self) -> int:
        """How many bytes there are in all.

        Raises
        ------
        UsageError
            When PLACEPRINT_DECODE_MB is not a whole number above 0.
        """
        text = os.environ.get(VARIABLE, "")
        if not text:
            return self.most
        if not text.isdecimal() or not int(text[:9]) > 0:
            raise UsageError(f'{VARIABLE} is "{text}": give a whole number of megabytes')
        return int(text[:9]) * MEBIBYTE

    def forget(self) -> None:
        """Begin anew, in a process that was forked while others held some."""
        self._held, self._given_back = 0, threading.Condition()


DECODING = Budget(PROGRAM_BYTES)
"""Of this process and its workers."""
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=DECODING.forget)
