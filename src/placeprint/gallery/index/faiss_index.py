"""FAISS: flat for the exact answer, lists of short codes for large galleries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from placeprint.arrays import Flags
from placeprint.gallery.index.approximate import LEAST_ROWS, TOGETHER, Clustered
from placeprint.gallery.index.base import Capabilities, Vectors, checked_filter, checked_k, unit_queries
from placeprint.gallery.index.exact import ExactIndex
from placeprint.gallery.index.file_rows import rows_from_file, rows_in
from placeprint.gallery.index.quantization import threads
from placeprint.gallery.index.rough_scores import may_be_best
from placeprint.gallery.index.top_k import Doubles, Numbers, joined, ranked, scored
from placeprint.gallery.index.widths import Width
from placeprint.progress import Progress
from placeprint.records import Neighbours

APPROXIMATE_ROWS = 50_000
"""From this many rows `auto` takes the approximate index (see docs/performance.md)."""

QUERIES = 256
"""Queries whose candidates are held at once."""

MANY = 1024
"""Candidates of a query from which on their vectors are read from the file, not from its map: of that the system maps
64 KiB for each, and takes longer the first time."""


class FaissIndex:
    """A FAISS index over unit vectors by inner product. What it finds is scored again with the vectors themselves.

    `vectors`, shape (n_rows, dim): Unit vectors, possibly memory-mapped, or what reads them
    (`placeprint.gallery.index.file_rows`); not changed.
    `approximate`: Lists of short codes instead of flat; see `placeprint.gallery.index.approximate`. Of a few hundred
    vectors there is nothing to learn: then it is flat all the same.
    `folder`: Where it was saved; without it, it is built.
    """

    def __init__(
        self,
        vectors: Vectors,
        *,
        approximate: bool = False,
        folder: Path | None = None,
        progress: Progress | None = None,
    ) -> None:
        self._given, self._vectors, self._exact = vectors, rows_in(vectors), ExactIndex(vectors)
        self._flat: Any = None
        self._lists: Clustered | None = None
        self._kept: Numbers | None = None
        if approximate and (folder or len(vectors) >= LEAST_ROWS):
            opened = Clustered.opened(folder, len(vectors)) if folder else None
            self._lists = opened or Clustered.built(vectors, progress=progress)
        else:
            self._flat = _flat(self._vectors[:])

    @classmethod
    def renewed(
        cls, previous: FaissIndex, kept: Numbers, vectors: Vectors, *, progress: Progress | None = None
    ) -> FaissIndex | None:
        """Return the approximate index after a change, without learning again; None where it must be built anew.

        `previous`: Of the gallery before; not changed.
        `kept`: The rows that stayed, ascending: they are the first rows now.
        `vectors`, shape (n_rows, dim): The whole gallery now.
        """
        lists = None if previous._lists is None else previous._lists.renewed(kept, vectors, progress=progress)
        if lists is None:
            return None
        made = cls.__new__(cls)
        made._given, made._vectors, made._exact = vectors, rows_in(vectors), ExactIndex(vectors)
        made._flat, made._lists, made._kept = None, lists, None
        return made

    def forget(self, kept: Numbers) -> bool:
        """Find no rows but these any more; False when it finds them all the same."""
        if self._lists is None or not self._lists.forget(kept):
            return False
        self._kept = kept
        return True

    @property
    def name(self) -> str:
        """``faiss-flat``, ``faiss-ivfpq``, or ``faiss-hnsw`` in a gallery of an older release."""
        return "faiss-flat" if self._lists is None else f"faiss-{self._lists.kind}"

    @property
    def reach(self) -> int | None:
        """The most neighbours that lists find, of more all rows are compared; None where there are no lists."""
        if self._lists is None or self._lists.kind == "hnsw":
            return None
        return max((width.k for width in self._lists.widths), default=0)

    @property
    def capabilities(self) -> Capabilities:
        """Flat is exact; the other is not."""
        return Capabilities(exact=self._lists is None, delete=self._lists is not None, filter=True)

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._vectors)

    def search(self, queries: Vectors, k: int, *, only: NDArray[np.bool_] | None = None) -> Neighbours:
        """Return the `k` nearest rows of each query; see `VectorIndex.search`.

        Under a filter the answer is exact, or of all lists where that many rows are left that reading them would take
        long: where a filter leaves out the place that a photo is of, the nearest rows are spread over all lists (recall
        0.94 with half of the places and the usual widths). A query for which too few candidates turn up is asked
        again, exactly.
        """
        k = checked_k(k)
        units = unit_queries(queries, self._vectors.shape[1])
        checked_filter(only, len(self))
        allowed, width = self._kept, None if self._lists is None else self._lists.width(k)
        exact = width is None and self._lists is not None
        if only is not None:
            allowed = np.flatnonzero(only)
            width = self._lists.everywhere(k) if self._lists and len(allowed) >= APPROXIMATE_ROWS else None
            exact = width is None
        if exact or not len(units) or not len(self):
            return self._exact.among(units, k, allowed)
        parts = [self._near(units[i : i + QUERIES], k, width, only, allowed) for i in range(0, len(units), QUERIES)]
        return joined(parts, k)

    def _near(
        self, units: Doubles, k: int, width: Width | None, only: Flags | None, allowed: Numbers | None
    ) -> Neighbours:
        single = units.astype(np.float32)
        if self._lists is None or width is None:
            with threads(1 if len(units) < TOGETHER else 0):
                found = self._flat.search(single, min(k, len(self)))[1]
        else:
            found = self._lists.candidates(single, k, width, only)
        there = found >= 0
        if found.shape[1] > MANY:
            far = rows_from_file(self._given)
            likely = [may_be_best(far, unit, line[line >= 0], k) for unit, line in zip(single, found, strict=True)]
            rows, lines = np.concatenate(likely), np.repeat(np.arange(len(likely)), [len(some) for some in likely])
        else:
            lines, at = np.nonzero(there)
            rows = found[lines, at]
        best = ranked(lines, rows, scored(self._vectors, units, lines, rows), count=len(units), k=k)
        few = np.flatnonzero(there.sum(axis=1) < min(k, len(self) if allowed is None else len(allowed)))
        if len(few):
            again = self._exact.among(units[few], k, allowed)
            best.rows[few], best.scores[few] = again.rows, again.scores
        return best

    def save(self, folder: Path) -> None:
        """Write the approximate index; flat needs no file."""
        if self._lists is not None:
            self._lists.save(folder)


def _flat(vectors: Vectors) -> Any:
    import faiss

    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(np.ascontiguousarray(vectors))
    return index
