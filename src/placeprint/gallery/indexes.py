"""Which index serves a gallery: by name and by size."""

from __future__ import annotations

from pathlib import Path

from placeprint.gallery.base import VectorIndex, Vectors
from placeprint.gallery.exact import ExactIndex
from placeprint.gallery.faiss_index import HNSW_ROWS, FaissIndex

INDEXES = ("auto", "exact", "faiss")
"""``auto`` is exact for small galleries and FAISS's HNSW from `HNSW_ROWS` images on."""


def make_index(name: str, vectors: Vectors, *, data: Path | None = None) -> VectorIndex:
    """Make the index of a gallery, or read it from the gallery's data folder.

    Parameters
    ----------
    name : str
        One of `INDEXES`.
    vectors : ndarray of float32, shape (n, dim)
        Unit vectors.
    data : Path, optional
        Where `VectorIndex.save` wrote.
    """
    large = len(vectors) >= HNSW_ROWS
    if name == "faiss" or (name == "auto" and large):
        return FaissIndex(vectors, approximate=large, folder=data)
    return ExactIndex(vectors)
