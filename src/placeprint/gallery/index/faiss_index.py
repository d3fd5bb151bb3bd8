"""The approximate index of large galleries: FAISS finds candidates, the vectors themselves decide."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from placeprint.gallery.index.approximate import InvertedLists, Width
from placeprint.gallery.index.base import Capabilities, Vectors, checked_filter, checked_k, unit_queries
from placeprint.gallery.index.exact import ExactIndex
from placeprint.gallery.index.file_rows import rows_in
from placeprint.gallery.index.top_k import Doubles, Numbers, joined, ranked, scored
from placeprint.records import Neighbours

LEAST_ROWS = 256
"""Fewer are not enough to learn from: all answers are exact."""

QUERIES = 256
"""Queries whose candidates are held at once."""


class FaissIndex:
    """FAISS's inverted lists over unit vectors. What they find is scored again with the vectors themselves.

    Parameters
    ----------
    vectors : ndarray of float32, shape (n_rows, dim)
        Unit vectors, possibly memory-mapped, or what reads them (`placeprint.gallery.index.file_rows`); not changed.
    lists : InvertedLists, optional
        Of these very vectors; without them, they are built.
    """

    name = "faiss-ivfpq"

    def __init__(self, vectors: Vectors, lists: InvertedLists | None = None) -> None:
        self._vectors, self._exact, self._lists = rows_in(vectors), ExactIndex(vectors), lists
        if lists is None and len(vectors) >= LEAST_ROWS:
            self._lists = InvertedLists.built(vectors)

    @classmethod
    def opened(cls, folder: Path, vectors: Vectors) -> FaissIndex:
        """Read what `save` wrote of an index over these vectors.

        Raises
        ------
        GalleryCorruptError
        """
        return cls(vectors, InvertedLists.opened(folder, vectors))

    def renewed(self, kept: Numbers, vectors: Vectors) -> FaissIndex | None:
        """Return the index after a change, without learning again; None when it must be built anew.

        Parameters
        ----------
        kept : ndarray of int64
            The rows that stayed, ascending: they are the first rows now.
        vectors : ndarray of float32, shape (n_rows, dim)
            The whole gallery now.
        """
        lists = None if self._lists is None else self._lists.renewed(kept, vectors)
        return None if lists is None else type(self)(vectors, lists)

    @property
    def capabilities(self) -> Capabilities:
        """Approximate; a filter is answered exactly."""
        return Capabilities(exact=False, delete=True, filter=True)

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._vectors)

    def search(self, queries: Vectors, k: int, *, only: NDArray[np.bool_] | None = None) -> Neighbours:
        """Return the `k` nearest rows of each query; see `VectorIndex.search`.

        Under a filter the answer is exact. Wider searches do not help there: when the filter excludes the query's own
        place, the nearest rows are spread over all lists (recall 0.94 with half of the places). A query with too few
        candidates is asked again, exactly.
        """
        k = checked_k(k)
        units = unit_queries(queries, self._vectors.shape[1])
        checked_filter(only, len(self))
        width = None if self._lists is None else self._lists.width(k)
        if only is not None or self._lists is None or width is None or not len(units):
            return self._exact.among(units, k, None if only is None else np.flatnonzero(only))
        parts = (units[i : i + QUERIES] for i in range(0, len(units), QUERIES))
        return joined([self._near(self._lists, part, k, width) for part in parts], k)

    def _near(self, lists: InvertedLists, units: Doubles, k: int, width: Width) -> Neighbours:
        found = lists.candidates(units.astype(np.float32), k, width)
        there = found >= 0
        lines, at = np.nonzero(there)
        rows = found[lines, at]
        best = ranked(lines, rows, scored(self._vectors, units, lines, rows), count=len(units), k=k)
        few = np.flatnonzero(there.sum(axis=1) < min(k, len(self)))
        if len(few):
            again = self._exact.among(units[few], k, None)
            best.rows[few], best.scores[few] = again.rows, again.scores
        return best

    def save(self, folder: Path) -> None:
        """Write the lists; of a few hundred vectors there are none."""
        if self._lists is not None:
            self._lists.save(folder)
