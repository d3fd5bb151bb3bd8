"""The approximate index: FAISS lists of short codes around centroids, with search widths that were tried out.

How it is learned is in `placeprint.gallery.index.quantization`. A file of an older release (HNSW) is still searched.
"""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

import numpy as np

from placeprint.arrays import Flags
from placeprint.errors import GalleryCorruptError
from placeprint.gallery.index.base import Vectors
from placeprint.gallery.index.file_rows import rows_from_file
from placeprint.gallery.index.quantization import clear_ends, extend, learned_index, lists_for, renumber, threads
from placeprint.gallery.index.stored_lists import StoredLists, lists_at, stored_lists
from placeprint.gallery.index.top_k import Numbers
from placeprint.gallery.index.tuning import Trial, hits_of, trials_of
from placeprint.gallery.index.widths import MORE, SPARE, TARGET, Width, tried_out
from placeprint.progress import Progress, Stretch
from placeprint.storage.atomic import FULL
from placeprint.storage.json_records import record_from
from placeprint.storage.rows import others

FILE, SETTINGS = "index.faiss", "index.json"

LEVELS = (10, 30, 100, 200)
"""Numbers of neighbours that a width is found for. Who asks for more is answered exactly."""
UNDER_A_FILTER = 2048
"""Candidates, at least, where some rows are left out: far from a query short codes tell less (0.955 with 256)."""
NEW_SHARE = 0.05
"""Of rows that an index was not learned from: 1.7 % of new places took .99 of recall to .98 at the same width."""
LEAST_ROWS = 256
"""Fewer are not enough to learn from."""
NEAR, NEAREST = 2.0, 64.0
"""Centroids compared exactly for each list that is looked at, and for the one list that a vector goes to."""
SOME = 0.25
"""Of the lists, beyond which all are read: most queries would look at one that has not been."""
TOGETHER = 8
"""Queries that are shared by all cores; fewer wait longer for the slowest core than they gain."""

CHOSEN, ADDED = 1024, 256
"""Vectors at once whose lists are looked up, and that are put in: then memory peaks."""

ASKED = 16
"""Own vectors asked at once: FAISS writes down 10 KB for each, more for many neighbours."""

PROBES = 1 << 15
"""Lists of all queries that are noted at once."""

OLD_SEARCH = 128
"""efSearch of the HNSW index (Malkov & Yashunin 2018) that older releases wrote."""


