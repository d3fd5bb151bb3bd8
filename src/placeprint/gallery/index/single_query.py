"""Scores of one query with every row, by whichever way is faster on this machine."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from placeprint.gallery.index.base import Vectors

Clock = Callable[[], float]
Way = Callable[[Vectors, Vectors], Vectors]

COMPARED = 1 << 20
"""Numbers from which the two ways are compared, 4 MiB: with fewer a query takes no longer than a clock is wrong."""
TRIES = 4
"""Queries by which the two ways are compared."""


def product(vectors: Vectors, query: Vectors) -> Vectors:
    """Return all scores as one product, which the BLAS library makes on all cores."""
    scores: Vectors = vectors @ query
    return scores


def row_by_row(vectors: Vectors, query: Vectors) -> Vectors:
    """Return all scores row after row, as the processor reads memory fastest: on one core."""
    scores: Vectors = np.vecdot(vectors, query)
    return scores


class FasterWay:
    """Scores queries one at a time, and finds out meanwhile which of two ways is faster.

    Which one is differs between processors, by up to 2.4 times either way, and with dimensions, cores and what else
    runs. So each of the first queries has half of the rows scored in one way and half in the other, and all later ones
    are scored in the way whose best time was shorter: no query is slower than by the slower way, and none waits for a
    measurement. Few vectors are always a product.

    `clock`: Seconds.
    """

    def __init__(self, clock: Clock = time.perf_counter) -> None:
        self._clock = clock
        self._ways: tuple[Way, Way] = (product, row_by_row)
        self._seconds: dict[Way, list[float]] = {way: [] for way in self._ways}
        self.chosen: Way | None = None

    def scores(self, vectors: Vectors, query: Vectors) -> Vectors:
        """Return what each row scores, in 32 bit.

        The two ways round differently, each within the bound of `placeprint.gallery.index.top_k.rounding`.

        `vectors`: shape (n, dim).
        `query`: shape (dim,).
        Returns shape (n,).
        """
        if vectors.size < COMPARED:
            return product(vectors, query)
        if self.chosen is not None:
            return self.chosen(vectors, query)
        made, half = np.empty(len(vectors), np.float32), len(vectors) // 2
        turned = len(self._seconds[product]) % 2
        for way, part in zip(self._ways, (slice(half), slice(half, None))[:: -1 if turned else 1], strict=True):
            began = self._clock()
            made[part] = way(vectors[part], query)
            self._seconds[way].append(self._clock() - began)
        if min(map(len, self._seconds.values())) >= TRIES:
            self.chosen = min(self._ways, key=lambda way: min(self._seconds[way]))
        return made
