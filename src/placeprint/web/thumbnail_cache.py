"""Thumbnails in memory."""

from __future__ import annotations

import threading
from collections import OrderedDict

CACHE_BYTES = 64 << 20


class ThumbnailCache:
    """Keeps the thumbnails that were used last, up to a number of bytes."""

    def __init__(self, most: int = CACHE_BYTES) -> None:
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._most, self._bytes, self._lock = most, 0, threading.Lock()

    def get(self, tag: str) -> bytes | None:
        """Return a thumbnail, or None."""
        with self._lock:
            if tag in self._kept:
                self._kept.move_to_end(tag)
            return self._kept.get(tag)

    def put(self, tag: str, data: bytes) -> None:
        """Keep a thumbnail, and drop those that were not used for the longest time."""
        with self._lock:
            self._bytes += len(data) - len(self._kept.pop(tag, b""))
            self._kept[tag] = data
            while self._bytes > self._most:
                self._bytes -= len(self._kept.popitem(last=False)[1])
