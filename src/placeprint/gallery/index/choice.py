"""Which index serves a gallery: by name and by size."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from placeprint.gallery.index.approximate import FILE, SETTINGS
from placeprint.gallery.index.base import VectorIndex, Vectors
from placeprint.gallery.index.exact import ExactIndex
from placeprint.gallery.index.faiss_index import FaissIndex
from placeprint.gallery.index.top_k import Numbers

APPROXIMATE_ROWS = 50_000
"""From so many images on an index is approximate unless ``exact`` was asked for (see docs/performance.md)."""

INDEXES = ("auto", "exact", "faiss")
"""``auto`` and ``faiss`` are exact for small galleries and FAISS's approximate index for large ones."""

INDEX_FILES = (FILE, SETTINGS)
"""What an index may have written; an exact one writes nothing."""


@dataclass(frozen=True, slots=True)
class Before:
    """What there was before a change.

    Attributes
    ----------
    index : VectorIndex
    kept : ndarray of int64
        Its rows that stayed, ascending: they are the first rows now.
    """

    index: VectorIndex
    kept: Numbers


def make_index(name: str, vectors: Vectors, *, data: Path | None = None, before: Before | None = None) -> VectorIndex:
    """Make the index of a gallery, or read it from the gallery's data folder.

    Parameters
    ----------
    name : str
        One of `INDEXES`.
    vectors : ndarray of float32, shape (n, dim)
        Unit vectors.
    data : Path, optional
        Where `VectorIndex.save` wrote. Where it wrote nothing, as it did for other sizes in older releases, the
        answers are exact.
    before : Before, optional
        What an approximate index can be made from without learning again.
    """
    large = len(vectors) >= APPROXIMATE_ROWS if data is None else (data / FILE).exists()
    if name == "exact" or not large:
        return ExactIndex(vectors)
    if data is not None:
        return FaissIndex.opened(data, vectors)
    renewed = before.index.renewed(before.kept, vectors) if before and isinstance(before.index, FaissIndex) else None
    return FaissIndex(vectors) if renewed is None else renewed
