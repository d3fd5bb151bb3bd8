"""FAISS: flat for the exact answer, HNSW above the size at which exact search becomes slow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from placeprint.errors import GalleryCorruptError
from placeprint.gallery.base import Capabilities, Vectors, checked_filter, checked_k, ordered, unit_vectors
from placeprint.records import Neighbours

FILE = "index.faiss"

HNSW_ROWS = 50_000
"""From this many rows `auto` takes HNSW (see docs/experiments.md)."""

HNSW_LINKS, HNSW_BUILD, HNSW_SEARCH = 32, 200, 128
"""M, efConstruction and efSearch of Malkov & Yashunin 2018."""


class FaissIndex:
    """A FAISS index over unit vectors by inner product.

    Parameters
    ----------
    vectors : ndarray of float32, shape (n_rows, dim)
        Unit vectors; not changed.
    approximate : bool
        HNSW instead of flat.
    folder : Path, optional
        Where a saved HNSW graph lies; without it, it is built.
    """

    def __init__(self, vectors: Vectors, *, approximate: bool = False, folder: Path | None = None) -> None:
        self._vectors = vectors
        self._approximate = approximate
        self.name = "faiss-hnsw" if approximate else "faiss-flat"
        self._index = _load(folder / FILE, len(vectors)) if approximate and folder else self._build()

    def _build(self) -> Any:
        import faiss

        dim = self._vectors.shape[1]
        index: Any = faiss.IndexFlatIP(dim)
        if self._approximate:
            index = faiss.IndexHNSWFlat(dim, HNSW_LINKS, faiss.METRIC_INNER_PRODUCT)
            index.hnsw.efConstruction = HNSW_BUILD
        index.add(np.ascontiguousarray(self._vectors))
        return index

    @property
    def capabilities(self) -> Capabilities:
        """Flat is exact; HNSW is not."""
        return Capabilities(exact=not self._approximate, delete=False, filter=True)

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._vectors)

    def search(self, queries: Vectors, k: int, *, only: NDArray[np.bool_] | None = None) -> Neighbours:
        """Return the `k` nearest rows of each query; see `VectorIndex.search`.

        A filter goes to the exact index: HNSW loses recall under one (0.47 was seen with a quarter of
        200,000 rows let through).
        """
        if only is not None:
            from placeprint.gallery.exact import ExactIndex

            return ExactIndex(self._vectors).search(queries, k, only=checked_filter(only, len(self)))
        k = checked_k(k)
        queries = unit_vectors(queries, dim=self._vectors.shape[1], what="queries")
        if not len(self) or not len(queries):
            empty = (len(queries), k)
            return Neighbours(np.full(empty, -1, np.int64), np.full(empty, -np.inf, np.float32))
        scores, rows = self._index.search(queries, min(k, len(self)), **self._parameters(k))
        return ordered(rows.astype(np.int64), scores, k)

    def _parameters(self, k: int) -> dict[str, Any]:
        if not self._approximate:
            return {}
        from faiss import swigfaiss as faiss

        return {"params": faiss.SearchParametersHNSW(efSearch=max(HNSW_SEARCH, 2 * k))}

    def save(self, folder: Path) -> None:
        """Write the HNSW graph; flat needs no file."""
        if self._approximate:
            import faiss

            faiss.write_index(self._index, str(folder / FILE))


def _load(path: Path, rows: int) -> Any:
    import faiss

    try:
        index = faiss.read_index(str(path))
    except RuntimeError as error:
        raise GalleryCorruptError(f'"{path}" cannot be read as a FAISS index: build the gallery again') from error
    if index.ntotal != rows:
        raise GalleryCorruptError(f'"{path}" holds {index.ntotal} vectors instead of {rows}: build the gallery again')
    return index
