"""A limit on the memory that all threads together may use for decoding."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from placeprint.dataset.decoding.pixel_limit import from_environment
from placeprint.errors import ImageError

VARIABLE = "PLACEPRINT_DECODE_MB"
MEBIBYTE = 1 << 20
PROGRAM_BYTES = 450 * MEBIBYTE
"""The limit of every verb but `serve`."""
SMALL_BYTES = 24 * MEBIBYTE
"""An image that takes no more than this is decoded without waiting, and is not counted."""


class Budget:
    """A number of bytes that large images take their share of, and give back.

    `most`: Bytes, unless the environment's PLACEPRINT_DECODE_MB says otherwise.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._held, self._given_back = 0, threading.Condition()

    @contextmanager
    def holding(self, size: int) -> Iterator[None]:
        """Take `size` bytes while the block runs, after waiting until enough are free.

        Raises `ImageError`: ``too-large`` when that is more than the whole budget.
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
        """The whole budget. Raises `UsageError` when PLACEPRINT_DECODE_MB is not a whole number above 0."""
        megabytes = from_environment(VARIABLE, "megabytes")
        return self.most if megabytes is None else megabytes * MEBIBYTE

    def forget(self) -> None:
        """Start afresh in a forked process."""
        self._held, self._given_back = 0, threading.Condition()


DECODING = Budget(PROGRAM_BYTES)
"""The budget of this process and its workers."""
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=DECODING.forget)
