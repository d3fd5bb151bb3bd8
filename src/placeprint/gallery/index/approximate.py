"""The lists of the approximate index: FAISS learns and searches them; how wide a search must be is tried out here.

In FAISS's words it is ``RR256,IVF1024,PQ128x4fs``: vectors are rotated at random, so that all their numbers matter
alike (long ones are shortened by PCA first), kept in lists around centroids, and each pair of numbers is written in
4 bits (Jégou et al. 2011, Product quantization; André et al. 2017, Quicker ADC).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from placeprint.errors import GalleryCorruptError
from placeprint.gallery.index.base import Vectors
from placeprint.gallery.index.exact import ExactIndex
from placeprint.gallery.index.file_rows import rows_from_file
from placeprint.gallery.index.top_k import Numbers
from placeprint.gallery.index.tuning import disturbed, reachable, recall_of
from placeprint.storage.atomic import FULL
from placeprint.storage.json_records import record_from

FILE, SETTINGS = "index.faiss", "index.json"

TARGET = 0.99
"""Recall that is promised."""

WANTED = 1 - 0.75 * (1 - TARGET)
"""Recall that the gallery's own vectors must reach, because other queries are asked later: a place is found or missed
as a whole, so a thousand queries tell a recall to about 0.3 %. Allowing half of the misses instead of three quarters
would take 8 times as long where places overlap."""

LEVELS = (10, 30, 100, 200)
"""Numbers of neighbours that a width is found for. Whoever asks for more is answered exactly."""

CANDIDATES = (4, 8, 16)
"""Candidates for each neighbour that are tried; where not even the last suffices, the answer is exact."""

TRIED, SEED = 1024, 11
"""Own vectors that the first width is tried with, and how they are drawn; wider searches take a fourth of them."""

LONGEST = 256
"""Dimensions above which vectors are shortened to so many."""

PER_LIST, MOST_LISTS = 128, 1 << 13
"""Vectors in a list on average, and lists at most."""

SAMPLE, LEARNED = 16_384, 1 << 18
"""Vectors that are learned from, at least and at most: they are in memory then."""

PER_CENTROID, ROUNDS = 60, 6
"""Vectors for each centroid, and rounds of k-means: with half as many, three times the lists had to be looked at."""

BLOCK = 8192
"""Vectors that are put in at once."""

ASKED = 64
"""Own vectors that are asked at once: FAISS writes down 10 KB for each, more for many neighbours."""

ALONE = 8
"""Fewer queries are searched on one core: they would wait longer for the slowest core than they gain."""


@dataclass(frozen=True, slots=True)
class Width:
    """How wide a search for up to `k` neighbours must be.

    Attributes
    ----------
    k : int
    probes : int
        Lists that are looked at.
    spare : int
        Candidates for each neighbour.
    """

    k: int
    probes: int
    spare: int


class InvertedLists:
    """Finds candidates for the nearest neighbours; the caller scores them.

    Parameters
    ----------
    index : faiss.IndexPreTransform
        Over an inverted file.
    widths : sequence of Width
        By the number of neighbours.
    """

    def __init__(self, index: Any, widths: Sequence[Width] = ()) -> None:
        import faiss

        self._index, self.widths = index, tuple(widths)
        self.count = int(faiss.extract_index_ivf(index).nlist)

    @classmethod
    def built(cls, vectors: Vectors) -> Self:
        """Learn from the vectors, put them in, and try out how wide a search must be."""
        vectors = rows_from_file(vectors)
        made = cls(learned_index(vectors))
        made._add(vectors)
        made.widths = tuple(made._tuned(vectors))
        return made

    @classmethod
    def opened(cls, folder: Path, vectors: Vectors) -> Self:
        """Read what `save` wrote.

        Raises
        ------
        GalleryCorruptError
            When it cannot be read, or does not belong to these vectors.
        """
        import faiss

        path = folder / FILE
        try:
            index = faiss.read_index(str(path))
            settings = json.loads((folder / SETTINGS).read_bytes()) if (folder / SETTINGS).exists() else {}
            widths = [record_from(Width, width) for width in settings.get("widths", ())]
            made = cls(index, widths)
        except (RuntimeError, ValueError, TypeError, AttributeError, RecursionError) as error:
            raise GalleryCorruptError(f'"{path}" cannot be read as a FAISS index: build the gallery again') from error
        if (index.ntotal, index.d) != vectors.shape:
            raise GalleryCorruptError(
                f'"{path}" holds {index.ntotal} vectors instead of {len(vectors)}: build the gallery again'
                if index.ntotal != len(vectors)
                else f'"{path}" is of {index.d} dimensions instead of {vectors.shape[1]}: build the gallery again'
            )
        return made

    def save(self, folder: Path) -> None:
        """Write the index and its widths."""
        import faiss

        try:
            faiss.write_index(self._index, str(folder / FILE))
        except RuntimeError as error:
            full = [number for number in FULL if os.strerror(number) in str(error)]
            if not full:
                raise
            raise OSError(full[0], os.strerror(full[0]), str(folder / FILE)) from error
        settings = {"target": TARGET, "widths": [asdict(width) for width in self.widths]}
        (folder / SETTINGS).write_text(json.dumps(settings) + "\n", encoding="ascii")

    def renewed(self, kept: Numbers, vectors: Vectors) -> Self | None:
        """Return the lists with only the kept rows, and then the new ones, without learning again.

        None when the gallery has outgrown what was learned: when it should have 4 times the lists, or a quarter.
        Rows that were removed leave nothing behind in the file: where there are any, all others are put in again.
        """
        import faiss

        if not 0.25 < lists_for(len(vectors)) / self.count < 4:
            return None
        made = type(self)(faiss.clone_index(self._index), self.widths)
        if len(kept) < self._index.ntotal:
            made._index.reset()
        made._add(rows_from_file(vectors))
        return made

    def _add(self, vectors: Vectors) -> None:
        """Put in the rows that are not there yet."""
        for i in range(self._index.ntotal, len(vectors), BLOCK):
            self._index.add(np.ascontiguousarray(vectors[i : i + BLOCK]))

    def width(self, k: int) -> Width | None:
        """Return how wide a search for `k` neighbours must be; None when it must be exact."""
        return next((width for width in self.widths if width.k >= k), None)

    def candidates(self, queries: Vectors, k: int, width: Width) -> Numbers:
        """Return rows that are likely among the `k` nearest, -1 where there are too few.

        Parameters
        ----------
        queries : ndarray of float32, shape (n_queries, dim)
            Unit vectors.
        k : int
        width : Width
        """
        import faiss

        lists = faiss.SearchParametersIVF(nprobe=width.probes)  # type: ignore[call-arg]
        params = faiss.SearchParametersPreTransform(index_params=lists)  # type: ignore[call-arg]
        with threads(1 if len(queries) < ALONE else 0):
            rows: Numbers = self._index.search(queries, width.spare * (k + 6), params=params)[1]
        return rows

    def _tuned(self, vectors: Vectors) -> Iterator[Width]:
        """Yield the narrowest width that finds what is wanted, for each number of neighbours.

        None where most images are copies: which of a thousand equal ones are found is chance, so answers are exact.
        """
        rows = reachable(vectors, LEVELS[-1])
        if 2 * len(rows) <= len(vectors):
            return
        queries = disturbed(vectors, TRIED, seed=SEED)[1]
        truth = ExactIndex(vectors).among(queries.astype(np.float64), LEVELS[-1], rows).rows
        width = Width(1, 1, CANDIDATES[0])
        for k in (k for k in LEVELS if 16 * k < len(vectors)):
            every = 1 if k == LEVELS[0] else 4
            found = self._narrowest(queries[::every], truth[::every, :k], width)
            if found is None:
                return
            yield (width := found)

    def _narrowest(self, queries: Vectors, truth: Numbers, least: Width) -> Width | None:
        for spare in (spare for spare in CANDIDATES if spare >= least.spare):
            width = Width(truth.shape[1], least.probes, spare)
            if self._recall(queries, truth, replace(width, probes=self.count)) < WANTED:
                continue  # looking at more lists is no help: what is missing is lost among the candidates
            while self._recall(queries, truth, width) < WANTED:
                width = replace(width, probes=min(self.count, max(width.probes + 1, round(1.4 * width.probes))))
            return width
        return None

    def _recall(self, queries: Vectors, truth: Numbers, width: Width) -> float:
        parts = [queries[i : i + ASKED] for i in range(0, len(queries), ASKED)]
        return recall_of(np.concatenate([self.candidates(part, width.k, width) for part in parts]), truth)


def learned_index(vectors: Vectors) -> Any:
    """Return an empty FAISS index that was learned from some of these vectors."""
    import faiss

    dim, lists = vectors.shape[1], lists_for(len(vectors))
    width = min(dim + dim % 2, LONGEST)
    turn = f"RR{width}" if dim <= LONGEST else f"PCAR{width}"
    index: Any = faiss.index_factory(dim, f"{turn},IVF{lists},PQ{width // 2}x4fs", faiss.METRIC_INNER_PRODUCT)
    inner: Any = faiss.downcast_index(index.index)
    inner.cp.niter, inner.cp.max_points_per_centroid = ROUNDS, PER_CENTROID
    inner.cp.min_points_per_centroid = inner.pq.cp.min_points_per_centroid = 1  # or it warns on stderr
    rotation: Any = faiss.downcast_VectorTransform(index.chain.at(0))
    rows = np.random.default_rng(SEED).permutation(len(vectors))[: max(SAMPLE, min(PER_CENTROID * lists, LEARNED))]
    with threads(1):  # k-means of 16 centroids are too small to share: on two busy cores they took 5 times as long
        rotation.train(vectors[np.sort(rows[:SAMPLE])])
        rotation.have_bias = False  # a mean that is taken from all would change which inner products are greatest
        some = np.empty((len(rows), width), np.float32)
        for i in range(0, len(rows), BLOCK):
            some[i : i + BLOCK] = rotation.apply(vectors[np.sort(rows[i : i + BLOCK])])
        inner.train(some)
    index.is_trained = True
    return index


def lists_for(rows: int) -> int:
    """Return how many lists serve so many rows: a power of two."""
    return int(min(MOST_LISTS, 1 << max(0, round(np.log2(max(rows, 1) / PER_LIST)))))


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Let FAISS use so many cores for what this thread asks of it; 0 for as many as before."""
    import faiss

    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(count or before)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)