class Clustered:
    """Finds candidates; who calls scores them.

    `widths`: By the number of neighbours.
    `stored`: Where the lists are, which are empty then until a query looks at them.
    """

    def __init__(self, index: Any, widths: Sequence[Width], stored: StoredLists | None = None) -> None:
        self._index, self.widths, self._stored = index, tuple(widths), stored
        self.kind = "hnsw"
        if (inner := _lists_of(index)) is not None:
            import faiss

            self.kind, self._inner = "ivfpq", inner
            linear: Any = faiss.downcast_VectorTransform(index.chain.at(0))
            turn = faiss.vector_to_array(linear.A).reshape(linear.d_out, linear.d_in)
            self._turn = np.ascontiguousarray(turn.T)

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy has: all lists."""
        self._read_all()
        return self.__dict__

    @classmethod
    def built(cls, vectors: Vectors, *, progress: Progress | None = None) -> Self:
        """Learn from the vectors, put them in, and try out how wide a search must be, which may take longest."""
        vectors = rows_from_file(vectors)
        with Stretch(progress, "making the index", 3 * len(vectors)) as step:  # thirds that take about as long
            made = cls(learned_index(vectors, step), ())
            trials = trials_of(vectors, LEVELS)  # before the lists are full: memory peaks then
            step(len(vectors))
            made._put(vectors, 0, step)
        made._tune(trials, progress)
        return made

    @classmethod
    def opened(cls, folder: Path, rows: int) -> Self:
        """Read what `save` wrote. Raises `GalleryCorruptError` when it cannot be read, or is of another gallery."""
        import faiss

        path = folder / FILE
        try:
            settings = json.loads((folder / SETTINGS).read_bytes()) if (folder / SETTINGS).exists() else {}
            stored = stored_lists(path, rows, settings.get("lists"))
            index = stored.index() if stored else faiss.read_index(str(path))
            widths = [record_from(Width, width) for width in settings.get("widths", ())]
            lists = getattr(_lists_of(index), "nlist", 0)
            if not all(0 < w.k <= LEVELS[-1] and 0 < w.probes <= lists and 0 < w.spare <= MORE[-1] for w in widths):
                raise ValueError("no search is that wide")
        except (RuntimeError, ValueError, TypeError, AttributeError, RecursionError, OSError, MemoryError) as error:
            raise GalleryCorruptError(f'"{path}" cannot be read as a FAISS index: build the gallery again') from error
        if index.ntotal != rows:
            raise GalleryCorruptError(
                f'"{path}" holds {index.ntotal} vectors instead of {rows}: build the gallery again'
            )
        return cls(index, widths, stored)

    def save(self, folder: Path) -> None:
        """Write the index and its widths."""
        import faiss

        self._read_all()
        try:
            faiss.write_index(self._index, str(folder / FILE))
        except RuntimeError as error:
            full = [number for number in FULL if os.strerror(number) in str(error)]
            if not full:
                raise
            raise OSError(full[0], os.strerror(full[0]), str(folder / FILE)) from error
        if self.kind != "hnsw":
            settings = {"target": TARGET, "widths": [asdict(width) for width in self.widths]}
            inner = self._inner
            settings |= lists_at(folder / FILE, faiss.downcast_InvertedLists(inner.invlists))
            (folder / SETTINGS).write_text(json.dumps(settings) + "\n", encoding="ascii")

    def renewed(self, kept: Numbers, vectors: Vectors, *, progress: Progress | None = None) -> Self | None:
        """Return this index with only the kept rows, and then the new ones: only how wide to search is tried again.

        None where it must be learned: what is new is found less well than what was learned from, and more slowly.
        """
        import faiss

        fits = self.kind != "hnsw" and 0.25 < lists_for(len(vectors)) / self._inner.nlist < 4
        if not fits or len(vectors) - len(kept) > NEW_SHARE * len(vectors):
            return None
        self._read_all()
        made = type(self)(faiss.clone_index(self._index), self.widths)
        if len(kept) < self._index.ntotal:
            made.forget(kept)
            numbers = np.empty(self._index.ntotal, np.int64)
            numbers[kept] = np.arange(len(kept))
            lists = faiss.downcast_InvertedLists(made._inner.invlists)
            renumber(lists, numbers)
            clear_ends(lists)
        vectors = rows_from_file(vectors)
        made._put(vectors, len(kept))
        made._tune(trials_of(vectors, LEVELS), progress)
        return made

    def forget(self, kept: Numbers) -> bool:
        """Take all rows but these out of the lists; the others keep their numbers. False where there are no lists."""
        import faiss

        if self.kind == "hnsw":
            return False
        if self._stored:
            flags = np.zeros(self._index.ntotal, np.bool_)
            flags[kept] = True
            if self._stored.forget(flags):
                return True
            self._read_all()
        return bool(self._inner.remove_ids(faiss.IDSelectorBatch(others(self._index.ntotal, kept))) >= 0)

    def _put(self, vectors: Vectors, first: int, step: Callable[[int], object] = int) -> None:
        """Add the rows from `first` on, list after list; within a list they stay in order.

        FAISS's own `add` in blocks doubles a list as it grows, and leaves holes: a fifth of all memory.
        """
        import faiss

        coarse: Any = faiss.downcast_index(self._inner.quantizer)
        coarse.k_factor = NEAREST  # the list that a vector goes to must be the one where it is looked for first
        lists = np.empty(len(vectors) - first, np.int32)
        for i in range(0, len(lists), CHOSEN):
            turned = self._turned(vectors[first + i : first + i + CHOSEN])
            lists[i : i + CHOSEN] = coarse.search(turned, 1)[1][:, 0]
            step(len(turned))
        coarse.k_factor = NEAR
        order = np.argsort(lists, kind="stable")
        numbers = lists[order]
        starts = range(0, len(order), ADDED)
        parts = deque((order[i : i + ADDED].astype(np.int32), numbers[i : i + ADDED].copy()) for i in starts)
        del lists, order, numbers
        while parts:  # each is let go: memory peaks when all lists are full
            some, numbers = parts.popleft()
            rows = first + some.astype(np.int64)
            codes = self._inner.pq.compute_codes(self._turned(vectors[rows]))
            extend(faiss.downcast_InvertedLists(self._inner.invlists), numbers, rows, codes)
        self._index.ntotal = self._inner.ntotal = len(vectors)

    def _read(self, turned: Vectors, width: Width) -> None:
        """Read the lists that these queries will look at."""
        stored = self._stored
        if stored is None:
            return
        import faiss

        inner = self._inner  # another thread may replace it
        if width.probes * len(turned) > SOME * inner.nlist or stored.share > SOME:
            self._read_all()
            return
        with threads(1):
            numbers = faiss.downcast_index(inner.quantizer).search(turned, width.probes)[1]
        stored.fill(faiss.downcast_InvertedLists(inner.invlists), numbers[numbers >= 0])

    def _read_all(self) -> None:
        import faiss

        if (stored := self._stored) is None:
            return
        if (whole := stored.whole()) is None:
            inner = self._inner
            stored.fill(faiss.downcast_InvertedLists(inner.invlists))
        else:  # in a fourth of the time
            self._index, self._inner = whole, _lists_of(whole)
        self._stored = None

    def _turned(self, vectors: Vectors) -> Vectors:
        turned: Vectors = self._index.chain.at(0).apply(np.ascontiguousarray(vectors))
        return turned

    def width(self, k: int) -> Width | None:
        """Return how wide a search for `k` neighbours must be; None where it must be exact."""
        if self.kind == "hnsw":
            return Width(k, 0, 0) if 4 * k < self._index.ntotal else None
        return next((width for width in self.widths if width.k >= k), None)

    def everywhere(self, k: int) -> Width | None:
        """Return the width that looks at all lists for up to `k` neighbours; None where there are no lists."""
        width = None if self.kind == "hnsw" else self.width(k)
        if width is None:
            return None
        enough = max(width.spare * width.k, UNDER_A_FILTER)  # where all rows that are left show one very large place
        return Width(k, int(self._inner.nlist), max(SPARE[-1], -(-enough // k)))

    def candidates(self, queries: Vectors, k: int, width: Width, only: Flags | None = None) -> Numbers:
        """Return rows that are likely among the `k` nearest, -1 where there are too few.

        `queries`, shape (n_queries, dim): Unit vectors.
        `only`, shape (n_rows,): The others are no candidates; not of an old release's index.
        """
        from faiss import swigfaiss as faiss

        if self.kind == "hnsw":
            graph = faiss.SearchParametersHNSW(efSearch=max(OLD_SEARCH, 2 * k))
            found: Numbers = self._index.search(queries, k, params=graph)[1]
            return found
        lists, turned = faiss.SearchParametersIVF(nprobe=width.probes), queries @ self._turn
        self._read(turned, width)
        if only is not None:
            flags = np.packbits(only, bitorder="little")  # these two live as long as the search
            chosen = faiss.IDSelectorBitmap(len(only), faiss.cast_integer_to_uint8_ptr(flags.ctypes.data))
            lists.sel = chosen
        near = width.k if width.spare > SPARE[-1] else k  # of a very large place, fewer are found no more easily
        step, count = max(1, PROBES // width.probes), width.spare * (near + 6)
        with threads(1 if min(step, len(queries)) < TOGETHER else 0):
            parts = [
                self._inner.search(turned[i : i + step], count, params=lists)[1] for i in range(0, len(turned), step)
            ]
        rows = parts[0] if len(parts) == 1 else np.concatenate(parts)
        if not -1 <= rows.min(initial=-1) <= rows.max(initial=-1) < self._index.ntotal:
            raise GalleryCorruptError(f"{FILE} names rows that there are not: build the gallery again")
        return rows

    def _tune(self, trials: Sequence[Trial], progress: Progress | None) -> None:
        lists, rows = int(self._inner.nlist), self._index.ntotal
        self.widths = tried_out(trials, self._recall, lists=lists, rows=rows, progress=progress)

    def _recall(self, queries: Vectors, truth: Numbers, width: Width) -> float:
        parts = [slice(i, i + ASKED) for i in range(0, len(queries), ASKED)]
        hits = [hits_of(self.candidates(queries[part], truth.shape[1], width), truth[part]) for part in parts]
        return sum(hits) / truth.size


def _lists_of(index: Any) -> Any:
    """Return the lists inside an index of this release, which keep it alive; None for another one."""
    import faiss

    if not isinstance(index, faiss.IndexPreTransform):
        return None
    inner: Any = faiss.downcast_index(index.index)
    inner.referenced_objects = [index]
    return inner
