"""Exact search with NumPy in blocks: the truth that every other index is tested against."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from placeprint.gallery.base import Capabilities, Vectors, checked_filter, checked_k, ordered, unit_vectors
from placeprint.records import Neighbours

BLOCK_BYTES = 64 * 1024 * 1024
"""Scores held at once, per block of queries."""


class ExactIndex:
    """Every query against every row.

    Parameters
    ----------
    vectors : ndarray of float32, shape (n_rows, dim)
        Unit vectors, possibly memory-mapped; not copied and not changed.
    """

    name = "exact"

    def __init__(self, vectors: Vectors) -> None:
        self._vectors = vectors

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
        rows = len(self)
        only = checked_filter(only, rows)
        queries = unit_vectors(queries, dim=self._vectors.shape[1], what="queries")
        step = max(1, BLOCK_BYTES // (4 * max(rows, 1)))
        parts = [self._block(queries[i : i + step], k, only) for i in range(0, len(queries), step)]
        if not parts:
            return Neighbours(np.empty((0, k), np.int64), np.empty((0, k), np.float32))
        return Neighbours(np.concatenate([p.rows for p in parts]), np.concatenate([p.scores for p in parts]))

    def _block(self, queries: Vectors, k: int, only: NDArray[np.bool_] | None) -> Neighbours:
        scores = queries @ self._vectors.T
        if only is not None:
            scores[:, ~only] = -np.inf
        rows = _best_columns(scores, k)
        found = np.take_along_axis(scores, rows, axis=1)
        rows[found == -np.inf] = -1
        return ordered(rows, found, k)

    def save(self, folder: Path) -> None:
        """Write nothing: the vectors are the index."""


def _best_columns(scores: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """Return the columns of the `k` largest scores of each line, ties at the border by the lower column."""
    count = scores.shape[1]
    if k >= count:
        return np.broadcast_to(np.arange(count), scores.shape).copy()
    part = np.argpartition(-scores, k - 1, axis=1)[:, :k].astype(np.int64)
    border = np.take_along_axis(scores, part, axis=1).min(axis=1)
    tied = (scores == border[:, None]).sum(axis=1) > 1
    for line in np.flatnonzero(tied):  # rare: several rows share the last score that is let in
        part[line] = np.argsort(-scores[line], kind="stable")[:k]
    return part
