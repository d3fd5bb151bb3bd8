"""Exact search with NumPy in blocks: the truth that every other index is tested against."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from placeprint.gallery.index.base import (
    Capabilities,
    Vectors,
    checked_filter,
    checked_k,
    scaled_queries,
    unit_queries,
)
from placeprint.gallery.index.file_rows import rows_in
from placeprint.gallery.index.short_vectors import ShortVectors
from placeprint.gallery.index.single_query import FasterWay
from placeprint.gallery.index.top_k import Best, Doubles, Numbers, best_of_one, joined, sorted_best, sorted_one
from placeprint.records import Neighbours

SCORES = 1 << 18
"""32-bit scores held at once: 1 MiB, which stays in the processor's cache."""

READ = 8192
"""Rows that are held at once of what is read from files."""

QUERIES = 256
"""Queries that go over the rows together: each row is read once for all of them."""

WHOLE = 1 << 22
"""64-bit scores held at once where most of them are asked for: 32 MiB."""

SMALL = 1 << 16
"""Up to so many numbers the vectors are kept in 64 bit too: a search takes no longer than its checks there."""

ONE_CORE = 10**6
"""Multiplications in one product that OpenBLAS does on one core and without packing, with AVX-512.

More wake the other cores, which takes longer here.
"""


class ExactIndex:
    """Every query against every row.

    `vectors`, shape (n_rows, dim): Unit vectors, possibly memory-mapped, or what reads them
    (`placeprint.gallery.index.file_rows`); not changed.
    """

    name = "exact"

    def __init__(self, vectors: Vectors) -> None:
        self._vectors = rows_in(vectors)
        self._small: Doubles | None = None
        self._one = FasterWay()
        if 0 < vectors.size <= SMALL:
            self._small, self._turned = _aligned(self._vectors[:]), _aligned(self._vectors[:].T)

    @property
    def capabilities(self) -> Capabilities:
        """Exact, and everything follows from the vectors."""
        return Capabilities(exact=True, delete=True, filter=True)

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._vectors)

    def search(self, queries: Vectors, k: int, *, only: NDArray[np.bool_] | None = None) -> Neighbours:
        """Return the `k` nearest rows of each query; see `VectorIndex.search`."""
        k = checked_k(k)
        dim = self._vectors.shape[1]
        if only is not None:
            units = unit_queries(queries, dim)
            checked_filter(only, len(self))
            return self.among(units, k, np.flatnonzero(only))
        if self._small is not None and len(queries) > 1:
            return _of_few(self._turned, *scaled_queries(queries, dim), k)
        return self.among(unit_queries(queries, dim), k, None)

    def among(self, queries: Doubles, k: int, allowed: Numbers | None) -> Neighbours:
        """Return the `k` nearest of the allowed rows.

        `queries`, shape (n_queries, dim): Unit vectors.
        `allowed`: Rows in ascending order; None for all of them.
        """
        if self._small is not None and allowed is None:
            if len(queries) == 1:
                return sorted_one(self._small.dot(queries[0]), k)
            return _of_few(self._turned, queries, None, k)
        size = len(self) if allowed is None else len(allowed)
        whole = 8 * k >= size or self._small is not None
        step = max(1, min(QUERIES, WHOLE // max(size, 1))) if whole else QUERIES
        answer = self._whole if whole else self._best
        return joined([answer(queries[i : i + step], k, allowed) for i in range(0, len(queries), step)], k)

    def _best(self, queries: Doubles, k: int, allowed: Numbers | None) -> Neighbours:
        """Few of many rows: score all in 32 bit, and those that may be among the best again."""
        turned = np.ascontiguousarray(queries.T, dtype=np.float32)
        here = isinstance(self._vectors, np.ndarray)
        if len(queries) == 1 and allowed is None and len(self) <= WHOLE:
            if isinstance(self._vectors, ShortVectors):
                return best_of_one(self._vectors, queries[0], self._vectors.products(turned[:, 0]), k)
            if here:
                return best_of_one(self._vectors, queries[0], self._one.scores(self._vectors, turned[:, 0]), k)
        best = Best(self._vectors, queries, k)
        copied = not here or allowed is not None
        step = min(SCORES // len(queries), READ) if copied else SCORES // len(queries)
        for rows, vectors in self._blocks(allowed, step):
            best.offer(vectors @ turned, rows)
        return best.neighbours()

    def _whole(self, queries: Doubles, k: int, allowed: Numbers | None) -> Neighbours:
        """Most of the rows: score all in 64 bit and sort."""
        size = len(self) if allowed is None else len(allowed)
        scores, filled = np.empty((len(queries), size), np.float64), 0
        for _, vectors in self._blocks(allowed, SCORES // max(1, self._vectors.shape[1])):
            np.matmul(queries, vectors.T.astype(np.float64), out=scores[:, filled : filled + len(vectors)])
            filled += len(vectors)
        return sorted_best(scores, k, allowed)

    def _blocks(self, allowed: Numbers | None, step: int) -> Iterator[tuple[Numbers | int, Vectors]]:
        """Yield rows and their vectors; rows that follow each other are not copied."""
        if allowed is None:
            for start in range(0, len(self), step):
                yield start, self._vectors[start : start + step]
            return
        for i in range(0, len(allowed), step):
            rows = allowed[i : i + step]
            first, last = int(rows[0]), int(rows[-1])
            if last - first == len(rows) - 1:
                yield first, self._vectors[first : last + 1]
            else:
                yield rows, self._vectors[rows]

    def save(self, folder: Path) -> None:
        """Write nothing: the vectors are the index."""


def _aligned(vectors: Vectors) -> Doubles:
    """Return the vectors in 64 bit; each line begins at a multiple of 64 bytes, the processor's widest load.

    As columns OpenBLAS multiplies so few as they lie, without packing them first: 64 queries by 67 take 33 µs so, and
    50 as rows. One query by rows takes 2.4 µs instead of 3.1.
    """
    count, size = vectors.shape
    width = -(-size // 8) * 8
    memory = np.zeros(count * width + 7)
    first = -(memory.ctypes.data // 8) % 8
    lines = memory[first : first + count * width].reshape(count, width)[:, :size]
    lines[:] = vectors
    return lines


def _of_few(turned: Doubles, queries: Doubles, scale: Doubles | None, k: int) -> Neighbours:
    """Score all of few rows in 64 bit and sort; `scale` times the queries have norm 1, None where they have it."""
    parts, step = [], min(QUERIES, WHOLE // turned.shape[1])
    for i in range(0, len(queries), step):
        products = _small_product(queries[i : i + step], turned)
        if scale is not None:
            products *= scale[i : i + step, None]
        parts.append(sorted_best(products, k))
    return joined(parts, k)


def _small_product(queries: Doubles, turned: Doubles) -> Doubles:
    """Return `queries @ turned`, a few queries at a time: no slower so, and much faster on a busy machine."""
    made = np.empty((len(queries), turned.shape[1]))
    products = -(-len(queries) * turned.size // ONE_CORE)
    step = -(-len(queries) // products)
    for i in range(0, len(queries), step):
        np.matmul(queries[i : i + step], turned, out=made[i : i + step])
    return made
