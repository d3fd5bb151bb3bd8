"""How surely pairs of images match, remembered: in this process, and in the user's cache while a verb has it open.

Matching is what an answer by local features costs. Calibrating asks most pairs twice; `add`, a second `index` and
`evaluate` ask the same pairs in another process.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from placeprint import forks
from placeprint.embedding.cache import EmbeddingCache

MOST_KNOWN = 50_000
"""Pairs that are remembered in this process: 10 MB."""


class KnownPairs:
    """Summed confidences by a hash of the pair. Any number of threads may ask."""

    def __init__(self, most: int = MOST_KNOWN) -> None:
        self._most = most
        self._known: OrderedDict[bytes, float] = OrderedDict()
        self._caches: list[EmbeddingCache] = []
        self._lock = forks.Lock()

    def __len__(self) -> int:
        """Return how many pairs this process remembers."""
        return len(self._known)

    def of(self, pair: bytes, match: Callable[[], float]) -> float:
        """Return the confidence of a pair; `match` finds it where nobody knows it yet."""
        with self._lock:
            known, caches = self._known.get(pair), tuple(self._caches)
        if known is None:
            found = (cache.pair(pair) for cache in caches)
            known = next((each for each in found if each is not None), None)
        if known is None:
            known = match()
            for cache in caches[-1:]:
                cache.keep_pair(pair, known)
        with self._lock:
            self._known[pair] = known
            self._known.move_to_end(pair)
            if len(self._known) > self._most:
                self._known.popitem(last=False)
        return known

    @contextmanager
    def kept_in(self, cache: EmbeddingCache | None) -> Iterator[None]:
        """Look pairs up in a cache, and write them there, while this lasts; without a cache change nothing."""
        if cache is None:
            yield
            return
        with self._lock:
            self._caches.append(cache)
        try:
            yield
        finally:
            with self._lock:
                self._caches.remove(cache)


KNOWN_PAIRS = KnownPairs()
"""Those of this process."""
